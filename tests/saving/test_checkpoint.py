"""When checkpoints are written, which stay, and from which one a run goes on. (Disks that fail: tests/reliability.)"""

import signal
import time

import numpy as np
import pytest

import minnet as mn
from minnet.errors import CheckpointError, CheckpointWarning
from minnet.saving.checkpoint import BEST, Checkpoint
from minnet.saving.run_state import Snapshot

X = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)
Y = np.arange(40) % 3


def fit(checkpoint, steps=10, resume="auto", trainer=None, **options):
    if trainer is None:
        model = mn.Sequential(mn.Linear(4, 3, rng=0))
        trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1))
    loader = mn.DataLoader(X, Y, 8, shuffle=True, rng=0)
    trainer.fit(loader, steps=steps, checkpoint=checkpoint, resume=resume, progress=False, **options)
    return trainer


def steps(folder):
    return [int(path.stem[5:]) for path in Checkpoint(folder).files()]


@pytest.mark.parametrize(
    "options", [{"every": 0}, {"seconds": -1}, {"keep": 0}, {"seconds": float("nan")}], ids=lambda o: next(iter(o))
)
def test_numbers_out_of_range_are_refused(tmp_path, options):
    name, value = next(iter(options.items()))
    with pytest.raises(ValueError, match=f"Checkpoint needs {name} >= [01], got {value}"):
        Checkpoint(tmp_path, **options)


@pytest.mark.parametrize(("keep", "left"), [(1, [10]), (3, [6, 9, 10]), (99, [3, 6, 9, 10])])
def test_every_so_many_steps_and_at_the_end(tmp_path, keep, left):
    fit(Checkpoint(tmp_path / "a" / "b", every=3, keep=keep))
    assert steps(tmp_path / "a" / "b") == left


def test_by_time(tmp_path):
    class Slow(mn.callbacks.Callback):
        def on_step_end(self, trainer):
            time.sleep(0.06 if trainer.step == 4 else 0)

    fit(Checkpoint(tmp_path / "a", seconds=0.05), callbacks=[Slow()])
    assert 4 in steps(tmp_path / "a")
    fit(Checkpoint(tmp_path / "b", seconds=0))
    assert steps(tmp_path / "b") == [8, 9, 10]
    fit(tmp_path / "c")  # a minute by default
    assert steps(tmp_path / "c") == [10]


def test_the_best_is_kept(tmp_path):
    class Score(mn.callbacks.Callback):
        def on_row(self, trainer, row):
            row["score"] = [0.1, 0.5, float("nan"), 0.4, 0.2][len(trainer.history) - 1]

    trainer = fit(Checkpoint(tmp_path, keep=1, best="score", mode="max"), every=2, callbacks=[Score()])
    assert Snapshot(tmp_path / BEST).step == 4
    assert steps(tmp_path) == [10]
    model = mn.load(mn.Sequential(mn.Linear(4, 3, rng=5)), tmp_path / BEST)
    assert not np.array_equal(model.layers[0].weight.data, trainer.model.layers[0].weight.data)


def test_the_best_of_before_still_counts_after_it_was_resumed(tmp_path):
    class Worse(mn.callbacks.Callback):
        def on_row(self, trainer, row):
            row["score"] = 1.0 if trainer.step == 2 else 0.5

    for total in (4, 8):
        checkpoint = Checkpoint(tmp_path, best="score", mode="max")
        fit(checkpoint, total, every=2, callbacks=[Worse()])
    assert checkpoint.best_value == 1.0
    assert Snapshot(tmp_path / BEST).step == 2


class Scores(mn.callbacks.Callback):
    """Gives the rows these scores, one after the other."""

    def __init__(self, *scores):
        self.scores = list(scores)

    def state_dict(self):
        return {}

    def on_row(self, trainer, row):
        row["score"] = self.scores[(trainer.step - 1) // 2 % len(self.scores)]


@pytest.mark.parametrize(("mode", "best"), [("min", 6), ("max", 4)])
def test_the_mode_says_which_is_the_best(tmp_path, mode, best):
    fit(Checkpoint(tmp_path, best="score", mode=mode), every=2, callbacks=[Scores(-2.0, -1.0, -3.0, -2.5, -1.5)])
    assert Snapshot(tmp_path / BEST).step == best


def test_a_mode_that_nobody_says_is_asked_for_before_the_first_step(tmp_path):
    checkpoint = Checkpoint(tmp_path, best="score")
    with pytest.raises(ValueError, match=r"Checkpoint cannot know whether 'score' is better .* pass mode=\"min\" or"):
        fit(checkpoint, every=2, callbacks=[Scores(1.0)])
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="Checkpoint expected mode to be one of 'min', 'max', None, got 'up'"):
        Checkpoint(tmp_path, mode="up")


