"""The mirror: the same objects as long as the layer's are the same, with the numbers of the layer."""

import json

import numpy as np
import pytest

import minnet as mn
from minnet.grading.remote.described import Description
from minnet.grading.remote.mirror import Mirror


class Held(mn.Layer):
    def __init__(self):
        self.weight = mn.Parameter([1.0, 2.0])
        self.running = mn.Buffer([3.0])
        self.same = [self.weight, {"again": self.weight}]
        self.rng = np.random.default_rng(0)
        self.names = ("a", 2, None)


@pytest.fixture
def held():
    return Held()


def mirrored(layer):
    description = Description()
    tree = description.of(layer)
    mirror = Mirror(lambda node: mn.Layer())
    news = {"tree": json.dumps(tree), "arrays": {str(n): np.array(a) for n, a in description.arrays.items()}}
    return mirror, mirror.update(news), description


def test_it_has_what_the_layer_has(held):
    _, layer, _ = mirrored(held)
    assert [name for name, _ in layer.named_arrays()] == ["weight", "running"]
    assert layer.same[0] is layer.same[1]["again"] is layer.weight
    assert layer.names == held.names
    assert layer.rng.random() == np.random.default_rng(0).random()
    assert layer.weight.data.tolist() == [1, 2]


def test_it_notices_what_is_changed_here(held):
    mirror, layer, description = mirrored(held)
    assert mirror.changes() == {"arrays": {}, "flags": {}, "generators": {}}
    layer.weight.data[0] = 5
    layer.training = False
    layer.rng.random()
    changes = mirror.changes()
    assert [values.tolist() for values in changes["arrays"].values()] == [[5, 2]]
    assert list(changes["flags"].values()) == [[False, True, False]]
    assert len(changes["generators"]) == 1
    assert mirror.changes() == {"arrays": {}, "flags": {}, "generators": {}}
    assert int(next(iter(changes["arrays"]))) in description.arrays


def test_it_takes_over_what_changes_there(held):
    mirror, layer, description = mirrored(held)
    weight, data = layer.weight, layer.weight.data
    held.weight.data[...] = 7
    held.more = 3
    number = id(held.weight.data)
    mirror.update({"tree": json.dumps(description.of(held)), "arrays": {str(number): held.weight.data}})
    assert layer.weight is weight
    assert layer.weight.data is data
    assert data.tolist() == [7, 7]
    assert layer.more == 3
    del held.more
    mirror.update({"tree": json.dumps(description.of(held)), "arrays": {}})
    assert not hasattr(layer, "more")


@pytest.mark.parametrize("kind", ["PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64"])
def test_generators(held, kind):
    held.rng = np.random.Generator(getattr(np.random, kind)(3))
    held.rng.random(5, dtype=np.float32)
    _, layer, _ = mirrored(held)
    assert layer.rng.integers(1000, size=9).tolist() == held.rng.integers(1000, size=9).tolist()
