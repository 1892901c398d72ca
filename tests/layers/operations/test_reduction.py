"""Reductions: NumPy's values, and slopes by differences."""

import numpy as np
import pytest

from minnet.inspection.gradcheck import check_layer
from minnet.layers.operations import ArgMax, CumSum, Reduce, UnitNorm
from minnet.layers.operations.reduction import REDUCTIONS

rng = np.random.default_rng(0)
X = rng.uniform(0.2, 2, (3, 4, 5))
VALUES = {
    "sum_square": lambda x, **o: (x * x).sum(**o),
    "l1": lambda x, **o: np.abs(x).sum(**o),
    "l2": lambda x, **o: np.sqrt((x * x).sum(**o)),
    "log_sum": lambda x, **o: np.log(x.sum(**o)),
    "log_sum_exp": lambda x, **o: np.log(np.exp(x).sum(**o)),
}


@pytest.mark.parametrize("keepdims", [True, False])
@pytest.mark.parametrize("axes", [(1,), (2, 1), (-1,)])
@pytest.mark.parametrize("kind", REDUCTIONS)
def test_reductions(kind, axes, keepdims):
    layer = Reduce(kind, axes, keepdims)
    expected = VALUES.get(kind, getattr(np, kind, None))(X, axis=axes, keepdims=keepdims)
    np.testing.assert_allclose(layer.forward(X), expected, rtol=1e-12)
    assert check_layer(layer, X)


@pytest.mark.parametrize("kind", REDUCTIONS)
def test_all_axes_and_axes_as_an_input(kind):
    whole = Reduce(kind, keepdims=False)
    assert whole.forward(X).shape == ()
    dx = whole.backward(np.array(2.0))
    given = Reduce(kind, keepdims=False)
    given.forward(X, np.array([0, 1, 2]))
    again, none = given.backward(np.array(2.0))
    assert none is None
    assert np.array_equal(dx, again)


def test_special_values():
    zeros = np.array([[0.0, 2.0, 3.0], [0.0, 0.0, 3.0]])
    layer = Reduce("prod", (1,))
    assert layer.forward(zeros).tolist() == [[0], [0]]
    assert layer.backward(np.ones((2, 1))).tolist() == [[6, 0, 0], [0, 0, 0]]
    layer = Reduce("max", (1,))
    layer.forward(np.array([[1.0, 3.0, 3.0]]))
    assert layer.backward(np.array([[4.0]])).tolist() == [[0, 2, 2]]
    assert Reduce("log_sum_exp", (0,)).forward(np.array([1000.0, 1000.0])).item() == pytest.approx(1000 + np.log(2))
    assert Reduce("sum", (0,)).forward(np.array([1, 2])).dtype.kind == "i"
    with pytest.raises(ValueError, match=r"an array with the axes \(3,\)"):
        Reduce("sum", (3,)).forward(X)


@pytest.mark.parametrize("norm", ["l1", "l2", "max"])
def test_rows_of_one_norm(norm):
    x = rng.normal(size=(4, 5))
    y = UnitNorm(norm).forward(x)
    size = {"l1": np.abs(y).sum(1), "l2": np.sqrt((y * y).sum(1)), "max": np.abs(y).max(1)}[norm]
    np.testing.assert_allclose(size, 1)
    assert check_layer(UnitNorm(norm), x)
    assert UnitNorm(norm).forward(np.zeros((1, 3))).tolist() == [[0, 0, 0]]


@pytest.mark.parametrize("reverse", [True, False])
@pytest.mark.parametrize("exclusive", [True, False])
def test_running_sums(exclusive, reverse):
    x = np.array([[1.0, 2.0, 3.0]])
    expected = {
        (False, False): [1, 3, 6], (True, False): [0, 1, 3], (False, True): [6, 5, 3], (True, True): [5, 3, 0]
    }  # fmt: skip
    layer = CumSum(1, exclusive, reverse)
    assert layer.forward(x).tolist() == [expected[exclusive, reverse]]
    assert check_layer(layer, X)


def test_places():
    x = np.array([[1.0, 3.0, 3.0], [0.0, -1.0, -2.0]])
    assert ArgMax(1).forward(x).tolist() == [[1], [0]]
    assert ArgMax(1, keepdims=False, smallest=True).forward(x).tolist() == [0, 2]
    with pytest.raises(ValueError, match="with axis 2"):
        ArgMax(2).forward(x)
