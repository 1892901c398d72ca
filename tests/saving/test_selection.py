import numpy as np
import pytest

from minnet.errors import CheckpointError
from minnet.saving.selection import select

NAMES = ['layers["body"].layers[0].weight', 'layers["body"].layers[10].weight', "layers[1].weight", "layers[10].bias"]
ARRAYS = {name: np.zeros(i) for i, name in enumerate(NAMES)}


def names(prefix="", rename=None, arrays=ARRAYS):
    selection = select(arrays, prefix, rename)
    return list(selection.arrays), selection.left_out


def test_all_of_them():
    selection = select(ARRAYS)
    assert selection.arrays == ARRAYS
    assert selection.left_out == []


def test_a_prefix_ends_where_a_layers_name_does():
    assert names("layers[1]") == (["weight"], [NAMES[0], NAMES[1], NAMES[3]])
    assert names('layers["body"]') == (["layers[0].weight", "layers[10].weight"], NAMES[2:])
    assert names('layers["body"].') == names('layers["body"]')
    assert names('layers["body"].layers') == (["[0].weight", "[10].weight"], NAMES[2:])


@pytest.mark.parametrize("prefix", ["layers[", "lay", "layers[2]", "layers[1].weight", "layers[1].weight.x"])
def test_a_prefix_that_is_no_layer_is_an_error(prefix):
    with pytest.raises(CheckpointError, match="none of its arrays has a name below the prefix"):
        select(ARRAYS, prefix)


def test_renames_of_layers_and_of_arrays():
    assert names(rename={"layers[1]": "head"})[0] == [*NAMES[:2], "head.weight", NAMES[3]]
    assert names(rename={"layers[1].weight": "w"})[0] == [*NAMES[:2], "w", NAMES[3]]
    assert names(rename={'layers["body"]': ""})[0][:2] == ["layers[0].weight", "layers[10].weight"]
    assert names(rename={"layers": "blocks"})[0][2:] == ["blocks[1].weight", "blocks[10].bias"]


def test_the_longest_rename_wins():
    rename = {'layers["body"]': "b", 'layers["body"].layers[0]': "first"}
    assert names(rename=rename)[0][:2] == ["first.weight", "b.layers[10].weight"]


def test_none_leaves_out():
    assert names(rename={'layers["body"]': None}) == (NAMES[2:], NAMES[:2])
    assert names(rename=lambda name: name if "body" in name else None) == (NAMES[:2], NAMES[2:])


def test_a_function_renames_what_the_prefix_left():
    assert names('layers["body"]', lambda name: name.replace("layers", "blocks"))[0] == [
        "blocks[0].weight",
        "blocks[10].weight",
    ]


def test_names_of_pytorch():
    arrays = {"module.0.weight": np.zeros(1), "module.2.bias": np.zeros(1)}
    assert names("module", {"0": "layers[0]", "2": "layers[2]"}, arrays)[0] == ["layers[0].weight", "layers[2].bias"]


@pytest.mark.parametrize(
    ("prefix", "rename", "error", "message"),
    [
        ("", lambda name: "x", CheckpointError, "two arrays would be called x: "),
        ("", {"layers[7]": "x"}, CheckpointError, r"rename has 'layers\[7\]', which is no name in the file"),
        ("", lambda name: 3, TypeError, "rename to return a name or None, got 3"),
        ("", ["a"], TypeError, "rename to be a dict of old and new names, or a function, got list"),
        ("", {"layers[1]": 3}, TypeError, "rename to map names to names"),
        ("", {"": "x"}, TypeError, "rename to map names to names"),
        (0, None, TypeError, "prefix to be a string"),
    ],
)
def test_what_is_wrong(prefix, rename, error, message):
    with pytest.raises(error, match=message):
        select(ARRAYS, prefix, rename)
