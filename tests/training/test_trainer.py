import copy
import math
import os
import pickle
import pty
import signal
import subprocess
import sys
import termios
import threading
import time

import numpy as np
import pytest

import minnet as mn

random = np.random.default_rng(0)
X = random.normal(size=(60, 4)).astype(np.float32)
Y = (X @ random.normal(size=(4, 3))).argmax(axis=1)


def make(lr=0.1, seed=0, loss=None, last=None, **options):
    model = mn.Sequential(mn.Linear(4, 3, rng=seed), *([mn.Softmax()] if last is None else last))
    return mn.Trainer(model, loss or mn.CrossEntropyLoss(), mn.SGD(model.parameters(), lr=lr), **options)


def weights(trainer):
    return np.concatenate([p.data.ravel() for p in trainer.model.parameters()])


class Recorder(mn.callbacks.Callback):
    """Writes down every moment it is called at."""

    def __init__(self):
        self.seen = []

    def on_fit_start(self, trainer):
        self.seen.append("start")

    def on_gradients(self, trainer):
        self.seen.append("gradients")

    def on_step_end(self, trainer):
        self.seen.append(f"step {trainer.step}")

    def on_epoch_end(self, trainer):
        self.seen.append(f"epoch {trainer.epoch}")

    def on_row(self, trainer, row):
        self.seen.append(f"row {row['step']}")

    def on_fit_end(self, trainer):
        self.seen.append("end")


class At(mn.callbacks.Callback):
    """Does something after a given step."""

    def __init__(self, step, action):
        self.step, self.action = step, action

    def on_step_end(self, trainer):
        if trainer.step == self.step:
            self.action(trainer)


# --- how long, and what is recorded ------------------------------------------------------------------------------


def test_it_learns():
    trainer = make(lr=1.0)
    history = trainer.fit(mn.DataLoader(X, Y, 10, shuffle=True, rng=0), epochs=100)
    assert trainer.evaluate((X, Y))["accuracy"] > 0.95
    assert history[-1]["loss"] < history[0]["loss"] / 2


def test_it_is_the_loop_by_hand():
    trainer, by_hand = make(), make()
    trainer.fit(mn.DataLoader(X, Y, 16), epochs=3)
    model, loss, optimizer = by_hand.model, by_hand.loss, by_hand.optimizer
    for _ in range(3):
        for x, y in mn.DataLoader(X, Y, 16):
            optimizer.zero_grad()
            loss.forward(model.forward(x), y)
            model.backward(loss.backward())
            optimizer.step()
    np.testing.assert_array_equal(weights(trainer), weights(by_hand))


@pytest.mark.parametrize(
    ("how", "rows", "steps", "epochs"),
    [
        ({"epochs": 3}, [6, 12, 18], 18, 3),
        ({"steps": 13}, [6, 12, 13], 13, 2),
        ({"steps": 12}, [6, 12], 12, 2),
        ({"steps": 13, "every": 5}, [5, 10, 13], 13, 2),
        ({"steps": 10, "every": 5}, [5, 10], 10, 1),
        ({"epochs": 2, "every": 4}, [4, 8, 12], 12, 2),
        ({"epochs": 2, "every": 100}, [12], 12, 2),
        ({"steps": 0}, [], 0, 0),
        ({"epochs": 0}, [], 0, 0),
    ],
)
def test_epochs_steps_and_rows(how, rows, steps, epochs):
    trainer = make()
    history = trainer.fit(mn.DataLoader(X, Y, 10), **how)
    assert [row["step"] for row in history] == rows
    assert (trainer.step, trainer.epoch) == (steps, epochs)
    assert history is trainer.history


def test_fit_goes_on_where_it_ended():
    once, twice = make(), make()
    once.fit(mn.DataLoader(X, Y, 10), epochs=4)
    twice.fit(mn.DataLoader(X, Y, 10), epochs=1)
    twice.fit(mn.DataLoader(X, Y, 10), steps=18)
    np.testing.assert_array_equal(weights(once), weights(twice))
    assert [row["step"] for row in twice.history] == [6, 12, 18, 24]


