"""The grading of one file: its status, its flags, and what a process that ended leaves of the other questions."""

import json

import pytest
from graded import grade
from hostile_files import RIGHT, WRONG

from minnet.grading.results import ENDED, FAILED, GRADED, MEMORY, NOTHING, TIME, WITHHELD

pytest.importorskip("yaml")
SHORT = """
title: Short
limits: {seconds: 20, memory: 300 MB}
questions:
  - class: Softplus
    inputs:
      - shape: [4, 3]
    reference: mn.Softplus
  - class: Affine
    arguments: [3, 2]
    inputs:
      - shape: [4, 3]
    reference: mn.Linear
"""
IN_FORWARD = "y = np.logaddexp(0, x)"


@pytest.mark.parametrize(
    ("statement", "status"),
    [
        pytest.param("while True: pass", TIME, marks=pytest.mark.slow),
        ("import os; os._exit(0)", ENDED),
        ("import ctypes; ctypes.string_at(0)", ENDED),
        ("np.ones((100_000, 100_000))", MEMORY),
        ("import os; os.write(3, b'x' * 100)", WITHHELD),
        ("import minnet.inspection.gradcheck as g; g.findings = list", WITHHELD),
        ("open('/nowhere/x', 'w')", WITHHELD),
        ("import os; os.kill(10**6, 0)", WITHHELD),
    ],
)
def test_one_question_that_ends_badly_leaves_the_other(tmp_path, statement, status):
    result = grade(tmp_path, RIGHT.replace(IN_FORWARD, f"{statement}\n        {IN_FORWARD}", 1), SHORT)
    assert result.status == status
    assert result.answers[1].score == 10
    assert result.score == (0 if status == WITHHELD else result.earned)
    assert result.answers[0].score < 10 or status == WITHHELD
    assert result.flags
    assert not result.passed


def test_an_attack_beside_right_layers_is_withheld(tmp_path):
    result = grade(tmp_path, "import numpy as np\nnp.allclose = lambda *a: True\n" + RIGHT)
    assert (result.status, result.score, result.earned) == (WITHHELD, 0, 20)
    assert result.flags == ["replaced numpy.allclose"]


def test_what_innocent_files_do_is_only_a_flag(tmp_path):
    result = grade(
        tmp_path, "import socket\ntry:\n    socket.getaddrinfo('localhost', 1)\nexcept OSError:\n    pass\n" + RIGHT
    )
    assert result.status == GRADED
    assert result.passed
    assert result.flags == ["called socket.getaddrinfo localhost, 1"]


def test_a_subclass_of_the_answer(tmp_path):
    result = grade(tmp_path, "import minnet as mn\nclass Affine(mn.Linear):\n    pass\n")
    assert result.answers[1].score == 0
    assert "computes with the layer that it is to replace: mn.Linear" in result.flags


def test_the_answer_may_be_compared_with(tmp_path):
    check = "\nx = np.ones((4, 3))\nassert np.allclose(Softplus().forward(x), mn.Softplus().forward(x))\n"
    result = grade(tmp_path, RIGHT + check)
    assert result.passed
    assert result.flags == result.notes == []


def test_a_file_without_the_classes(tmp_path):
    result = grade(tmp_path, WRONG.replace("class Softplus", "class SoftPlus").replace("class Affine", "class Other"))
    assert result.status == NOTHING
    assert "there is a class SoftPlus: is it the one?" in result.answers[0].message
    assert result.score == 0
    assert result.out_of == 20


def test_a_syntax_error_is_told(tmp_path):
    result = grade(tmp_path, RIGHT + "\nx = (\n")
    assert result.status == NOTHING
    assert "SyntaxError" in result.answers[0].message
    assert "student.py, line" in result.notes[0]


def test_a_notebook(tmp_path):
    cells = [{"cell_type": "code", "source": RIGHT}, {"cell_type": "code", "source": ["%who\n", "1 / 0"]}]
    result = grade(tmp_path, json.dumps({"cells": cells}), name="student.ipynb")
    assert result.passed
    assert result.notes == ["ZeroDivisionError: division by zero (cell 2, line 2: 1 / 0)"]


def test_a_file_that_leads_the_grader_into_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr("minnet.grading.questions._values", lambda *_: 1 / 0)
    result = grade(tmp_path, RIGHT)
    assert result.status == FAILED
    assert "the grader failed (ZeroDivisionError: division by zero)" in result.flags[0]


def test_a_huge_file(tmp_path):
    assert grade(tmp_path, b" " * (21 << 20)).status == FAILED
