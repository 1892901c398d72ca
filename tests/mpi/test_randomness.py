"""Randomness is what may differ by rank."""

import random
from types import SimpleNamespace

import numpy as np
import pytest

import minnet as mn
from minnet.errors import CheckpointError
from minnet.mpi.randomness import Randomness


class Noisy(mn.Layer):
    """A layer with sources of random numbers of each kind, some of them in a list."""

    def __init__(self):
        self.sources = [np.random.default_rng(1), np.random.RandomState(2), random.Random(3)]
        self.philox = np.random.Generator(np.random.Philox(4))


def parts(**options):
    loader = mn.DataLoader(np.zeros((4, 2)), np.zeros(4), rng=0, check=False, **options)
    model = Noisy()
    return SimpleNamespace(loader=loader, owners=lambda: {"model": model, "loss": mn.MSELoss()}), model


def draws(model, randomness):
    generator, state, python = model.sources
    return [generator.random(), state.rand(), python.random(), model.philox.random(), randomness.rng.random()]


def drawn(rank):
    given, model = parts()
    randomness = Randomness(given, rank)
    randomness.differ()
    return draws(model, randomness), given.loader.rng.random()


def test_every_rank_draws_numbers_of_its_own_and_the_same_again():
    alone, alone_model = parts()
    first, second, again = drawn(0), drawn(1), drawn(1)
    assert second == again
    assert not set(first[0]) & set(second[0])
    assert first[0][:4] == draws(alone_model, Randomness(alone, 0))[:4]  # rank 0 draws as one process does
    assert first[1] == second[1]  # the order of batches is the same on all


def test_goes_on_with_the_states_of_a_checkpoint():
    given, model = parts()
    randomness = Randomness(given, 1)
    randomness.differ()
    other, other_model = parts()
    going_on = Randomness(other, 1)
    going_on.restore(randomness.state())
    assert draws(model, randomness) == draws(other_model, going_on)


def test_refuses_states_of_other_sources():
    randomness = Randomness(parts()[0], 1)
    state = randomness.state()
    for wrong in (state[:-1], [*state[:-1], random.Random(0)]):
        with pytest.raises(CheckpointError, match="sources of random numbers of rank 1, which are not the 5"):
            randomness.restore(wrong)
