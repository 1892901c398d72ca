"""Ranks whose weights differ in one bit are told so, with the rank and the name of the array."""

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from ranks import run

import minnet as mn
from minnet.mpi.digests import check_same


def compared(make, size):
    """Return what each of so many ranks raises; `make(rank)` returns the model, the loss and the optimizer of one."""
    made = [make(rank) for rank in range(size)]
    given, all_there = [None] * size, threading.Barrier(size, timeout=60)

    def gather(rank, value):
        given[rank] = value
        all_there.wait()
        found = list(given)
        all_there.wait()
        return found

    def check(rank):
        try:
            check_same(SimpleNamespace(gather=partial(gather, rank)), *made[rank], "after step 7")
        except mn.errors.RankError as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(size) as threads:
        return list(threads.map(check, range(size)))


def parts(rank):
    model = mn.Sequential(mn.Linear(2, 3, rng=0), mn.BatchNorm1d(3), mn.Linear(3, 2, rng=1))
    optimizer = mn.Adam(model.parameters(), lr=0.1)
    loss = mn.MSELoss()
    loss(model(np.ones((4, 2), np.float32)), np.zeros((4, 2), np.float32))
    model.backward(loss.backward())
    optimizer.step()
    return model, loss, optimizer


def test_the_same_on_all_ranks_is_no_error():
    assert compared(parts, 3) == ["", "", ""]


def changed_weight(model, optimizer):
    weight = model.layers[2].weight.data
    weight.view(np.int32)[0, 0] ^= 1  # the last bit


def changed_buffer(model, optimizer):
    model.layers[1].running_mean.data[1] += 1


def changed_state(model, optimizer):
    optimizer.state["mean"][0][0, 0] += 1


def changed_option(model, optimizer):
    optimizer.lr = 0.2


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (changed_weight, "layers[2].weight"),
        (changed_buffer, "layers[1].running_mean"),
        (changed_state, "optimizer.state.mean[0]"),
        (changed_option, "optimizer.groups[0].lr"),
    ],
)
@pytest.mark.parametrize("strange", [0, 2])
def test_a_difference_is_named_with_its_rank(change, name, strange):
    def make(rank):
        made = parts(rank)
        if rank == strange:
            change(made[0], made[2])
        return made

    text, *others = compared(make, 3)
    assert others == [text, text]
    first, second, *_, last = text.splitlines()
    assert first == "after step 7, the ranks of the job differ from each other:"
    assert second == f"  {name}: on rank {strange} of 3"
    assert "a callback" in last


def test_of_two_ranks_the_second_is_named_and_other_models_are_differences():
    def make(rank):
        model = mn.Sequential(*[mn.Linear(2, 2, rng=0) for _ in range(1 + 4 * rank)])
        return model, mn.MSELoss(), mn.SGD(model.parameters(), lr=1)

    text = compared(make, 2)[0]
    assert "\n  layers[1].weight: on rank 1 of 2\n" in text
    assert "\n  and 12 more\n" in text, text


class Meddles(mn.callbacks.Callback):
    def __init__(self, rank, at):
        self.rank, self.at = rank, at

    def on_step_end(self, trainer):
        if self.rank == 1 and trainer.step == self.at:
            trainer.model.layers[0].weight.data[0, 0] += 1


def meddled(mpi, at):
    """Return what a rank raises, and after which step."""
    X = np.random.default_rng(0).normal(size=(40, 2))
    model = mn.Sequential(mn.Linear(2, 2, rng=0))
    trainer = mn.Trainer(model, mn.MSELoss(), mn.SGD(model.parameters(), lr=0.1), parallel=mpi)
    try:
        trainer.fit(mn.DataLoader(X, X, 4), epochs=1, callbacks=[Meddles(mpi.rank, at)], progress=False)
    except mn.errors.RankError as error:
        return str(error), trainer.step
    return "", trainer.step


def both_meddled(mpi):
    return [meddled(mpi, at) for at in (2, 8, 0)]


@pytest.mark.slow
def test_a_callback_that_changes_weights_on_one_rank_is_found():
    for found in run(both_meddled, 2, check_every=3):
        for (text, step), expected in zip(found[:2], (3, 9), strict=True):
            assert step == expected
            assert text.startswith(f"after step {step}, the ranks of the job differ from each other:\n  layers[0].weig")
            assert "weight: on rank 1 of 2\n" in text
        assert found[2] == ("", 10)
