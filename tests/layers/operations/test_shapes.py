"""The same numbers in another shape or order."""

import numpy as np
import pytest

from minnet.layers.operations import Expand, Squeeze, Tile, Transpose, Unsqueeze, View

X = np.arange(24.0).reshape(2, 3, 4)


def both(layer, x, *more):
    """Return y, and what backward makes of y itself."""
    y = layer.forward(x, *more)
    return y, layer.backward(y.copy())


@pytest.mark.parametrize(
    ("shape", "expected"), [((0, -1), (2, 12)), ((-1, 4), (6, 4)), ((0, 0, 2, 2), (2, 3, 2, 2)), ((24,), (24,))]
)
def test_views(shape, expected):
    y, dx = both(View(shape), X)
    assert y.shape == expected
    assert np.array_equal(dx, X)
    y, (dx, none) = both(View(), X, np.array(shape))
    assert (y.shape, none) == (expected, None)
    assert np.array_equal(dx, X)


def test_views_that_do_not_fit():
    for shape in ((5, 5), (-1, -1), (0, 0, 0, 0), (-2, 12), (5, -1)):
        with pytest.raises(ValueError, match="View"):
            View(shape).forward(X)
    with pytest.raises(ValueError, match="exported for another batch size"):
        View((3, 12)).forward(X)
    assert View((0, 3), allow_zero=True).forward(np.zeros((0, 5))).shape == (0, 3)
    with pytest.raises(TypeError, match="a second array of whole numbers"):
        View().forward(X)


def test_orders_of_axes():
    y, dx = both(Transpose((2, 0, 1)), X)
    assert y.shape == (4, 2, 3)
    assert np.array_equal(dx, X)
    assert both(Transpose(), X)[0].shape == (4, 3, 2)
    with pytest.raises(ValueError, match="each axis once"):
        Transpose((0, 0))
    with pytest.raises(ValueError, match="expected 2 axes"):
        Transpose((1, 0)).forward(X)


def test_axes_of_size_1():
    x = X[:, None]
    for layer, given, expected in (
        (Squeeze((1,)), x, (2, 3, 4)),
        (Squeeze(), x, (2, 3, 4)),
        (Unsqueeze((0, -1)), X, (1, 2, 3, 4, 1)),
    ):
        y, dx = both(layer, given)
        assert y.shape == expected
        assert np.array_equal(dx, given)
    with pytest.raises(ValueError, match="axes of size 1"):
        Squeeze((0,)).forward(x)
    for axes in ((0, 0), (9,), (0, -5)):
        with pytest.raises(ValueError, match="cannot add"):
            Unsqueeze(axes).forward(X)


def test_repeated():
    y, dx = both(Expand((2, 1, 3, 1)), X[:1])
    assert y.shape == (2, 1, 3, 4)
    assert np.array_equal(dx, 2 * X[:1])
    y, (dx, none) = both(Tile(), X, np.array([1, 2, 1]))
    assert (y.shape, none) == ((2, 6, 4), None)
    assert np.array_equal(dx, 2 * X)
    with pytest.raises(ValueError, match="cannot repeat"):
        Expand((5, 4)).forward(X)
    with pytest.raises(ValueError, match="one number for each axis"):
        Tile((1, 2)).forward(X)
    with pytest.raises(ValueError, match="numbers are the most"):
        Tile((2**40, 1, 1)).forward(X)
