"""What all runs ask of layers and arrays."""

import numpy as np
import pytest

import minnet as mn
from minnet.compiled.predicting.runs import dtype_of, is_plain, ready, rows_of


class Mine(mn.ReLU):
    """A class of a user's own."""


def test_a_layer_is_plain_if_its_class_and_its_forward_are_minnets_own(monkeypatch):
    patched = mn.ReLU()
    patched.forward = lambda x: x
    layers = (mn.ReLU(), mn.Tanh(), Mine(), patched)
    assert [is_plain(layer, (mn.ReLU,)) for layer in layers] == [True, False, False, False]
    monkeypatch.setattr(mn.ReLU, "forward", lambda self, x: x)
    assert not is_plain(mn.ReLU(), (mn.ReLU,))


def test_the_dtype_of_layers_is_that_of_all_their_floats():
    norm = mn.BatchNorm2d(3)  # which counts batches in integers
    assert dtype_of([norm]) == np.float32
    assert dtype_of([norm, mn.Linear(3, 2).astype(np.float64)]) is None
    assert dtype_of([mn.ReLU()]) is None


@pytest.mark.parametrize(
    "x",
    [
        np.arange(6.0),
        np.arange(12.0)[::2],
        np.arange(6.0).reshape(3, 2).T,
        np.broadcast_to(1.0, 6),
        np.frombuffer(np.arange(6.0).tobytes()),
    ],
)
def test_arrays_are_made_ready_for_compiled_code(x):
    y = ready(x, (1, 6))
    assert y.flags.carray
    np.testing.assert_array_equal(y, x.reshape(1, 6))


def test_the_number_of_vectors():
    assert [rows_of(shape) for shape in ((5,), (3, 5), (2, 3, 5), (0, 5))] == [1, 3, 6, 0]
