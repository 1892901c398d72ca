"""Randomness is what may differ by rank."""

import copy
import random
from types import SimpleNamespace

import numpy as np
import pytest

import minnet as mn
from minnet.core.state import attributes
from minnet.mpi.randomness import another, differ, separate, sources


class Noisy(mn.Layer):
    """A layer with sources of random numbers of each kind, some of them in a list."""

    def __init__(self):
        self.several = [np.random.default_rng(1), np.random.RandomState(2), random.Random(3)]
        self.philox = np.random.Generator(np.random.Philox(4))

    def draws(self):
        generator, state, python = self.several
        return [generator.random(), state.rand(), python.random(), self.philox.random()]


def parts(model, rng=0, **options):
    read = mn.DataLoader(np.zeros((4, 2)), np.zeros(4), rng=rng, check=False, **options)
    given = SimpleNamespace(read=read, owners=lambda: {"model": model})
    layers = {path: attributes(layer) for path, layer in model.named_layers()}
    state = {"model": layers, "objects": {"callbacks[0].x": {"rng": np.random.default_rng(9)}}}
    return given, state | {"loader": read.state_dict()}


def drawn(rank):
    model = Noisy()
    differ(*parts(model), rank, {})
    return model.draws()


def test_every_rank_draws_numbers_of_its_own_and_the_same_again():
    first, second, third = drawn(1), drawn(2), drawn(1)
    assert first == third
    assert not set(first) & set(second)
    assert not set(first) & set(Noisy().draws())


def test_the_sources_are_those_of_model_and_transform():
    rng = np.random.default_rng(5)
    model = Noisy()
    given, state = parts(model, transform=lambda x, _: x + rng.normal())
    found = sources(given, state)
    assert list(map(id, found.values())) == list(map(id, [*model.several, model.philox, rng]))


def test_a_source_that_is_its_own_goes_on():
    model = Noisy()
    given, state = parts(model)
    before = {id(source): copy.deepcopy(source) for source in sources(given, state).values()}
    expected = Noisy().draws()
    model.draws()  # rank 0's states, which were restored
    differ(given, state, 1, before)
    assert model.draws() == expected
    differ(given, state, 1, {id(source): copy.deepcopy(source) for source in sources(given, state).values()})
    assert model.draws() != Noisy().draws()  # one that is as on rank 0 is none of its own


def test_a_layer_that_shares_the_loaders_generator_gets_another_one():
    for rank in range(2):
        rng = np.random.default_rng(0)
        model = mn.Sequential(mn.Linear(2, 2, rng=1), mn.Dropout(0.5, rng=rng), mn.Dropout(0.5, rng=rng))
        given, state = parts(model, rng=rng)
        separate(given, state, rank)
        own = model.layers[1].rng
        assert own is model.layers[2].rng is not rng
        assert own.random() == another(np.random.default_rng(0), rank).random()
        assert given.read.rng.random() == np.random.default_rng(0).random()


def test_a_transform_that_has_the_loaders_generator_is_refused():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"loader.objects.*\(rng\) is the Generator that decides the order"):
        separate(*parts(Noisy(), rng=rng, transform=lambda x, _: x + rng.normal()), 0)
