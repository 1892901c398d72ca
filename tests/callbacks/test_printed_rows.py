"""`fit(progress="rows")` prints a line for each row of the history."""

import subprocess
import sys

import pytest
from helpers import linear_problem
from helpers import small_trainer as make

import minnet as mn

X, Y = linear_problem(40)


def printed(capsys, steps=6, every=2, **options):
    trainer = make()
    trainer.fit(mn.DataLoader(X, Y, 10), steps=steps, every=every, progress="rows", **options)
    out, err = capsys.readouterr()
    assert out == ""
    return trainer, err.splitlines()


def test_a_line_for_each_row(capsys):
    trainer, lines = printed(capsys, evaluate={"test": (X, Y)})
    assert [line.split() for line in lines[:2]] == [
        ["test", "test"],
        ["step", "epoch", "seconds", "lr", "loss", "loss", "accuracy"],
    ]
    assert [int(line.split()[0]) for line in lines[2:]] == [2, 4, 6]
    for line, row in zip(lines[2:], trainer.history, strict=True):
        assert [float(cell) for cell in line.split()] == pytest.approx(list(row.values()), abs=0.06)
    assert len(set(map(len, lines))) == 1  # the columns align at the right
    assert max(map(len, lines)) <= 79


def test_the_heading_comes_again(capsys):
    _, lines = printed(capsys, steps=60, every=1)
    assert [i for i, line in enumerate(lines) if "step" in line] == [0, 26, 52]


def test_columns_that_come_later_have_a_heading(capsys):
    class Late(mn.callbacks.Callback):
        def on_row(self, trainer, row):
            if trainer.step == 4:
                row["extra_number"] = 0.5

    _, lines = printed(capsys, callbacks=[Late()])
    assert "extra" in lines[2]
    assert lines[4].split()[-1] == "0.5000"
    assert [line.split()[0] for line in lines if line.split()[0].isdecimal()] == ["2", "4", "6"]


def test_what_does_not_fit_is_named(capsys):
    _, lines = printed(capsys, evaluate={f"set{i}": (X, Y) for i in range(4)})
    hidden = "set2_loss, set2_accuracy, set3_loss, set3_accuracy"
    assert " ".join(lines[:2]) == f"(a line has no room for {hidden}; the history has them)"
    assert max(map(len, lines)) <= 79


def test_each_fit_begins_with_a_heading(capsys):
    trainer, lines = printed(capsys, steps=2)
    trainer.fit(mn.DataLoader(X, Y, 10), epochs=1, progress="rows")
    assert capsys.readouterr().err.splitlines()[0] == lines[0]


def test_it_is_written_at_once_to_a_pipe():
    code = (
        "import minnet as mn, numpy as np, os\n"
        "class Dies(mn.callbacks.Callback):\n"
        "    def on_step_end(self, trainer):\n"
        "        if trainer.step == 3: os._exit(3)\n"
        "model = mn.Sequential(mn.Linear(4, 3, rng=0))\n"
        "trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1))\n"
        "X, y = np.ones((8, 4), np.float32), np.zeros(8, int)\n"
        'trainer.fit(mn.DataLoader(X, y, 4), steps=4, every=1, progress="rows", callbacks=[Dies()])\n'
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert [line.split()[0] for line in done.stderr.splitlines()] == ["step", "1", "2"]
