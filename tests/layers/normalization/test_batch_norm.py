"""BatchNorm1d and BatchNorm2d: the batch's mean and variance while training, the running ones afterwards."""

import copy
import pickle

import numpy as np
import pytest
from helpers import normal_numbers

import minnet as mn
from minnet import SGD, Sequential
from minnet.errors import NonFiniteError
from minnet.inspection.gradcheck import check_layer
from minnet.layers.normalization.batch_norm import BatchNorm1d, BatchNorm2d

floats = normal_numbers(np.random.default_rng(0), 2, 3)


# -- forward and backward


def test_forward_by_hand():
    layer = BatchNorm1d(2, eps=1e-30)
    layer.weight.data, layer.bias.data = [1, 10], [0, 5]
    y = layer.forward(np.array([[1, 10], [3, 30]], np.float32))
    np.testing.assert_allclose(y, [[-1, -5], [1, 15]], rtol=1e-6)


def test_backward_by_hand():
    """x̂ = (−1, 1, −1, 1), and dy = (4, 0, 0, 0): its mean is 1, the mean of dy ∘ x̂ is −1, and 1/√v is 1/2."""
    layer = BatchNorm1d(1, eps=1e-30).astype(np.float64)
    layer.weight.data = [10]
    layer.forward(np.array([[1.0], [5], [1], [5]]))
    dx = layer.backward(np.array([[4.0], [0], [0], [0]]))
    np.testing.assert_allclose(dx, 10 / 2 * np.array([[4 - 1 - 1], [-1 + 1], [-1 - 1], [-1 + 1]]))
    np.testing.assert_allclose(layer.weight.grad, [-4])
    np.testing.assert_allclose(layer.bias.grad, [4])


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (BatchNorm1d(3), (4, 3)),
        (BatchNorm1d(3), (2, 3, 4)),
        (BatchNorm1d(1), (2, 1)),
        (BatchNorm1d(1), (3, 1, 1)),
        (BatchNorm1d(3), (1, 3)),
        (BatchNorm1d(2), (1, 2, 3)),
        (BatchNorm1d(3, affine=False, momentum=None), (3, 3)),
        (BatchNorm1d(3, bias=False, eps=0.1, momentum=1.0), (3, 3)),
        (BatchNorm2d(2), (2, 2, 3, 2)),
        (BatchNorm2d(2, momentum=None), (3, 2, 1, 1)),
        (BatchNorm2d(1, track_running_stats=False), (2, 1, 1, 3)),
        (BatchNorm2d(2, affine=False, track_running_stats=False), (3, 2, 2, 1)),
    ],
    ids=lambda value: repr(value) if not isinstance(value, tuple) else "x".join(map(str, value)),
)
def test_gradients_and_promises(layer, shape):
    if layer.weight is not None:
        layer = copy.deepcopy(layer)
        layer.weight.data = floats(layer.num_features)
    assert "every requirement met" in check_layer(layer, floats(*shape))


def test_each_channel_is_normalized_over_batch_and_pixels():
    y = BatchNorm2d(3).forward(floats(4, 3, 5, 6))
    np.testing.assert_allclose(y.mean(axis=(0, 2, 3)), 0, atol=1e-6)
    np.testing.assert_allclose(y.var(axis=(0, 2, 3)), 1, rtol=1e-4)


def test_a_large_mean_and_a_small_variance_in_float32():
    x = (1e4 + floats(1000, 3, dtype=np.float64)).astype(np.float32)
    y = BatchNorm1d(3).forward(x)
    exact = x.astype(np.float64)
    np.testing.assert_allclose(y, (exact - exact.mean(axis=0)) / exact.std(axis=0), atol=1e-3)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (1, 2, 3, 0), (0, 2, 3, 1), (3, 2, 1, 0)])
