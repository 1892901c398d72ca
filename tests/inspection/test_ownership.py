"""What a layer holds is found as its own, or check_layer says that it is not."""

import collections
import types

import numpy as np
import pytest

import minnet as mn
from minnet.inspection.ownership import not_found


def holding(value):
    layer = mn.Tanh()
    layer.held = value
    return layer


class Function:
    """An object that can be called, and keeps a Parameter."""

    def __init__(self):
        self.W = mn.Parameter([1.0])

    def __call__(self, x):
        return x * self.W.data


ARRAYS = {
    "an array": (lambda: np.zeros(3), "self.held"),
    "float32": (lambda: np.zeros((2, 2), np.float32), "self.held"),
    "in a list": (lambda: [1, np.zeros(3)], r"self.held\[1\]"),
    "in a dict of tuples": (lambda: {"a": (np.zeros(3),)}, r"self.held\['a'\]\[0\]"),
    "in a deque": (lambda: collections.deque([np.zeros(3)]), r"self.held\[0\]"),
}

HIDDEN = {
    "in an object": (lambda: types.SimpleNamespace(W=mn.Parameter([1.0])), "self.held.W is a Parameter"),
    "in a function object": (Function, "self.held.W is a Parameter"),
    "in an array of objects": (lambda: objects(mn.Buffer([1.0])), r"self.held\[0\] is a Buffer"),
    "a layer": (lambda: types.SimpleNamespace(all=[mn.ReLU()]), r"self.held.all\[0\] is a ReLU"),
}

FINE = {
    "integers": lambda: np.arange(3),
    "booleans": lambda: np.ones(3, bool),
    "numbers": lambda: [1.0, np.float64(2)],
    "a Buffer": lambda: mn.Buffer([1.0]),
    "a layer in a list": lambda: [mn.Linear(2, 2)],
    "an object's own array": lambda: types.SimpleNamespace(table=np.zeros(3)),
    "a function": lambda: np.tanh,
    "a Generator": lambda: np.random.default_rng(0),
    "a class": lambda: mn.Parameter,
    "a module": lambda: np,
}


def objects(*values):
    array = np.empty(len(values), object)
    for i, value in enumerate(values):
        array[i] = value
    return array


@pytest.mark.parametrize(("make", "place"), ARRAYS.values(), ids=ARRAYS)
def test_plain_arrays_are_named(make, place):
    """Before, check_layer found every promise kept, and the array was never trained."""
    for layer, path in ((holding(make()), place), (mn.Sequential(mn.ReLU(), holding(make())), None)):
        with pytest.raises(AssertionError, match="is an array, not a Parameter or a Buffer: it is not trained"):
            mn.gradcheck.check_layer(layer, np.ones((2, 3)))
        assert path is None or not_found(layer).startswith(path.replace("\\", "") + " is an array")


@pytest.mark.parametrize(("make", "message"), HIDDEN.values(), ids=HIDDEN)
def test_hidden_parameters_are_named(make, message):
    with pytest.raises(AssertionError, match=f"{message} that is not found, because the object around it is no Layer"):
        mn.gradcheck.check_layer(holding(make()), np.ones((2, 3)))


@pytest.mark.parametrize("make", FINE.values(), ids=FINE)
def test_anything_else_is_no_concern(make):
    assert not_found(holding(make())) is None


def test_an_object_that_holds_what_is_found_elsewhere_is_fine():
    model = mn.Sequential(mn.Linear(2, 2, rng=0))
    model.layers[0].notes = types.SimpleNamespace(weight=model.layers[0].weight)
    model.layers[0].notes.me = model.layers[0].notes  # a circle
    assert not_found(model) is None


def test_what_belongs_to_the_last_forward_and_to_a_loss_is_fine():
    layer = mn.Linear(2, 2, rng=0)
    layer.forward(np.ones((2, 2), np.float32))
    assert not_found(layer) is None
    assert not_found(mn.SoftmaxCrossEntropyLoss(weight=[1, 2, 3])) is None
