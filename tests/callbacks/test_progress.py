"""The running score, and the progress bar."""

import sys

import numpy as np
import pytest
from helpers import linear_problem
from helpers import small_trainer as make

import minnet as mn
from minnet.callbacks import Callback, Progress, RunningScore

X, Y = linear_problem(40)


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


def test_the_score_begins_anew_with_each_fit():
    scores, seen = RunningScore(decay=0.5), []
    for _ in range(2):
        make(lr=0.5).fit(mn.DataLoader(X, Y, 1), steps=20, callbacks=[scores])
        seen.append(scores.running.score)
    assert seen[0] == seen[1]


def test_the_bar_ends_where_the_run_ended(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    make().fit(mn.DataLoader(X, Y, 10), steps=3, callbacks=[Progress(3)], progress=False)
    assert "3/3" in capsys.readouterr().err


def test_a_run_that_a_callback_stopped_is_complete(monkeypatch, capsys):
    class Stop(Callback):
        def on_step_end(self, trainer):
            if trainer.step == 2:
                trainer.stop()

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    make().fit(mn.DataLoader(X, Y, 10), steps=9, callbacks=[Stop()])
    assert "2/2" in capsys.readouterr().err


def test_the_bar_is_silent_where_there_is_no_terminal(capsys):
    make().fit(mn.DataLoader(X, Y, 10), steps=3, callbacks=[Progress(3)], progress=False)
    assert capsys.readouterr().err == ""


class Gone:
    """A terminal that breaks after some writes."""

    def __init__(self, writes):
        self.writes = writes

    def isatty(self):
        return True

    def write(self, text):
        self.writes -= 1
        if self.writes < 0:
            raise OSError(28, "No space left on device")

    def flush(self):
        self.write("")


@pytest.mark.parametrize("writes", [0, 1, 3, 6])
def test_a_terminal_that_breaks_ends_the_bar_and_not_the_run(writes, monkeypatch):
    monkeypatch.setattr(sys, "stderr", Gone(writes))
    trainer = make()
    monkeypatch.setattr(Progress, "SECONDS", 0)
    trainer.fit(mn.DataLoader(X, Y, 10), steps=8)
    assert trainer.step == 8


def test_no_stderr_at_all(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stderr", None)
    make().fit(mn.DataLoader(X, Y, 10), steps=3)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("progress", [True, False, 1, 0, np.True_, np.False_, "rows"])
def test_what_fit_takes(progress, capsys):
    make().fit(mn.DataLoader(X, Y, 10), steps=3, progress=progress)
    assert ("step" in capsys.readouterr().err) is (progress == "rows" if isinstance(progress, str) else False)


@pytest.mark.parametrize("progress", ["bar", "", None, "row", ["rows"], np.ones(2)])
def test_what_fit_refuses(progress):
    trainer = make()
    with pytest.raises(ValueError, match=r"^fit expected progress=True .*\"rows\" \(a printed line .* got "):
        trainer.fit(mn.DataLoader(X, Y, 10), steps=3, progress=progress)
    assert trainer.step == 0


class Shell:
    def __init__(self, kernel):
        self.kernel = kernel


@pytest.mark.parametrize(
    ("shell", "notebook"), [(None, False), (object(), False), (Shell(None), False), (Shell(object()), True)]
)
def test_a_notebook_is_a_shell_with_a_kernel(shell, notebook, monkeypatch, capsys):
    pytest.importorskip("tqdm.notebook")
    module = type(sys)("IPython")
    module.get_ipython = lambda: shell
    monkeypatch.setitem(sys.modules, "IPython", module)
    monkeypatch.setattr("tqdm.notebook.IProgress", None)  # without ipywidgets it shows text
    make().fit(mn.DataLoader(X, Y, 10), steps=3)
    assert ("3/3" in capsys.readouterr().err) is notebook
