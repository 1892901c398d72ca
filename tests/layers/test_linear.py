"""Linear: y = x @ W + b."""

import copy
import math
import pickle
import re

import numpy as np
import pytest
from helpers import array, slope

from minnet import Linear
from minnet.initializers import kaiming_normal, zeros

W = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
B = [10.0, 20.0]


@pytest.fixture
def layer():
    """A layer from 3 to 2 features, whose numbers can be followed by hand."""
    layer = Linear(3, 2, rng=0)
    layer.weight.data, layer.bias.data = W, B
    return layer


# -- forward


def test_forward_by_hand(layer):
    y = layer.forward(array([[1, 0, 0], [1, 1, 1], [0, -1, 2]]))
    np.testing.assert_array_equal(y, [[11, 22], [19, 32], [17, 28]])


def test_forward_without_bias():
    layer = Linear(3, 2, bias=False)
    layer.weight.data = W
    assert layer.bias is None
    assert layer.parameters() == [layer.weight]
    np.testing.assert_array_equal(layer.forward(array([[1, 1, 1]])), [[9, 12]])


@pytest.mark.parametrize("leading", [(), (1,), (5,), (0,), (2, 3), (2, 0, 3), (2, 1, 3, 2)])
def test_leading_axes_are_all_batch(layer, leading):
    x = array(np.ones((*leading, 3)))
    y = layer.forward(x)
    assert y.shape == (*leading, 2)
    assert (y == [19, 32]).all()
    dx = layer.backward(array(np.ones((*leading, 2))))
    assert dx.shape == x.shape
    assert (dx == [3, 7, 11]).all()
    n = math.prod(leading)
    np.testing.assert_array_equal(layer.weight.grad, np.full((3, 2), n))
    np.testing.assert_array_equal(layer.bias.grad, [n, n])


@pytest.mark.parametrize(
    "view", [np.asfortranarray, lambda x: x[::-1][::-1], lambda x: np.repeat(x, 2, axis=1)[:, ::2]]
)
def test_arrays_need_not_be_contiguous(layer, view):
    x, dy = array([[1, 2, 3], [4, 5, 6]]), array([[1, -1], [2, 0]])
    other = copy.deepcopy(layer)
    np.testing.assert_array_equal(layer.forward(view(x)), other.forward(x))
    np.testing.assert_array_equal(layer.backward(view(dy)), other.backward(dy))
    np.testing.assert_array_equal(layer.weight.grad, other.weight.grad)


# -- backward


def test_backward_by_hand(layer):
    layer.forward(array([[1, 2, 3], [4, 5, 6]]))
    dx = layer.backward(array([[1, 0], [10, -1]]))
    np.testing.assert_array_equal(dx, [[1, 3, 5], [8, 26, 44]])
    np.testing.assert_array_equal(layer.weight.grad, [[41, -4], [52, -5], [63, -6]])
    np.testing.assert_array_equal(layer.bias.grad, [11, -1])


def test_gradients_are_slopes():
    """L = Σ sin(y), by finite differences, in float64."""
    generator = np.random.default_rng(3)
    layer = Linear(3, 2, rng=generator).astype(np.float64)
    x = generator.normal(size=(4, 3))
    dx = layer.backward(np.cos(layer.forward(x)))
    for values, gradient in [(x, dx), (layer.weight.data, layer.weight.grad), (layer.bias.data, layer.bias.grad)]:
        for place in np.ndindex(values.shape):
            measured = slope(lambda: np.sin(layer.forward(x)).sum(), values, place)
            assert gradient[place] == pytest.approx(measured, rel=1e-7, abs=1e-9)


@pytest.mark.parametrize("method", ["backward", "accumulate_grad"])
def test_gradients_add_up_in_place(layer, method):
    grads = [p.grad for p in layer.parameters()]
    for _ in range(2):
        layer.forward(array([[1, 2, 3]]))
        getattr(layer, method)(array([[1, 10]]))
    assert all(p.grad is grad for p, grad in zip(layer.parameters(), grads, strict=True))
    np.testing.assert_array_equal(layer.weight.grad, [[2, 20], [4, 40], [6, 60]])
    np.testing.assert_array_equal(layer.bias.grad, [2, 20])


def test_backward_answers_for_the_last_forward(layer):
    layer.forward(array([[9, 9, 9]]))
    layer.forward(array([[1, 2, 3]]))
    layer.backward(array([[1, 0]]))
    np.testing.assert_array_equal(layer.weight.grad[:, 0], [1, 2, 3])


