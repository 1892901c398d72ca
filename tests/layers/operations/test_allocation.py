"""Arrays as large as an input says are bounded before they are made."""

import numpy as np
import pytest

import minnet as mn
from minnet.layers.operations import Expand, Tile
from minnet.layers.operations.allocation import MOST, at_most, check_size


def test_a_bound_holds_inside_its_context():
    check_size(mn.Sum(), (MOST,))
    with pytest.raises(ValueError, match="would make an array of shape"):
        check_size(mn.Sum(), (MOST, 2))
    with at_most(10), pytest.raises(ValueError, match="10 numbers are the most"):
        check_size(mn.Sum(), (11,))
    check_size(mn.Sum(), (11,))


def test_empty_arrays_count_too():
    with pytest.raises(ValueError, match="numbers are the most"):
        Tile((2**31, 0)).forward(np.ones((3, 4), np.float32))
    assert Tile((2, 0)).forward(np.ones((3, 4), np.float32)).shape == (6, 0)


def test_a_layer_that_is_asked_for_too_much():
    x = np.ones((1, 1), np.float32)
    with pytest.raises(ValueError, match=r"Expand\(\) would make an array of shape \(1099511627776, 1\)"):
        Expand().forward(x, np.array([2**40, 1]))
    column = np.ones((2**15, 1), np.float32)
    with pytest.raises(ValueError, match="numbers are the most"):
        mn.Sum().forward(column, np.ones((1, 2**15), np.float32))
