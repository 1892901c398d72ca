"""A run: all files, the tables beside it, and that it goes on where it stopped."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from graded import EXERCISE, descendants
from hostile_files import RIGHT, WRONG

import minnet
from minnet.grading.results import FAILED, GRADED, WITHHELD
from minnet.grading.run import run

pytest.importorskip("yaml")


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "class"
    folder.mkdir()
    (tmp_path / "layers.yaml").write_text(EXERCISE)
    (folder / "anna.py").write_text(RIGHT)
    (folder / "bert.py").write_text(WRONG)
    (folder / "carl").mkdir()
    return folder


def graded(folder, **options):
    done = []
    top = folder.parent
    results = run(folder, top / "layers.yaml", top / "s.csv", done=lambda *given: done.append(given), **options)
    assert len(done) == len(results)
    return results


@pytest.mark.slow
def test_a_class(folder, tmp_path):
    results = graded(folder, report_folder=tmp_path / "reports")
    assert [(r.student, r.status, r.passed) for r in results] == [
        ("anna", GRADED, True),
        ("bert", GRADED, False),
        ("carl", FAILED, False),
    ]
    assert (tmp_path / "s.csv").read_text().count("\n") == 4
    assert {path.name for path in (tmp_path / "reports").iterdir()} == {"anna.md", "bert.md", "carl.md"}
    assert json.loads((tmp_path / "s.json").read_text())["students"][0]["score"] == 20


@pytest.mark.slow
def test_it_goes_on(folder, tmp_path):
    first = graded(folder)
    assert graded(folder) == first
    (folder / "bert.py").write_text(RIGHT)
    third = graded(folder)
    assert third[0] == first[0]
    assert third[1].passed
    assert graded(folder, again=True)[0].seconds != first[0].seconds


@pytest.mark.slow
def test_a_file_that_ends_the_grader_itself(folder, monkeypatch):
    from minnet.grading import run as module

    monkeypatch.setattr(module, "_grade", _ends_at_bert)
    results = graded(folder, processes=2)
    assert [(r.student, r.status) for r in results] == [("anna", GRADED), ("bert", WITHHELD), ("carl", FAILED)]
    assert results[1].flags == ["it ended the grader's process"]


@pytest.mark.slow
def test_one_file(folder, tmp_path):
    import minnet as mn

    result = mn.grading.grade_file(folder / "anna.py", tmp_path / "layers.yaml")
    assert result.passed
    result.require("Softplus")
    assert mn.grading.grade_file(folder / "nobody.py", tmp_path / "layers.yaml").status == FAILED


def _ends_at_bert(result, source):
    import os

    if result.student == "bert":
        os._exit(1)
    return result


def test_where_the_tables_cannot_be_written(folder, tmp_path):
    with pytest.raises(ValueError, match=r"expected another ending, such as \.csv"):
        run(folder, tmp_path / "layers.yaml", tmp_path / "s.json")
    with pytest.raises(OSError, match="nowhere"):
        run(folder, tmp_path / "layers.yaml", tmp_path / "nowhere" / "s.csv")


@pytest.mark.slow
@pytest.mark.skipif(not os.path.isdir("/proc"), reason="only Linux has /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_is_ended_leaves_no_process(folder, tmp_path, number):
    (folder / "dora.py").write_text("while True:\n    pass\n")
    (tmp_path / "layers.yaml").write_text(EXERCISE.replace("seconds: 60", "seconds: 1000"))
    command = [sys.executable, "-m", "minnet.grade", "class", "--exercise", "layers.yaml", "--processes", "1"]
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": str(Path(minnet.__file__).parents[1])}
    started = subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL)
    until = time.monotonic() + 120
    while not (tmp_path / "scores.json").exists() or len(descendants(started.pid)) < 5:
        assert time.monotonic() < until
        assert started.poll() is None
        time.sleep(0.1)
    left = descendants(started.pid)
    started.send_signal(number)
    started.wait(120)
    while alive := [pid for pid in left if running(pid)]:
        assert time.monotonic() < until + 120, alive
        time.sleep(0.1)
    if number == signal.SIGINT:
        assert started.returncode == 130
        assert not list(tmp_path.glob("minnet-grade-*"))


def running(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
