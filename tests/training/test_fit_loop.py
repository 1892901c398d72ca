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
    options = ({} if options.keys() & {"steps", "epochs"} else {"epochs": 2}) | options
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


@pytest.mark.parametrize("checkpoint", [False, True])
@pytest.mark.parametrize("step", [2, 4, 6])
def test_ctrl_c_raises_if_asked_for_after_everything_is_put_in_order(tmp_path, capsys, step, checkpoint):
    trainer, moments, handler = make(), Moments(), signal.getsignal(signal.SIGINT)
    options = {"checkpoint": tmp_path} if checkpoint else {}
    with pytest.raises(KeyboardInterrupt):
        fit(trainer, [moments, Signal(signal.SIGINT, step)], steps=6, every=2, on_interrupt="raise", **options)
    assert trainer.step == step
    assert trainer.interrupted
    assert moments.seen[-1] == "end"
    assert [row["step"] for row in trainer.history] == list(range(2, step + 1, 2))
    assert signal.getsignal(signal.SIGINT) is handler
    error = capsys.readouterr().err
    assert f"interrupted after step {step}" in error
    assert "on_interrupt" not in error
    fit(trainer, steps=2)
    assert trainer.step == step + 2


def test_the_message_says_how_to_end_the_script(capsys):
    fit(make(), [Signal(signal.SIGINT, 1)], steps=2)
    error = capsys.readouterr().err
    assert 'The script goes on: press Ctrl-C outside of fit to end it, or pass fit(..., on_interrupt="raise")' in error


def test_on_interrupt_is_one_of_two():
    trainer = make()
    with pytest.raises(ValueError, match="fit expected on_interrupt to be one of 'return', 'raise', got 'stop'"):
        fit(trainer, on_interrupt="stop")
    assert trainer.step == 0


# --- a pass that fit(steps=...) has left ---------------------------------------------------------------------------


class Rows(mn.callbacks.Callback):
    """Writes down which targets each step has seen, into a list of the caller."""

    def __init__(self, seen):
        self.seen = seen

    def on_step_end(self, trainer):
        self.seen.append(trainer.target.tolist())

    def state_dict(self):
        return {}


def numbered(kind=mn.DataLoader, **options):
    return kind(X, np.arange(40) % 3, **({"batch_size": 8, "rng": 0} | options))


@pytest.mark.parametrize("shuffle", [False, True, "resampled"])
def test_repeated_steps_see_what_as_many_at_once_see(shuffle):
    once, cut = make(), make()
    loader, seen = numbered(shuffle=shuffle), []
    once.fit(numbered(shuffle=shuffle), steps=14)
    for steps in (2, 2, 1, 0, 5, 4):  # the third ends at the end of a pass
        cut.fit(loader, steps=steps, callbacks=[Rows(seen)])
    assert weights(cut) == weights(once)
    assert cut.epoch == once.epoch == 2
    assert len(seen) == 14
    if shuffle is False:
        assert seen[:5] == [y.tolist() for _, y in loader]


def test_a_pass_goes_on_after_a_stop_and_ctrl_c_and_beside_other_loaders(capsys):
    trainer, loader, other, seen = make(), numbered(), numbered(), []

    class Ends(mn.callbacks.Callback):
        def __init__(self, how):
            self.how = how

        def on_step_end(self, trainer):
            self.how(trainer)

    def press(trainer):
        raise KeyboardInterrupt

    trainer.fit(loader, epochs=3, callbacks=[Rows(seen), Ends(mn.Trainer.stop)])
    trainer.fit(loader, steps=3, callbacks=[Rows(seen), Ends(press)])
    trainer.fit(other, steps=1)
    trainer.fit(loader, steps=3, callbacks=[Rows(seen)])
    assert seen == [y.tolist() for _, y in loader]
    assert trainer.epoch == 1


def test_epochs_begin_a_new_pass_and_so_does_another_trainer():
    trainer, loader, seen = make(), numbered(), []
    trainer.fit(loader, steps=2)
    make().fit(loader, steps=2, callbacks=[Rows(seen)])
    trainer.fit(loader, epochs=1, callbacks=[Rows(seen)])
    trainer.fit(loader, steps=2, callbacks=[Rows(seen)])
    batches = [y.tolist() for _, y in loader]
    assert seen == [*batches[:2], *batches, *batches[:2]]
    assert trainer.epoch == 1