def test_the_training_loss_is_weighted_by_samples():
    trainer = make(lr=1e-30)
    history = trainer.fit(mn.DataLoader(X[:11], Y[:11], 10), epochs=1)  # batches of 10 and 1
    assert history[0]["loss"] == pytest.approx(trainer.evaluate((X[:11], Y[:11]))["loss"], rel=1e-6)


def test_rows_have_every_named_set():
    sets = {"validation": (X[:20], Y[:20]), "test": mn.DataLoader(X[20:], Y[20:], 7)}
    row = make().fit(mn.DataLoader(X, Y, 10), epochs=1, evaluate=sets)[0]
    names = ["step", "epoch", "seconds", "lr", "loss"]
    assert list(row) == [*names, "validation_loss", "validation_accuracy", "test_loss", "test_accuracy"]


def test_callbacks_are_called_in_order():
    recorder = Recorder()
    make().fit(mn.DataLoader(X[:20], Y[:20], 10), steps=3, callbacks=[recorder])
    assert recorder.seen == (
        ["start", "gradients", "step 1", "gradients", "step 2", "row 2", "epoch 1"]
        + ["gradients", "step 3", "row 3", "end"]
    )


def test_a_callback_may_stop_the_run():
    trainer = make()
    trainer.fit(mn.DataLoader(X, Y, 10), epochs=9, callbacks=[At(4, lambda t: t.stop())])
    assert trainer.step == 4
    assert trainer.history[-1]["step"] == 4


def test_any_iterable_of_batches_serves():
    trainer = make()
    trainer.fit([(X[:30], Y[:30]), (X[30:], Y[30:])], epochs=2)
    assert trainer.step == 4


def test_an_exhausted_iterator_is_an_error():
    with pytest.raises(ValueError, match="no batch from the loader: a bare iterator can be used only once"):
        make().fit(iter([(X, Y)]), steps=2)


# --- one step ----------------------------------------------------------------------------------------------------


def test_train_step_is_the_method_to_override():
    class Noisy(mn.Trainer):
        def train_step(self, x, y):
            self.optimizer.zero_grad()
            value = self.loss.forward(self.model.forward(x), y)
            self.model.backward(self.loss.backward())
            self.optimizer.step()
            seen.append(len(x))
            return value

    seen = []
    plain = make()
    trainer = Noisy(*(lambda t: (t.model, t.loss, t.optimizer))(make()))
    trainer.fit(mn.DataLoader(X, Y, 25), epochs=1)
    plain.fit(mn.DataLoader(X, Y, 25), epochs=1)
    assert seen == [25, 25, 10]
    np.testing.assert_array_equal(weights(trainer), weights(plain))


@pytest.mark.parametrize("parts", [2, 3, 7, 25, 100])
def test_accumulated_parts_make_the_gradient_of_the_whole(parts):
    whole, cut = make(), make(accumulate=parts)
    for trainer in (whole, cut):
        trainer.model.astype(np.float64)
        trainer.fit(mn.DataLoader(X.astype(np.float64), Y, 25), steps=20)
    np.testing.assert_allclose(weights(whole), weights(cut), rtol=0, atol=1e-13)
    np.testing.assert_allclose(whole.history.column("loss"), cut.history.column("loss"), rtol=1e-12)
    np.testing.assert_allclose(whole.prediction, cut.prediction, rtol=1e-12)


def test_floats_are_converted_to_the_models_dtype():
    trainer = make()
    trainer.fit(mn.DataLoader(X.astype(np.float64), Y, 10), steps=2, evaluate={"test": (X.astype(np.float64), Y)})
    assert trainer.prediction.dtype == np.float32
    assert trainer.predict(X.astype(np.float64)).dtype == np.float32


class Plain(mn.Layer):
    """A user's layer: forward and backward, and no more."""

    def __init__(self):
        self.calls = 0

    def forward(self, x):
        self.cache = x
        return x * x

    def backward(self, dy):
        self.calls += 1
        return 2 * self.cache * dy


