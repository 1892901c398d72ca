"""Pooling over time."""

import numpy as np
import pytest

from minnet import PoolTime
from minnet.inspection.gradcheck import check_layer

RNG = np.random.default_rng(0)
X = RNG.normal(size=(3, 5, 2))
MASK = np.array([[1, 1, 1, 0, 0], [0, 1, 0, 1, 0], [1, 1, 1, 1, 1]], bool)
KINDS = ["mean", "max", "last"]


def by_hand(how, rows):
    return {"mean": np.mean, "max": np.max}[how](rows, axis=0) if how != "last" else rows[-1]


@pytest.mark.parametrize("how", KINDS)
def test_each_sequence_is_pooled_by_itself(how):
    expected = [by_hand(how, x[mask]) for x, mask in zip(X, MASK, strict=True)]
    np.testing.assert_allclose(PoolTime(how).forward(X, MASK), expected, rtol=1e-13)
    np.testing.assert_allclose(PoolTime(how).forward(X), [by_hand(how, x) for x in X], rtol=1e-13)
    np.testing.assert_allclose(PoolTime(how).forward(X[0], MASK[0]), expected[0], rtol=1e-13)


@pytest.mark.parametrize("how", KINDS)
@pytest.mark.parametrize("inputs", [(X,), (X, MASK), (X[:, None], MASK[:, None])])
def test_the_contract_of_layers(how, inputs):
    assert check_layer(PoolTime(how), *inputs)


def test_the_gradient_by_hand():
    dy = np.array([[1.0, 2.0]])
    x, mask = np.array([[[1.0, 5.0], [3.0, 4.0], [9.0, 9.0]]]), np.array([[True, True, False]])
    for how, expected in (
        ("mean", [[0.5, 1], [0.5, 1], [0, 0]]),
        ("max", [[0, 2], [1, 0], [0, 0]]),
        ("last", [[0, 0], [1, 2], [0, 0]]),
    ):
        layer = PoolTime(how)
        layer.forward(x, mask)
        assert layer.backward(dy).tolist() == [expected]


def test_the_first_of_several_maxima_gets_the_gradient():
    layer = PoolTime("max")
    layer.forward(np.array([[[1.0], [2.0], [2.0]]]))
    assert layer.backward(np.ones((1, 1))).tolist() == [[[0], [1], [0]]]


@pytest.mark.parametrize("how", KINDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nothing_to_pool_is_zero(how, dtype):
    layer, x = PoolTime(how), X.astype(dtype)
    mask = MASK.copy()
    mask[1] = False
    y = layer.forward(x, mask)
    assert y.dtype == dtype
    assert y[1].tolist() == [0, 0]
    np.testing.assert_array_equal(y[[0, 2]], PoolTime(how).forward(x[[0, 2]], mask[[0, 2]]))
    assert not layer.backward(np.ones_like(y))[1].any()
    for shape in ((3, 0, 2), (0, 5, 2), (0, 0, 2)):
        empty = np.zeros(shape, dtype)
        assert layer.forward(empty).tolist() == np.zeros((shape[0], 2)).tolist()
        assert layer.backward(np.zeros((shape[0], 2), dtype)).shape == shape


def test_wrong_arguments():
    with pytest.raises(ValueError, match="PoolTime expected how to be one of 'mean', 'max', 'last', got 'avg'"):
        PoolTime("avg")
    with pytest.raises(ValueError, match=r"PoolTime\(how='mean'\) expected shape \(N, T, D\), or \(T, D\), got \(3,\)"):
        PoolTime().forward(np.ones(3))
    with pytest.raises(TypeError, match=r"PoolTime.* expected float32 or float64, got int64"):
        PoolTime("max").forward(np.ones((2, 3, 1), np.int64))
    with pytest.raises(ValueError, match=r"PoolTime.*mask of shape \(3, 5\), True where a place counts, got \(3, 4\)"):
        PoolTime("last").forward(X, MASK[:, :4])


def test_what_it_says_of_itself():
    assert repr(PoolTime("max")) == "PoolTime(how='max')"