def test_an_error_ends_the_pass():
    class Fails(mn.callbacks.Callback):
        def on_gradients(self, trainer):
            raise RuntimeError("no")

    trainer, loader, seen = make(), numbered(), []
    with pytest.raises(RuntimeError, match="no"):
        trainer.fit(loader, steps=2, callbacks=[Fails()])
    trainer.fit(loader, steps=1, callbacks=[Rows(seen)])
    assert seen == [[0, 1, 2, 0, 1, 2, 0, 1]]


def test_a_fit_that_does_not_begin_leaves_the_pass_where_it_was():
    trainer, loader, seen = make(), numbered(), []
    trainer.fit(loader, steps=2)
    with pytest.raises(ValueError, match="pass mode="):
        trainer.fit(loader, steps=1, callbacks=[mn.callbacks.EarlyStopping("v_mae")])
    trainer.fit(loader, steps=3, callbacks=[Rows(seen)])
    assert seen == [y.tolist() for _, y in loader][2:]


def test_a_pass_of_a_single_batch_that_was_broken_into_begins_again(capsys):
    trainer, loader, seen = make(), numbered(batch_size=40), []
    trainer.fit(loader, steps=2, callbacks=[Signal(signal.SIGINT, 1, times=2)])
    assert trainer.step == 0
    trainer.fit(loader, steps=1, callbacks=[Rows(seen)])
    assert len(seen[0]) == 40


class Endless:
    """An iterable without a length, which makes the batches of its pass as it goes."""

    def __iter__(self):
        return iter(numbered())


@pytest.mark.parametrize("make_loader", [lambda: list(numbered()), Endless, lambda: (b for b in [*numbered()] * 3)])
def test_a_pass_over_any_iterable_goes_on(make_loader):
    trainer, loader, seen = make(), make_loader(), []
    for steps in (2, 3, 2):
        trainer.fit(loader, steps=steps, callbacks=[Rows(seen)])
    assert seen == ([y.tolist() for _, y in numbered()] * 2)[:7]
    assert all(np.isfinite(trainer.history.column("loss")))
    assert [row["step"] for row in trainer.history] == [2, 5, 7]


# --- a script of several fits that is killed and started again ------------------------------------------------------


class KilledError(Exception):
    pass


class Kills(mn.callbacks.Callback):
    def __init__(self, step):
        self.step = step

    def state_dict(self):
        return {}

    def on_step_end(self, trainer):
        if trainer.step == self.step:
            raise KilledError


def script(folder, make_loader, kill=0, callbacks=()):
    """Train with a pass that is cut three times; each fit has its own checkpoints."""
    trainer, loader, other = make(), make_loader(), numbered(shuffle=True)
    callbacks = [make() for make in callbacks]
    for i, steps in enumerate((7, 6, 9)):
        options = {"checkpoint": Checkpoint(folder / str(i), every=2)} if folder else {}
        trainer.fit(loader, steps=steps, callbacks=[*callbacks, Kills(kill)], progress=False, **options)
        trainer.fit(other, steps=1, progress=False)
    return trainer


@pytest.mark.parametrize("kind", ["shuffled", "list", "iterator"])
@pytest.mark.parametrize("kill", [3, 9, 11, 18, 23])
def test_a_script_of_several_fits_ends_with_the_same_bits(tmp_path, kind, kill, capsys):
    make_loader = {
        "shuffled": lambda: numbered(shuffle=True),
        "list": lambda: list(numbered(shuffle=True)),
        "iterator": lambda: iter([*numbered(shuffle=True)] * 9),
    }[kind]
    callbacks = [lambda: mn.callbacks.EMA(0.9), lambda: mn.callbacks.EarlyStopping("loss", patience=99)]
    whole = script(None, make_loader, callbacks=callbacks)
    with pytest.raises(KilledError):
        script(tmp_path, make_loader, kill, callbacks)
    again = script(tmp_path, make_loader, callbacks=callbacks)
    assert weights(again) == weights(whole)
    assert (again.step, again.epoch) == (whole.step, whole.epoch)
    assert again.history.column("loss") == whole.history.column("loss")


