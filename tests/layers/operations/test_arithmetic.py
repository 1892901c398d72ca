"""Arithmetic of several arrays: broadcast, and the sums that undo it."""

import numpy as np
import pytest

import minnet as mn
from minnet.inspection.gradcheck import check_layer
from minnet.layers.operations.arithmetic import sum_to

rng = np.random.default_rng(0)
X, COLUMN, ROW = rng.normal(size=(4, 3)), rng.normal(size=(4, 1)) + 3, rng.normal(size=3) + 3


def test_known_values():
    a, b = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([10.0, 20.0])
    assert mn.Sum().forward(a, b, a).tolist() == [[12, 24], [16, 28]]
    assert mn.Subtract().forward(a, b).tolist() == [[-9, -18], [-7, -16]]
    assert mn.Multiply().forward(a, b).tolist() == [[10, 40], [30, 80]]
    assert mn.Divide().forward(b, a).tolist() == [[10, 10], [10 / 3, 5]]
    assert mn.MatMul().forward(a, b).tolist() == [50, 110]


@pytest.mark.parametrize("other", [X[::-1].copy(), COLUMN, ROW], ids=["same", "column", "row"])
@pytest.mark.parametrize("kind", [mn.Sum, mn.Subtract, mn.Multiply, mn.Divide])
def test_gradients(kind, other):
    assert check_layer(kind(), X, other + 5)
    if other.shape == X.shape:
        assert check_layer(kind(), other, X + 5)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ((4, 3), (3, 2)),
        ((2, 4, 3), (3, 2)),
        ((2, 4, 3), (2, 3, 2)),
        ((5, 1, 4, 3), (2, 3, 2)),
        ((3,), (3, 2)),
        ((4, 3), (3,)),
        ((3,), (2, 3, 2)),
        ((2, 4, 3), (3,)),
    ],
)
def test_products_of_matrices(a, b):
    x, y = rng.normal(size=a), rng.normal(size=b)
    layer = mn.MatMul()
    dy = rng.normal(size=(x @ y).shape)
    assert np.array_equal(layer.forward(x, y), x @ y)
    da, db = layer.backward(dy)
    assert (da.shape, db.shape) == (a, b)
    for array, gradient in ((x, da), (y, db)):
        direction = rng.normal(size=array.shape)
        array += 1e-6 * direction
        high = ((x @ y) * dy).sum()
        array -= 2e-6 * direction
        low = ((x @ y) * dy).sum()
        array += 1e-6 * direction
        assert (gradient * direction).sum() == pytest.approx((high - low) / 2e-6, rel=1e-6, abs=1e-8)


def test_sums_undo_a_broadcast():
    dy = np.arange(24.0).reshape(2, 3, 4)
    assert sum_to(dy, (2, 3, 4)) is dy
    assert sum_to(dy, (3, 1)).tolist() == dy.sum(axis=(0, 2))[:, None].tolist()
    assert sum_to(dy, ()).shape == ()
    assert sum_to(dy, ()) == dy.sum()


def test_whole_numbers_are_divided_towards_zero():
    a, b = np.array([7, -7, 7, -7]), np.array([2, 2, -2, -2])
    assert mn.Divide().forward(a, b).tolist() == [3, -3, -3, 3]
    with pytest.raises(ValueError, match="to divide by 0"):
        mn.Divide().forward(a, np.array(0))


@pytest.mark.filterwarnings("error")
def test_division_by_zero_is_infinite():
    assert mn.Divide().forward(np.ones(2), np.array([0.0, 1.0])).tolist() == [np.inf, 1]


def test_wrong_inputs():
    with pytest.raises(ValueError, match=r"Sum\(\) expected arrays of one shape.*\(4, 3\) and \(2,\)"):
        mn.Sum().forward(X, np.ones(2))
    with pytest.raises(TypeError, match="one dtype, such as float32, got float64, float32"):
        mn.Multiply().forward(X, X.astype(np.float32))
    with pytest.raises(TypeError, match="expected 2 arrays, got 1: in a Graph, wires"):
        mn.Subtract().forward(X)
    with pytest.raises(TypeError, match="at least one array"):
        mn.Sum().forward()
    with pytest.raises(ValueError, match=r"expected \(..., N, K\) and \(..., K, M\), got \(4, 3\) and \(4, 3\)"):
        mn.MatMul().forward(X, X)
    with pytest.raises(TypeError, match="expected two arrays"):
        mn.MatMul().forward(X, None)
    with pytest.raises(TypeError, match="one dtype"):
        mn.MatMul().forward(X, X.T.astype(np.float32))
