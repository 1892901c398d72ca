"""Where the next fit goes on inside a pass over its loader."""

import copy
import gc
import pickle
import weakref

import numpy as np
import pytest

import minnet as mn
from minnet.training.passes import Passes

X = np.arange(10.0).reshape(10, 1)


def loader(kind=mn.DataLoader, **options):
    return kind(X, np.arange(10), **({"batch_size": 2, "rng": 0} | options))


def seen(batches):
    return [y.tolist() for _, y in batches]


@pytest.mark.parametrize("shuffle", [False, True, "resampled"])
def test_a_pass_over_a_dataloader_goes_on(shuffle):
    passes, whole = Passes(), seen(loader(shuffle=shuffle))
    cut = loader(shuffle=shuffle)
    batches = iter(cut)
    first = [next(batches) for _ in range(2)]
    passes.leave(cut, batches, 2)
    assert passes.left(loader(shuffle=shuffle)) is None  # another loader
    batches, done = passes.left(cut)
    assert done == 2
    assert seen(first) + seen(batches) == whole
    passes.forget(loader())
    assert passes.left(cut)[1] == 2
    passes.forget(cut)
    assert passes.left(cut) is None


def test_a_pass_that_was_read_ahead_is_read_ahead_again():
    passes, cut = Passes(), mn.data.Prefetch(loader(shuffle=True))
    batches = iter(cut)
    first = [next(batches), next(batches)]
    passes.leave(cut, batches, 2)
    batches, done = passes.left(cut)
    assert type(batches) is type(iter(cut))
    assert done == 2
    assert seen(first) + seen(batches) == seen(loader(shuffle=True))


def test_every_dataloader_has_its_own():
    passes, loaders = Passes(), [loader(), loader()]
    for done, each in enumerate(loaders, 1):
        batches = iter(each)
        for _ in range(done):
            next(batches)
        passes.leave(each, batches, done)
    for done, each in enumerate(loaders, 1):
        batches, counted = passes.left(each)
        assert (counted, next(batches)[1].tolist()) == (done, [2 * done, 2 * done + 1])


class Backwards(mn.DataLoader):
    def __iter__(self):
        return iter([(x, -y) for x, y in super().__iter__()])


class Wrapped:
    """An iterable whose iterator is another loader's."""

    def __init__(self):
        self.inner = loader()

    def __iter__(self):
        return iter(self.inner)


@pytest.mark.parametrize("make", [lambda: list(loader()), lambda: loader(Backwards), Wrapped])
def test_the_iterator_of_any_other_iterable_goes_on(make):
    passes, each = Passes(), make()
    batches = iter(each)
    next(batches)
    passes.leave(each, batches, 1)
    assert passes.left(make()) is None
    assert passes.left(each) == (batches, 1)
    passes.forget(each)
    assert passes.left(each) is None


@pytest.mark.parametrize(
    "change",
    [{"batch_size": 3}, {"shuffle": True}, {"drop_last": True}, {"X": X[:8], "y": np.arange(8)}],
    ids=lambda change: next(iter(change)),
)
def test_a_loader_that_was_changed_begins_a_new_pass(change):
    passes, cut = Passes(), loader()
    batches = iter(cut)
    next(batches)
    passes.leave(cut, batches, 1)
    vars(cut).update(change)
    assert passes.left(cut) is None


def test_a_dataloader_is_not_kept_alive():
    passes, cut = Passes(), loader()
    passes.leave(cut, iter(cut), 0)
    gone = weakref.ref(cut)
    del cut
    gc.collect()
    assert gone() is None
    other = loader()
    passes.leave(other, iter(other), 0)
    assert len(passes._epochs) == 1


def test_a_copy_has_none():
    passes, cut, others = Passes(), loader(), (batch for batch in loader())
    passes.leave(cut, iter(cut), 0)
    passes.leave(others, others, 0)
    for twin in (copy.deepcopy(passes), pickle.loads(pickle.dumps(passes))):
        assert twin.left(cut) is None
        assert twin.left(others) is None
