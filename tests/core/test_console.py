"""A stderr that cannot be written to never ends a run."""

import io
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

import minnet
from minnet.core.console import announce, is_terminal, silenced, warn
from minnet.errors import CheckpointWarning


class Full(io.StringIO):
    """A terminal, or a file, behind which nothing can be written any more."""

    def __init__(self, terminal):
        super().__init__()
        self.terminal = terminal

    def isatty(self):
        return self.terminal

    def write(self, text):
        raise OSError(28, "No space left on device")

    def flush(self):
        raise OSError(28, "No space left on device")


def closed():
    stream = io.StringIO()
    stream.close()
    return stream


STREAMS = {"none": lambda: None, "closed": closed, "full": lambda: Full(False), "full terminal": lambda: Full(True)}


def test_a_line_goes_to_stderr(capsys):
    announce("two words")
    assert capsys.readouterr() == ("", "two words\n")


@pytest.mark.parametrize("stream", STREAMS)
def test_no_stream_is_an_error(stream, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stderr", STREAMS[stream]())
    announce("nobody will read this")
    assert is_terminal() == (stream == "full terminal")
    assert capsys.readouterr().out == ""  # print(file=None) would write to stdout


def test_a_warning_is_a_warning_at_the_callers_line():
    with pytest.warns(CheckpointWarning, match="no checkpoint") as caught:
        warn("no checkpoint", CheckpointWarning)
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(CheckpointWarning):
            warn("no checkpoint", CheckpointWarning)


SCRIPT = """
import sys, numpy as np, minnet as mn
{before}
X = np.zeros((20, 4), np.float32); y = np.arange(20) % 3
model = mn.Sequential(mn.Linear(4, 3, rng=0))
trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), 0.1))
for epochs in (2, 3):  # the second one announces that it goes on
    trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), 0.1))
    trainer.fit(mn.DataLoader(X, y, 5, rng=0), epochs=epochs, checkpoint=sys.argv[1])
open(sys.argv[1] + "/steps", "w").write(str(trainer.step))
"""


@pytest.mark.parametrize("before", ["sys.stderr = None", "sys.stderr = sys.stdout = None", "sys.stderr.close()"])
def test_a_resumed_run_without_stderr(before, tmp_path):
    script = SCRIPT.format(before=before)
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done
    assert (tmp_path / "steps").read_text() == "12"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_resumed_run_on_a_full_disk(tmp_path):
    script = SCRIPT.format(before="")
    with open("/dev/full", "w") as full:
        subprocess.run([sys.executable, "-c", script, str(tmp_path)], stderr=full, stdout=full, check=False)
    assert (tmp_path / "steps").read_text() == "12"


def test_a_checkpoint_that_cannot_be_written_and_a_closed_stderr(tmp_path):
    before = """
import minnet.saving.checkpoint as module
def fails(*_):
    raise OSError(28, "No space left on device")
module.write = fails
sys.stderr.close()"""
    done = subprocess.run([sys.executable, "-c", SCRIPT.format(before=before), str(tmp_path)], check=False)
    assert done.returncode == 0
    assert (tmp_path / "steps").read_text() == "12"


def test_nothing_else_writes_or_warns():
    room = Path(minnet.__file__).parent
    calls = re.compile(r"\bprint\(|warnings\.warn\(|sys\.std(out|err)")
    found = {str(path.relative_to(room)) for path in room.rglob("*.py") if calls.search(without_doctests(path))}
    commands = {"__main__.py", "demo/__main__.py", "grade.py"}
    of_exercises = {"grading/answers.py", "grading/layers.py"}  # a check cell of a notebook says ✓ or ✗
    asks = {"explaining/text.py"}  # which signs a terminal can show
    again = {"grading/remote/layer.py"}  # a warning of the student's process
    assert found == {"core/console.py", *commands, *of_exercises, *asks, *again}


def without_doctests(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith(">>>"))


@pytest.mark.parametrize("code", ["sys.modules['IPython'] = None", "pass", "sys.modules['IPython'] = sys"])
def test_without_ipython_it_is_no_notebook(code):
    code = f"import sys; {code}; from minnet.core.console import is_notebook; print(is_notebook(), len(sys.argv))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False 1\n"


def test_what_another_process_says_is_not_said_twice(capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with silenced():
            announce("hello")
            warn("careful", CheckpointWarning)
        announce("after it")
        with pytest.raises(CheckpointWarning, match="careful"):
            warn("careful", CheckpointWarning)
    assert capsys.readouterr().err == "after it\n"
