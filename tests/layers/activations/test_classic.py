"""Activations: each number by itself. What all of them do is tested here; the smooth ones' values beside it."""

import copy
import math
import pickle
import re

import numpy as np
import pytest
from helpers import array

import minnet as mn
from minnet.layers.activations.classic import (
    Hardtanh,
    LeakyReLU,
    LogSigmoid,
    ReLU,
    ReLU6,
    Sigmoid,
    Softsign,
    Tanh,
    Tanhshrink,
)
from minnet.layers.activations.gates import Hardswish, Mish
from minnet.layers.activations.hard import Hardshrink, Hardsigmoid, Softshrink, Threshold
from minnet.layers.activations.smooth import CELU, ELU, GELU, SELU, SiLU, Softplus


class AboveHalf(Threshold):
    """A Threshold with constants, because it has no defaults."""

    def __init__(self):
        super().__init__(0.5, -2.0)


SMOOTH = [
    *(Sigmoid, Tanh, ELU, SELU, CELU, GELU, SiLU, Softplus, LogSigmoid, Softsign, Tanhshrink, Mish, Hardswish),
]
ALL = [ReLU, LeakyReLU, Hardtanh, ReLU6, Hardsigmoid, Hardshrink, Softshrink, AboveHalf, *SMOOTH]

# σ(ln 3) = 1/(1 + 1/3) = 3/4, and tanh(ln 2) = (2 − 1/2)/(2 + 1/2) = 3/5
KNOWN = [
    # (class, x, y, the slope at x)
    (ReLU, 3.0, 3.0, 1.0),
    (ReLU, -3.0, 0.0, 0.0),
    (ReLU, 0.0, 0.0, 0.0),
    (ReLU, 1e-30, 1e-30, 1.0),
    (LeakyReLU, 3.0, 3.0, 1.0),
    (LeakyReLU, -3.0, -0.03, 0.01),
    (LeakyReLU, 0.0, 0.0, 0.01),
    (lambda: LeakyReLU(-0.5), -3.0, 1.5, -0.5),
    (lambda: LeakyReLU(3), -2.0, -6.0, 3.0),
    (lambda: LeakyReLU(3), 2.0, 2.0, 1.0),
    (Hardtanh, 0.7, 0.7, 1.0),
    (Hardtanh, -0.7, -0.7, 1.0),
    (Hardtanh, 1.2, 1.0, 0.0),
    (Hardtanh, -1.2, -1.0, 0.0),
    (Hardtanh, 1.0, 1.0, 0.0),
    (lambda: Hardtanh(0.5, 2), 0.2, 0.5, 0.0),
    (lambda: Hardtanh(0.5, 2), 1.5, 1.5, 1.0),
    (ReLU6, 5.5, 5.5, 1.0),
    (ReLU6, 6.5, 6.0, 0.0),
    (ReLU6, -0.5, 0.0, 0.0),
    (Sigmoid, 0.0, 1 / 2, 1 / 4),
    (Sigmoid, math.log(3), 3 / 4, 3 / 16),
    (Sigmoid, -math.log(3), 1 / 4, 3 / 16),
    (Sigmoid, math.log(9), 9 / 10, 9 / 100),
    (Tanh, 0.0, 0.0, 1.0),
    (Tanh, math.log(2), 3 / 5, 16 / 25),
    (Tanh, -math.log(2), -3 / 5, 16 / 25),
    (Tanh, math.log(3), 4 / 5, 9 / 25),
    (LogSigmoid, 0.0, -math.log(2), 1 / 2),
    (LogSigmoid, math.log(3), -math.log(4 / 3), 1 / 4),
    (LogSigmoid, -math.log(3), -math.log(4), 3 / 4),
    (Softsign, 0.0, 0.0, 1.0),
    (Softsign, 1.0, 1 / 2, 1 / 4),
    (Softsign, -3.0, -3 / 4, 1 / 16),
    (Tanhshrink, math.log(3), math.log(3) - 4 / 5, 16 / 25),
    (Tanhshrink, -math.log(2), 3 / 5 - math.log(2), 9 / 25),
]


def name(kind):
    """Return how messages begin, as a pattern."""
    return "^" + re.escape(kind().describe())


@pytest.mark.parametrize(("kind", "x", "y", "slope"), KNOWN)
@pytest.mark.parametrize(("dtype", "precision"), [(np.float32, 3e-7), (np.float64, 1e-15)])
def test_known_values(kind, x, y, slope, dtype, precision):
    layer = kind()
    assert layer.forward(array([x], dtype))[0] == pytest.approx(y, rel=precision)
    assert layer.backward(array([2.0], dtype))[0] == pytest.approx(2 * slope, rel=precision)


