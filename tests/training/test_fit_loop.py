"""The loop of fit: what happens in which order, and where it can be left. (More of it: test_trainer.py.)"""

import copy
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


# -- the modes of layers


def normed(threads=1):
    model = mn.Sequential(mn.Linear(4, 5, rng=0), mn.BatchNorm1d(5), mn.Dropout(0.5, rng=1), mn.Linear(5, 3, rng=2))
    fit(mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1)))  # statistics to start from
    optimizer = mn.SGD(model.parameters(), lr=0.1)
    return mn.Trainer(model.astype(np.float64), mn.SoftmaxCrossEntropyLoss(), optimizer, threads=threads)


def by_hand(model, steps=4):
    """Train with the layers 1 and 2 as in eval mode, with PyTorch's rule for BatchNorm in eval mode; return weights."""
    first, norm, _, last = copy.deepcopy(model).layers
    scale = 1 / np.sqrt(norm.running_var.data + norm.eps)
    batches = [batch for _ in range(2) for batch in mn.DataLoader(X, Y, 20)]
    for x, y in batches[:steps]:
        normalized = (first.forward(x.astype(float)) - norm.running_mean.data) * scale
        scores = last.forward(normalized * norm.weight.data + norm.bias.data)
        loss = mn.SoftmaxCrossEntropyLoss()
        loss.forward(scores, y)
        parameters = [*first.parameters(), *norm.parameters(), *last.parameters()]
        for parameter in parameters:
            parameter.zero_grad()
        dy = last.backward(loss.backward())
        norm.weight.grad += (dy * normalized).sum(axis=0)
        norm.bias.grad += dy.sum(axis=0)
        first.backward(dy * norm.weight.data * scale)
        for parameter in parameters:
            parameter.data -= 0.1 * parameter.grad
    return np.concatenate([parameter.data.ravel() for parameter in parameters])


def set_to_eval(trainer):
    for layer in trainer.model.layers[1:3]:
        layer.eval()


def freeze_statistics(trainer):
    for layer in trainer.model.layers[1:3]:
        layer.freeze(statistics=True)
        for parameter in layer.parameters():
            parameter.trainable = True
    trainer.model.eval()  # a look at it, before the fit
    trainer.model.train()


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("freeze", [set_to_eval, freeze_statistics])
def test_layers_that_the_user_set_to_eval_mode_keep_that_behaviour(freeze, threads):
    """Before, fit put every layer back to training, and the statistics of a fine-tuned model moved."""
    trainer = normed(threads)
    model, statistics = trainer.model, [b.data.copy() for _, b in trainer.model.named_buffers()]
    freeze(trainer)
    expected = by_hand(model)
    trainer.fit(mn.DataLoader(X, Y, 20), epochs=2, evaluate={"test": (X, Y)}, progress=False)
    assert [layer.training for layer in model.layers] == [True, False, False, True]
    assert all(np.array_equal(b.data, s) for (_, b), s in zip(model.named_buffers(), statistics, strict=True))
    weights = np.concatenate([parameter.data.ravel() for parameter in model.parameters()])
    np.testing.assert_allclose(weights, expected, atol=1e-14)


def test_a_model_in_eval_mode_is_trained_and_stays_in_training_mode():
    trainer = normed()
    tracked = trainer.model.layers[1].num_batches_tracked
    trainer.model.eval()
    fit(trainer)
    assert all(layer.training for _, layer in trainer.model.named_layers())
    assert tracked.data == 8


class FreezeInTheMiddle(mn.callbacks.Callback):
    """Freeze the norm after the first epoch, thaw it after the third."""

    def on_epoch_end(self, trainer):
        if trainer.epoch in (1, 3):
            norm = trainer.model.layers[1]
            norm.freeze(statistics=True) if trainer.epoch == 1 else norm.unfreeze()


@pytest.mark.parametrize("threads", [1, 2])
def test_a_callback_may_freeze_and_unfreeze(threads):
    """With threads, the copies of the model follow: before, they went on in the mode that they were made in."""
    model = mn.Sequential(mn.Linear(4, 5, rng=0), mn.BatchNorm1d(5), mn.Linear(5, 3, rng=2))
    optimizer = mn.SGD(model.parameters(), lr=0.1)
    trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), optimizer, threads=threads)
    norm, seen = model.layers[1], []

    class Look(mn.callbacks.Callback):
        def on_step_end(self, trainer):
            seen.append((int(norm.num_batches_tracked.data), norm.running_mean.data.sum(), norm.weight.data.sum()))

    fit(trainer, [FreezeInTheMiddle(), Look()], epochs=5)
    tracked, means, scales = zip(*seen, strict=True)
    assert tracked == (1, 2, 2, 2, 2, 2, 3, 4, 5, 6)
    assert len(set(means)) == len(set(scales)) == 6
    assert norm.training
    assert norm.weight.trainable


def test_modes_and_frozen_statistics_are_resumed(tmp_path):
    for _ in range(2):  # the second one goes on where the first one ended
        trainer = normed()
        assert trainer.model.layers[1].training
        fit(trainer, [FreezeInTheMiddle()], steps=3, checkpoint=tmp_path)
        norm = trainer.model.layers[1]
        assert (norm.training, norm.recording, norm.frozen_statistics) == (False, True, True)