def test_any_memory_order(order):
    """A convolution may return images whose batch lies innermost."""
    layer, other = BatchNorm2d(3), BatchNorm2d(3)
    x, dy = floats(4, 3, 2, 5), floats(4, 3, 2, 5)
    back = np.argsort(order)
    laid, dlaid = (np.ascontiguousarray(a.transpose(order)).transpose(back) for a in (x, dy))
    y, expected = layer.forward(laid), other.forward(x)
    assert y.strides == laid.strides  # and keeps it, so that the next layer finds what the last one made
    np.testing.assert_allclose(y, expected, atol=1e-6)
    np.testing.assert_allclose(layer.backward(dlaid), other.backward(dy), atol=1e-6)
    np.testing.assert_allclose(layer.weight.grad, other.weight.grad, rtol=1e-5)
    np.testing.assert_allclose(layer.running_var.data, other.running_var.data, rtol=1e-5)


# -- running statistics


def test_running_statistics_by_hand():
    layer = BatchNorm1d(1, momentum=0.25)
    layer.forward(np.array([[2], [4], [6]], np.float32))  # mean 4, unbiased variance 4
    assert layer.running_mean.data == [1]
    assert layer.running_var.data == [0.75 + 1]
    layer.forward(np.array([[0], [0]], np.float32))
    assert layer.running_mean.data == [0.75]
    assert layer.running_var.data == [1.75 * 0.75]
    assert layer.num_batches_tracked.data == 2


@pytest.mark.parametrize(
    "copied_by", [lambda layer: layer, copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))]
)
def test_without_momentum_all_batches_count_the_same_in_copies_too(copied_by):
    layer = BatchNorm1d(1, momentum=None)
    for values in ([2, 4, 6], [0, 0, 0], [-1, 0, 1]):
        layer.forward(np.array(values, np.float32)[:, None])
        layer = copied_by(layer)
    np.testing.assert_allclose(layer.running_mean.data, [4 / 3], rtol=1e-6)
    np.testing.assert_allclose(layer.running_var.data, [5 / 3], rtol=1e-6)
    assert layer.num_batches_tracked.data == 3


def test_in_eval_mode_the_running_statistics_are_used_and_stay():
    layer = BatchNorm1d(1, eps=1e-30).eval()
    layer.running_mean.data, layer.running_var.data = [10], [4]
    layer.weight.data, layer.bias.data = [3], [1]
    x = np.array([[10], [14], [6]], np.float32)
    np.testing.assert_allclose(layer.forward(x), [[1], [7], [-5]])
    np.testing.assert_allclose(layer.forward(x[1:2]), [[7]])
    assert (layer.running_mean.data, layer.running_var.data) == ([10], [4])
    assert layer.num_batches_tracked.data == 0


def test_without_running_statistics_eval_mode_uses_the_batch():
    layer = BatchNorm1d(2, track_running_stats=False)
    x = floats(5, 2)
    assert [name for name, _ in layer.named_parameters()] == ["weight", "bias"]
    y = layer.forward(x)
    np.testing.assert_array_equal(layer.eval().forward(x), y)
    with pytest.raises(RuntimeError, match="in eval mode nothing is kept"):
        layer.backward(x)


def test_optimizers_pass_the_running_statistics_by():
    layer = BatchNorm1d(2)
    optimizer = SGD(layer.parameters(), lr=0.1, weight_decay=0.5)
    layer.forward(floats(5, 2))
    mean, var = layer.running_mean.data.copy(), layer.running_var.data.copy()
    layer.backward(np.ones((5, 2), np.float32))
    optimizer.step()
    np.testing.assert_array_equal(layer.running_mean.data, mean)
    np.testing.assert_array_equal(layer.running_var.data, var)
    assert layer.num_batches_tracked.data == 1
    assert (layer.bias.data != 0).all()


def test_astype_converts_the_running_statistics():
    layer = BatchNorm1d(2).astype(np.float64)
    layer.forward(floats(5, 2, dtype=np.float64))
    assert {p.data.dtype for p in layer.parameters()} == {np.dtype(np.float64)}
    assert layer.eval().forward(floats(5, 2, dtype=np.float64)).dtype == np.float64


# -- small batches