def test_outputs_stay_when_the_layer_goes_on(layer):
    y = layer.forward(array([[1, 1, 1]]))
    dx = layer.backward(array([[1, 1]]))
    layer.forward(array([[5, 5, 5]]))
    layer.backward(array([[7, 7]]))
    np.testing.assert_array_equal(y, [[19, 32]])
    np.testing.assert_array_equal(dx, [[3, 7, 11]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_in_is_dtype_out(layer, dtype):
    layer.astype(dtype)
    assert layer.forward(array([[1, 2, 3]], dtype)).dtype == dtype
    assert layer.backward(array([[1, 2]], dtype)).dtype == dtype
    assert layer.weight.grad.dtype == dtype


def test_a_bias_of_one_gets_the_whole_sum_in_float32():
    layer = Linear(1, 1, rng=0)
    layer.forward(np.zeros((100_000, 1), np.float32))
    layer.backward(np.full((100_000, 1), 0.1, np.float32))
    assert layer.bias.grad[0] == pytest.approx(10_000, rel=1e-5)


# -- first values


def test_first_values_are_uniform_within_one_over_root_of_the_inputs():
    layer = Linear(400, 250, rng=5)
    weight, variance = layer.weight.data.astype(np.float64), 1 / (3 * 400)
    assert np.abs(weight).max() <= 1 / 20
    assert np.abs(layer.bias.data).max() <= 1 / 20
    assert abs(weight.mean()) < 5 * math.sqrt(variance / weight.size)  # 5σ of the sampling error
    assert abs(weight.var() - variance) < 5 * variance * math.sqrt(0.8 / weight.size)


def test_the_seed_decides():
    first, again, other = Linear(3, 2, rng=1), Linear(3, 2, rng=1), Linear(3, 2, rng=2)
    np.testing.assert_array_equal(first.weight.data, again.weight.data)
    np.testing.assert_array_equal(first.bias.data, again.bias.data)
    assert (first.weight.data != other.weight.data).all()


def test_two_layers_may_draw_from_one_generator():
    generator = np.random.default_rng(0)
    first, second = Linear(3, 2, rng=generator), Linear(3, 2, rng=generator)
    assert (first.weight.data != second.weight.data).all()


def test_the_global_seed_has_no_part_in_it():
    drawn = []
    for _ in range(2):
        np.random.seed(0)  # noqa: NPY002
        drawn.append(Linear(3, 2).weight.data)
    assert (drawn[0] != drawn[1]).all()


def test_initializers_are_used_for_what_they_are_given_for():
    layer = Linear(3, 2, weight_init=lambda shape, rng: np.full(shape, 7), bias_init=zeros())
    np.testing.assert_array_equal(layer.weight.data, np.full((3, 2), 7))
    np.testing.assert_array_equal(layer.bias.data, [0, 0])
    assert layer.weight.data.dtype == np.float32


def test_a_bias_cannot_be_drawn_by_fan_in():
    with pytest.raises(ValueError, match="give a bias zeros"):
        Linear(3, 2, bias_init=kaiming_normal())


@pytest.mark.parametrize("name", ["weight_init", "bias_init"])
@pytest.mark.parametrize("shape", [(2, 3), (1,), ()])
def test_an_initializer_that_returns_another_shape_is_refused(name, shape):
    with pytest.raises(ValueError, match="shape"):
        Linear(3, 2, **{name: lambda wanted, rng: np.zeros(shape)})


@pytest.mark.parametrize(
    ("sizes", "error", "message"),
    [
        ((0, 2), ValueError, "Linear needs in_features >= 1, got 0"),
        ((3, 0), ValueError, "Linear needs out_features >= 1, got 0"),
        ((-1, 2), ValueError, "Linear needs in_features >= 1, got -1"),
        ((3.0, 2), TypeError, "Linear expected in_features to be an int, got float"),
        ((3, "2"), TypeError, "Linear expected out_features to be an int, got str"),
        ((True, 2), TypeError, "Linear expected in_features to be an int, got bool"),
    ],
)
def test_sizes_that_are_none(sizes, error, message):
    with pytest.raises(error, match=message):
        Linear(*sizes)


# -- wrong arrays


@pytest.mark.parametrize(
    ("shape", "cure"),
    [
        ((2,), r"in_features comes first: Linear\(2, 3\)"),
        ((3, 2), r"in_features comes first: Linear\(2, 3\)"),
        ((0, 2), r"in_features comes first: Linear\(2, 3\)"),
        ((4,), "use in_features=4, .* or give it 3"),
        ((0,), "use in_features=0, .* or give it 3"),
        ((4, 3, 1), "use in_features=1, .* or give it 3"),
        ((2, 28, 28), r"flatten images with Flatten\(\) or .*, and use in_features=784, of sequences 28"),
        ((2, 1, 1, 1), r"flatten images with Flatten\(\) or .*, and use in_features=1, of sequences 1"),
        ((2, 5, 8), r"flatten images with .*, and use in_features=40, of sequences 8"),  # two directions of 4
    ],
)
def test_a_wrong_shape_is_refused_with_the_cure(layer, shape, cure):
    message = rf"^Linear\(3, 2\) expected 3 features in the last axis, got shape {re.escape(str(shape))}: {cure}$"
    with pytest.raises(ValueError, match=message):
        layer.forward(array(np.zeros(shape)))


def test_images_and_single_features_are_told_from_each_other():
    with pytest.raises(ValueError, match=r"got shape \(5, 28, 28\): flatten images with Flatten\(\) or [^,]*, -1\)$"):
        Linear(784, 10).forward(array(np.zeros((5, 28, 28))))
    with pytest.raises(ValueError, match=r"expected 1 feature in .* got shape \(5,\): .* an axis, x\[:, None\]"):
        Linear(1, 1).forward(array(np.zeros(5)))


@pytest.mark.parametrize("x", [array([1, 2, 3], np.int64), array([1, 2, 3], np.float16), array([1, 2, 3], np.float64)])
def test_another_dtype_is_refused_with_the_cure(layer, x):
    with pytest.raises(TypeError, match=rf"^Linear\(3, 2\) computes in float32, got {x.dtype}: pass x.astype"):
        layer.forward(x)


def test_a_list_is_refused_with_the_cure(layer):
    with pytest.raises(TypeError, match=r"expected a NumPy array, got list: pass np.asarray\(x, dtype=np.float32\)"):
        layer.forward([1.0, 2.0, 3.0])


@pytest.mark.parametrize("method", ["backward", "accumulate_grad"])
@pytest.mark.parametrize(
    ("dy", "error"),
    [
        (array([[1, 1]] * 3), ValueError),
        (array([[1, 1]]), ValueError),  # would broadcast
        (array([1, 1]), ValueError),
        (array([[1, 1, 1]] * 2), ValueError),
        (array([[1], [1]]), ValueError),
        (array([[1, 1, 1, 1]]), ValueError),  # would reshape
        (array([[1, 1]] * 2, np.float64), TypeError),
        (array([[1, 1]] * 2, np.int64), TypeError),
        ([[1.0, 1.0]] * 2, TypeError),
        (None, TypeError),
    ],
)
def test_a_wrong_gradient_is_refused_before_anything_changed(layer, method, dy, error):
    layer.forward(array([[1, 2, 3], [4, 5, 6]]))
    for parameter in layer.parameters():
        parameter.grad += 7
    with pytest.raises(error, match=r"^Linear\(3, 2\).backward expected"):
        getattr(layer, method)(dy)
    assert (layer.weight.grad == 7).all()
    assert (layer.bias.grad == 7).all()


def test_after_a_refused_input_backward_still_answers_for_the_last_good_one(layer):
    layer.forward(array([[1, 2, 3]]))
    with pytest.raises(ValueError, match="expected 3 features"):
        layer.forward(array([[1, 2]]))
    layer.backward(array([[1, 0]]))
    np.testing.assert_array_equal(layer.weight.grad[:, 0], [1, 2, 3])


@pytest.mark.parametrize("method", ["backward", "accumulate_grad"])
def test_backward_before_forward(layer, method):
    with pytest.raises(RuntimeError, match=r"Linear.backward\(\) before forward\(\)"):
        getattr(layer, method)(array([[1, 1]]))


# -- copies and looks


@pytest.mark.parametrize("copied_by", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_copies_compute_the_same_bits(copied_by):
    layer = Linear(30, 20, rng=0)
    x = np.random.default_rng(0).normal(size=(50, 30)).astype(np.float32)
    assert copied_by(layer).forward(x).tobytes() == layer.forward(x).tobytes()


def test_describe_shows_the_sizes_and_a_missing_bias():
    assert repr(Linear(784, 10)) == "Linear(784, 10)"
    assert repr(Linear(784, 10, bias=False)) == "Linear(784, 10, bias=False)"


def test_a_forward_of_ones_own_goes_with_the_inherited_backward():
    class Mine(Linear):
        def forward(self, x):
            self.cache = x
            return x @ self.weight.data

    layer, x = Mine(3, 2, bias=False, rng=0), np.ones((4, 3), np.float32)
    dy = layer.forward(x)
    np.testing.assert_array_equal(layer.backward(dy), dy @ layer.weight.data.T)
    np.testing.assert_array_equal(layer.weight.grad, x.T @ dy)
