"""The description: everything that a layer holds, by kinds and numbers, and nothing that JSON does not know."""

import json
from collections import deque

import numpy as np

import minnet as mn
from minnet.grading.remote.described import Description


class Odd(mn.Layer):
    def __init__(self):
        self.weight = mn.Parameter([1.0])
        self.function = len
        self.loop = [1]
        self.loop.append(self.loop)
        self.things = deque([{1, 2}, object(), np.array([object()])], maxlen=5)
        self.text = "x" * 100_000
        self.number = 10**5000

    def describe(self):
        return "Odd" * 1000


def test_a_layer_of_odd_attributes_is_described():
    description = Description()
    text = json.dumps(description.of(Odd()))
    assert len(text) < 5000
    assert len(description.arrays) == 2


def test_numbers_stay_those_of_the_objects():
    layer = mn.Sequential(mn.Linear(2, 3), mn.Tanh())
    description = Description()
    assert json.dumps(description.of(layer)) == json.dumps(description.of(layer))
    assert description.layers == [layer, *layer]
    assert description.objects[id(layer[0].weight)] is layer[0].weight