def test_a_metric_says_its_own_direction(tmp_path):
    def error(prediction, target):
        return values.pop(0)

    error.better, values = "min", [0.5, 0.2, 0.4]
    model = mn.Sequential(mn.Linear(4, 3, rng=0))
    optimizer = mn.SGD(model.parameters(), lr=0.1)
    trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), optimizer, metrics={"error": error})
    fit(Checkpoint(tmp_path, best="v_error"), 6, trainer=trainer, every=2, evaluate={"v": (X, Y)})
    assert Snapshot(tmp_path / BEST).step == 4


def test_a_checkpoint_object_serves_two_fits_as_if_it_were_new(tmp_path):
    checkpoint = Checkpoint(tmp_path / "a", best="score", mode="max")
    fit(checkpoint, 4, every=2, callbacks=[Scores(9.0)])
    checkpoint.folder = tmp_path / "b"
    fit(checkpoint, 4, every=2, callbacks=[Scores(1.0, 2.0)])
    assert (checkpoint.best_value, checkpoint.newest.parent.name) == (2.0, "b")
    assert Snapshot(tmp_path / "b" / BEST).step == 4


@pytest.mark.parametrize("same", [True, False])
def test_the_best_of_a_folder_stays_the_best_when_the_trainer_trains_on(tmp_path, same):
    checkpoint = Checkpoint(tmp_path, best="score", mode="max")
    trainer = fit(checkpoint, 4, every=2, callbacks=[Scores(3.0, 9.0)])
    checkpoint = checkpoint if same else Checkpoint(tmp_path, best="score", mode="max")
    fit(checkpoint, 4, trainer=trainer, every=2, callbacks=[Scores(1.0, 2.0)])
    assert checkpoint.best_value == 9.0
    assert Snapshot(tmp_path / BEST).step == 4


@pytest.mark.parametrize("other", [{"best": "loss"}, {"best": "score", "mode": "min"}])
def test_the_best_of_another_column_or_direction_does_not_count(tmp_path, other):
    fit(Checkpoint(tmp_path, best="score", mode="max"), 4, every=2, callbacks=[Scores(0.0)])
    checkpoint = Checkpoint(tmp_path, **other)
    fit(checkpoint, 6, every=2, callbacks=[Scores(0.0, 0.0, 5.0)])
    assert checkpoint.best_value > 0
    assert Snapshot(tmp_path / BEST).step == 6


def test_a_column_that_is_not_there(tmp_path):
    with pytest.raises(ValueError, match="Checkpoint monitors 'validation_loss', but a row has only"):
        fit(Checkpoint(tmp_path, best="validation_loss"))


def test_a_damaged_one_is_passed_over(tmp_path):
    whole = fit(None, 12)
    fit(Checkpoint(tmp_path, every=3))
    newest = tmp_path / "step-000000010.safetensors"
    newest.write_bytes(newest.read_bytes()[:-1])
    with pytest.warns(CheckpointWarning, match="step-000000010.*an older one is tried"):
        resumed = fit(Checkpoint(tmp_path, every=3), 12)
    assert np.array_equal(resumed.model.layers[0].weight.data, whole.model.layers[0].weight.data)


def test_none_is_whole(tmp_path):
    fit(Checkpoint(tmp_path, every=9))
    for path in Checkpoint(tmp_path).files():
        path.write_bytes(b"")
    with pytest.warns(CheckpointWarning), pytest.raises(CheckpointError, match="2 checkpoints, and none is whole"):
        fit(tmp_path)


def test_resume_none_wants_an_empty_folder(tmp_path):
    fit(tmp_path, resume=None)
    with pytest.raises(CheckpointError, match=r"an earlier run, up to step-000000010.*choose another folder"):
        fit(tmp_path, resume=None)


def test_resume_from_a_file(tmp_path):
    whole = fit(None, 12)
    fit(Checkpoint(tmp_path / "a", every=4))
    resumed = fit(tmp_path / "b", 12, resume=tmp_path / "a" / "step-000000004.safetensors")
    assert steps(tmp_path / "b") == [12]
    assert np.array_equal(resumed.model.layers[0].weight.data, whole.model.layers[0].weight.data)


