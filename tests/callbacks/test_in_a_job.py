"""Callbacks in a job of several ranks: they decide alike, and what writes or shows something runs on rank 0."""

import sys
import warnings
from io import StringIO
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from helpers import linear_problem
from ranks import run

import minnet as mn
from minnet import callbacks

X, Y = linear_problem(60)
SETS = {"test": (X[40:], Y[40:])}


class Calls(callbacks.Callback):
    """A callback of a user's that counts its calls, and the samples that it sees."""

    def __init__(self):
        self.steps = self.samples = 0

    def on_step_end(self, trainer):
        self.steps += 1
        self.samples += len(trainer.target)


class OnlyZero(Calls):
    rank_zero_only = True


class StopsOne(callbacks.Callback):
    def __init__(self, rank):
        self.rank = rank

    def on_step_end(self, trainer):
        if self.rank == 1 and trainer.step == 4:
            trainer.stop()


def trained(mpi, given, epochs=4, **options):
    """Return the rows without their seconds, the weights, and what was written to stderr, of one fit."""
    model = mn.Sequential(mn.Linear(4, 6, rng=0), mn.Tanh(), mn.Linear(6, 3, rng=1)).astype(np.float64)
    trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.5), parallel=mpi)
    stderr, sys.stderr = sys.stderr, StringIO()
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            loader = mn.DataLoader(X[:46], Y[:46], 15, shuffle=True, rng=0)  # the last has one sample
            trainer.fit(loader, epochs=epochs, evaluate=SETS, callbacks=given, **{"progress": False} | options)
        written = sys.stderr.getvalue()
    finally:
        sys.stderr = stderr
    rows = [{name: value for name, value in row.items() if name != "seconds"} for row in trainer.history]
    return rows, [p.data.copy() for p in model.parameters()], written, [str(one.message) for one in caught], trainer


def each(mpi):
    """Return what fits with each callback that decides or averages come to."""
    ema = callbacks.EMA(0.9)
    cases = {
        "early stopping": [callbacks.EarlyStopping("test_loss", patience=1, mode="max")],
        "plateau": [callbacks.ReduceLROnPlateau("test_loss", mode="max", patience=0)],
        "schedule": [callbacks.LearningRate(mn.schedules.StepLR(1))],
        "clipping": [callbacks.ClipGradNorm(0.01), callbacks.ClipGradValue(0.002), callbacks.MaxNorm(0.5)],
        "EMA": [ema],
        "running": [callbacks.RunningScore(0.9)],
    }
    found = {name: trained(mpi, given)[:2] for name, given in cases.items()}
    found["average"] = [], [a.copy() for a in ema.average]
    return found


@pytest.mark.slow
def test_callbacks_decide_as_in_one_process():
    alone, together = each(None), run(each, 2)
    for name, (rows, arrays) in alone.items():
        for found in together:
            assert found[name][0] == together[0][name][0]
            assert len(found[name][0]) == len(rows)
            for row, expected in zip(found[name][0], rows, strict=True):
                assert row == pytest.approx(expected, rel=1e-11, abs=1e-12), name
            for array, first, expected in zip(found[name][1], together[0][name][1], arrays, strict=True):
                np.testing.assert_array_equal(array, first, err_msg=name)
                np.testing.assert_allclose(array, expected, rtol=1e-11, atol=1e-12, err_msg=name)


def writing(mpi, folder):
    """Return what each rank has written, warned of, and called."""
    folder = Path(folder)
    everywhere, zero = Calls(), OnlyZero()
    given = [callbacks.CSVLogger(folder / f"rows{mpi.rank}.csv"), everywhere, zero]
    rows, _, written, warned, trainer = trained(mpi, given, progress="rows")
    late = [callbacks.LearningRate(mn.schedules.StepLR(1))]
    *_, warned_late, _ = trained(mpi, late, epochs=1)
    stopped = trained(mpi, [StopsOne(mpi.rank)])[-1]
    curve = mn.lr_finder(trainer, mn.DataLoader(X, Y, 15, rng=0), steps=10)
    counts = everywhere.steps, everywhere.samples, zero.steps
    return rows, written, warned, warned_late, counts, (stopped.step, stopped.stopped), curve.losses


def shown(mpi, folder):
    """Return what a terminal shows, and the files of TensorBoard."""
    board = callbacks.TensorBoard(Path(folder) / str(mpi.rank), histograms=2)
    with patch("minnet.callbacks.progress.is_terminal", lambda: True):
        *_, written, _, _ = trained(mpi, [board], progress=True)
    return written


@pytest.mark.slow
def test_rank_zero_shows_the_bar_and_writes_for_tensorboard(tmp_path):
    pytest.importorskip("tensorboardX")
    zero, one = run(shown, 2, str(tmp_path))
    assert "16/16" in zero
    assert one == ""
    assert [path.name for path in tmp_path.iterdir()] == ["0"]


@pytest.mark.slow
def test_rank_zero_writes_and_warns(tmp_path):
    zero, one = run(writing, 2, str(tmp_path))
    rows, written, warned, warned_late, counts, stopped, losses = zero
    assert [path.name for path in tmp_path.iterdir()] == ["rows0.csv"]
    assert len((tmp_path / "rows0.csv").read_text().splitlines()) == 1 + len(rows)
    assert "test" in written
    assert one[1] == ""
    assert warned == one[2] == []
    assert len(warned_late) == 1
    assert "the learning rate never moved" in warned_late[0]
    assert one[3] == []
    assert counts[::2] == (16, 16)
    assert one[4][::2] == (16, 0)
    assert counts[1] + one[4][1] == 4 * 46  # each sees its part
    assert stopped == one[5] == (4, True)
    assert one[0] == rows
    assert losses == one[6]
    assert len(losses) == 10