@pytest.mark.parametrize(
    ("layer", "shape"), [(BatchNorm1d(2), (1, 2)), (BatchNorm1d(2), (1, 2, 1)), (BatchNorm2d(2), (1, 2, 1, 1))]
)
def test_one_value_a_channel_gives_beta_and_says_nothing_about_the_variance(layer, shape):
    layer = copy.deepcopy(layer)
    layer.bias.data = [7, 8]
    y = layer.forward(floats(*shape))
    np.testing.assert_array_equal(y.reshape(-1), [7, 8])
    dx = layer.backward(floats(*shape))
    assert dx.shape == shape
    assert not dx.any()
    assert not layer.weight.grad.any()
    assert layer.bias.grad.any()
    assert (layer.running_mean.data == 0).all()
    assert (layer.running_var.data == 1).all()
    assert layer.num_batches_tracked.data == 0


def test_one_value_a_channel_does_not_disturb_the_average_of_the_others():
    layer, other = BatchNorm1d(1, momentum=None), BatchNorm1d(1, momentum=None)
    for values in ([5], [2, 4, 6], [100], [0, 2]):
        x = np.array(values, np.float32)[:, None]
        layer.forward(x)
        if len(x) > 1:
            other.forward(x)
    assert layer.running_mean.data == other.running_mean.data == [2.5]
    assert layer.running_var.data == other.running_var.data == [3]


@pytest.mark.parametrize(
    ("layer", "shape"), [(BatchNorm1d(2), (0, 2)), (BatchNorm1d(2), (0, 2, 3)), (BatchNorm2d(2), (0, 2, 3, 4))]
)
@pytest.mark.parametrize("momentum", [0.1, None])
def test_an_empty_batch_changes_nothing(layer, shape, momentum):
    layer = copy.deepcopy(layer)
    layer.momentum = momentum
    before = pickle.dumps(layer)
    assert layer.forward(floats(*shape)).shape == shape
    assert layer.backward(floats(*shape)).shape == shape
    assert pickle.dumps(layer) == before
    assert layer.eval().forward(floats(*shape)).shape == shape


# -- arguments


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (BatchNorm1d(3), (3,), r"\(N, 3\) or \(N, 3, L\)"),
        (BatchNorm1d(3), (4, 2), r"\(N, 3\) or \(N, 3, L\)"),
        (BatchNorm1d(3), (4, 5, 3), r"\(N, 3\) or \(N, 3, L\)"),
        (BatchNorm1d(3), (4, 3, 5, 5), r"BatchNorm2d for \(N, C, H, W\)"),
        (BatchNorm2d(3), (4, 3), r"\(N, 3, H, W\), got shape|\(N, 3, H, W\), got \(4, 3\)"),
        (BatchNorm2d(3), (3, 5, 5), r"\(N, 3, H, W\), got \(3, 5, 5\)"),
        (BatchNorm2d(3), (4, 5, 5, 3), "the channels are the second axis"),
    ],
)
@pytest.mark.parametrize("training", [True, False])
def test_a_wrong_shape_is_refused_before_anything_changed(layer, shape, expected, training):
    layer = copy.deepcopy(layer).train() if training else copy.deepcopy(layer).eval()
    before = pickle.dumps(layer)
    with pytest.raises(ValueError, match=rf"^BatchNorm.d\(3, .*\) expected shape .*{expected}"):
        layer.forward(floats(*shape))
    assert pickle.dumps(layer) == before


def test_another_dtype_is_refused_before_anything_changed():
    layer = BatchNorm1d(3)
    with pytest.raises(TypeError, match=r"computes in float32, got float64: pass x\.astype"):
        layer.forward(floats(4, 3, dtype=np.float64))
    assert layer.num_batches_tracked.data == 0


@pytest.mark.parametrize("dy", [np.ones((4, 2), np.float32), np.ones((3, 3), np.float32), np.ones((4, 3)), None])
def test_a_wrong_gradient_is_refused_before_anything_changed(dy):
    layer = BatchNorm1d(3)
    layer.forward(floats(4, 3))
    with pytest.raises((ValueError, TypeError), match=r"^BatchNorm1d\(.*\)\.backward expected"):
        layer.backward(dy)
    assert not layer.weight.grad.any()
    assert not layer.bias.grad.any()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"num_features": 0}, ValueError, "BatchNorm1d needs num_features >= 1, got 0"),
        ({"num_features": 2.0}, TypeError, "BatchNorm1d expected num_features to be an int, got float"),
        ({"num_features": 2, "eps": 0}, ValueError, "BatchNorm1d needs eps > 0, got 0: 1/√"),
        ({"num_features": 2, "momentum": 1.5}, ValueError, "needs 0 <= momentum <= 1, got 1.5: it is the weight of"),
        ({"num_features": 2, "momentum": -0.1}, ValueError, "needs 0 <= momentum <= 1"),
    ],
)
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        BatchNorm1d(**arguments)