def test_a_finished_run_is_not_trained_again(tmp_path, capsys):
    first = fit(tmp_path)
    capsys.readouterr()
    again = fit(tmp_path)
    assert again.step == 10
    assert again.history == first.history
    assert "is complete: nothing is left to do (step 10, epoch 2)" in capsys.readouterr().err


def test_a_second_fit_of_the_same_trainer_trains_on(tmp_path):
    trainer = fit(Checkpoint(tmp_path, keep=9), 5)
    fit(Checkpoint(tmp_path, keep=9), 5, trainer=trainer)
    assert trainer.step == 10
    assert steps(tmp_path) == [5, 10]


def test_a_folder_of_a_later_fit_is_refused(tmp_path):
    trainer = fit(None, 5)
    fit(tmp_path, 5, trainer=trainer)
    with pytest.raises(CheckpointError, match=r"began after step 5.*begins after step 0.*a folder of its own"):
        fit(tmp_path, 5)


def test_an_interrupted_fit_goes_on_in_the_same_process(tmp_path):
    presses = [KeyboardInterrupt]

    class Interrupt(mn.callbacks.Callback):
        def on_step_end(self, trainer):
            if trainer.step == 4 and presses:
                raise presses.pop()

    whole, interrupt = fit(None, 10), Interrupt()
    trainer = fit(Checkpoint(tmp_path, every=3), 10, callbacks=[interrupt])
    assert trainer.interrupted
    assert trainer.step == 4
    fit(Checkpoint(tmp_path, every=3), 10, trainer=trainer, callbacks=[interrupt])  # from step 3
    assert trainer.step == 10
    assert np.array_equal(trainer.model.layers[0].weight.data, whole.model.layers[0].weight.data)
    assert trainer.history.column("loss") == whole.history.column("loss")


