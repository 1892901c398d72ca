"""Parts of arrays, taken out or joined."""

import numpy as np
import pytest

from minnet.inspection.gradcheck import check_layer
from minnet.layers.operations import Gather, Join, Slice, Triangle

X = np.random.default_rng(0).normal(size=(3, 5, 4))


def test_slices():
    assert np.array_equal(Slice((1,), (-1,), (1,)).forward(X), X[:, 1:-1])
    assert np.array_equal(Slice((-1,), (-(1 << 62),), (2,), (-2,)).forward(X), X[:, :, ::-2])
    assert np.array_equal(Slice((1, 0), (3, 2)).forward(X), X[1:3, 0:2])
    given = [np.array([n]) for n in (1, 4, 1, 2)]
    layer = Slice()
    assert np.array_equal(layer.forward(X, *given), X[:, 1:4:2])
    dx, *rest = layer.backward(np.ones((3, 2, 4)))
    assert rest == [None] * 4
    assert dx.sum(axis=(0, 2)).tolist() == [0, 12, 0, 12, 0]
    assert check_layer(Slice((1,), (4,), (1,), (2,)), X)
    for arguments in (((1,), (2, 3)), ((0,), (1,), (7,)), ((0,), (1,), (0,), (0,)), ((0, 0), (1, 1), (0, -3))):
        with pytest.raises(ValueError, match="cannot take starts"):
            Slice(*arguments).forward(X)


def test_parts_with_numbers():
    numbers = np.array([[0, 2], [2, -1]])
    layer = Gather(1)
    assert np.array_equal(layer.forward(X, numbers), X[:, numbers])
    dx, none = layer.backward(np.ones((3, 2, 2, 4)))
    assert none is None
    assert dx[0, :, 0].tolist() == [1, 0, 2, 0, 1]
    assert np.array_equal(Gather(1, -1).forward(X), X[:, -1])
    assert check_layer(Gather(1, 2), X)
    assert check_layer(Gather(-1, 0), X)
    with pytest.raises(ValueError, match="numbers from -5 to 4"):
        layer.forward(X, np.array([5]))
    with pytest.raises(TypeError, match="whole numbers"):
        layer.forward(X, np.array([0.5]))
    with pytest.raises(ValueError, match="x with axis 3"):
        Gather(3, 0).forward(X)


def test_joined():
    a, b = X[:, :2].copy(), X[:, 2:].copy()
    assert np.array_equal(Join(1).forward(a, b), X)
    assert check_layer(Join(1), a, b)
    assert check_layer(Join(-1), X)
    with pytest.raises(ValueError, match="axes agree but for axis 0"):
        Join(0).forward(a, b)
    with pytest.raises(TypeError, match="one dtype"):
        Join(1).forward(a, b.astype(np.float32))


@pytest.mark.parametrize("diagonal", [-1, 0, 2, -9, 9])
def test_triangles(diagonal):
    assert np.array_equal(Triangle(True, diagonal).forward(X), np.triu(X, diagonal))
    assert np.array_equal(Triangle(False, diagonal).forward(X), np.tril(X, diagonal))
    assert check_layer(Triangle(False, diagonal), X)
    assert not Triangle(False, -(2**63)).forward(X).any()
    with pytest.raises(ValueError, match=r"matrices \(..., N, M\)"):
        Triangle().forward(X[0, 0])
