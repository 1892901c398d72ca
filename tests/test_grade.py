"""The command: its help, its errors in one line, and its exit codes."""

import signal
import subprocess
import sys
import time

import pytest
from graded import EXERCISE
from hostile_files import RIGHT, WRONG

from minnet import grade

pytest.importorskip("yaml")


def test_help(capsys):
    with pytest.raises(SystemExit) as stopped:
        grade.main(["--help"])
    assert stopped.value.code == 0
    assert "--exercise YAML" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (EXERCISE, "there is nothing to grade"),
        (EXERCISE.replace("class:", "clas:", 1), "layers.yaml, line 5: questions[0].clas is not a known key"),
        (None, "No such file"),
    ],
)
def test_errors_have_one_line(tmp_path, capsys, text, message):
    if text is not None:
        (tmp_path / "layers.yaml").write_text(text)
    (tmp_path / "class").mkdir()
    assert grade.main([str(tmp_path / "class"), "--exercise", str(tmp_path / "layers.yaml")]) == 2
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1


@pytest.mark.slow
def test_the_command(tmp_path):
    (tmp_path / "layers.yaml").write_text(EXERCISE)
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / "anna.py").write_text(RIGHT)
    command = [sys.executable, "-m", "minnet.grade", "class", "--exercise", "layers.yaml", "--out", "s.csv"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("1 files: 1 graded\n")
    assert "Isolation: " in done.stdout
    assert (tmp_path / "s.csv").is_file()


@pytest.mark.slow
def test_ctrl_c_stops_a_run_that_goes_on_later(tmp_path):
    (tmp_path / "layers.yaml").write_text(EXERCISE.replace("seconds: 60", "seconds: 1000"))
    (tmp_path / "class").mkdir()
    (tmp_path / "class" / "anna.py").write_text(RIGHT)
    (tmp_path / "class" / "bert.py").write_text("while True:\n    pass\n")
    command = [sys.executable, "-m", "minnet.grade", "class", "--exercise", "layers.yaml", "--out", "s.csv"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        until = time.monotonic() + 300
        while not (tmp_path / "s.json").is_file() and time.monotonic() < until:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=300)
    assert process.returncode == 130
    assert "stopped. The same command continues" in told
    (tmp_path / "class" / "bert.py").write_text(WRONG)
    subprocess.run(command, cwd=tmp_path, check=True, timeout=300)
    assert (tmp_path / "s.csv").read_text().count("\n") == 3


def test_ctrl_c(tmp_path, capsys, monkeypatch):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(grade, "run", stopped)
    assert grade.main(["x", "--exercise", "y"]) == 130
    assert "The same command continues" in capsys.readouterr().err
