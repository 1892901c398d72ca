"""Objects that remember something: what is found, what is lost, and that it is restored in place."""

import copy
import enum
import functools
import io
import itertools
import logging
import threading
from collections import defaultdict, deque, namedtuple
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import minnet as mn
from minnet.core.objects import DATA, Objects, is_fixed, kind_of

Pair = namedtuple("Pair", "a b")
Phase = enum.Enum("Phase", "FIRST SECOND")


class Thing:
    def __init__(self, **values):
        vars(self).update(values)


class Stateful:
    def __init__(self):
        self.hidden = object()
        self.value = 0

    def state_dict(self):
        return {"value": self.value}

    def load_state_dict(self, state):
        self.value = state["value"]


@dataclass(frozen=True)
class Frozen:
    calls: list
    size: int = 3


def walk(owner, covered=()):
    objects = Objects(covered)
    objects.add("it", owner)
    return objects


def restored(make, change):
    """Change what a script made, and restore it into what the script makes anew."""
    one, other = make(), make()
    change(one)
    state = copy.deepcopy(walk(one).state())
    objects = walk(other)
    objects.restore(state)
    return other, objects


def test_an_object_in_an_object():
    def change(it):
        it.inner.count += 1
        it.inner.rng.random()
        it.inner.deeper.array += 1
        it.inner.later = [1]

    def make():
        inner = Thing(count=0, rng=np.random.default_rng(0), deeper=Thing(array=np.zeros(2)))
        return Thing(inner=inner, plain=1)

    expected = make()
    change(expected)
    it, objects = restored(make, change)
    assert list(objects.found) == ["it.inner", "it.inner.deeper"]
    assert (it.inner.count, it.inner.later, it.inner.deeper.array.tolist()) == (1, [1], [1, 1])
    assert it.inner.rng.random() == expected.inner.rng.random()


def test_shared_and_circular_objects_are_found_once():
    shared = Thing(count=1)
    it = Thing(a=shared, b=shared, list=[shared])
    shared.owner = it
    objects = walk(it, [it])
    assert list(objects.found) == ["it.a", "it.list"]
    assert not objects.lost


def test_what_is_covered_is_left_out():
    model = mn.Linear(2, 2, rng=0)
    objects = walk(Thing(model=model, weights=[model.weight]), [model, *model.parameters()])
    assert list(objects.found) == ["it.weights"]
    assert objects.state() == {}


def test_a_copy_of_a_model():
    def change(it):
        it.teacher.layers[0].weight.data += 1
        it.teacher.layers[0].weight.trainable = False
        it.teacher.layers[1].rng.random()

    expected = mn.Sequential(mn.Linear(2, 2, rng=0), mn.Dropout(rng=0))
    it, _ = restored(lambda: Thing(teacher=copy.deepcopy(expected)), change)
    assert np.array_equal(it.teacher.layers[0].weight.data, expected.layers[0].weight.data + 1)
    assert not it.teacher.layers[0].weight.trainable
    expected.layers[1].rng.random()
    assert it.teacher.layers[1].rng.random() == expected.layers[1].rng.random()


def test_a_state_of_its_own():
    it, objects = restored(lambda: Thing(own=Stateful()), lambda it: setattr(it.own, "value", 5))
    assert it.own.value == 5
    assert not objects.lost


def test_functions_methods_and_partials():
    def make():
        rng, count = np.random.default_rng(0), 0

        def closure():
            nonlocal count
            count += 1
            return count, rng.random()

        inner = Thing(count=0)
        method = Thing.__init__.__get__(inner)
        return Thing(closure=closure, method=method, partial=functools.partial(closure, np.zeros(2), by=[1]))

    def change(it):
        it.closure()
        it.method(count=7)
        it.partial.args[0][...] = 3
        it.partial.keywords["by"].append(2)

    expected = make()
    change(expected)
    it, _ = restored(make, change)
    assert it.closure() == expected.closure()
    assert it.method.__self__.count == 7
    assert (it.partial.args[0].tolist(), it.partial.keywords) == ([3, 3], {"by": [1, 2]})


RNG = np.random.default_rng(0)


def test_a_global_generator_of_a_function():
    def draws():
        return RNG.random()

    objects = walk(Thing(function=draws))
    state = copy.deepcopy(objects.state())
    first = draws()
    objects.restore(state)
    assert draws() == first


