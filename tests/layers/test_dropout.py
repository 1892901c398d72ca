"""Dropout and its kin: random zeros in training, nothing in eval mode."""

import copy
import math
import pickle

import numpy as np
import pytest

from minnet import Residual, Tanh
from minnet.layers.dropout import Dropout, Dropout2d, DropPath


def ones(*shape, dtype=np.float32):
    """Return read-only ones."""
    result = np.ones(shape, dtype)
    result.flags.writeable = False
    return result


def test_p_half_gives_zeros_and_twos():
    assert set(Dropout(0.5, rng=0).forward(ones(1000)).tolist()) == {0.0, 2.0}


@pytest.mark.parametrize("p", [0.1, 0.5, 0.75, 0.9])
def test_the_share_of_zeros_is_p_and_the_mean_stays(p):
    n = 200_000
    y = Dropout(p, rng=0).forward(ones(n, dtype=np.float64))
    sigma = math.sqrt(p * (1 - p) / n)  # of a share, as a binomial has it
    assert abs((y == 0).mean() - p) < 5 * sigma
    assert abs(y.mean() - 1) < 5 * sigma / (1 - p)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_p_zero_changes_nothing(dtype):
    x = np.random.default_rng(0).normal(size=(20, 5)).astype(dtype)
    layer = Dropout(0.0, rng=0)
    np.testing.assert_array_equal(layer.forward(x), x)
    np.testing.assert_array_equal(layer.backward(x), x)


def test_each_number_is_dropped_by_itself():
    dropped = Dropout(0.5, rng=0).forward(ones(400, 400)) == 0
    assert abs(dropped.mean(axis=0) - 0.5).max() < 5 * 0.5 / 20
    assert abs(dropped.mean(axis=1) - 0.5).max() < 5 * 0.5 / 20


def test_every_forward_draws_anew_and_the_seed_decides():
    layer, same = Dropout(0.5, rng=3), Dropout(0.5, rng=3)
    first, second = layer.forward(ones(100)), layer.forward(ones(100))
    assert (first != second).any()
    np.testing.assert_array_equal(same.forward(ones(100)), first)
    np.testing.assert_array_equal(same.forward(ones(100)), second)


def test_backward_drops_what_the_last_forward_dropped():
    layer = Dropout(0.25, rng=0)
    layer.forward(ones(50))
    y = layer.forward(ones(50, dtype=np.float32))
    np.testing.assert_array_equal(layer.backward(3 * ones(50)), 3 * y)


@pytest.mark.parametrize("kind", [Dropout, Dropout2d, DropPath])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_p_one_drops_everything_in_training_and_nothing_in_eval_mode(kind, dtype):
    layer, x = kind(1.0, rng=0), 3 * ones(4, 3, 2, 2, dtype=dtype)
    with np.errstate(all="raise"):
        y, dx = layer.forward(x), layer.backward(x)
    for zeros in (y, dx):
        assert zeros.dtype == dtype
        np.testing.assert_array_equal(zeros, np.zeros_like(x))
    np.testing.assert_array_equal(layer.eval().forward(x), x)
    assert repr(layer) == f"{kind.__name__}(p=1.0)"


# -- eval mode


@pytest.mark.parametrize("shape", [(3,), (0, 3), (2, 3)])
def test_in_eval_mode_nothing_changes_and_nothing_is_drawn(shape):
    layer = Dropout(0.5, rng=0).eval()
    before = layer.rng.bit_generator.state
    x = ones(*shape)
    np.testing.assert_array_equal(layer.forward(x), x)
    assert layer.rng.bit_generator.state == before


def test_backward_needs_a_forward_in_training_mode():
    layer = Dropout()
    with pytest.raises(RuntimeError, match=r"Dropout.backward\(\) before forward\(\)"):
        layer.backward(ones(3))
    layer.eval().forward(ones(3))
    with pytest.raises(RuntimeError, match="in eval mode nothing is kept"):
        layer.backward(ones(3))


# -- shapes and dtypes