def test_numpy_numbers_as_arguments_upcast_nothing():
    layer = BatchNorm1d(np.int64(3), eps=np.float64(1e-5), momentum=np.float64(0.1))
    assert layer.forward(floats(4, 3)).dtype == np.float32
    assert layer.backward(floats(4, 3)).dtype == np.float32
    assert layer.eval().forward(floats(4, 3)).dtype == np.float32


def test_repr():
    assert repr(BatchNorm1d(3, bias=False)) == (
        "BatchNorm1d(3, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True, bias=False)"
    )


def test_copies_compute_the_same_bits_in_either_mode():
    model = Sequential(BatchNorm2d(3))
    model.forward(floats(4, 3, 2, 2))
    copied = pickle.loads(pickle.dumps(model))
    x = floats(4, 3, 2, 2)
    assert copied.forward(x).tobytes() == model.forward(x).tobytes()
    assert copied.eval().forward(x).tobytes() == model.eval().forward(x).tobytes()


@pytest.mark.parametrize(("momentum", "old", "new"), [(1.0, 1.0, 2e-6), (None, 1.0, 5e-11), (0.5, 1e8, 1e8)])
def test_running_statistics_keep_the_digits_of_a_small_new_value(momentum, old, new):
    """r += m (new − r) made 0 of 2e-6, because 1 + (2e-6 − 1) loses its digits in float32."""
    layer = mn.BatchNorm1d(1, momentum=momentum)
    layer.running_var.data[...] = layer.running_mean.data[...] = old
    x = np.array([[-1.0], [1.0]]) * np.sqrt(new / 2)  # of unbiased variance `new`
    layer.forward(x.astype(np.float32))
    m = 1.0 if momentum is None else momentum
    np.testing.assert_allclose(layer.running_var.data, (1 - m) * old + m * new, rtol=1e-6)
    np.testing.assert_allclose(layer.running_mean.data, (1 - m) * old, atol=1e-12)


# -- as in eval mode, while it trains


@pytest.mark.parametrize("track", [True, False])
def test_frozen_statistics_are_constants_of_the_backward(track):
    """PyTorch's bn.eval(): dx = γ / √(v + ε) · dy; without running statistics, the batch's, as ever."""
    layer = BatchNorm1d(3, track_running_stats=track).astype(np.float64)
    layer.weight.data = [0.5, 2, -1]
    x, dy = floats(5, 3, dtype=np.float64), floats(5, 3, dtype=np.float64)
    layer.forward(x)
    before = [buffer.data.copy() for _, buffer in layer.named_buffers()]
    layer.freeze(statistics=True).train()
    y, dx = layer.forward(x), layer.backward(dy)
    np.testing.assert_array_equal(copy.deepcopy(layer).eval().forward(x), y)
    assert all(np.array_equal(b.data, old) for (_, b), old in zip(layer.named_buffers(), before, strict=True))
    if track:
        scale = 1 / np.sqrt(layer.running_var.data + layer.eps)
        np.testing.assert_allclose(dx, dy * layer.weight.data * scale, rtol=1e-12)
        normalized = (x - layer.running_mean.data) * scale
        np.testing.assert_allclose(layer.weight.grad, (dy * normalized).sum(axis=0), rtol=1e-12)
        np.testing.assert_allclose(layer.bias.grad, dy.sum(axis=0), rtol=1e-12)
    else:
        np.testing.assert_allclose(dx.sum(axis=0), 0, atol=1e-12)


def test_an_infinite_running_variance_is_an_error_in_eval_mode():
    layer, x = BatchNorm1d(2), np.array([[1, 1e20], [2, 3e20]], np.float32)
    np.testing.assert_allclose(layer.forward(x), [[-1, -1], [1, 1]], rtol=1e-4)
    with pytest.raises(NonFiniteError, match=r"running_var is infinite: the variance of a batch has left the range of"):
        layer.eval().forward(x)