class CountsInputGradients(mn.Linear):
    """A Linear layer that counts how often dL/dx was asked of it."""

    asked = 0

    def backward(self, dy):
        self.asked += 1
        return super().backward(dy)

    def accumulate_grad(self, dy):
        super().accumulate_grad(dy)


@pytest.mark.parametrize(
    ("before", "asked"), [([], 0), ([mn.Flatten()], 0), ([mn.Flatten(), mn.Tanh()], 0), ([mn.Linear(4, 4)], 3)]
)
def test_the_layer_that_reads_the_data_computes_no_gradient_for_it(before, asked):
    first = CountsInputGradients(4, 3, rng=0)
    model = mn.Sequential(mn.Sequential(*before, first), mn.Softmax())
    trainer = mn.Trainer(model, mn.CrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1))
    trainer.fit(mn.DataLoader(X, Y, 20), epochs=1)
    assert first.asked == asked
    assert np.abs(first.weight.grad).sum() > 0


def test_a_users_plain_layer_first_or_in_between_works():
    for layers in ([Plain(), mn.Linear(4, 3)], [mn.Linear(4, 3), Plain()]):
        model = mn.Sequential(*layers, mn.Softmax())
        trainer = mn.Trainer(model, mn.CrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1))
        history = trainer.fit(mn.DataLoader(X, Y, 20), epochs=5)
        assert history[-1]["loss"] < history[0]["loss"]


def test_a_backward_redefined_in_a_subclass_is_not_bypassed():
    class Loud(mn.Linear):
        calls = 0

        def backward(self, dy):
            self.calls += 1
            return super().backward(dy)

    model = mn.Sequential(Loud(4, 3), mn.Softmax())
    trainer = mn.Trainer(model, mn.CrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1))
    trainer.fit(mn.DataLoader(X, Y, 20), epochs=1)
    assert model.layers[0].calls == 3


# --- evaluation --------------------------------------------------------------------------------------------------


def test_evaluate_weighs_by_samples_and_uses_eval_mode():
    model = mn.Sequential(mn.Dropout(0.9, rng=0), mn.Linear(4, 3, rng=0), mn.Softmax())
    trainer = mn.Trainer(model, mn.CrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1))
    whole = trainer.evaluate(mn.DataLoader(X, Y, 60))
    assert trainer.evaluate(mn.DataLoader(X, Y, 7)) == pytest.approx(whole, rel=1e-5)
    p = mn.Softmax().forward(model.layers[1].forward(X))
    assert whole["loss"] == pytest.approx(-np.log(p[np.arange(60), Y]).mean(), rel=1e-5)
    assert whole["accuracy"] == pytest.approx((p.argmax(1) == Y).mean())


def test_evaluation_leaves_each_layer_in_its_mode():
    trainer = make()
    frozen, open_ = trainer.model.layers
    frozen.eval()
    trainer.evaluate((X, Y))
    trainer.predict(X)
    assert (frozen.training, open_.training, trainer.loss.training) == (False, True, True)


def test_metrics_of_ones_own():
    trainer = make(metrics={"top2": lambda p, y: mn.metrics.top_k_accuracy(p, y, k=2)})
    assert set(trainer.evaluate((X, Y))) == {"loss", "top2"}
    assert set(make(metrics={}).evaluate((X, Y))) == {"loss"}


def test_regression_reports_no_accuracy():
    model = mn.Sequential(mn.Linear(4, 1))
    trainer = mn.Trainer(model, mn.MSELoss(), mn.SGD(model.parameters(), lr=0.1))
    assert set(trainer.evaluate((X, X[:, :1]))) == {"loss"}


def test_uint8_is_scaled_alike_in_training_and_evaluation():
    images = np.random.default_rng(0).integers(0, 256, (60, 4)).astype(np.uint8)
    floats, bytes_ = make(), make()
    scaled = images * np.float32(1 / 255)
    floats.fit(mn.DataLoader(scaled, Y, 10), epochs=1, evaluate={"test": (scaled, Y)})
    bytes_.fit(mn.DataLoader(images, Y, 10, scale=1 / 255), epochs=1, evaluate={"test": (images, Y)})
    assert floats.history[0]["test_loss"] == bytes_.history[0]["test_loss"]


