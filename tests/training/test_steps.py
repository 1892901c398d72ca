"""One step a call or many: what is counted, what is noted in an error, and what falls back on the ordinary way."""

import math

import numpy as np
import pytest

import minnet as mn
from minnet.errors import NonFiniteError
from minnet.training.nonfinite import NonFiniteChecks
from minnet.training.parallel import ParallelSteps
from minnet.training.signals import Interrupts
from minnet.training.state import Counts, TrainingState
from minnet.training.steps import ManySteps, Steps

X, Y = np.ones((10, 4)), np.zeros(10, np.int64)


def weigh(x, y, sample_weight):
    return 0.5 * len(x)


def make(learn, checks=None):
    return Steps(learn, TrainingState(), np.dtype(np.float32), checks, Interrupts(), weigh, lambda: None)


def checks(**options):
    model = mn.Sequential(mn.Linear(4, 3, rng=0))
    return NonFiniteChecks(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1), **options)


def test_one_step_a_call_until_no_batch_is_left():
    seen, counts = [], Counts(0, 0)
    steps = make(lambda x, y: seen.append((x.dtype, len(y))) or 0.5)
    batches = iter([(X[:6], Y[:6]), (X[6:], Y[6:])])
    assert [steps.advance(batches, 99, counts) for _ in range(3)] == [1, 1, 0]
    assert seen == [(np.float32, 6), (np.float32, 4)]
    assert (counts.loss_sum, counts.weight, counts.samples, counts.skipped) == (2.5, 5.0, 10, 0)
    assert not steps.inside
    assert steps.interrupts.busy  # the loop releases it


def test_a_signal_is_not_held_back_while_a_batch_is_fetched():
    busy = []

    def batches():
        while True:
            busy.append(steps.interrupts.busy)
            yield X, Y

    steps, some = make(lambda x, y: 0.5), batches()
    for _ in range(2):
        steps.advance(some, 1, Counts(0, 0))
        steps.interrupts.release()
    assert busy == [False, False]


def test_an_error_says_in_which_step_and_leaves_it_unfinished():
    def fail(x, y):
        raise KeyError

    steps = make(fail)
    with pytest.raises(KeyError) as caught:
        steps.advance(iter([(X, Y)]), 1, Counts(0, 0))
    assert caught.value.__notes__ == ["in step 1 of epoch 1"]
    assert steps.inside


@pytest.mark.parametrize("with_checks", [True, False])
def test_a_loss_that_is_not_finite_is_skipped(with_checks):
    counts = Counts(0, 0)

    def refuse(x, y):
        raise NonFiniteError("NaN")

    steps = make(refuse, checks(stops=False) if with_checks else None)
    assert steps.advance(iter([(X, Y)]), 1, counts) == 1
    assert (counts.samples, counts.skipped) == (0, 1)
    with pytest.raises(NonFiniteError, match="training diverged in step 1 of epoch 1: NaN"):
        make(refuse, checks()).advance(iter([(X, Y)]), 1, counts)


class Compiled:
    """Stands for compiled code that does as many steps as it is told to."""

    def __init__(self, steps):
        self.steps = iter(steps)
        self.most = []

    def run(self, epoch, together, most, loss_sum):
        self.most.append(most)
        steps = next(self.steps)
        epoch.take(steps)
        return steps, 2 * steps, 1.0 * steps, loss_sum + steps, 0.25, X[: 2 * steps], Y[: 2 * steps]


def test_many_steps_fall_back_on_one():
    state, counts, seen = TrainingState(), Counts(0, 0), []
    optimizers = ["first"]
    compiled = Compiled([3, 0])

    def learn(x, y):
        seen.append(len(x))
        return 0.5

    steps = ManySteps(
        compiled,
        ParallelSteps(mn.Linear(4, 2), mn.MSELoss(), 1, 1),
        lambda: (optimizers[0],),
        learn,
        state,
        None,
        None,
        Interrupts(),
        weigh,
        lambda: None,
    )
    epoch = iter(mn.DataLoader(X, Y, 2))
    assert steps.advance(epoch, 7, counts) == 3
    assert (state.step, state.last_loss, len(state.prediction), len(state.target)) == (3, 0.25, 6, 6)
    assert (counts.loss_sum, counts.weight, counts.samples) == (3.0, 3.0, 6)
    assert steps.advance(epoch, 4, counts) == 1  # the compiled code did none
    optimizers[0] = "another"
    assert steps.advance(epoch, 3, counts) == 1  # a callback has replaced a part
    assert compiled.most == [7, 4]
    assert seen == [2, 2]
    assert (state.step, counts.weight, counts.samples) == (5, 5.0, 10)
    assert steps.advance(epoch, 2, counts) == 0
    assert math.isclose(counts.loss_sum, 4.0)


def test_methods_of_ones_own_are_called_beside_compiled_code():
    pytest.importorskip("numba", reason="the extra compiled is not installed")
    calls = []

    class Steps(mn.Trainer):
        def train_step(self, x, y):
            calls.append("train_step")
            return super().train_step(x, y)

    class Updates(mn.Trainer):
        def update(self):
            calls.append("update")
            super().update()

    model = mn.Sequential(mn.Linear(4, 2, rng=0))
    parts = model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1)
    on_object = mn.Trainer(*parts, compiled=True)
    on_object.train_step = lambda x, y: calls.append("of the object") or 0.0
    for trainer, name in (
        (Steps(*parts, compiled=True), "train_step"),
        (Updates(*parts, compiled=True), "update"),
        (on_object, "of the object"),
    ):
        calls.clear()
        trainer.fit(mn.DataLoader(X, Y, 4), steps=3, progress=False)
        assert calls == [name] * 3
