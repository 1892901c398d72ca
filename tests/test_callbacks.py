import math

import numpy as np
import pytest

import minnet as mn
from minnet.callbacks import Callback, ClipGradNorm, ClipGradValue, EarlyStopping, LearningRate, RunningScore
from minnet.schedules import ExponentialLR, StepLR

random = np.random.default_rng(0)
X = random.normal(size=(40, 4)).astype(np.float32)
Y = (X @ random.normal(size=(4, 3))).argmax(axis=1)


def make(lr=0.1):
    model = mn.Sequential(mn.Linear(4, 3, rng=0), mn.Softmax())
    return mn.Trainer(model, mn.CrossEntropyLoss(), mn.SGD(model.parameters(), lr=lr))


class Rates(Callback):
    """Writes down the learning rate that each step used."""

    def __init__(self):
        self.seen = []

    def on_gradients(self, trainer):
        self.seen.append(trainer.optimizer.lr)


class Weights(Callback):
    """Keeps the weights of every row, and puts made-up numbers into the row."""

    def __init__(self, numbers):
        self.numbers, self.kept = list(numbers), []

    def on_row(self, trainer, row):
        row["made_up_loss"] = self.numbers[len(self.kept)]
        self.kept.append(trainer.model.layers[0].weight.data.copy())


def test_a_learning_rate_per_epoch():
    rates = Rates()
    make(lr=1.0).fit(mn.DataLoader(X, Y, 20), epochs=4, callbacks=[LearningRate(StepLR(2, 0.1)), rates])
    assert rates.seen == pytest.approx([1, 1, 1, 1, 0.1, 0.1, 0.1, 0.1])


def test_a_learning_rate_per_step_by_any_function():
    rates = Rates()
    schedule = LearningRate(lambda base, t: base / (1 + t), per="step")
    trainer = make(lr=1.0)
    trainer.fit(mn.DataLoader(X, Y, 20), steps=4, callbacks=[schedule, rates])
    assert rates.seen == [1, 1 / 2, 1 / 3, 1 / 4]
    trainer.fit(mn.DataLoader(X, Y, 20), steps=2, callbacks=[schedule, rates])
    assert rates.seen[4:] == [1 / 5, 1 / 6]


def test_the_history_has_the_rate_in_force():
    history = make(lr=1.0).fit(mn.DataLoader(X, Y, 20), epochs=3, callbacks=[LearningRate(ExponentialLR(0.5))])
    assert history.column("lr") == [1, 0.5, 0.25]


def test_learning_rate_refuses_other_clocks():
    with pytest.raises(ValueError, match='per="epoch" or per="step", got \'batch\''):
        LearningRate(StepLR(1), per="batch")


@pytest.mark.parametrize(
    ("numbers", "options", "rows", "best"),
    [
        ([5, 4, 3, 9, 9, 9, 9, 9], {"patience": 3}, 6, 2),  # waits three rows, goes back to the third
        ([5, 4, 3, 2, 1, 0.5], {"patience": 1}, 6, 5),  # improves to the end
        ([5, 4.95, 4.89, 4.85, 4.8, 0], {"patience": 2, "min_delta": 0.1}, 5, 2),
        ([5, 4.95, 4.94, 4.93, 0, 0], {"patience": 2, "min_delta": 0.1}, 3, 0),
        ([math.nan, 5, 4, 9, 9, 9], {"patience": 2}, 5, 2),
        ([5, math.nan, math.nan, 1, 1, 1], {"patience": 2}, 3, 0),  # NaN is no improvement
    ],
)
def test_early_stopping_restores_the_best(numbers, options, rows, best):
    trainer, weights = make(), Weights(numbers)
    stopping = EarlyStopping("made_up_loss", **options)
    trainer.fit(mn.DataLoader(X, Y, 20), epochs=len(numbers), callbacks=[weights, stopping])
    assert len(trainer.history) == rows
    assert stopping.best == numbers[best]
    assert stopping.best_step == trainer.history[best]["step"]
    np.testing.assert_array_equal(trainer.model.layers[0].weight.data, weights.kept[best])


