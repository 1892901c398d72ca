"""A tree is an array, or a tuple or dict of arrays: read from what users pass, cut, cast, and given to a model."""

from collections import OrderedDict, namedtuple

import numpy as np
import pytest

from minnet.core.trees import (
    as_tree,
    call,
    cast_tree,
    check_lengths,
    describe,
    first,
    joined,
    leaves,
    mapped,
    named_leaves,
    refuse_tree,
    taken,
)

A, B = np.arange(6.0).reshape(3, 2), np.arange(3)
TREES = [A, (A, B), (A,), {"a": A, "b": B}]


def test_a_model_is_called_with_its_inputs():
    def forward(*places, **names):
        return places, names

    assert call(forward, A) == ((A,), {})
    assert call(forward, (A, B)) == ((A, B), {})
    assert call(forward, {"a": A, "b": B}) == ((), {"a": A, "b": B})


@pytest.mark.parametrize("tree", TREES, ids=range(4))
def test_trees_keep_their_form(tree):
    for other in (mapped(lambda leaf: leaf + 1, tree), cast_tree(tree, np.dtype(np.float32)), taken(tree, [0, 2])):
        assert type(other) is type(tree)
        assert [name for name, _ in named_leaves("x", other)] == [name for name, _ in named_leaves("x", tree)]
    assert first(tree) is A is leaves(tree)[0]
    assert cast_tree(tree, None) is tree or leaves(cast_tree(tree, None))[0] is A
    both = joined(np.concatenate, [taken(tree, slice(0, 1)), taken(tree, slice(1, 3))])
    for one, other in zip(leaves(both), leaves(tree), strict=True):
        assert np.array_equal(one, other)


def test_only_floats_are_cast():
    assert [leaf.dtype for leaf in cast_tree((A, B, B == 0), np.dtype(np.float32))] == [np.float32, B.dtype, bool]


def test_names_say_which_array_is_meant():
    assert [name for name, _ in named_leaves("X", {"a": A, "b": B})] == ['X["a"]', 'X["b"]']
    assert [name for name, _ in named_leaves("X", (A, B))] == ["X[0]", "X[1]"]
    assert [name for name, _ in named_leaves("X", A)] == ["X"]
    assert describe({"a": A, "b": B}) == "{'a': (3, 2), 'b': (3,)}"
    assert describe((A, B)) == "((3, 2), (3,))"
    assert describe(A) == "(3, 2)"
    assert describe([A]) == "a list of 1"


Pair = namedtuple("Pair", "a b")


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ({"a": A, "b": [1, 2, 3]}, dict),
        (OrderedDict(a=A), dict),
        ((A, B), tuple),
        ((A, [1, 2, 3]), tuple),
        (Pair(A, B), tuple),
        (([A, A], [B, B]), tuple),
        ((1, 2, 3), np.ndarray),
        (((1, 2), (3, 4)), np.ndarray),
        (([1, 2], [3, 4]), np.ndarray),
        (tuple(B), np.ndarray),  # numbers of NumPy's
        ([A, A], np.ndarray),
        (A, np.ndarray),
    ],
    ids=range(12),
)
def test_what_is_read_as_a_tree(data, kind):
    tree = as_tree("L", "X", data)
    assert type(tree) is kind
    assert all(isinstance(leaf, np.ndarray) for leaf in leaves(tree))


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        ({}, TypeError, "L expected X to be an array, or a dict of arrays with names, got an empty dict: pass"),
        ({1: A}, TypeError, "a dict of arrays with names, got the key 1: pass"),
        ({"a": "text"}, TypeError, r'L expected X\["a"\] to hold numbers, got <U4'),
        ({"a": {"b": A}}, TypeError, r"L expected X\[\"a\"\] to be an array, got a dict of 'b'"),
        ((A, np.ma.masked_equal(B, 1)), TypeError, r"L expected X\[1\] to be a plain array, got a masked array"),
        ((A, A[:0]), ValueError, r"L got no samples: X\[1\] has shape \(0, 2\)"),
    ],
    ids=range(6),
)
def test_what_is_no_tree(data, error, message):
    with pytest.raises(error, match=message):
        as_tree("L", "X", data)


def test_lengths_that_differ_are_named():
    check_lengths("L", [("X[0]", A), ("X[1]", B)])
    for arrays, message in [
        ([("X", A), ("y", B[:2])], r"L got 3 samples in X and 2 targets in y: expected one target a sample\. X has sh"),
        (
            [('X["a"]', A), ('X["b"]', B[:2])],
            r'L got 3 samples in X\["a"\] and 2 samples in X\["b"\]: expected one',
        ),
        ([("X", A), ("sample_weight", B[:2])], "3 samples in X and 2 weights in sample_weight: expected one weight a"),
        ([("X[0]", B), ("X[1]", B), ("y", [1, 2])], r"y a list of 2: .*; a tuple is several arrays of them: pass np.s"),
    ]:
        with pytest.raises(ValueError, match=message):
            check_lengths("L", arrays)


def test_where_one_array_is_meant():
    for value, got in [((A, B), "a tuple of 2"), ({"a": A, "b": B}, "a dict of 'a', 'b'")]:
        with pytest.raises(TypeError, match=f"L expected y to be one array, got {got}: cure"):
            refuse_tree("L", "y", value, "cure")
    for value in (A, (1, 2), [A, B], None):
        refuse_tree("L", "y", value, "cure")
