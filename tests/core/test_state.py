"""States: what is plain data, and that restoring it keeps arrays and Generators the same objects."""

import copy

import numpy as np
import pytest

import minnet as mn
from minnet.core.state import DEEPEST, attributes, is_plain, set_attributes


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        1,
        0.5,
        "text",
        np.ones(3),
        np.float32(1),
        np.random.default_rng(0),
        [1, (2.0, {"a": np.arange(2), 3: None})],
        nested(DEEPEST),
    ],
    ids=lambda value: str(value)[:20],
)
def test_plain_data(value):
    assert is_plain(value)


@pytest.mark.parametrize(
    "value",
    [
        object(),
        len,
        {1, 2},
        b"bytes",
        mn.Parameter([1.0]),
        np.array([None]),
        np.array(["text"]),
        [1, {"a": len}],
        {(len,): 1},
        nested(DEEPEST + 1),
    ],
    ids=lambda value: str(value)[:20],
)
def test_other_data(value):
    assert not is_plain(value)


class Counter:
    def __init__(self):
        self.count = 0
        self.sums = np.zeros(2)
        self.parts = [np.zeros(1), {"mean": np.zeros(1)}]
        self.rng = np.random.default_rng(0)
        self.report = print

    @property
    def double(self):
        return 2 * self.count

    def step(self):
        self.count += 1
        for array in (self.sums, self.parts[0], self.parts[1]["mean"]):
            array += self.rng.random()


def test_a_state_has_the_plain_attributes_and_restores_them():
    counter = Counter()
    counter.step()
    state = copy.deepcopy(attributes(counter))
    assert set(state) == {"count", "sums", "parts", "rng"}
    counter.step()
    expected = counter.sums.copy()
    held = (counter.sums, counter.parts[0], counter.parts[1]["mean"], counter.rng)
    set_attributes(counter, state)
    assert counter.count == 1
    counter.step()
    np.testing.assert_array_equal(counter.sums, expected)
    now = (counter.sums, counter.parts[0], counter.parts[1]["mean"], counter.rng)
    assert all(a is b for a, b in zip(now, held, strict=True)), "others may hold them"


def test_an_array_of_another_shape_is_replaced_by_a_copy():
    counter, saved = Counter(), np.ones(3)
    set_attributes(counter, {"sums": saved})
    assert counter.sums.shape == (3,)
    assert counter.sums is not saved


def test_a_state_replaces_neither_methods_nor_properties():
    counter = Counter()
    set_attributes(counter, {"step": 1, "double": 3, "count": 5})
    assert callable(counter.step)
    assert counter.double == 10


def test_a_class_may_choose_its_attributes():
    class Chooses(Counter):
        def __getstate__(self):
            return {"count": self.count}

    assert attributes(Chooses()) == {"count": 0}