def test_early_stopping_lets_an_accuracy_rise():
    class Accuracy(Callback):
        def on_row(self, trainer, row):
            row["validation_accuracy"] = [0.5, 0.6, 0.55, 0.55][trainer.epoch - 1]

    trainer = make()
    stopping = EarlyStopping("validation_accuracy", patience=2)
    trainer.fit(mn.DataLoader(X, Y, 20), epochs=4, callbacks=[Accuracy(), stopping])
    assert (stopping.best, stopping.best_step) == (0.6, 4)


def test_early_stopping_leaves_an_interrupted_model_as_it_is(capsys):
    class Interrupts(Callback):
        def on_epoch_end(self, trainer):
            if trainer.epoch == 3:
                raise KeyboardInterrupt

    trainer, weights = make(), Weights([1, 2, 3])
    stopping = EarlyStopping("made_up_loss", patience=9)
    trainer.fit(mn.DataLoader(X, Y, 20), epochs=9, callbacks=[weights, stopping, Interrupts()])
    np.testing.assert_array_equal(trainer.model.layers[0].weight.data, weights.kept[2])
    assert "interrupted after step 6" in capsys.readouterr().err


def test_early_stopping_says_which_columns_there_are():
    with pytest.raises(
        ValueError, match="monitors 'validation_loss', but a row has only step, epoch, seconds, lr, loss"
    ):
        make().fit(mn.DataLoader(X, Y, 20), epochs=1, callbacks=[EarlyStopping("validation_loss")])


@pytest.mark.parametrize("bad", [{"patience": 0}, {"min_delta": -1}])
def test_early_stopping_bad_numbers(bad):
    with pytest.raises(ValueError, match="patience >= 1 and min_delta >= 0"):
        EarlyStopping("loss", **bad)


class Gradients(Callback):
    def on_gradients(self, trainer):
        self.seen = np.concatenate([p.grad.ravel() for p in trainer.optimizer.parameters])


def gradients(*callbacks):
    seen = Gradients()
    make().fit(mn.DataLoader(X, Y, 40), steps=1, callbacks=[*callbacks, seen])
    return seen.seen


def test_clip_grad_norm_keeps_the_direction():
    plain = gradients()
    norm = np.linalg.norm(plain)
    clipped = gradients(ClipGradNorm(norm / 4))
    np.testing.assert_allclose(clipped, plain / 4, rtol=1e-5)
    np.testing.assert_array_equal(gradients(ClipGradNorm(norm * 1.01)), plain)


def test_clip_grad_norm_of_huge_gradients():
    parameter = mn.Parameter(np.zeros(4))
    parameter.grad[...] = 1e30  # its square is no float32
    trainer = make()
    trainer.optimizer = mn.SGD([parameter], lr=1)
    ClipGradNorm(1.0).on_gradients(trainer)
    np.testing.assert_allclose(parameter.grad, 0.5, rtol=1e-6)


def test_clip_grad_value():
    plain = gradients()
    bound = np.abs(plain).max() / 2
    clipped = gradients(ClipGradValue(bound))
    assert np.abs(clipped).max() == pytest.approx(bound)
    inside = np.abs(plain) < bound
    np.testing.assert_array_equal(clipped[inside], plain[inside])
    assert inside.any()
    np.testing.assert_array_equal(np.sign(clipped), np.sign(plain))


@pytest.mark.parametrize("kind", [ClipGradNorm, ClipGradValue])
@pytest.mark.parametrize("bad", [0, -1, math.nan])
def test_clipping_needs_a_positive_bound(kind, bad):
    with pytest.raises(ValueError, match="> 0, got"):
        kind(bad)


def test_running_score_counts_before_the_update():
    scores = RunningScore(decay=0.5)
    trainer = make(lr=0.5)
    rights = []

    class Rights(Callback):
        def on_step_end(self, trainer):
            rights.append(bool(trainer.prediction.argmax() == trainer.target[0]))

    trainer.fit(mn.DataLoader(X, Y, 1), steps=20, every=1, callbacks=[scores, Rights()])
    score = 0.0
    for right, row in zip(rights, trainer.history, strict=True):
        score = 0.5 * score + 0.5 * right
        assert row["running_accuracy"] == pytest.approx(score)
    assert 0 < sum(rights) < 20
