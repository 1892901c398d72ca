"""States as tuples of arrays, and back."""

import numpy as np
import pytest

import minnet as mn
from minnet.layers.sequences.states import as_states, public

OWNER = mn.Tanh()


def states(state, names=("h", "c")):
    return as_states(OWNER, "state", state, names, (2, 3), np.dtype(np.float32), "and so on")


def test_none_is_zeros():
    h, c = states(None)
    assert h.shape == c.shape == (2, 3)
    assert h.dtype == np.float32
    assert not h.any()
    assert not np.shares_memory(h, c)


def test_a_state_of_one_array_is_that_array():
    h = np.ones((2, 3), np.float32)
    assert states(h, ("h",)) == (h,)
    assert public((h,)) is h
    assert public((h, h)) == (h, h)


def test_what_is_wrong_is_said():
    h = np.ones((2, 3), np.float32)
    with pytest.raises(TypeError, match=r"^Tanh\(\) expected state to be the tuple \(h, c\), got ndarray: "):
        states(h)
    with pytest.raises(TypeError, match=r"expected state to be the array h, got a tuple of 2"):
        states((h, h), ("h",))
    with pytest.raises(TypeError, match=r"expected state in float32, got c in float64: pass c\.astype\(np\.float32\)"):
        states((h, h.astype(np.float64)))
    with pytest.raises(ValueError, match=r"expected state of shape \(2, 3\), got c of \(3,\): .* batch, and so on$"):
        states((h, h[0]))
