"""What loaders of all kinds remember, and epochs that are begun again. (Whole runs: tests/reliability.)"""

import copy

import numpy as np
import pytest

import minnet as mn
from minnet.errors import CheckpointError
from minnet.saving import loaders

X, Y = np.arange(12.0).reshape(6, 2), np.arange(6)


class Plain:
    def __init__(self, rng=0):
        self.rng, self.passes, self.images = np.random.default_rng(rng), 0, np.zeros(1 << 18)

    def __iter__(self):
        self.passes += 1
        for row in self.rng.permutation(6):
            yield X[[row]], Y[[row]]


class Positioned(Plain):
    """A loader that goes on by itself: its state has the place, from which the next pass begins once."""

    place, begin = 0, 0

    def __iter__(self):
        begin, self.begin = self.begin, 0
        for self.place in range(begin + 1, 7):
            yield X[[self.place - 1]], Y[[self.place - 1]]
        self.place = 0

    def state_dict(self):
        return {"place": self.place}

    def load_state_dict(self, state):
        self.place = self.begin = state["place"]


def ys(batches):
    return [int(y[0]) for _, y in batches]


def interrupted(make, done):
    """Read so many batches; return the rest, and the rest that a new loader yields after it was restored."""
    one, other = make(), make()
    began = loaders.begin(one, list)
    batches = iter(one)
    for _ in range(done):
        next(batches)
    at, now = loaders.place(batches), copy.deepcopy(loaders.capture(one))
    loaders.restore(other, now)
    rest = loaders.go_on(other, done, at, began, None, ())
    loaders.restore(other, now)
    return [ys(batches), ys(one)], [ys(rest), ys(other)]


@pytest.mark.parametrize(
    "make",
    [
        Plain,
        Positioned,
        lambda: [(X[[i]], Y[[i]]) for i in range(6)],
        lambda: mn.DataLoader(X, Y, 1, shuffle=True, rng=0),
        lambda: type("Own", (mn.DataLoader,), {"__iter__": lambda self: iter(list(mn.DataLoader.__iter__(self)))})(
            X, Y, 1, shuffle=True, rng=0
        ),
    ],
    ids=["plain", "positioned", "list", "DataLoader", "own iter"],
)
@pytest.mark.parametrize("done", [0, 1, 5])
def test_the_rest_of_an_epoch_and_the_next(make, done):
    expected, found = interrupted(make, done)
    assert found == expected


def test_only_an_epoch_of_minnets_own_has_a_place():
    loader = mn.DataLoader(X, Y, 2)
    assert loaders.begin(loader, list) is None
    assert loaders.place(iter(loader)) == {"done": 0, "order": None}
    assert loaders.place(iter([])) is None
    assert loaders.place(None) is None


def test_the_data_set_is_not_kept():
    state = loaders.capture(Plain())
    assert state["attributes"].keys() == {"rng", "passes"}
    assert loaders.capture([(X, Y)]) == {"attributes": {}, "objects": {}}


def test_a_state_at_the_beginning_does_not_change():
    loader = Plain()
    began = loaders.begin(loader, list)
    first = ys(loader)
    loaders.restore(loader, began)
    assert ys(loader) == first
    assert loader.passes == 1


def test_a_loader_that_yields_fewer_batches():
    with pytest.raises(CheckpointError, match="yields 2 batches now, but the run had learned from 3 of them"):
        loaders.go_on([(X, Y)] * 2, 3, None, {}, None, ())


@pytest.mark.parametrize("size", [0, -1, 7, True, 3.0, "a"])
def test_a_batch_size_of_a_file(size):
    loader = mn.DataLoader(X, Y, 2)
    assert loaders.as_saved(loader, {"attributes": {"batch_size": 6}}).batch_size == 6
    assert loader.batch_size == 2
    with pytest.raises(ValueError, match="a batch size of"):
        loaders.as_saved(loader, {"attributes": {"batch_size": size}})


def test_a_data_set_in_several_arrays_is_not_kept():
    class Loader:
        def __init__(self):
            self.inputs = {"image": np.zeros((300, 1000)), "table": np.zeros((300, 3))}
            self.small = {"a": np.zeros(3)}

        def __iter__(self):
            yield self.inputs, np.zeros(300)

    loader = Loader()
    assert loaders.capture(loader)["attributes"].keys() == {"small"}
    before = loaders.data(loader)
    assert before.keys() == {'inputs["image"]', 'inputs["table"]'}
    loader.inputs["table"][2] = 1
    assert loaders.data(loader) != before
