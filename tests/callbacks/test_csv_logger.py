import csv
from contextlib import nullcontext

import numpy as np
import pytest

import minnet as mn
from minnet.callbacks import CSVLogger, RunningScore
from minnet.saving.checkpoint import Checkpoint

X = np.random.default_rng(0).random((40, 4), dtype=np.float32)
Y = np.arange(40) % 3


def fit(folder, steps, callbacks=(), **options):
    model = mn.Sequential(mn.Linear(4, 3, rng=0))
    trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1))
    loader = mn.DataLoader(X, Y, 8, shuffle=True, rng=0)
    trainer.fit(loader, steps=steps, every=2, callbacks=callbacks, progress=False, **options)
    return trainer


def rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def test_the_file_holds_the_history(tmp_path):
    trainer = fit(tmp_path, 7, [RunningScore(), CSVLogger(tmp_path / "h.csv")], evaluate={"test": (X, Y)})
    assert rows(tmp_path / "h.csv") == trainer.history
    assert [row["step"] for row in trainer.history] == [2, 4, 6, 7]


def test_only_the_last_rows_stay_in_memory(tmp_path):
    trainer = fit(tmp_path, 10, [CSVLogger(tmp_path / "h.csv", keep=2)])
    assert [row["step"] for row in trainer.history] == [8, 10]
    assert [row["step"] for row in rows(tmp_path / "h.csv")] == [2, 4, 6, 8, 10]


def test_a_second_fit_appends_and_a_new_logger_begins_anew(tmp_path):
    logger = CSVLogger(tmp_path / "h.csv")
    trainer = fit(tmp_path, 2, [logger])
    trainer.fit(mn.DataLoader(X, Y, 8), steps=2, every=2, callbacks=[logger], progress=False)
    fit(tmp_path, 2, [logger])  # of another Trainer
    assert [row["step"] for row in rows(tmp_path / "h.csv")] == [2, 4, 2]
    fit(tmp_path, 2, [CSVLogger(tmp_path / "h.csv")])
    assert [row["step"] for row in rows(tmp_path / "h.csv")] == [2]


class Fails(mn.callbacks.Callback):
    def __init__(self, step):
        self.at = step

    def state_dict(self):
        return {}

    def on_step_end(self, trainer):
        if trainer.step == self.at:
            raise OSError("power failure")


def test_a_resumed_run_writes_every_row_once(tmp_path):
    whole = fit(tmp_path, 12, [CSVLogger(tmp_path / "whole.csv", keep=3)])
    for at in (7, 11, 99):  # the checkpoints are of steps 4 and 8: rows after them are made again
        with pytest.raises(OSError, match="power failure") if at < 99 else nullcontext():
            trainer = fit(
                tmp_path,
                12,
                [CSVLogger(tmp_path / "h.csv", keep=3), Fails(at)],
                checkpoint=Checkpoint(tmp_path / "run", every=4),
            )
    strip = [{name: value for name, value in row.items() if name != "seconds"} for row in rows(tmp_path / "h.csv")]
    expected = [{n: v for n, v in row.items() if n != "seconds"} for row in rows(tmp_path / "whole.csv")]
    assert strip == expected
    assert [row["step"] for row in trainer.history] == [row["step"] for row in whole.history]


def test_a_file_that_cannot_be_written_is_known_before_the_first_step(tmp_path):
    for path, why in ((tmp_path / "none" / "h.csv", "No such file or directory"), (tmp_path, "Is a directory")):
        seen = []

        class Steps(mn.callbacks.Callback):
            def on_step_end(self, trainer, seen=seen):
                seen.append(trainer.step)

        with pytest.raises(OSError, match=f"{why}: make the folder, or choose another path. CSVLogger cannot write"):
            fit(tmp_path, 2, [Steps(), CSVLogger(path)])
        assert seen == []


def test_the_name_of_the_file_is_no_part_of_a_checkpoint(tmp_path):
    for name, steps in (("a.csv", 4), ("b.csv", 8)):
        if name == "b.csv":
            (tmp_path / "a.csv").rename(tmp_path / name)
        fit(tmp_path, steps, [CSVLogger(tmp_path / name)], checkpoint=Checkpoint(tmp_path / "run"))
    assert [row["step"] for row in rows(tmp_path / "b.csv")] == [2, 4, 6, 8]
    assert not (tmp_path / "a.csv").exists()


def test_a_new_column_is_refused(tmp_path):
    class Late(mn.callbacks.Callback):
        def on_row(self, trainer, row):
            if trainer.step > 2:
                row["later"] = 1.0

    with pytest.raises(ValueError, match="has no column for later"):
        fit(tmp_path, 4, [Late(), CSVLogger(tmp_path / "h.csv")])


def test_a_file_that_was_cut_is_noticed(tmp_path):
    logger = CSVLogger(tmp_path / "h.csv")
    trainer = fit(tmp_path, 2, [logger])
    (tmp_path / "h.csv").write_text("")
    with pytest.raises(ValueError, match="shorter than it was left: it was cut or deleted"):
        trainer.fit(mn.DataLoader(X, Y, 8), steps=2, callbacks=[logger], progress=False)


def test_a_file_that_was_deleted_between_two_fits_is_noticed_before_the_first_step(tmp_path):
    """It was after the first row, of an epoch perhaps."""
    logger = CSVLogger(tmp_path / "h.csv")
    fit(tmp_path, 3, [logger])
    (tmp_path / "h.csv").unlink()
    steps = []
    with pytest.raises(ValueError, match="begin another file with a new CSVLogger"):
        fit(tmp_path, 3, [logger, Steps(steps)])
    assert not steps


class Steps(mn.callbacks.Callback):
    def __init__(self, steps):
        self.steps = steps

    def on_step_end(self, trainer):
        self.steps.append(trainer.step)


def test_keep_must_be_positive(tmp_path):
    with pytest.raises(ValueError, match="keep >= 1"):
        CSVLogger(tmp_path / "h.csv", keep=0)


def test_rows_that_are_there_stay_until_the_first_new_one(tmp_path):
    (tmp_path / "h.csv").write_text("step\n1\n")
    fit(tmp_path, 0, [CSVLogger(tmp_path / "h.csv")])
    assert (tmp_path / "h.csv").read_text() == "step\n1\n"


def test_a_spreadsheet_and_pandas_read_it(tmp_path):
    """Numbers have a point, lines end as RFC 4180 says, and a number that is not finite is NaN to pandas, too."""
    pandas = pytest.importorskip("pandas")

    class Adds(mn.callbacks.Callback):
        def on_row(self, trainer, row):
            row |= {"phase": 'warm, "up"', "größe": np.float32(0.1), "none": np.nan, "text,\nof two lines": 1e-300}

    trainer = fit(tmp_path, 4, [Adds(), CSVLogger(tmp_path / "h.csv")])
    frame = pandas.read_csv(tmp_path / "h.csv", encoding="utf-8")
    assert list(frame.columns) == trainer.history.names
    assert frame["step"].dtype == np.int64
    assert frame["loss"].tolist() == trainer.history.column("loss")
    assert frame["phase"].tolist() == ['warm, "up"'] * 2
    assert frame["none"].isna().all()
    lines = (tmp_path / "h.csv").read_bytes().split(b"\r\n")
    assert len(lines) == 4
    assert lines[-1] == b""
