"""The loop of fit: what happens in which order, and where it can be left. (More of it: test_trainer.py.)"""

import os
import signal

import numpy as np
import pytest

import minnet as mn
from minnet.saving.checkpoint import Checkpoint

X = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)
Y = np.arange(40) % 3


class Moments(mn.callbacks.Callback):
    def __init__(self):
        self.seen = []

    def state_dict(self):
        return {}

    def on_fit_start(self, trainer):
        self.seen.append("start")

    def on_gradients(self, trainer):
        self.seen.append("gradients")

    def on_step_end(self, trainer):
        self.seen.append(trainer.step)

    def on_epoch_end(self, trainer):
        self.seen.append("epoch")

    def on_row(self, trainer, row):
        self.seen.append("row")

    def on_fit_end(self, trainer):
        self.seen.append("end")


class Signal(mn.callbacks.Callback):
    """Send this process a signal, as a person or a batch system would, in the middle of a step."""

    def __init__(self, number, step, times=1):
        self.number, self.step, self.times = number, step, times

    def state_dict(self):
        return {}

    def on_gradients(self, trainer):
        if trainer.step + 1 == self.step:
            for _ in range(self.times):
                os.kill(os.getpid(), self.number)


def make():
    model = mn.Sequential(mn.Linear(4, 3, rng=0))
    return mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1))


def fit(trainer, callbacks=(), **options):
    options = {"epochs": 2} if not options.keys() & {"steps", "epochs"} else {} | options
    return trainer.fit(mn.DataLoader(X, Y, 20, shuffle=True, rng=0), callbacks=callbacks, progress=False, **options)


def weights(trainer):
    return [parameter.data.tobytes() for parameter in trainer.model.parameters()]


def test_the_order_of_moments():
    moments = Moments()
    fit(make(), [moments], epochs=2)
    epoch = ["gradients", 1, "gradients", 2, "row", "epoch"]
    second = [n + 2 if isinstance(n, int) else n for n in epoch]
    assert moments.seen == ["start", *epoch, *second, "end"]


def test_a_run_that_ends_inside_an_epoch_counts_no_epoch():
    trainer, moments = make(), Moments()
    fit(trainer, [moments], steps=3)
    assert (trainer.step, trainer.epoch) == (3, 1)
    assert moments.seen[-3:] == [3, "row", "end"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_after_the_step_with_a_checkpoint(tmp_path, number, capsys):
    whole = make()
    fit(whole, steps=6, every=2)
    trainer, moments = make(), Moments()
    options = {"steps": 6, "every": 2, "checkpoint": tmp_path}
    if number == signal.SIGTERM:
        with pytest.raises(SystemExit) as caught:
            fit(trainer, [moments, Signal(number, 4)], **options)
        assert caught.value.code == 143
    else:
        fit(trainer, [moments, Signal(number, 4)], **options)
    assert trainer.step == 4
    assert trainer.interrupted
    assert moments.seen[-3:] == [4, "row", "end"]  # what belongs to the step is done
    error = capsys.readouterr().err
    assert "after step 4" in error
    assert "step-000000004.safetensors is there to go on from" in error

    resumed = make()
    fit(resumed, [Moments(), Signal(number, 99)], **options)
    assert [p.data.tobytes() for p in resumed.model.parameters()] == [
        p.data.tobytes() for p in whole.model.parameters()
    ]
    assert resumed.history.column("loss") == whole.history.column("loss")


def test_a_second_signal_breaks_through(tmp_path, capsys):
    trainer = make()
    fit(trainer, [Signal(signal.SIGINT, 4, times=2)], steps=6, checkpoint=Checkpoint(tmp_path, every=2))
    assert trainer.step == 3
    assert "inside step 4" in capsys.readouterr().err
    assert [path.name for path in Checkpoint(tmp_path).files()] == ["step-000000002.safetensors"]


def test_sigterm_is_left_alone_without_a_checkpoint():
    seen = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: seen.append(number))
    try:
        trainer = make()
        fit(trainer, [Signal(signal.SIGTERM, 1)], steps=2)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert seen == [signal.SIGTERM]
    assert trainer.step == 2


def test_handlers_are_put_back(tmp_path):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    fit(make(), steps=2, checkpoint=tmp_path)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_an_error_says_in_which_step():
    class Fails(mn.callbacks.Callback):
        def on_gradients(self, trainer):
            raise RuntimeError("no")

    trainer = make()
    with pytest.raises(RuntimeError) as caught:
        fit(trainer, [Fails()], steps=2)
    assert caught.value.__notes__ == ["in step 1 of epoch 1"]
    assert trainer.interrupted


def test_the_progress_bar_is_no_part_of_a_checkpoint(tmp_path):
    make().fit(mn.DataLoader(X, Y, 20), steps=3, checkpoint=tmp_path, progress=True)
    trainer = make()
    trainer.fit(mn.DataLoader(X, Y, 20), steps=4, checkpoint=tmp_path, progress=False)
    assert trainer.step == 4
