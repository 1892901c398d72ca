"""Softmax and LogSoftmax: scores to probabilities and to their logarithms."""

import copy
import math
import pickle

import numpy as np
import pytest
from helpers import array64 as array

from minnet import LogSoftmax, Sequential, Softmax

BOTH = [Softmax, LogSoftmax]
LN = math.log

# e^ln k = k, so the scores ln 1, ln 2, ln 5 have the probabilities 1/8, 2/8, 5/8.
KNOWN = [
    ([0, 0], [1 / 2, 1 / 2]),
    ([0, LN(3)], [1 / 4, 3 / 4]),
    ([0, LN(2), LN(5)], [1 / 8, 2 / 8, 5 / 8]),
    ([1000, 1000 + LN(3)], [1 / 4, 3 / 4]),
    ([-5000, -5000], [1 / 2, 1 / 2]),
    ([7], [1]),
]


# -- values


@pytest.mark.parametrize(("scores", "expected"), KNOWN)
def test_known_values(scores, expected):
    np.testing.assert_allclose(Softmax().forward(array(scores)), expected, rtol=1e-12)
    np.testing.assert_allclose(LogSoftmax().forward(array(scores)), np.log(expected), rtol=1e-12)


@pytest.mark.parametrize("kind", BOTH)
def test_each_row_is_by_itself(kind):
    x = np.random.default_rng(0).normal(size=(2, 3, 4))
    y = kind().forward(x)
    for place in np.ndindex(2, 3):
        np.testing.assert_array_equal(y[place], kind().forward(x[place]))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("gap", [0, 1, 20, 50, 87, 100, 500, 745, 1000, 10000])
def test_probabilities_sum_to_one_and_are_never_zero(dtype, gap):
    x = array([[0, gap, gap / 2], [-gap, 0, 0], [gap, 0, 0]], dtype)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        p = Softmax().forward(x)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=3e-7 if dtype == np.float32 else 1e-15)
    assert p.min() >= np.finfo(dtype).tiny
    np.testing.assert_allclose(p * (1 / p), 1, rtol=2 * np.finfo(dtype).eps)


@pytest.mark.parametrize(("dtype", "precision"), [(np.float32, 1e-6), (np.float64, 1e-15)])
def test_logarithms_are_exact_where_probabilities_vanish(dtype, precision):
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        y = LogSoftmax().forward(array([10000, 0, 9000], dtype))
    np.testing.assert_allclose(y, [0, -10000, -1000], rtol=precision)


def test_a_score_of_minus_infinity_masks_a_class():
    x = array([0, -np.inf, LN(3)])
    np.testing.assert_allclose(Softmax().forward(x), [0.25, np.finfo(float).tiny, 0.75], rtol=1e-12)
    assert LogSoftmax().forward(x)[1] == -np.inf


# -- gradients


def test_softmax_backward_by_hand():
    """With p = (1/4, 3/4) the Jacobian is 3/16 · [[1, −1], [−1, 1]]."""
    layer = Softmax()
    layer.forward(array([0, LN(3)]))
    np.testing.assert_allclose(layer.backward(array([16, 0])), [3, -3], rtol=1e-12)
    np.testing.assert_allclose(layer.backward(array([1, 5])), [-0.75, 0.75], rtol=1e-12)
    np.testing.assert_allclose(layer.backward(array([5, 5])), [0, 0], atol=1e-15)


def test_log_softmax_backward_by_hand():
    """∂y_i/∂x_j = δ_ij − p_j, so dy = (1, 0) gives (1 − 1/4, −3/4)."""
    layer = LogSoftmax()
    layer.forward(array([0, LN(3)]))
    np.testing.assert_allclose(layer.backward(array([1, 0])), [0.75, -0.75], rtol=1e-12)
    np.testing.assert_allclose(layer.backward(array([0, 8])), [-2, 2], rtol=1e-12)


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("shape", [(4,), (1, 4), (3, 5), (2, 2, 3)])
def test_gradients_are_slopes(kind, shape):
    generator = np.random.default_rng(1)
    x, dy = generator.normal(size=(2, *shape))
    layer, h = kind(), 1e-5
    layer.forward(x)
    dx = layer.backward(dy)
    for place in np.ndindex(shape):
        step = np.zeros(shape)
        step[place] = h
        slope = (dy * (layer.forward(x + step) - layer.forward(x - step))).sum() / (2 * h)
        assert dx[place] == pytest.approx(slope, rel=1e-7, abs=1e-9)


@pytest.mark.parametrize("kind", BOTH)
def test_gradients_of_a_row_sum_to_zero(kind):
    """Adding a number to all scores changes nothing, so nothing is to be gained there."""
    x, dy = np.random.default_rng(2).normal(size=(2, 6, 5))
    layer = kind()
    layer.forward(x)
    np.testing.assert_allclose(layer.backward(dy).sum(axis=1), 0, atol=1e-14)


