"""The tables: a row for each student, no cell that a spreadsheet would run, and a JSON file that is read again."""

import csv

import pytest
from graded import read

from minnet.grading import tables
from minnet.grading.results import GRADED, WITHHELD, Answer, Check, Result

pytest.importorskip("yaml")


def result(student, status=GRADED):
    checks = [Check("values", True, 4.0, 4.0), Check("forward", False, 0.0, 6.0, "it is wrong\nhere")]
    answers = [Answer("Softplus", "Softplus", 10.0, checks), Answer("Affine", "Affine", 10.0)]
    return Result(student, f"{student}.py", status, answers, ["=cmd"], digest="d")


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_csv(tmp_path):
    names = ["anna", "new\nline", "a,b", "=HYPERLINK(1)", "-1", "@x", "梯度"]
    tables.write_csv(tmp_path / "s.csv", read(tmp_path), [result(name) for name in names])
    found = rows(tmp_path / "s.csv")
    assert [row["student"] for row in found] == ["anna", "new\nline", "a,b", "'=HYPERLINK(1)", "'-1", "'@x", "梯度"]
    assert found[0]["score"] == "4"
    assert (found[0]["out_of"], found[0]["Softplus"], found[0]["Affine"]) == ("20", "4", "0")
    assert not any(cell.startswith(("=", "+", "@")) for row in found for cell in row.values())


def test_withheld_points_are_not_in_the_scores(tmp_path):
    tables.write_csv(tmp_path / "s.csv", read(tmp_path), [result("anna", WITHHELD)])
    (row,) = rows(tmp_path / "s.csv")
    assert (row["score"], row["Softplus"], row["earned"], row["status"]) == ("0", "0", "4", "withheld")


def test_the_json(tmp_path):
    exercise = read(tmp_path)
    tables.write_json(tmp_path / "s.json", exercise, [result("anna")])
    assert tables.read_json(tmp_path / "s.json", exercise) == [result("anna")]


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"exercise": 1, "students": [{}]}', "nope"])
def test_a_json_that_is_none_is_as_if_it_were_not_there(tmp_path, text):
    (tmp_path / "s.json").write_text(text)
    assert tables.read_json(tmp_path / "s.json", read(tmp_path)) == []


def test_another_exercise_begins_anew(tmp_path):
    tables.write_json(tmp_path / "s.json", read(tmp_path), [result("anna")])
    other = read(tmp_path, "questions:\n  - class: Tanh\n    inputs:\n      - shape: [4, 3]\n")
    assert tables.read_json(tmp_path / "s.json", other) == []


def test_an_error_leaves_the_old_file(tmp_path):
    tables.write_json(tmp_path / "s.json", read(tmp_path), [result("anna")])
    before = (tmp_path / "s.json").read_bytes()
    broken = result("bert")
    broken.flags = [object()]
    with pytest.raises(TypeError):
        tables.write_json(tmp_path / "s.json", read(tmp_path), [broken])
    assert (tmp_path / "s.json").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["layers.yaml", "s.json"]
