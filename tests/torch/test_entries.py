"""Every layer has an entry; a class of a user's has that of its base, and its arrays as they are."""

import numpy as np
import pytest

import minnet as mn
from minnet.saving.description import OWN
from minnet.torch.entries import ENTRIES, dotted, entry_of, own_arrays, parts_of


@pytest.mark.parametrize("name", sorted(OWN))
def test_every_layer_has_an_entry(name):
    assert OWN[name] in ENTRIES


class Scaled(mn.Linear):
    """A class of a user's."""


class Own(mn.Layer):
    """A layer with arrays, and layers inside."""

    def __init__(self):
        self.scale = mn.Parameter(np.ones(3))
        self.blocks = [mn.Linear(3, 3), mn.Sequential(mn.ReLU())]
        self.table = {"a": mn.Linear(3, 2)}


def test_classes_of_users():
    assert entry_of(Scaled(2, 3)).tensors(Scaled(2, 3)) == ENTRIES[mn.Linear].tensors(mn.Linear(2, 3))
    assert parts_of(Own()) == {"blocks.0": "blocks[0]", "blocks.1": "blocks[1]", "table.a": "table['a']"}
    assert own_arrays(Own()) == ["scale"]
    assert [tensor.name for tensor in entry_of(Own()).tensors(Own())] == ["scale"]


def test_parts_of_a_container_have_its_names():
    assert parts_of(mn.Sequential(mn.ReLU(), head=mn.Linear(2, 2))) == {"0": "layers[0]", "head": 'layers["head"]'}


def test_dotted():
    assert dotted('layers["body"].blocks[0].weight') == "layers.body.blocks.0.weight"
    assert dotted("[3]") == "3"
