"""A question: the points of each part, and what a wrong formula costs."""

import pytest
from graded import EXERCISE, grade
from hostile_files import RIGHT

pytest.importorskip("yaml")


def scores(result):
    return [answer.score for answer in result.answers]


def checks(result, question=0):
    return {check.name: check for check in result.answers[question].checks}


def test_a_right_file(tmp_path):
    result = grade(tmp_path, RIGHT)
    assert result.passed
    assert scores(result) == [10, 10]
    assert all(check.passed and check.points == check.out_of for check in checks(result).values())
    assert result.flags == result.notes == []


def test_a_wrong_gradient(tmp_path):
    result = grade(tmp_path, RIGHT.replace("dy * np.exp(x - y)", "-dy * np.exp(x - y)"))
    assert scores(result) == [pytest.approx(6, abs=0.3), 10]
    assert checks(result)["values"].points == 4
    wrong = checks(result)["gradient of x"]
    assert (wrong.passed, wrong.points, wrong.out_of) == (False, 0, 4)
    assert "sign" in wrong.message


def test_a_wrong_formula_whose_gradient_fits_counts_half(tmp_path):
    result = grade(
        tmp_path, RIGHT.replace("np.logaddexp(0, x)", "np.logaddexp(0, x) + 1").replace("x - y)", "x - y + 1)")
    )
    assert scores(result) == [3, 10]
    assert "does not compute the formula" in checks(result)["values"].message
    assert "count half" in checks(result)["values"].message


@pytest.mark.parametrize(("forward", "backward"), [("x", "dy"), ("0 * x", "0 * dy"), ("x.copy()", "dy.copy()")])
def test_a_layer_that_does_nothing_gets_nothing(tmp_path, forward, backward):
    source = RIGHT.replace("return y\n", f"return {forward}\n", 1).replace("dy * np.exp(x - y)", backward)
    assert scores(grade(tmp_path, source)) == [0, 10]


def test_the_right_values_are_not_told(tmp_path):
    result = grade(tmp_path, RIGHT.replace("np.logaddexp(0, x)", "np.logaddexp(0, x) + 1"))
    assert not any(character.isdigit() for character in checks(result)["values"].message.replace("12 of 12", ""))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("return y\n", "return y.sum()\n", "forward returns an array of shape ()"),
        ("return y\n", "return None\n", "forward returns None, and no array"),
        ("return y\n", "return 'y'\n", "and no array"),
        ("return y\n", "return y * np.nan\n", "infinite numbers or NaN"),
        ("return y\n", "return z\n", "NameError: name 'z' is not defined (student.py, line 10: return z)"),
        ("return y\n", "raise SystemExit\n", "RuntimeError"),
    ],
)
def test_what_forward_does(tmp_path, old, new, message):
    assert message in checks(grade(tmp_path, RIGHT.replace(old, new, 1)))["values"].message


def test_other_names_of_parameters_are_matched_by_their_order(tmp_path):
    assert grade(tmp_path, RIGHT.replace("self.W", "self.matrix").replace("self.b", "self.a_bias")).passed


def test_parameters_of_other_shapes(tmp_path):
    result = grade(tmp_path, RIGHT.replace("np.zeros(outputs)", "np.zeros(1)"))
    assert "expected weight (3, 2), bias (2,); got W (3, 2), b (1,)" in checks(result, 1)["values"].message


def test_a_constructor_that_fails(tmp_path):
    result = grade(tmp_path, RIGHT.replace("def __init__(self, inputs, outputs)", "def __init__(self, inputs)"))
    assert scores(result) == [10, 0]
    assert "Affine(3, 2) cannot be made: TypeError" in result.answers[1].message
    assert result.answers[1].checks[0].out_of == 10


def test_a_random_layer_is_compared_in_eval_mode(tmp_path):
    text = EXERCISE.partition("  - class: Softplus")[0] + (
        "  - class: Drop\n    inputs:\n      - shape: [4, 3]\n    reference: mn.Dropout(0.5)\n"
    )
    source = """
import minnet as mn, numpy as np
class Drop(mn.Layer):
    def __init__(self):
        self.rng = np.random.default_rng(0)
    def forward(self, x):
        if not self.training:
            self.cache = np.ones_like(x)
            return x
        mask = (self.rng.random(x.shape) < 0.5).astype(x.dtype) * 2
        self.cache = mask
        return x * mask
    def backward(self, dy):
        return dy * self.cache
"""
    assert grade(tmp_path, source, text).passed
    wrong = grade(tmp_path, source.replace("return x\n", "return x / 2\n"), text)
    assert not checks(wrong)["values"].passed


def test_expected_values(tmp_path):
    text = EXERCISE.partition("  - class: Softplus")[0] + (
        "  - class: Softplus\n    inputs:\n      - values: [[0.0, 1.0], [-1.0, 2.0]]\n"
        "    expected: [[0.69314718, 1.31326169], [0.31326169, 2.12692801]]\n"
    )
    assert grade(tmp_path, RIGHT, text).passed
    assert not grade(tmp_path, RIGHT.replace("np.logaddexp(0, x)", "np.logaddexp(0, -x)"), text).passed


def test_points_of_single_checks(tmp_path):
    text = EXERCISE.replace("    reference: mn.Softplus\n", "    points: {gradient of x: 3, eval mode: 2}\n")
    result = grade(tmp_path, RIGHT.replace("dy * np.exp(x - y)", "dy"), text)
    assert scores(result)[0] == 2
    assert result.answers[0].out_of == 5