def test_predict_gives_the_models_output():
    trainer = make()
    many = np.tile(X, (40, 1))  # more than one batch
    np.testing.assert_allclose(trainer.predict(many), trainer.model.eval().forward(many), rtol=1e-5)


# --- Ctrl-C ------------------------------------------------------------------------------------------------------


def press_ctrl_c(trainer=None):
    os.kill(os.getpid(), signal.SIGINT)


class PressesCtrlC(mn.Layer):
    """Presses Ctrl-C in the midst of its n-th forward, and notes that it was not torn away."""

    def __init__(self, at, presses=1):
        self.at, self.presses, self.calls, self.finished = at, presses, 0, 0

    def forward(self, x):
        self.calls += 1
        if self.calls == self.at:
            for _ in range(self.presses):
                press_ctrl_c()
                time.sleep(0.01)
        self.finished += 1
        self.cache = x
        return x * 1

    def backward(self, dy):
        return dy * 1


def train_with(layer, capsys, **how):
    model = mn.Sequential(mn.Linear(4, 3, rng=0), layer, mn.Softmax())
    trainer = mn.Trainer(model, mn.CrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1))
    before = signal.getsignal(signal.SIGINT)
    history = trainer.fit(mn.DataLoader(X, Y, 10), **how)
    assert signal.getsignal(signal.SIGINT) is before
    return trainer, history, capsys.readouterr().err


def test_ctrl_c_in_a_step_ends_the_run_after_it(capsys):
    layer = PressesCtrlC(at=11)
    trainer, history, said = train_with(layer, capsys, epochs=50, evaluate={"test": (X, Y)}, every=4)
    # A look at each of the two sets, steps 1-4, one evaluation forward, steps 5-8: the eleventh call is step 8.
    assert trainer.step == 8
    assert layer.finished == layer.calls == 11
    assert trainer.interrupted
    assert [row["step"] for row in history] == [4, 8]
    assert "interrupted after step 8" in said
    same, *_ = train_with(PressesCtrlC(at=-1), capsys, steps=8)
    np.testing.assert_array_equal(weights(trainer), weights(same))


def test_a_second_ctrl_c_breaks_through(capsys):
    layer = PressesCtrlC(at=6, presses=2)
    trainer, history, said = train_with(layer, capsys, epochs=50)
    assert layer.finished == 5
    assert trainer.step == 4
    assert "interrupted inside step 5" in said
    assert history[-1]["step"] == 4


def test_ctrl_c_in_an_evaluation_ends_it_at_once(capsys):
    layer = PressesCtrlC(at=7)
    trainer, history, said = train_with(layer, capsys, epochs=9, evaluate={"test": mn.DataLoader(X, Y, 10)}, every=4)
    assert trainer.step == 4
    assert layer.finished == 6
    assert "interrupted after step 4" in said
    assert math.isfinite(history[-1]["loss"])
    assert trainer.model.layers[0].training


def test_ctrl_c_in_a_callback_ends_the_run(capsys):
    trainer = make()
    trainer.fit(mn.DataLoader(X, Y, 10), epochs=9, callbacks=[At(3, press_ctrl_c)])
    assert trainer.step == 3
    assert trainer.interrupted


def test_after_an_interruption_training_goes_on():
    trainer = make()
    trainer.fit(mn.DataLoader(X, Y, 10), epochs=9, callbacks=[At(3, press_ctrl_c)])
    trainer.fit(mn.DataLoader(X, Y, 10), steps=2)
    assert trainer.step == 5
    assert not trainer.interrupted


def test_training_in_another_thread_works():
    trainer = make()
    thread = threading.Thread(target=lambda: trainer.fit(mn.DataLoader(X, Y, 10), epochs=1))
    thread.start()
    thread.join()
    assert trainer.step == 6


# --- one fit at a time ---------------------------------------------------------------------------------------------