@pytest.mark.parametrize("kind", ALL)
def test_gradients_are_slopes(kind):
    x = np.linspace(-3.1, 3.1, 60).reshape(5, 4, 3)  # no kink is among them
    dy = np.random.default_rng(0).normal(size=x.shape)
    layer = kind()
    slope = (layer.forward(x + 1e-6) - layer.forward(x - 1e-6)) / 2e-6
    layer.forward(x)
    np.testing.assert_allclose(layer.backward(dy), dy * slope, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize(
    ("kind", "x", "expected"),
    [
        (Sigmoid, [-1e30, -1000, 1000, 1e30], [0, 0, 1, 1]),
        (Tanh, [-1e30, -1000, 1000, 1e30], [-1, -1, 1, 1]),
        (ReLU, [-1e30, 1e30], [0, np.float32(1e30)]),
        (LeakyReLU, [-1e30, 1e30], [-1e28, 1e30]),
        (Hardtanh, [-1e30, 1e30], [-1, 1]),
        (ReLU6, [-1e30, 1e30], [0, 6]),
        (LogSigmoid, [-1e30, -1000, 1000, 1e30], [-1e30, -1000, 0, 0]),
        (Softsign, [-1e30, -999, 999, 1e30], [-1, -0.999, 0.999, 1]),
        (Tanhshrink, [-1e30, -1000, 1000, 1e30], [-1e30, -999, 999, 1e30]),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_numbers_neither_warn_nor_overflow(kind, x, expected, dtype):
    layer = kind()
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        np.testing.assert_allclose(layer.forward(array(x, dtype)), expected, rtol=1e-7)
        assert np.isfinite(layer.backward(array(np.ones(len(x)), dtype))).all()


def test_sigmoid_is_exact_where_it_is_small():
    y = Sigmoid().forward(array([-50.0, -80.0]))
    np.testing.assert_allclose(y, [math.exp(-50), math.exp(-80)], rtol=1e-6)


@pytest.mark.parametrize("kind", ALL)
def test_nan_is_not_hidden(kind):
    assert np.isnan(kind().forward(array([np.nan]))).all()


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(3,), (1,), (0,), (2, 3), (0, 3), (2, 3, 4)])
def test_shape_and_dtype_in_are_shape_and_dtype_out(kind, dtype, shape):
    layer = kind()
    y = layer.forward(array(np.ones(shape), dtype))
    dx = layer.backward(array(np.ones(shape), dtype))
    assert y.shape == dx.shape == shape
    assert y.dtype == dx.dtype == dtype


@pytest.mark.parametrize("kind", ALL)
def test_a_single_number_is_refused_with_the_cure(kind):
    with pytest.raises(ValueError, match=rf"{name(kind)} expected an array.*: pass x.reshape\(1\)"):
        kind().forward(array(1.0))


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("x", [array([1, 2], np.int64), array([1, 2], np.float16), array([1, 0], bool)])
def test_other_dtypes_are_refused_with_the_cure(kind, x):
    with pytest.raises(TypeError, match=rf"{name(kind)} expected float32 or float64, got .*: pass x.astype"):
        kind().forward(x)


@pytest.mark.parametrize("kind", ALL)
def test_a_list_is_refused_with_the_cure(kind):
    with pytest.raises(TypeError, match=rf"{name(kind)} expected a NumPy array, got list: pass np.asarray"):
        kind().forward([1.0, 2.0])


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("shape", [(2,), (1, 2), (3, 1), (2, 3), (3, 2, 1), ()])
def test_a_gradient_of_another_shape_is_refused_even_if_it_would_broadcast(kind, shape):
    layer = kind()
    layer.forward(array(np.ones((3, 2))))
    with pytest.raises(ValueError, match=rf"{name(kind)}.backward expected dy of the output's shape \(3, 2\)"):
        layer.backward(array(np.ones(shape)))


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("dy", [[1.0], None, array([1], np.int64), array([1], np.float16)])
def test_a_gradient_that_is_not_of_floats_is_refused(kind, dy):
    layer = kind()
    layer.forward(array([1.0]))
    with pytest.raises(TypeError, match=rf"{name(kind)}.backward expected"):
        layer.backward(dy)


@pytest.mark.parametrize("kind", SMOOTH)  # the others keep no dtype: a mask says nothing of it
def test_a_gradient_of_the_other_float_is_refused(kind):
    layer = kind()
    layer.forward(array([1.0]))
    with pytest.raises(TypeError, match="expected float32, the dtype of its output, got float64"):
        layer.backward(array([1.0], np.float64))


@pytest.mark.parametrize("kind", ALL)
def test_backward_needs_a_forward_in_training_mode(kind):
    layer = kind()
    with pytest.raises(RuntimeError, match=rf"{kind.__name__}.backward\(\) before forward\(\)"):
        layer.backward(array([1.0]))
    layer.eval().forward(array([1.0]))
    with pytest.raises(RuntimeError, match="in eval mode nothing is kept"):
        layer.backward(array([1.0]))


@pytest.mark.parametrize("kind", ALL)
def test_outputs_stay_when_the_layer_goes_on(kind):
    layer = kind()
    x = array([-1.0, 2.0])
    y, dx = layer.forward(x), layer.backward(x)
    saved = y.copy(), dx.copy()
    layer.forward(array([5.0, 6.0]))
    layer.backward(array([7.0, 8.0]))
    np.testing.assert_array_equal((y, dx), saved)
    assert not np.shares_memory(y, x)


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("copied_by", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_copies_compute_the_same_bits(kind, copied_by):
    x = np.random.default_rng(0).normal(size=100).astype(np.float32)
    assert copied_by(kind()).forward(x).tobytes() == kind().forward(x).tobytes()


@pytest.mark.parametrize("kind", ALL)
def test_the_given_gradient_is_not_written_into(kind):
    layer = kind()
    layer.forward(np.linspace(-8, 8, 7))
    dy = np.full(7, 2.0)
    assert not np.shares_memory(layer.backward(dy), dy)
    assert (dy == 2).all()


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_numbers_to_1e4_and_beyond_neither_warn_nor_turn_into_nan(kind, dtype):
    sizes = np.concatenate([np.linspace(0, 120, 500), np.logspace(2, 4, 100), [1e10, 1e30]]).astype(dtype)
    x = np.concatenate([-sizes, sizes])
    layer = kind()
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        y, dx = layer.forward(x), layer.backward(np.ones_like(x))
    assert np.isfinite(y).all()
    assert np.isfinite(dx).all()


def test_log_sigmoid_and_its_slope_are_exact_in_their_tails():
    layer = LogSigmoid()
    np.testing.assert_allclose(layer.forward(array([40.0, 700.0], np.float64)), -np.exp([-40.0, -700.0]), rtol=1e-15)
    np.testing.assert_allclose(layer.backward(np.ones(2)), np.exp([-40.0, -700.0]), rtol=1e-14)


def test_leaky_relu_leaves_positive_numbers_as_they_are_to_the_last_bit():
    x = np.random.default_rng(0).uniform(0.1, 100, 1000).astype(np.float32)
    for s in (0.01, 0.1, 0.3, -0.7, -3.3):
        layer = LeakyReLU(s)
        np.testing.assert_array_equal(layer.forward(x), x)
        np.testing.assert_array_equal(layer.backward(x), x)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: LeakyReLU("0.1"), TypeError, "LeakyReLU expected negative_slope to be a number, got str"),
        (lambda: LeakyReLU(None), TypeError, "got NoneType"),
        (lambda: LeakyReLU(True), TypeError, "got bool"),
        (lambda: LeakyReLU(math.nan), ValueError, "LeakyReLU needs a finite negative_slope, got nan"),
        (lambda: Hardtanh(1, 1), ValueError, "Hardtanh needs min_val < max_val, got 1 and 1"),
        (lambda: Hardtanh(-math.inf, 1), ValueError, "Hardtanh needs a finite min_val, got -inf"),
        (lambda: Hardtanh(0, [1]), TypeError, "Hardtanh expected max_val to be a number, got list"),
    ],
)
def test_constants_that_are_none(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize("number", [np.float64(0.5), np.float32(0.5), 1])
def test_numpy_numbers_do_not_upcast(number):
    x = array([-1, 2])
    for layer in (LeakyReLU(number), Hardtanh(-number, number)):
        assert layer.forward(x).dtype == np.float32
        assert layer.backward(x).dtype == np.float32


@pytest.mark.parametrize(
    ("layer", "shown"),
    [
        (ReLU(), "ReLU()"),
        (LeakyReLU(0.2), "LeakyReLU(negative_slope=0.2)"),
        (Hardtanh(0, np.float64(2)), "Hardtanh(min_val=0.0, max_val=2.0)"),
        (ReLU6(), "ReLU6()"),
        (Sigmoid(), "Sigmoid()"),
        (Tanh(), "Tanh()"),
        (LogSigmoid(), "LogSigmoid()"),
        (Softsign(), "Softsign()"),
        (Tanhshrink(), "Tanhshrink()"),
    ],
)
def test_repr_shows_the_constants(layer, shown):
    assert repr(layer) == layer.describe() == shown


@pytest.mark.parametrize(
    "layer",
    [*(mn.ReLU(), mn.LeakyReLU(0.1), mn.Hardtanh(), mn.ReLU6()), *(mn.Hardshrink(), mn.Softshrink(), mn.Hardsigmoid())],
    ids=repr,
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_infinite_gradient_is_not_nan_where_the_slope_is_zero(layer, dtype):
    """∞ · 0 is NaN, which the product with the slope was."""
    torch = pytest.importorskip("torch")
    x = np.array([-7.0, -0.5, 0.5, 7.0], dtype)
    dy = np.array([np.inf, -np.inf, np.inf, -np.inf], dtype)
    layer.forward(x)
    theirs = getattr(torch.nn, type(layer).__name__)(*([0.1] if isinstance(layer, mn.LeakyReLU) else []))
    leaf = torch.tensor(x, requires_grad=True)
    theirs(leaf).backward(torch.tensor(dy))
    np.testing.assert_array_equal(layer.backward(dy), leaf.grad.numpy())