def test_the_two_differ_by_a_logarithm():
    """Of log ∘ softmax, by the chain rule: dL/dp = dy / p."""
    x, dy = np.random.default_rng(3).normal(size=(2, 6, 5))
    softmax, log_softmax = Softmax(), LogSoftmax()
    p = softmax.forward(x)
    np.testing.assert_allclose(log_softmax.forward(x), np.log(p), rtol=1e-13)
    np.testing.assert_allclose(log_softmax.backward(dy), softmax.backward(dy / p), rtol=1e-10, atol=1e-14)


# -- shapes and dtypes


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(3,), (1, 3), (4, 3), (4, 1), (0, 3), (2, 3, 4), (2, 0, 4)])
def test_shape_and_dtype_in_are_shape_and_dtype_out(kind, dtype, shape):
    layer = kind()
    y = layer.forward(array(np.ones(shape), dtype))
    dx = layer.backward(array(np.ones(shape), dtype))
    assert y.shape == dx.shape == shape
    assert y.dtype == dx.dtype == dtype


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("shape", [(0,), (3, 0)])
def test_without_a_class_axis_it_is_refused(kind, shape):
    with pytest.raises(ValueError, match=rf"^{kind.__name__}\(\) expected shape \(..., classes\), got \("):
        kind().forward(array(np.ones(shape)))


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("x", [array([1, 2], np.int64), array([1, 2], np.float16), [1.0, 2.0]])
def test_other_inputs_are_refused_with_the_cure(kind, x):
    with pytest.raises(TypeError, match=rf"^{kind.__name__}\(\) expected .*: pass "):
        kind().forward(x)


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize(
    ("dy", "error"),
    [
        (array(np.ones(3)), ValueError),
        (array(np.ones((1, 3))), ValueError),
        (array(np.ones((2, 1))), ValueError),
        (array(np.ones((3, 2))), ValueError),
        (array(np.ones((2, 3)), np.float32), TypeError),
        (array(np.ones((2, 3)), np.int64), TypeError),
        (None, TypeError),
    ],
)
def test_a_wrong_gradient_is_refused(kind, dy, error):
    layer = kind()
    layer.forward(array(np.zeros((2, 3))))
    with pytest.raises(error, match=rf"^{kind.__name__}\(\).backward expected"):
        layer.backward(dy)


@pytest.mark.parametrize("kind", BOTH)
def test_backward_needs_a_forward_in_training_mode(kind):
    layer = kind()
    with pytest.raises(RuntimeError, match=rf"{kind.__name__}.backward\(\) before forward\(\)"):
        layer.backward(array([1, 2]))
    layer.eval().forward(array([1, 2]))
    with pytest.raises(RuntimeError, match="in eval mode nothing is kept"):
        layer.backward(array([1, 2]))


# -- softmax twice


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(2, 2), (32, 10), (2, 3, 5), (1, 10), (10,)])
def test_twice_by_hand_is_refused(kind, dtype, shape):
    p = Softmax().forward(np.random.default_rng(4).normal(size=shape).astype(dtype))
    with pytest.raises(ValueError, match=rf"^{kind.__name__}\(\) expected scores, got prob.*a Softmax; remove one"):
        kind().forward(p)


@pytest.mark.parametrize("kind", BOTH)
def test_twice_in_a_model_is_refused_with_the_place(kind):
    model = Sequential(Softmax(), kind())
    with pytest.raises(ValueError, match="remove one of them") as caught:
        model.forward(np.random.default_rng(4).normal(size=(8, 3)))
    assert caught.value.__notes__ == [f"in Sequential.layers[1] = {kind.__name__}(), input shape (8, 3)"]


def test_a_softmax_of_log_probabilities_gives_the_probabilities_back():
    x = array([[0, LN(3)], [LN(4), 0]])
    np.testing.assert_allclose(Softmax().forward(LogSoftmax().forward(x)), [[0.25, 0.75], [0.8, 0.2]], rtol=1e-12)


# -- copies


@pytest.mark.parametrize("kind", BOTH)
def test_outputs_stay_when_the_layer_goes_on(kind):
    layer = kind()
    x = array([[0, LN(3)]])
    y, dx = layer.forward(x), layer.backward(x)
    saved = y.copy(), dx.copy()
    layer.forward(array([[5, 1]]))
    layer.backward(array([[5, 1]]))
    np.testing.assert_array_equal((y, dx), saved)


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("copied_by", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_copies_compute_the_same_bits(kind, copied_by):
    x = np.random.default_rng(0).normal(size=(20, 10)).astype(np.float32)
    assert copied_by(kind()).forward(x).tobytes() == kind().forward(x).tobytes()


@pytest.mark.parametrize("kind", BOTH)
def test_repr_is_the_name(kind):
    assert repr(kind()) == kind().describe() == f"{kind.__name__}()"