def test_a_fit_inside_a_callback_is_refused_and_the_outer_goes_on():
    plain, trainer, recorder = make(), make(), Recorder()
    loader = mn.DataLoader(X, Y, 10)

    def fit_again(trainer):
        with pytest.raises(
            RuntimeError, match="fit was called inside a fit of the same Trainer, by a callback perhaps"
        ):
            trainer.fit(loader, steps=1)

    plain.fit(loader, steps=5)
    trainer.fit(loader, steps=5, callbacks=[At(2, fit_again), recorder])
    assert trainer.step == 5
    assert recorder.seen[-3:] == ["step 5", "row 5", "end"]
    np.testing.assert_array_equal(weights(trainer), weights(plain))


def test_other_threads_are_refused_during_a_fit_and_disturb_nothing():
    plain, trainer, raised = make(), make(), []
    loader = mn.DataLoader(X, Y, 10)

    def all_at_once(trainer):
        for call in (
            lambda: trainer.fit(loader, steps=1),
            lambda: trainer.evaluate((X, Y)),
            lambda: trainer.predict(X),
        ):
            thread = threading.Thread(target=catch, args=[call])
            thread.start()
            thread.join()

    def catch(call):
        try:
            call()
        except RuntimeError as error:
            raised.append(str(error).split(":")[0])

    plain.fit(loader, steps=5)
    trainer.fit(loader, steps=5, callbacks=[At(2, all_at_once), At(3, lambda t: t.evaluate((X, Y)))])
    where = "was called while another thread is in a fit of the same Trainer"
    assert raised == [f"fit {where}", f"evaluate {where}", f"predict {where}"]
    np.testing.assert_array_equal(weights(trainer), weights(plain))
    all_at_once(trainer)
    assert len(raised) == 3


def test_a_copy_in_the_middle_of_a_fit_can_be_trained():
    trainer, twins = make(), []

    def train_a_copy(trainer):
        twins.append(copy.deepcopy(trainer))
        twins[0].fit(mn.DataLoader(X, Y, 10), steps=2, progress=False)

    trainer.fit(mn.DataLoader(X, Y, 10), steps=3, callbacks=[At(2, train_a_copy)])
    assert (trainer.step, twins[0].step) == (3, 4)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda trainer: pickle.loads(pickle.dumps(trainer))])
def test_a_copy_after_a_pass_was_left_inside_goes_on_with_a_new_one(copied):
    trainer, batches = make(), (batch for batch in mn.DataLoader(X, Y, 10))
    trainer.fit(batches, steps=2)
    twin = copied(trainer)
    twin.fit(mn.DataLoader(X, Y, 10), steps=2)
    trainer.fit(batches, steps=2)
    assert twin.step == trainer.step == 4


# --- the progress bar --------------------------------------------------------------------------------------------

SCRIPT = """
import time, numpy as np, minnet as mn
X, y = np.random.default_rng(0).normal(size=(100, 4)), np.zeros(100, int)
model = mn.Sequential(mn.Linear(4, 3), mn.Softmax())
class Slow(mn.callbacks.Callback):
    def on_step_end(self, trainer): time.sleep(0.002)
trainer = mn.Trainer(model, mn.CrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1))
trainer.fit(mn.DataLoader(X, y, 10), steps=400, callbacks=[Slow()])
"""


def test_no_progress_bar_where_there_is_no_terminal():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_the_progress_bar_is_drawn_five_times_a_second_at_most():
    terminal, end = pty.openpty()
    termios.tcsetwinsize(end, (24, 80))
    begin = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", SCRIPT], stderr=end, stdout=end)
    os.close(end)
    drawn = b""
    try:
        while chunk := os.read(terminal, 4096):
            drawn += chunk
    except OSError:  # how a terminal says that nobody holds its other end
        pass
    assert process.wait() == 0
    seconds = time.perf_counter() - begin
    assert b"400/400" in drawn
    assert b"loss 0." in drawn
    assert 3 <= drawn.count(b"step/s") <= 5 * seconds + 3


# --- what cannot work is said ------------------------------------------------------------------------------------