def test_the_data_set_in_a_closure_is_left_out():
    large, small = np.zeros(DATA // 8), np.zeros(2)
    objects = walk(Thing(function=lambda: (large, small)))
    assert list(objects.state()["it.function"]) == ["(small)"]


def test_named_tuples_enums_and_factories():
    def change(it):
        it.pair, it.phase = Pair(5, [6]), Phase.SECOND
        it.factory["x"] += 1

    it, _ = restored(lambda: Thing(pair=Pair(1, [2]), phase=Phase.FIRST, factory=defaultdict(lambda: 7)), change)
    assert it.pair == Pair(5, [6])
    assert type(it.pair) is Pair
    assert it.phase is Phase.SECOND
    assert (it.factory["x"], it.factory["new"]) == (8, 7)


def test_a_frozen_dataclass_and_containers():
    def change(it):
        it.frozen.calls.append(1)
        it.list[1] = 5
        it.dict["b"] = 6
        it.tuple[1][...] = 1

    def make():
        return Thing(frozen=Frozen([]), list=[Thing(), 1], dict={"a": Thing(), "b": 2}, tuple=(Thing(), np.zeros(1)))

    it, _ = restored(make, change)
    assert (it.frozen, it.list[1], it.dict["b"], it.tuple[1].tolist()) == (Frozen([1]), 5, 6, [1])


def test_slots():
    class Slots:
        __slots__ = ("count", "inner")

        def __init__(self):
            self.count, self.inner = 0, Thing(n=0)

    def change(it):
        it.slots.count, it.slots.inner.n = 3, 4

    it, _ = restored(lambda: Thing(slots=Slots()), change)
    assert (it.slots.count, it.slots.inner.n) == (3, 4)


def FUNCTION(x):  # noqa: N802
    return x


class Rows(list):
    pass


LOST = {
    "iterator": (iter([1]), "list_iterator"),
    "count": (itertools.count(), "count"),
    "generator": ((i for i in ()), "generator"),
    "bits": (np.random.PCG64(0), "PCG64"),
    "subclass": (Rows([1]), "Rows"),
    "named": ([Pair(object(), 1)], "list, which holds a Pair"),
    "queue": (deque([object()]), "deque"),
    "factory": (defaultdict(lambda: 1, a=object()), "defaultdict"),
    "meter": (Thing(lock=threading.Lock(), count=1), "Thing, which holds a lock"),
    "text": (np.array(["text"]), "ndarray"),
    "inside": (Thing(a=[Thing(b=iter([1]))]), "Thing, which holds a list_iterator"),
}


@pytest.mark.parametrize("name", LOST)
def test_what_cannot_be_kept_is_named(name):
    value, kind = LOST[name]
    objects = walk(Thing(**{name: value, "fine": Thing(count=1)}))
    assert objects.lost == {f"it.{name}": kind}
    assert list(objects.found) == ["it.fine"]


@pytest.mark.parametrize(
    "value",
    [Path("a"), len, np.tanh, FUNCTION, Thing, np, logging.getLogger(), np.dtype("f4"), range(3)],
    ids=lambda value: type(value).__name__,
)
def test_code_and_what_cannot_change_is_left_to_the_script(value):
    objects = walk(Thing(value=value))
    assert not objects.found
    assert not objects.lost
    assert is_fixed(value)


def test_files_and_locks_of_an_owner_are_left_to_the_script(tmp_path):
    with (tmp_path / "file").open("w") as file:
        objects = walk(Thing(file=file, lock=threading.Lock(), text=io.StringIO()))
    assert not objects.found
    assert not objects.lost


def test_what_is_lost_leaves_no_part_of_it_behind():
    shared = Thing(count=1)
    objects = walk(Thing(a=Thing(shared=shared, bad=iter([1])), b=shared))
    assert list(objects.found) == ["it.b"]


def test_kinds():
    assert kind_of([1, 2]) == "list of 2"
    assert kind_of(Thing()) == "Thing"


Access = enum.Flag("Access", "READ WRITE")


@pytest.mark.parametrize("flags", [Access(0), Access.READ | Access.WRITE], ids=["none", "both"])
def test_flags_are_kept(flags):
    it, objects = restored(lambda: Thing(flags=Access.READ), lambda it: vars(it).update(flags=flags))
    assert it.flags is flags
    assert not objects.lost


@pytest.mark.parametrize("outside", [threading.Event(), threading.Semaphore(), [io.StringIO(), threading.Lock()]])
def test_what_reaches_outside_is_left_to_the_script(outside):
    objects = walk(Thing(outside=outside))
    assert not objects.lost
    assert not objects.found
    assert walk(Thing(inner=Thing(outside=outside))).lost


# -- layers outside of the model


class Counting(mn.Layer):
    def __init__(self):
        self.weight = mn.Parameter([1.0])
        self.calls = 0


def test_a_layer_keeps_more_than_its_state_dict():
    """Every Layer has a `state_dict`, of its arrays; its other attributes and Generators are kept as well."""

    def make():
        return Thing(teacher=mn.Sequential(count=Counting(), drop=mn.Dropout(0.5, rng=0)))

    def change(thing):
        thing.teacher["count"].calls = 7
        thing.teacher["count"].weight.data[:] = 3
        thing.teacher["drop"].rng.random(5)

    other, _ = restored(make, change)
    one = make()
    change(one)
    assert other.teacher["count"].calls == 7
    assert other.teacher["count"].weight.data == 3
    assert other.teacher["drop"].rng.random() == one.teacher["drop"].rng.random()


class Declaring(Counting):
    def state_dict(self):
        return {"calls": self.calls}

    def load_state_dict(self, state):
        self.calls = state["calls"]


def test_a_layer_that_says_itself_what_to_keep_is_asked():
    other, _ = restored(lambda: Thing(layer=Declaring()), lambda thing: vars(thing.layer).update(calls=7))
    assert other.layer.calls == 7


def test_the_layers_of_a_container_are_a_tuple():
    found = walk(Thing(model=mn.Sequential(mn.Linear(2, 2), head=mn.Dropout(0.5, rng=0)))).found
    assert kind_of(found["it.model.layers"].value) == "tuple of 2"
    assert {"it.model.layers[0]", 'it.model.layers["head"]'} <= found.keys()
