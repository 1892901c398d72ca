"""Submissions: which files are a student's, and which are not read."""

import os
from pathlib import Path

import pytest

from minnet.grading import submissions


def test_files_and_folders(tmp_path):
    (tmp_path / "anna.py").write_text("a")
    (tmp_path / "bert.ipynb").write_text("b")
    (tmp_path / "notes.txt").write_text("")
    (tmp_path / ".hidden.py").write_text("")
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "carla").mkdir()
    (tmp_path / "carla" / "answer.py").write_text("c")
    (tmp_path / "dora").mkdir()
    (tmp_path / "emil").mkdir()
    for name in ("one.py", "two.py"):
        (tmp_path / "emil" / name).write_text("")
    found = submissions.find(tmp_path)
    assert [(s.student, s.read(10) if s.path else s.problem) for s in found] == [
        ("anna", b"a"),
        ("bert", b"b"),
        ("carla", b"c"),
        ("dora", "expected one file .py or .ipynb in the folder, found none"),
        ("emil", "expected one file .py or .ipynb in the folder, found one.py, two.py"),
    ]


def test_folders_inside_folders(tmp_path):
    inside = tmp_path / "anna" / "week3"
    (inside / ".ipynb_checkpoints").mkdir(parents=True)
    (inside / "layers.ipynb").write_text("")
    (inside / ".ipynb_checkpoints" / "layers-checkpoint.ipynb").write_text("")
    assert submissions.find(tmp_path)[0].path == inside / "layers.ipynb"
    (inside / "helpers.py").write_text("")
    assert "found week3/helpers.py, week3/layers.ipynb" in submissions.find(tmp_path)[0].problem
    assert submissions.find(tmp_path, "layers.ipynb")[0].path == inside / "layers.ipynb"
    assert "expected the file x.py in the folder, found none" in submissions.find(tmp_path, "x.py")[0].problem


def test_links_pipes_and_folders_are_not_read(tmp_path):
    (tmp_path / "secret").write_text("")
    os.symlink(tmp_path / "secret", tmp_path / "link.py")
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "folder.py").mkdir()
    found = {s.student: s for s in submissions.find(tmp_path)}
    assert "a link to another place" in found["link"].problem
    assert all(found[name].problem for name in ("pipe", "folder.py"))


def test_a_link_to_a_folder_and_large_letters_are_seen(tmp_path):
    (tmp_path / "A.PY").write_text("")
    os.symlink("/", tmp_path / "root")
    found = {s.student: s for s in submissions.find(tmp_path)}
    assert found["A"].path == tmp_path / "A.PY"
    assert "a link to another place" in found["root"].problem


def test_two_of_one_name_are_both_graded(tmp_path):
    (tmp_path / "anna").mkdir()
    for name in ("anna.py", "anna.ipynb", "anna/x.py", "bert.py"):
        (tmp_path / name).write_text("")
    names = [s.student for s in submissions.find(tmp_path)]
    assert sorted(names) == ["anna (anna)", "anna (anna.ipynb)", "anna (anna.py)", "bert"]


def test_a_folder_that_cannot_be_read(tmp_path, monkeypatch):
    (tmp_path / "anna").mkdir()
    (tmp_path / "bert.py").write_text("")
    top = Path.iterdir

    def refusing(path):
        if path.name == "anna":
            raise PermissionError(13, "Permission denied")
        return top(path)

    monkeypatch.setattr(Path, "iterdir", refusing)
    found = submissions.find(tmp_path)
    assert found[0].problem == "the folder cannot be read: Permission denied"
    assert found[1].path


def test_too_large(tmp_path):
    (tmp_path / "anna.py").write_text("12345")
    with pytest.raises(ValueError, match="at most 4 are read"):
        submissions.find(tmp_path)[0].read(4)


@pytest.mark.parametrize("name", ["new\nline.py", "comma,.py", "=1+1.py", os.fsdecode(b"\xff.py"), "梯度.py"])
def test_odd_names(tmp_path, name):
    try:
        (tmp_path / name).write_text("")
    except OSError:
        pytest.skip("the file system does not take this name")
    (found,) = submissions.find(tmp_path)
    assert found.student.isprintable()
    assert found.read(10) == b""


def test_nothing_to_grade(tmp_path):
    with pytest.raises(ValueError, match="there is nothing to grade"):
        submissions.find(tmp_path)
    with pytest.raises(ValueError, match="is not a folder"):
        submissions.find(tmp_path / "nothing")