def test_an_error_says_at_which_step_and_in_which_layer():
    batches = [(X[:10], Y[:10]), (X[:10, :3], Y[:10])]
    with pytest.raises(ValueError, match="expected 4 features") as caught:
        make().fit(batches, epochs=1)
    assert caught.value.__notes__ == [
        "in Sequential.layers[0] = Linear(4, 3), input shape (10, 3)",
        "in step 2 of epoch 1",
    ]


def test_after_an_error_the_callbacks_still_end():
    recorder = Recorder()
    with pytest.raises(ValueError, match="labels"):
        make().fit([(X, Y + 5)], epochs=1, callbacks=[recorder])
    assert recorder.seen == ["start", "end"]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({}, ValueError, "either epochs=... or steps="),
        ({"epochs": 1, "steps": 1}, ValueError, "either epochs=... or steps="),
        ({"epochs": -1}, ValueError, "epochs >= 0, got -1"),
        ({"steps": 1.5}, TypeError, "steps to be an int, got float"),
        ({"steps": 5, "every": 0}, ValueError, "every >= 1"),
        ({"steps": 5, "evaluate": {"test": X}}, TypeError, r"evaluate\['test'\] to be a pair \(X, y\)"),
        ({"steps": 5, "evaluate": {"test": (X, Y[:5])}}, ValueError, "60 samples in X and 5 targets"),
        ({"steps": 5, "callbacks": [print]}, TypeError, "derive it from mn.callbacks.Callback"),
    ],
)
def test_bad_arguments_of_fit(arguments, error, message):
    trainer = make()
    with pytest.raises(error, match=message):
        trainer.fit(mn.DataLoader(X, Y, 10), **arguments)
    assert trainer.step == 0


@pytest.mark.parametrize("reduction", ["sum", "none"])
def test_a_loss_that_is_no_mean_is_refused(reduction):
    with pytest.raises(ValueError, match=r"the loss must be a mean, not CrossEntropyLoss\(reduction"):
        make(loss=mn.CrossEntropyLoss(reduction=reduction))


def test_bad_parts():
    model = mn.Sequential(mn.Linear(4, 3), mn.Softmax())
    optimizer = mn.SGD(model.parameters(), lr=0.1)
    with pytest.raises(TypeError, match="loss to be a Loss, got the class CrossEntropyLoss: make one"):
        mn.Trainer(model, mn.CrossEntropyLoss, optimizer)
    with pytest.raises(TypeError, match="optimizer to be a Optimizer, got CrossEntropyLoss"):
        mn.Trainer(model, optimizer=mn.CrossEntropyLoss(), loss=mn.CrossEntropyLoss())
    with pytest.raises(ValueError, match="holds Parameters that are not this model's"):
        mn.Trainer(mn.Sequential(mn.Linear(4, 3), mn.Softmax()), mn.CrossEntropyLoss(), optimizer)
    with pytest.raises(ValueError, match="Trainer needs accumulate >= 1, got 0"):
        mn.Trainer(model, mn.CrossEntropyLoss(), optimizer, accumulate=0)


@pytest.mark.parametrize(
    ("last", "loss", "message"),
    [
        (mn.Softmax(), mn.SoftmaxCrossEntropyLoss(), r"the model ends with Softmax\(\): remove that layer"),
        (mn.LogSoftmax(), mn.SoftmaxCrossEntropyLoss(), r"ends with LogSoftmax\(\)"),
        (mn.LogSoftmax(), mn.CrossEntropyLoss(), "use NLLLoss"),
    ],
)
def test_a_last_layer_that_does_not_fit_the_loss(last, loss, message):
    with pytest.raises(ValueError, match=message):
        make(loss=loss, last=[last])


def test_the_loader_of_a_user_is_not_tried_with_samples_that_it_does_not_yield():
    class TwoColumns(mn.DataLoader):
        def __iter__(self):
            return iter([(self.X[:, :2], self.y)])

    model = mn.Sequential(mn.Linear(2, 3, rng=0))
    trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1))
    X = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    trainer.fit(TwoColumns(X, np.arange(6) % 3), epochs=1, progress=False)
    assert trainer.step == 1
