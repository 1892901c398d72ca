"""States: what is plain data, and that restoring it keeps arrays and Generators the same objects."""

import collections
import copy
import math
import random
from collections import OrderedDict, defaultdict, deque, namedtuple
from dataclasses import dataclass

import numpy as np
import pytest

import minnet as mn
from minnet.core.state import DEEPEST, attributes, is_plain, same, set_attributes, update_in_place

Pair = namedtuple("Pair", "a b")


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
        *(b"bytes", 1j, {1}, frozenset({(1, 2)}), deque([1], 3), OrderedDict(a=[1])),
        *(collections.Counter("ab"), defaultdict(list, a=[1]), defaultdict(None)),
        *(np.random.RandomState(0), random.Random(0), np.zeros(2, np.complex64), np.ma.masked_array([1.0], [True])),
    ],
    ids=lambda value: type(value).__name__,
)
def test_plain_data(value):
    assert is_plain(value)


@pytest.mark.parametrize(
    "value",
    [
        object(),
        len,
        *(defaultdict(lambda: 1), Pair(1, 2), bytearray(b"a"), {Pair(1, 2)}, deque([object()])),
        *(random.SystemRandom(), np.random.RandomState(np.random.PCG64(0)), np.zeros(2).view(np.matrix)),
        *(type("List", (list,), {})(), type("Dict", (dict,), {})(), np.zeros(2).view(type("Array", (np.ndarray,), {}))),
        mn.Parameter([1.0]),
        np.array([None]),
        np.array(["text"]),
        [1, {"a": len}],
        {(len,): 1},
        nested(DEEPEST + 1),
    ],
    ids=lambda value: type(value).__name__,
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


class Slots:
    __slots__ = ("__dict__", "count", "unset")

    def __init__(self):
        self.count, self.more = 1, 2


def test_slots_are_attributes():
    owner = Slots()
    assert attributes(owner) == {"count": 1, "more": 2}
    set_attributes(owner, {"count": 5, "more": 6, "unset": 7})
    assert (owner.count, owner.more, owner.unset) == (5, 6, 7)


def test_containers_stay_the_same_objects():
    now = [[1], {1: 2}, {1}, deque([1], 2), OrderedDict(a=1), collections.Counter("a"), defaultdict(list, a=[1])]
    saved = [[2, 3], {4: 5}, {6}, deque([7, 8], 2), OrderedDict(b=1), collections.Counter("b"), defaultdict(list, b=[])]
    for held, value in zip(now, saved, strict=True):
        assert update_in_place(held, value) is held
        assert held == value
        assert update_in_place(None, value) == value
        assert update_in_place(None, value) is not value


def test_a_defaultdict_keeps_its_factory():
    now = defaultdict(lambda: 5)
    update_in_place(now, defaultdict(int, a=1))
    assert (now["a"], now["b"]) == (1, 5)


@pytest.mark.parametrize("make", [random.Random, np.random.RandomState], ids=lambda make: make.__name__)
def test_old_generators_are_set_in_place(make):
    now, saved = make(0), make(1)
    saved.gauss(0, 1) if make is random.Random else saved.normal()  # leaves a second number over
    assert update_in_place(now, saved) is now
    drawn = [g.gauss(0, 1) if make is random.Random else g.normal() for g in (now, saved, now, saved)]
    assert drawn[:2] == [drawn[0]] * 2
    assert drawn[2] == drawn[3]


def test_a_masked_array_keeps_its_mask():
    now, saved = np.ma.masked_array(np.zeros(3)), np.ma.masked_array(np.arange(3.0), [True, False, True], fill_value=7)
    held = now
    assert update_in_place(now, saved) is held
    assert repr(held) == repr(saved)


def test_memory_order_of_a_new_array():
    assert update_in_place(None, np.zeros((2, 3)).T).flags.f_contiguous


def test_the_same():
    for a, b in ((1, True), (0.0, -0.0), ([1], (1,)), (np.zeros(2), np.zeros(2, np.float32)), ({1: 2}, {1: 2.0})):
        assert same(a, copy.deepcopy(a))
        assert not same(a, b)
    assert same({"a": [math.nan, np.array([np.nan])]}, {"a": [math.nan, np.array([np.nan])]})
    masked = np.ma.array([1.0, 2.0], mask=[False, True])
    assert same(masked, masked.copy())
    assert not same(masked, np.ma.array([1.0, 2.0]))


class Refuses:
    def __init__(self):
        self.count = 1

    def __getstate__(self):
        raise TypeError("not to be pickled")


@dataclass(frozen=True, slots=True)
class FrozenInSlots:
    count: int = 1


@pytest.mark.parametrize("kind", [Refuses, FrozenInSlots])
def test_attributes_are_found_whatever_pickle_gets(kind):
    owner = kind()
    assert attributes(owner) == {"count": 1}
    set_attributes(owner, {"count": 2})
    assert owner.count == 2