def test_an_iterator_that_cannot_go_back_is_refused(tmp_path, capsys):
    trainer, batches = make(), iter([*numbered()] * 3)
    options = {"steps": 6, "checkpoint": Checkpoint(tmp_path, every=3)}

    class Presses(mn.callbacks.Callback):
        def on_step_end(self, trainer):
            if trainer.step == 5:
                raise KeyboardInterrupt

        def state_dict(self):
            return {}

    trainer.fit(batches, callbacks=[Presses()], **options)
    with pytest.raises(mn.errors.CheckpointError, match="of batch 3, but 5 batches of this iterator were read already"):
        trainer.fit(batches, callbacks=[Presses()], **options)


# --- callbacks belong to one fit ------------------------------------------------------------------------------------


class Remembers(mn.callbacks.Callback):
    """A user's callback, which never thinks of a second fit."""

    def __init__(self):
        self.losses, self.best, self.counts = [], None, {"steps": 0}

    def on_step_end(self, trainer):
        self.losses.append(trainer.last_loss)
        self.counts["steps"] += 1
        if self.best is None or trainer.last_loss < self.best:
            self.best, self.at = trainer.last_loss, trainer.step


@pytest.mark.parametrize("error", [None, KilledError])
def test_a_users_callback_is_as_if_new_in_each_fit(error):
    callback, kept = Remembers(), []
    if error:
        with pytest.raises(KilledError):
            fit(make(), [callback, Kills(2)])
    for _ in range(2):
        fit(make(), [callback])
        kept.append(callback.losses)
        assert (len(callback.losses), callback.best, callback.counts) == (4, min(callback.losses), {"steps": 4})
    assert kept[0] == kept[1]
    assert kept[0] is not kept[1]


def test_a_callback_in_two_fits_at_once_is_refused():
    class Inner(mn.callbacks.Callback):
        def on_fit_start(self, trainer):
            if not trainer.step:
                with pytest.raises(RuntimeError, match=r"this Inner is in use by another fit, .*its own Inner"):
                    fit(make(), [self])

    fit(make(), [Inner()])


def test_the_same_callback_twice_and_callbacks_from_a_generator():
    seen, callback = [], Remembers()
    fit(make(), [callback, callback])
    assert len(callback.losses) == 8
    fit(make(), (callback for callback in [Rows(seen)]))
    assert len(seen) == 4


def test_on_fit_end_is_called_where_on_fit_start_returned_and_masks_no_error(capsys):
    class Ends(mn.callbacks.Callback):
        def on_fit_end(self, trainer):
            trainer.stop()
            raise OSError("the disk is full")

    class Starts(mn.callbacks.Callback):
        def on_fit_start(self, trainer):
            raise ValueError("the reason")

    last = Moments()
    with pytest.raises(ValueError, match="the reason") as caught:
        fit(make(), [Ends(), Starts(), last])
    assert caught.value.__notes__ == ["Ends.on_fit_end raised OSError: the disk is full"]
    assert last.seen == []
    with pytest.raises(OSError, match="the disk is full"):
        fit(make(), [Ends(), last], steps=1)
    assert last.seen == ["start", "gradients", 1, "row", "end"]
    with pytest.raises(KeyboardInterrupt) as caught:
        fit(make(), [Ends(), Signal(signal.SIGINT, 1)], on_interrupt="raise")
    assert caught.value.__notes__ == ["Ends.on_fit_end raised OSError: the disk is full"]


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


def test_buffers_are_resumed_bit_for_bit(tmp_path):
    whole, first, second = normed(), normed(), normed()
    fit(whole, steps=4)
    fit(first, steps=4, callbacks=[Moments(), Signal(signal.SIGINT, 3)], checkpoint=tmp_path)
    assert first.step == 3
    fit(second, steps=4, callbacks=[Moments(), Signal(signal.SIGINT, 9)], checkpoint=tmp_path)
    for (name, got), (_, expected) in zip(second.model.named_arrays(), whole.model.named_arrays(), strict=True):
        assert got.data.tobytes() == expected.data.tobytes(), name
    assert whole.model.layers[1].num_batches_tracked.data == 4 + 4