def test_what_a_killed_process_left_is_removed(tmp_path):
    (tmp_path / ".step-000000004.safetensors.123-456.tmp").write_bytes(b"half")
    (tmp_path / "mine.tmp").write_bytes(b"mine")
    fit(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.tmp", "step-000000010.safetensors"]


def test_state_that_cannot_be_written_is_named_before_the_first_step(tmp_path):
    class Odd(mn.callbacks.Callback):
        def state_dict(self):
            return {"file": open}

        def on_step_end(self, trainer):
            raise AssertionError("too late")

    with pytest.raises(TypeError, match=r"state/callbacks/0/1/file: a builtin.* cannot be written"):
        fit(tmp_path, callbacks=[Odd()])


class Wrong(mn.callbacks.Callback):
    """A callback whose state fails while training: at each step in another way, or always in the same."""

    def __init__(self, error, steps):
        self.error, self.steps, self.step = error, steps, 0

    def on_step_end(self, trainer):
        self.step = trainer.step

    def state_dict(self):
        if self.step in self.steps:
            raise self.error
        return {"step": self.step}


@pytest.mark.parametrize(
    "error",
    [TypeError("odd"), RuntimeError("odd"), KeyError("odd"), MemoryError("odd"), RecursionError("odd")],
    ids=repr,
)
def test_no_failure_ends_a_run(tmp_path, error):
    whole = fit(None)
    with pytest.warns(CheckpointWarning) as caught:
        trainer = fit(Checkpoint(tmp_path, every=1, keep=9), callbacks=[Wrong(error, range(3, 8))])
    (warning,) = caught  # for all five
    text = str(warning.message)
    assert "no checkpoint could be written after step 3" in text
    assert f"{type(error).__name__}: " in text
    assert "odd" in text
    assert text.endswith("training goes on, the newest is step-000000002.safetensors")
    assert steps(tmp_path) == [1, 2, 8, 9, 10]
    assert np.array_equal(trainer.model.layers[0].weight.data, whole.model.layers[0].weight.data)


def test_each_cause_is_said(tmp_path):
    one, two = Wrong(TypeError("one"), (3, 4)), Wrong(TypeError("two"), (6, 7))
    with pytest.warns(CheckpointWarning) as caught:
        fit(Checkpoint(tmp_path, every=1), callbacks=[one, two])
    assert ["(TypeError: one)" in str(w.message) for w in caught] == [True, False]
    assert "(TypeError: two)" in str(caught[1].message)


@pytest.mark.slow
def test_a_list_of_a_million_losses(tmp_path):
    """As text, it would be too large for a file, and the run could never be resumed."""

    class Losses(mn.callbacks.Callback):
        def __init__(self):
            self.losses = [i / 3e9 for i in range(900_000)]  # 20 MB as text
            self.mixed, self.pairs, self.arrays = [0.1, 1, None] * 1000, [(1, 0.5)] * 1000, []

        def on_step_end(self, trainer):
            self.losses.append(trainer.last_loss)
            self.mixed.append(trainer.step)
            self.pairs.append((trainer.step, trainer.last_loss))
            self.arrays += [trainer.prediction[0].copy()] * 1000

    first, second = Losses(), Losses()
    fit(tmp_path, 3, callbacks=[first])
    fit(tmp_path, 3, callbacks=[second])
    assert second.losses == first.losses
    assert list(map(type, second.mixed)) == list(map(type, first.mixed))
    assert (second.mixed, second.pairs) == (first.mixed, first.pairs)
    assert np.array_equal(second.arrays, first.arrays)


@pytest.mark.slow
def test_what_is_too_large_is_named(tmp_path):
    class Names(mn.callbacks.Callback):
        def __init__(self):
            self.names = {"short": ["a"], "long": []}

        def on_step_end(self, trainer):
            self.names["long"] += ["x" * 1000] * 20_000

    with pytest.warns(CheckpointWarning, match=r"most of it is in state/callbacks/0/1/names/long\); training goes on"):
        assert fit(tmp_path, 2, callbacks=[Names()]).step == 2


def test_two_runs_cannot_write_to_one_folder(tmp_path):
    class Second(mn.callbacks.Callback):
        def on_fit_start(self, trainer):
            with pytest.raises(CheckpointError, match=f"another run is writing its checkpoints to {tmp_path}"):
                fit(tmp_path)

    fit(tmp_path, callbacks=[Second()])
    fit(tmp_path, 12, callbacks=[Second()])  # the first is done


def test_two_runs_cannot_use_one_object(tmp_path):
    checkpoint = Checkpoint(tmp_path, every=1)

    class Second(mn.callbacks.Callback):
        def on_step_end(self, trainer):
            with pytest.raises(RuntimeError, match="this Checkpoint is in use by another fit"):
                fit(checkpoint)
            with pytest.raises(CheckpointError, match="another run is writing"):  # it is still locked
                fit(tmp_path)

    fit(checkpoint, 2, callbacks=[Second()])
    assert steps(tmp_path) == [1, 2]


def test_an_older_file_is_not_gone_on_from_beside_newer_ones(tmp_path):
    fit(Checkpoint(tmp_path / "a", every=4))
    with pytest.raises(CheckpointError, match=r"is of step 4, but .* holds step-000000010.*remove what came later"):
        fit(tmp_path / "a", 12, resume=tmp_path / "a" / "step-000000004.safetensors")


def test_a_finished_run_of_steps_goes_on_inside_its_epoch(tmp_path):
    whole = fit(None, 13)
    fit(tmp_path, 7)  # the second epoch ends with step 10
    longer = fit(tmp_path, 13)
    assert longer.epoch == whole.epoch == 2
    assert np.array_equal(longer.model.layers[0].weight.data, whole.model.layers[0].weight.data)


def test_ctrl_c_does_not_leave_a_model_half_put_back(tmp_path, capsys):
    class Impatient(mn.callbacks.Callback):
        def on_fit_start(self, trainer):
            if trainer.step:
                signal.raise_signal(signal.SIGINT)

    whole = fit(Checkpoint(tmp_path, every=3), 10, callbacks=[Impatient()])
    trainer = fit(tmp_path, 12, callbacks=[Impatient()])
    assert trainer.interrupted
    assert trainer.step == 10
    assert np.array_equal(trainer.model.layers[0].weight.data, whole.model.layers[0].weight.data)
    assert "interrupted after step 10" in capsys.readouterr().err


def test_a_run_whose_schedule_ended_at_0_is_started_again(tmp_path):
    for _ in range(2):
        model = mn.Linear(2, 2, rng=0)
        trainer = mn.Trainer(model, mn.MSELoss(), mn.SGD(model.parameters(), lr=0.1))
        cosine = mn.callbacks.LearningRate(mn.schedules.CosineAnnealingLR(2), per="step")
        trainer.fit([(np.ones((4, 2)), np.ones((4, 2)))], epochs=2, callbacks=[cosine], checkpoint=tmp_path)
        assert (trainer.step, trainer.optimizer.lr) == (2, 0)
