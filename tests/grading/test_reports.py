"""The reports: what a student reads."""

import pytest
from graded import grade, read
from hostile_files import RIGHT

from minnet.grading import reports
from minnet.grading.results import WITHHELD, Result

pytest.importorskip("yaml")


def report(tmp_path, source):
    return reports.text(read(tmp_path), grade(tmp_path, source))


def test_a_right_file(tmp_path):
    text = report(tmp_path, RIGHT)
    assert text.startswith("# Two layers: student\n\n**20 of 20 points**\n")
    assert text.count("Everything is right.") == 2
    assert "What to mend" not in text


def test_a_wrong_one(tmp_path):
    text = report(tmp_path, RIGHT.replace("dy.sum(axis=0)", "dy.sum()"))
    assert "## Affine: " in text
    assert "1. **gradient of b** (the gradient of each array is the slope that finite differences measure)." in text
    assert "| gradient of b | no | 0 of 1.33 |" in text
    assert "| the other requirements | 19 of 19 | 2 of 2 |" in text


def test_the_class_that_is_missing(tmp_path):
    text = report(tmp_path, RIGHT.replace("class Affine", "class Afine"))
    assert "there is no class Affine in the file; there is a class Afine: is it the one?" in text


def test_a_withheld_one(tmp_path):
    text = report(tmp_path, "import numpy as np\nnp.allclose = max\n" + RIGHT)
    assert "**0 of 20 points**" in text
    assert "Your teacher has to look at this file first: replaced numpy.allclose." in text
    assert "The checks alone would give 20 points." in text


def test_an_error_in_the_file(tmp_path):
    text = report(tmp_path, RIGHT + "\nprint(1 / 0)\n")
    assert "- ZeroDivisionError: division by zero (student.py, line" in text


def test_a_strangers_words_are_no_markdown(tmp_path):
    result = Result("<b>anna</b>", "a.py", WITHHELD, flags=["[x](http://x) `code` *a* <script>"])
    text = reports.text(read(tmp_path), result)
    assert "<" not in text.replace("\\<", "")
    assert "\\[x\\](http://x) \\`code\\` \\*a\\*" in text


@pytest.mark.parametrize(("student", "name"), [("anna", "anna.md"), ("梯 度", "梯 度.md")])
def test_its_name(student, name):
    assert reports.file_name(student) == name


def test_no_student_writes_over_the_report_of_another():
    names = ["a_b", "a:b", "a;b", "../../x", ".._.._x", "x" * 200, "x" * 201]
    files = {reports.file_name(name) for name in names}
    assert len(files) == len(names)
    assert not any("/" in file for file in files)
