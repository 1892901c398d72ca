"""Comparisons, and what is chosen by them."""

import numpy as np
import pytest

from minnet.layers.operations import Cast, Compare, Where
from minnet.layers.operations.comparing import COMPARISONS

A, B = np.array([[1.0, 2.0], [np.nan, 4.0]]), np.array([2.0, 2.0])


@pytest.mark.parametrize("name", COMPARISONS)
def test_comparisons(name):
    function, count = COMPARISONS[name]
    xs = (A > 1, B > 3) if name in ("and", "or", "xor", "not") else (A, B)
    y = Compare(name).forward(*xs[:count])
    assert np.array_equal(y, function(*xs[:count]), equal_nan=y.dtype.kind == "f")
    assert Compare(name).backward(y) is None
    with pytest.raises(TypeError, match=f"expected {count} arrays"):
        Compare(name).forward(*xs, *xs)


def test_choices():
    layer, c = Where(), np.array([[True, False], [False, True]])
    assert layer.forward(c, np.ones((2, 2)), np.array([5.0, 7.0])).tolist() == [[1, 7], [5, 1]]
    none, da, db = layer.backward(np.array([[1.0, 2.0], [3.0, 4.0]]))
    assert none is None
    assert da.tolist() == [[1, 0], [0, 4]]
    assert db.tolist() == [3, 2]
    with pytest.raises(TypeError, match="an array of booleans and two arrays"):
        layer.forward(np.ones(2), np.ones(2), np.ones(2))
    with pytest.raises(TypeError, match="two arrays of one dtype"):
        layer.forward(c, np.ones(2), np.ones(2, np.float32))


def test_kinds_of_numbers():
    layer = Cast("float")
    assert layer.forward(np.array([1, 2])).dtype == np.float32
    assert layer.backward(np.ones(2, np.float32)) is None
    assert layer.astype(np.float64).forward(np.array([True])).dtype == np.float64
    layer.forward(np.ones(2, np.float32))
    assert layer.backward(np.ones(2)).dtype == np.float32
    assert Cast("int64").forward(np.array([1.9, -1.9])).tolist() == [1, -1]
    assert Cast("bool").forward(np.array([0.0, 2.0])).tolist() == [False, True]
    with pytest.raises(ValueError, match="one of 'float'"):
        Cast("complex")
