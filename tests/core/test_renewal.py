"""What a fit did to an object is undone by the next, and nothing else is."""

import copy
import gc
import pickle
import random
import threading
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from dataclasses import dataclass, field

import numpy as np
import pytest

from minnet.core.renewal import Renewal

Pair = namedtuple("Pair", "left right")


class Owner:
    """Has the attributes that it is made with."""

    def __init__(self, **values):
        self.__dict__.update(values)


def use(owner, change):
    """Let a fit change an object."""
    with Renewal([owner]):
        change(owner)


def nothing(owner):
    pass


def assign(owner):
    owner.x = 5.0


CHANGES = {
    "None": (lambda: None, assign),
    "a number": (lambda: 1.0, assign),
    "a text": (lambda: "a", assign),
    "a list": (list, lambda o: o.x.append(1)),
    "a list that is popped from": (lambda: [0.1, 0.01], lambda o: o.x.pop()),
    "a list in a list": (lambda: [[1], [2]], lambda o: o.x[0].append(1)),
    "a list in a tuple": (lambda: ([1], 2), lambda o: o.x[0].append(1)),
    "a list in a named tuple": (lambda: Pair([1], 2), lambda o: o.x.left.append(1)),
    "a dict": (lambda: {"a": 1}, lambda o: o.x.update(b=2)),
    "an ordered dict": (lambda: OrderedDict(a=1), lambda o: o.x.update(b=2)),
    "a defaultdict": (lambda: defaultdict(list), lambda o: o.x["a"].append(2)),
    "a Counter": (lambda: Counter("ab"), lambda o: o.x.update("b")),
    "a deque": (lambda: deque([1], maxlen=3), lambda o: o.x.append(2)),
    "a set": (lambda: {1}, lambda o: o.x.add(2)),
    "bytes that change": (lambda: bytearray(b"a"), lambda o: o.x.extend(b"b")),
    "an array": (lambda: np.zeros(3), lambda o: np.add(o.x, 1, out=o.x)),
    "a view of an array that nobody else has": (
        lambda: np.arange(6.0).reshape(2, 3),
        lambda o: np.add(o.x, 1, out=o.x),
    ),
    "an array of objects": (lambda: np.array([[1], None], object), lambda o: o.x[0].append(2)),
    "NaN in a list": (lambda: [float("nan")], lambda o: o.x.append(2)),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_what_a_fit_changed_is_undone_by_the_next(kind):
    make, change = CHANGES[kind]
    owner, twin = Owner(x=make()), Owner(x=make())
    change(twin)
    for _ in range(3):
        use(owner, change)
        assert repr(owner.x) == repr(twin.x)  # it can be read after the fit
    use(owner, nothing)
    assert repr(owner.x) == repr(make())
    assert type(owner.x) is type(make())


@pytest.mark.parametrize("kind", [np.random.default_rng, np.random.RandomState, random.Random])
def test_a_random_generator_begins_again(kind):
    owner, drawn = Owner(rng=kind(0)), []
    for _ in range(2):
        use(owner, lambda o: drawn.append(o.rng.random()))
    assert drawn[0] == drawn[1]


def test_a_result_that_was_read_after_a_fit_stays_as_it_was():
    owner, kept = Owner(losses=[], best=np.zeros(2)), []
    for value in (1, 2):
        use(owner, lambda o, value=value: (o.losses.append(value), np.add(o.best, value, out=o.best)))
        kept.append((owner.losses, owner.best))
    assert [losses for losses, _ in kept] == [[1], [2]]
    assert [best.tolist() for _, best in kept] == [[1, 1], [2, 2]]


def test_an_attribute_that_a_fit_made_is_deleted_and_one_that_it_deleted_is_back():
    owner = Owner(old=1)

    def change(owner):
        assert vars(owner) == {"old": 1}
        owner.new = 1
        del owner.old

    for _ in range(2):
        use(owner, change)
        assert vars(owner) == {"new": 1}


def test_what_was_assigned_between_two_fits_stays():
    owner = Owner(patience=3, best=None, seen=[])

    def change(owner):
        owner.best, owner.made = 0.5, 1
        owner.seen.append(1)

    use(owner, change)
    owner.patience, owner.best, owner.made, owner.seen = 9, 0.25, 2, [7]
    use(owner, nothing)
    assert vars(owner) == {"patience": 9, "best": 0.25, "made": 2, "seen": [7]}


def test_what_was_changed_between_two_fits_stays_if_the_fit_had_not_changed_it():
    owner = Owner(steps=[1], counts=np.zeros(2), waited=0)
    use(owner, lambda o: setattr(o, "waited", 1))
    owner.steps.append(2)
    owner.counts += 1
    use(owner, nothing)
    assert (owner.steps, owner.counts.tolist(), owner.waited) == ([1, 2], [1, 1], 0)


def test_what_was_changed_twice_between_two_fits_stays():
    owner = Owner(seen=[], best=float("inf"))
    use(owner, lambda o: (o.seen.append(1), setattr(o, "best", 0.5)))
    owner.seen = [2]
    owner.seen = [3]  # perhaps where the list of the fit was in memory
    use(owner, nothing)
    assert (owner.seen, owner.best) == ([3], float("inf"))
    use(owner, lambda o: o.seen.append(1))
    owner.seen.append(4)
    use(owner, nothing)
    assert owner.seen == [3, 1, 4]


def test_two_names_for_one_list_stay_so():
    owner = Owner(inner=[])
    owner.outer = [owner.inner]
    for _ in range(2):
        use(owner, lambda o: o.inner.append(1))
        assert owner.outer == [[1]]
        assert owner.outer[0] is owner.inner


def test_what_somebody_else_holds_is_left_alone():
    class Thing:
        count = 0

    log, thing, data, groups = [], Thing(), np.zeros(3), [{"lr": 0.1}]
    owner = Owner(log=log, thing=thing, data=data, part=data[1:], groups=groups, things=[thing])

    def change(owner):
        owner.log.append(1)
        owner.thing.count += 1
        owner.part += 1
        owner.groups[0]["lr"] /= 10

    for _ in range(2):
        use(owner, change)
    assert (log, thing.count, data.tolist()) == ([1, 1], 2, [0, 2, 2])
    assert groups[0]["lr"] == pytest.approx(0.001)
    assert owner.log is log
    assert owner.things[0] is thing


def test_what_cannot_be_copied_or_compared_is_left_alone(tmp_path):
    class Uncomparable:
        def __eq__(self, other):
            raise ValueError

        __hash__ = object.__hash__

    with (tmp_path / "log").open("w") as file:
        endless, deep, thing = [], [], Uncomparable()
        endless.append(endless)
        for _ in range(200):
            deep = [deep]
        owner = Owner(file=file, lock=threading.Lock(), endless=endless, deep=deep, thing={thing}, call=len, made=[])
        del endless, deep
        for _ in range(2):
            use(owner, lambda o: (o.file.write("x"), o.made.append(1)))
    assert (tmp_path / "log").read_text() == "xx"
    assert owner.made == [1]
    assert owner.thing == {thing}
    assert owner.endless[0] is owner.endless


def test_a_large_array_that_is_the_callers_or_read_only_is_not_copied(tmp_path):
    X = np.zeros(10)
    X.flags.writeable = False
    np.save(tmp_path / "X.npy", X)
    owner = Owner(X=np.load(tmp_path / "X.npy", mmap_mode="r+"), y=X[:])
    arrays = owner.X, owner.y
    use(owner, lambda o: setattr(o, "X", None))
    use(owner, nothing)
    assert owner.X is arrays[0]
    assert owner.y is arrays[1]


def test_slots_and_frozen_dataclasses():
    class Slots:
        __slots__ = ("__weakref__", "losses", "unset")

        def __init__(self):
            self.losses = []

    @dataclass(frozen=True)
    class Frozen:
        losses: list = field(default_factory=list)
        best: float = 0.0

    for owner in (Slots(), Frozen()):
        for _ in range(2):
            use(owner, lambda o: o.losses.append(1))
            assert owner.losses == [1]


def test_an_object_that_is_in_use_cannot_be_used_again():
    owner = Owner(x=1)
    with Renewal([owner, owner]):
        with (
            pytest.raises(RuntimeError, match=r"this Owner is in use by another fit, .*: give each fit its own Owner"),
            Renewal([owner]),
        ):
            pass
        owner.x = 2
    with Renewal([owner]):
        assert owner.x == 1
    with pytest.raises(ZeroDivisionError), Renewal([owner]):
        raise ZeroDivisionError
    use(owner, nothing)


def test_nothing_is_left_in_the_object_and_copies_are_as_they_are():
    owner = Owner(x=1)
    use(owner, assign)
    assert vars(owner) == {"x": 5.0}
    for twin in (copy.deepcopy(owner), copy.copy(owner)):
        use(twin, nothing)
        assert twin.x == 5.0
    assert vars(pickle.loads(pickle.dumps(owner))) == {"x": 5.0}


def test_the_memory_of_an_object_that_is_gone_is_free():
    from minnet.core import renewal

    gc.collect()  # what other tests have left
    before = len(renewal._changed)
    owner = Owner(x=1)
    use(owner, assign)
    assert len(renewal._changed) == before + 1
    del owner
    assert len(renewal._changed) == before
    owner = Owner()
    use(owner, lambda o: vars(o).update(call=o.__repr__, me=o))
    assert len(renewal._changed) == before + 1
    del owner
    gc.collect()
    assert len(renewal._changed) == before


class Outer:
    def __init__(self, inner):
        self.held = [{"inner": inner}]


def test_objects_of_a_class_inside_the_owners_are_renewed_too():
    """A callback inside a callback began with the best value of the fit before."""
    inner, other = Owner(best=1.0), Outer(None)
    outer = Outer((inner, other))
    before = vars(inner).copy()
    with Renewal([outer], kind=Owner):
        with pytest.raises(RuntimeError, match="is in use by another fit"), Renewal([inner]):
            pass
        inner.later, other.later = 1, 1
    with Renewal([outer, inner], kind=Owner):
        assert vars(inner).keys() == before.keys()
        assert other.later == 1
    with Renewal([inner]):
        pass