@pytest.mark.parametrize("p", [0.3, np.float64(0.3), np.float32(0.3), 0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_in_is_dtype_out_whatever_number_p_is(dtype, p):
    layer = Dropout(p, rng=0)
    assert layer.forward(ones(2, 3, dtype=dtype)).dtype == dtype
    assert layer.backward(ones(2, 3, dtype=dtype)).dtype == dtype


@pytest.mark.parametrize("shape", [(1,), (0,), (1, 3), (0, 3), (2, 3, 4)])
def test_any_shape(shape):
    layer = Dropout(0.5, rng=0)
    assert layer.forward(ones(*shape)).shape == shape
    assert layer.backward(ones(*shape)).shape == shape


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("x", [np.ones(3, np.int64), np.ones(3, np.float16), [1.0]])
def test_other_inputs_are_refused_in_either_mode(x, training):
    layer = Dropout(rng=0)
    layer.training = training
    with pytest.raises(TypeError, match=r"^Dropout\(p=0.5\) expected .*: pass "):
        layer.forward(x)


def test_a_refused_input_draws_nothing():
    layer = Dropout(rng=0)
    before = layer.rng.bit_generator.state
    with pytest.raises(TypeError, match="expected"):
        layer.forward(np.ones(3, np.int64))
    assert layer.rng.bit_generator.state == before


@pytest.mark.parametrize(
    ("dy", "error"),
    [
        (ones(3), ValueError),
        (ones(1, 3), ValueError),
        (ones(3, 2), ValueError),
        (ones(2, 3, dtype=np.float64), TypeError),
        (ones(2, 3, dtype=np.int64), TypeError),
        (None, TypeError),
    ],
)
def test_a_wrong_gradient_is_refused(dy, error):
    layer = Dropout(rng=0)
    layer.forward(ones(2, 3))
    with pytest.raises(error, match=r"^Dropout\(p=0.5\).backward expected"):
        layer.backward(dy)


@pytest.mark.parametrize("p", [-0.1, 1.01, 1.5, math.nan])
def test_a_p_that_is_no_probability_is_refused(p):
    with pytest.raises(ValueError, match=f"needs 0 <= p <= 1, got {p}: it is the probability of dropping a number"):
        Dropout(p)


# -- whole channels, whole samples


def units(kind, y):
    """Return the numbers of each channel or sample as one row."""
    return y.reshape(-1, y.shape[2] * y.shape[3]) if kind is Dropout2d else y.reshape(len(y), -1)


@pytest.mark.parametrize("p", [0.1, 0.5, 0.75])
@pytest.mark.parametrize(("kind", "shape"), [(Dropout2d, (400, 50, 2, 3)), (DropPath, (20_000, 2, 3, 1))])
def test_units_are_dropped_as_a_whole_and_the_mean_stays(kind, shape, p):
    y = units(kind, kind(p, rng=0).forward(ones(*shape, dtype=np.float64)))
    assert len(y) == 20_000
    assert (y == y[:, :1]).all()
    kept = y[:, 0] != 0
    np.testing.assert_allclose(y[kept], 1 / (1 - p), rtol=1e-15)
    assert abs(kept.mean() - (1 - p)) < 5 * math.sqrt(p * (1 - p) / len(y))


def test_each_channel_of_each_sample_is_dropped_by_itself():
    dropped = Dropout2d(0.5, rng=0).forward(ones(400, 300, 1, 1)) == 0
    assert abs(dropped.mean(axis=0) - 0.5).max() < 5 * 0.5 / 20
    assert abs(dropped.mean(axis=1) - 0.5).max() < 5 * 0.5 / math.sqrt(300)


@pytest.mark.parametrize("kind", [Dropout2d, DropPath])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_backward_drops_the_same_units(kind, dtype):
    layer = kind(0.25, rng=0)
    layer.forward(ones(6, 5, 2, 3, dtype=dtype))
    y = layer.forward(ones(6, 5, 2, 3, dtype=dtype))
    dx = layer.backward(3 * ones(6, 5, 2, 3, dtype=dtype))
    np.testing.assert_array_equal(dx, 3 * y)
    assert dx.dtype == y.dtype == dtype


@pytest.mark.parametrize("kind", [Dropout2d, DropPath])
def test_units_in_eval_mode(kind):
    layer = kind(0.5, rng=0).eval()
    before = layer.rng.bit_generator.state
    x = ones(2, 3, 4, 5)
    assert layer.forward(x) is x
    assert layer.rng.bit_generator.state == before


@pytest.mark.parametrize("kind", [Dropout2d, DropPath])
@pytest.mark.parametrize("shape", [(0, 3, 4, 5), (1, 3, 4, 5), (2, 1, 1, 1), (2, 3, 0, 5)])
def test_odd_sizes(kind, shape):
    layer = kind(0.5, rng=0)
    assert layer.forward(ones(*shape)).shape == shape
    assert layer.backward(ones(*shape)).shape == shape


@pytest.mark.parametrize("shape", [(5,), (0,), (5, 3), (5, 3, 2)])
def test_drop_path_takes_samples_of_any_shape(shape):
    layer = DropPath(0.5, rng=0)
    y = layer.forward(ones(*shape))
    assert y.shape == shape
    np.testing.assert_array_equal(layer.backward(ones(*shape)), y)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", [(3,), (2, 3), (3, 4, 5), (1, 2, 3, 4, 5)])
def test_dropout2d_takes_images_only(shape, training):
    layer = Dropout2d(rng=0)
    layer.training = training
    before = layer.rng.bit_generator.state
    with pytest.raises(ValueError, match=r"^Dropout2d\(p=0.5\) expected images of shape \(N, C, H, W\), got \("):
        layer.forward(ones(*shape))
    assert layer.rng.bit_generator.state == before


@pytest.mark.parametrize("kind", [Dropout2d, DropPath])
def test_a_gradient_of_the_masks_shape_is_refused(kind):
    layer = kind(0.5, rng=0)
    layer.forward(ones(2, 3, 4, 5))
    for shape in [(2, 3, 1, 1), (2, 1, 1, 1), (2, 3, 4)]:  # would broadcast
        with pytest.raises(ValueError, match=rf"^{kind.__name__}\(p=0.5\).backward expected dy of the output's shape"):
            layer.backward(ones(*shape))


def test_drop_path_inside_residual_lets_samples_skip_the_branch():
    x = np.random.default_rng(0).normal(size=(50, 4))
    model = Residual(Tanh(), DropPath(0.5, rng=0))
    y, dx = model.forward(x), model.backward(np.ones_like(x))
    skipped = (y == x).all(axis=1)
    assert 10 < skipped.sum() < 40
    np.testing.assert_allclose(y[~skipped], (x + 2 * np.tanh(x))[~skipped], rtol=1e-14)
    np.testing.assert_array_equal(dx[skipped], 1)
    np.testing.assert_allclose(dx[~skipped], (3 - 2 * np.tanh(x) ** 2)[~skipped], rtol=1e-14)
    np.testing.assert_allclose(model.eval().forward(x), x + np.tanh(x), rtol=1e-14)


@pytest.mark.parametrize(("kind", "unit"), [(Dropout2d, "channel"), (DropPath, "sample")])
@pytest.mark.parametrize("p", [-0.1, 1.01, math.nan])
def test_units_with_a_p_that_is_no_probability(kind, unit, p):
    message = rf"^{kind.__name__} needs 0 <= p <= 1, got {p}: it is the probability of dropping a {unit}"
    with pytest.raises(ValueError, match=message):
        kind(p)


# -- copies and looks


@pytest.mark.parametrize("kind", [Dropout, Dropout2d, DropPath])
@pytest.mark.parametrize("copied_by", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_a_copy_goes_on_with_the_same_draws(copied_by, kind):
    layer = kind(0.5, rng=0)
    layer.forward(ones(100, 5, 1, 1))
    copied = copied_by(layer)
    np.testing.assert_array_equal(copied.forward(ones(100, 5, 1, 1)), layer.forward(ones(100, 5, 1, 1)))


def test_repr_shows_p():
    assert repr(Dropout(0.25)) == "Dropout(p=0.25)"
    assert repr(Dropout(np.float64(0.25))) == "Dropout(p=0.25)"
    assert repr(Dropout2d()) == "Dropout2d(p=0.5)"
    assert repr(DropPath(0.25)) == "DropPath(p=0.25)"


def test_percent_are_told_from_shares():
    with pytest.raises(
        ValueError, match=r"^Dropout needs 0 <= p <= 1, got 50: it is the probability .*, and 50 percent are 0.5$"
    ):
        Dropout(50)
    with pytest.raises(ValueError, match=r"got -1: it is the probability of dropping a number$"):
        Dropout(-1)


@pytest.mark.parametrize("p", ["0.5", None, True])
def test_a_probability_is_a_number(p):
    with pytest.raises(TypeError, match=f"^Dropout expected p to be a number, got {type(p).__name__}"):
        Dropout(p)


@pytest.mark.parametrize("kind", [Dropout, Dropout2d, DropPath])
def test_frozen_it_drops_nothing_and_passes_the_gradient_on(kind):
    layer, x = kind(0.5, rng=0), ones(4, 3, 2, 2)
    layer.forward(x)
    layer.freeze(statistics=True)
    state = layer.rng.bit_generator.state
    np.testing.assert_array_equal(layer.forward(x), x)
    np.testing.assert_array_equal(layer.backward(3 * x), 3 * x)
    assert layer.rng.bit_generator.state == state
    layer.unfreeze()
    assert (layer.forward(x) == 0).any()
