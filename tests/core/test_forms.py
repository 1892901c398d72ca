"""The forms of values, and what an attribute from a file must not replace."""

import numpy as np
import pytest

import minnet as mn
from minnet.core.forms import are_like, is_number, is_vector, kind_of, unsettable


def test_kinds():
    values = [1, 2.5, np.float32(1), True, np.True_, "a", None, [1], np.zeros(3), np.random.default_rng(0)]
    kinds = ["a number"] * 3 + ["a bool"] * 2 + ["a str", "None", "a list", "an array of float64"]
    assert [kind_of(value) for value in values] == [*kinds, "a Generator of PCG64"]


def test_numbers_and_vectors():
    assert [is_number(value) for value in (1, 0.5, True, "1", None, np.float64(1))] == [True] * 2 + [False] * 4
    assert is_vector(np.zeros(3), np.int64, np.float64)
    for other in (np.zeros(3, np.float32), np.zeros((3, 1)), np.array(1.0), [1.0], None):
        assert not is_vector(other, np.int64, np.float64)


def test_arrays_are_like_others_of_the_same_shapes_and_dtypes():
    family = [np.zeros(3, np.float32), np.zeros((2, 2), np.float32)]
    assert are_like([array + 1 for array in family], iter(family))
    assert are_like([], [])
    for other in ([], family[:1], [np.zeros(3), family[1]], [1.0, family[1]], None, tuple(family)):
        assert not are_like(other, family)


class Owner:
    __slots__ = ("__dict__", "object_slot", "slot")
    limit = 3
    table = {1: open}

    def __init__(self):
        self.count, self.file, self.weight, self.layers = 0, open, mn.Parameter([1.0]), [mn.ReLU()]
        self.object_slot = open

    @property
    def size(self):
        return 3

    def reset(self):
        pass


@pytest.mark.parametrize("name", ["count", "new", "limit", "slot"])
def test_data_may_replace_data(name):
    assert unsettable(Owner(), name, 5) == ""


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("file", "a builtin_function_or_method of Owner"),
        ("object_slot", "a builtin_function_or_method of Owner"),
        ("weight", "a Parameter of Owner"),
        ("layers", "a list of Owner"),
        ("table", "a dict of Owner"),
        ("size", "a method or a property of Owner"),
        ("reset", "a method or a property of Owner"),
        ("__class__", "no name of an attribute"),
        ("a b", "no name of an attribute"),
        (3, "no name of an attribute"),
    ],
)
def test_data_must_not_replace_anything_else(name, what):
    assert unsettable(Owner(), name, 5) == what


def test_none_may_stand_for_an_object_that_was_given_up():
    assert [unsettable(Owner(), name, None) for name in ("file", "weight", "layers")] == [
        "",
        "a Parameter of Owner",
        "a list of Owner",
    ]
