"""Layers: a tuple in which a name is an index, too."""

import copy
import pickle

import numpy as np
import pytest

from minnet.core.layers import Layers

LAYERS = Layers("abc", ["first", None, "last"])


def test_it_is_the_tuple():
    assert LAYERS == ("a", "b", "c")
    assert isinstance(LAYERS, tuple)
    assert hash(LAYERS) == hash(("a", "b", "c"))


@pytest.mark.parametrize(
    ("key", "item"), [(0, "a"), (-1, "c"), (np.int64(1), "b"), (True, "b"), ("first", "a"), ("last", "c")]
)
def test_an_item_is_found_by_its_place_or_its_name(key, item):
    assert LAYERS[key] == item


def test_a_slice_keeps_the_names():
    part = LAYERS[::-2]
    assert part == ("c", "a")
    assert part.names == ("last", "first")
    assert part["first"] == "a"


def test_without_names_every_one_is_none():
    assert Layers("ab").names == (None, None)
    assert Layers().names == ()


def test_the_brackets_are_those_that_python_reads():
    assert [LAYERS.index_of(i) for i in range(3)] == ['["first"]', "[1]", '["last"]']
    for i in range(3):
        assert eval("LAYERS" + LAYERS.index_of(i)) == "abc"[i]


@pytest.mark.parametrize("make", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_have_the_names(make):
    made = make(LAYERS)
    assert made == LAYERS
    assert made.names == LAYERS.names
    assert type(made) is Layers


def test_a_deep_copy_copies_the_items():
    made = copy.deepcopy(Layers([[1], [2]], ["one", "two"]))
    made["one"].append(3)
    assert made == ([1, 3], [2])


@pytest.mark.parametrize("key", ["", "FIRST", "1"])
def test_an_unknown_name(key):
    with pytest.raises(KeyError, match=r"no layer has the name .*; the names are first, last"):
        LAYERS[key]


def test_a_name_where_no_layer_has_one():
    with pytest.raises(KeyError, match="there are only numbers"):
        Layers("ab")["first"]


@pytest.mark.parametrize("key", [3, -4])
def test_an_unknown_place(key):
    with pytest.raises(IndexError, match=f"no layer {key}: their numbers are 0 to 2, or -1 from the end"):
        LAYERS[key]


@pytest.mark.parametrize("key", [1.0, None, (0,)])
def test_a_key_of_another_type(key):
    with pytest.raises(TypeError, match="by its number or its name, not by a"):
        LAYERS[key]
