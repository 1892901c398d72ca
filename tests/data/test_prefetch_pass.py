"""A pass that is read ahead: the batches, and the place after those that were asked for."""

import copy
import threading

import numpy as np
import pytest
from sources import Rows

import minnet as mn
from minnet.data import Prefetch, Stream
from minnet.mpi.part import Part
from minnet.saving import loaders

X, Y = np.arange(60.0).reshape(30, 2), np.arange(30)


class Noise:
    """A transform that draws, and counts."""

    def __init__(self):
        self.calls = 0

    def __call__(self, x, rng):
        self.calls += 1
        return x + self.calls + rng.normal(size=x.shape)


class Plain:
    """A loader with a Generator of its own, from which it draws in every batch."""

    def __init__(self):
        self.rng = np.random.default_rng(0)

    def __iter__(self):
        for row in self.rng.permutation(8):
            yield X[[row]] + self.rng.normal(), Y[[row]]


MAKES = {
    "in order": lambda: mn.DataLoader(X, Y, 4),
    "shuffled": lambda: mn.DataLoader(X, Y, 4, shuffle=True, rng=0),
    "resampled": lambda: mn.DataLoader(X, Y, 4, shuffle="resampled", rng=0),
    "transform": lambda: mn.DataLoader(X, Y, 4, shuffle=True, rng=0, transform=Noise()),
    "collate": lambda: mn.DataLoader(list(X), Y, 4, collate=lambda xs, ys: (np.stack(xs), np.array(ys))),
    "list": lambda: [(X[i : i + 4], Y[i : i + 4]) for i in range(0, 30, 4)],
    "plain": Plain,
    "stream": lambda: Stream(lambda: zip(X, Y, strict=True), 4, buffer=9, rng=0, transform=Noise()),
    "stream of a loader": lambda: Stream(MAKES["resampled"](), 3, batches=True, buffer=9, rng=0),
    "stream of an object": lambda: Stream(Plain(), 1, batches=True, rng=0),
    "stream with a place": lambda: Stream(Rows(samples=30), 4, buffer=9, rng=0, transform=Noise()),
}


def read(batches):
    return [(x.tobytes(), y.tobytes()) for x, y in batches]


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "minnet.Prefetch"]


@pytest.mark.parametrize("make", MAKES.values(), ids=MAKES)
@pytest.mark.parametrize("ahead", [1, 2, 50])
def test_the_batches_are_those_of_the_loader(make, ahead):
    plain, loader = make(), Prefetch(make(), ahead)
    for _ in range(2):
        assert read(loader) == read(plain)


@pytest.mark.parametrize("before", [True, False], ids=["written with it", "written without"])
@pytest.mark.parametrize("after", [True, False], ids=["read with it", "read without"])
@pytest.mark.parametrize("done", [0, 1, 4, 7, 8])
@pytest.mark.parametrize("make", MAKES.values(), ids=MAKES)
def test_a_pass_goes_on_from_its_place_with_or_without_it(make, done, before, after):
    """Read so many batches, save, and go on in another loader; the pass that was saved goes on, too."""
    expected = make()
    expected = [read(expected), read(expected)]
    one, other = make(), make()
    one, other = Prefetch(one) if before else one, Prefetch(other) if after else other
    began = loaders.begin(one, list)
    batches = iter(one)
    first = read(next(batches) for _ in range(done))
    at = loaders.place(batches)
    now = copy.deepcopy((at, loaders.capture(getattr(one, "loader", one))))
    inner = getattr(other, "loader", other)
    loaders.restore(inner, now[1])
    rest = loaders.go_on(other, done, now[0], began, None, ())
    loaders.restore(inner, now[1])
    assert first + read(rest) == expected[0]
    assert read(other) == expected[1]
    assert first + read(batches) == expected[0]
    assert read(one) == expected[1]


def test_an_epoch_is_put_back_after_an_error_ahead():
    def broken(x, rng):
        if 9 in x:
            raise ValueError("nine")
        return x

    loader = Prefetch(mn.DataLoader(X, Y, 2, transform=broken, check=False), 5)
    batches = iter(loader)
    next(batches)
    assert batches.state_dict()["done"] == 1
    next(batches)
    with pytest.raises(ValueError, match="nine"):
        next(batches)
    assert batches.state_dict()["done"] == 3


def test_a_batch_size_that_a_callback_set_stays():
    loader = mn.DataLoader(X, Y, 4, transform=Noise(), rng=0)
    batches = iter(Prefetch(loader))
    next(batches)
    loader.batch_size = 5
    batches.settle()
    assert loader.batch_size == 5


@pytest.mark.parametrize("make", [MAKES["shuffled"], MAKES["transform"]], ids=["shuffled", "transform"])
def test_a_rank_reads_its_part_ahead(make):
    def part():
        return Part(1, 3, np.random.default_rng(5))

    def started(loader):
        batches = iter(loader)
        batches.part = part()
        return batches

    expected = read(started(make()))
    batches = started(Prefetch(make()))
    first = read(next(batches) for _ in range(3))
    assert batches.part is batches.batches.part
    batches.settle()  # which draws once more what was drawn ahead
    assert first + read(batches) == expected


def test_only_a_pass_with_parts_has_one():
    assert hasattr(iter(Prefetch(MAKES["shuffled"]())), "part")
    assert not hasattr(iter(Prefetch(MAKES["list"]())), "part")


def test_the_rows_are_those_of_the_batch():
    loader = mn.DataLoader(X, Y, 4, shuffle=True, rng=0)
    batches = iter(Prefetch(loader))
    for _, y in batches:
        assert batches.rows.tolist() == y.tolist()


def test_the_thread_ends_when_the_pass_is_forgotten():
    for _ in Prefetch(MAKES["plain"]()):
        break
    assert not threads()
    batches = iter(Prefetch(MAKES["plain"]()))
    next(batches)
    batches.rest()
    assert not threads()
    assert len(list(batches)) == 7
