"""Select: one place along an axis, of those that a mask counts."""

import numpy as np
import pytest

import minnet as mn
from minnet import Select
from minnet.inspection.gradcheck import check_layer

X = np.random.default_rng(0).normal(size=(3, 5, 2))
MASK = np.array([[1, 1, 0, 1, 0], [0, 0, 1, 0, 0], [0, 0, 0, 0, 0]], bool)


@pytest.mark.parametrize("axis", [1, 2, -1, -2])
@pytest.mark.parametrize("index", [0, 1, -1, -2])
def test_it_is_numpys_take(axis, index):
    layer = Select(index, axis)
    y = layer.forward(X)
    np.testing.assert_array_equal(y, np.take(X, index, axis))
    dy = np.cos(y)
    dx = layer.backward(dy)
    np.testing.assert_array_equal(np.take(dx, index, axis), dy)
    assert np.count_nonzero(dx) == dy.size
    assert not np.may_share_memory(y, X)
    assert "every requirement met" in check_layer(layer, X)


@pytest.mark.parametrize(
    ("index", "places"),
    [(0, [0, 2, None]), (1, [1, None, None]), (-1, [3, 2, None]), (-3, [0, None, None]), (9, [None] * 3)],
)
def test_a_mask_counts_the_real_places_only(index, places):
    layer = Select(index)
    y = layer.forward(X, MASK)
    dy = np.cos(y) + 2
    dx = layer.backward(dy)
    for n, place in enumerate(places):
        np.testing.assert_array_equal(y[n], 0 if place is None else X[n, place])
        expected = np.zeros((5, 2))
        if place is not None:
            expected[place] = dy[n]
        np.testing.assert_array_equal(dx[n], expected)
    assert "every requirement met" in check_layer(layer, X, MASK)


def test_the_last_real_place_is_that_of_pool_time():
    np.testing.assert_array_equal(Select(-1).forward(X, MASK), mn.PoolTime("last").forward(X, MASK))
    np.testing.assert_array_equal(Select(-1).forward(X), mn.PoolTime("last").forward(X))


@pytest.mark.parametrize("shape", [(0, 5, 2), (3, 1, 2), (3, 0, 2), (2, 4), (2, 4, 3, 2)])
def test_odd_shapes(shape):
    x, mask = np.ones(shape), np.ones(shape[:2], bool)
    y = Select(-1).forward(x, mask)
    assert y.shape == (shape[0], *shape[2:])
    if shape[1]:
        np.testing.assert_array_equal(Select(-1).forward(x), y)
    else:
        assert not y.any()


def test_behind_a_select_there_is_no_mask():
    model = mn.Sequential(mn.GRU(2, 4, rng=0), Select(-1), mn.BatchNorm1d(4)).astype(np.float64)
    real = np.arange(5) < np.array([[5], [2], [3]])
    y = model[0].forward(X, mask=real)
    np.testing.assert_allclose(model[1].forward(y, real), y[:, -1])  # the state stays as it was
    assert model.forward(X, real).shape == (3, 4)


def test_an_axis_that_may_be_time_takes_no_mask():
    with pytest.raises(ValueError, match="cannot be given a mask"):
        mn.Sequential(mn.GRU(2, 4), Select(0, axis=-2)).forward(X.astype(np.float32), MASK)
    with pytest.raises(ValueError, match="cannot be given a mask"):
        Select(0, axis=2).forward(X, MASK)
    assert mn.Sequential(mn.GRU(2, 4), Select(0, axis=2)).forward(X.astype(np.float32), MASK).shape == (3, 5)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((0, 0), ValueError, "axis is 0, the batch"),
        ((0.5,), TypeError, "index to be an int, got float"),
        ((0, "time"), TypeError, "axis to be an int"),
    ],
)
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=f"Select.*{message}"):
        Select(*arguments)


@pytest.mark.parametrize(
    ("layer", "x", "message"),
    [
        (Select(5), X, r"Select\(5, axis=1\) expected a place 5 along axis 1, got x of shape \(3, 5, 2\), which has 5"),
        (Select(-6), X, "expected a place -6"),
        (Select(0, 3), X, "expected an axis 3 that is not the batch"),
        (Select(0, -3), X, "expected an axis -3 that is not the batch"),
        (Select(0), X[0, 0], "expected an axis 1"),
    ],
)
def test_a_place_that_is_not_there_is_refused(layer, x, message):
    with pytest.raises(ValueError, match=message):
        layer.forward(x)


def test_a_wrong_mask_is_refused():
    with pytest.raises(TypeError, match="mask of booleans, True where a place counts"):
        Select(0).forward(X, MASK.astype(int))
    with pytest.raises(ValueError, match=r"mask of shape \(3, 5\)"):
        Select(0).forward(X, MASK[:2])
