"""An exercise: what it says, and each error in it with its key and its line."""

from pathlib import Path

import numpy as np
import pytest
from graded import grade, read

from minnet.grading.exercise import _QUESTION
from minnet.grading.sandbox.limits import Limits

pytest.importorskip("yaml")

QUESTION = "questions:\n  - class: Tanh\n    inputs:\n      - shape: [4, 3]\n"


def test_the_example(tmp_path):
    exercise = read(tmp_path)
    assert exercise.title == "Two layers"
    assert [question.name for question in exercise.questions] == ["Softplus", "Affine"]
    assert exercise.out_of == 20
    assert exercise.limits.memory == 1 << 30
    assert exercise.questions[1].not_to_use == ("Linear",)
    assert exercise.hidden == (str(tmp_path / "layers.yaml"),)


def test_points(tmp_path):
    assert read(tmp_path, QUESTION).questions[0].points == {"gradients": 6, "requirements": 4}
    known = read(tmp_path, QUESTION + "    reference: mn.Tanh\n    points: 5\n").questions[0].points
    assert known == {"values": 2, "gradients": 2, "requirements": 1}
    own = read(tmp_path, QUESTION + "    points: {gradients: 3, eval mode: 2}\n").questions[0]
    assert own.points == {"gradients": 3, "eval mode": 2}
    assert own.out_of == 5


def test_inputs(tmp_path):
    text = QUESTION + "      - {shape: [4], dtype: int64, high: 2}\n      - {shape: [99], low: 1, high: 2}\n"
    x, labels, between = (given.draw(np.random.default_rng(0)) for given in read(tmp_path, text).questions[0].inputs)
    assert x.shape == (4, 3)
    assert labels.dtype == np.int64
    assert {*labels} <= {0, 1, 2}
    assert 1 <= between.min() < between.max() <= 2


def test_a_reference_of_the_teacher(tmp_path):
    (tmp_path / "solutions.py").write_text("import minnet as mn\nclass Mine(mn.Tanh):\n    pass\n")
    exercise = read(tmp_path, QUESTION + "    reference: solutions.py:Mine\n")
    assert exercise.questions[0].reference().describe() == "Mine()"
    assert exercise.hidden[1:] == (str(tmp_path / "solutions.py"),)
    assert exercise.questions[0].not_to_use == ()


def test_the_digest_is_that_of_all_files(tmp_path):
    (tmp_path / "solutions.py").write_text("import minnet as mn\nclass Mine(mn.Tanh):\n    pass\n")
    text = QUESTION + "    reference: solutions.py:Mine\n"
    before = read(tmp_path, text).digest
    assert read(tmp_path, text).digest == before
    (tmp_path / "solutions.py").write_text("import minnet as mn\nclass Mine(mn.ReLU):\n    pass\n")
    assert read(tmp_path, text).digest != before


TRAIN = "    train:\n      model:\n        - layer\n      points: {0.5: 2}\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title: x\n", "line 1: questions is missing"),
        ("questions: []\n", "line 1: questions: expected a list"),
        ("questions:\n  - name: x\n", "line 2: questions[0].class is missing"),
        ("questions:\n  - class: Tanh\n", "line 2: questions[0].inputs is missing"),
        (QUESTION.replace("[4, 3]", "4"), "line 4: questions[0].inputs[0].shape: expected a list of whole numbers"),
        (
            QUESTION.replace("[4, 3]", "[4, 0]"),
            "line 4: questions[0].inputs[0].shape: expected a list of whole numbers",
        ),
        (QUESTION.replace("shape", "shap"), "did you mean 'shape'?"),
        (QUESTION + "        dtype: float\n", "line 5: questions[0].inputs[0].dtype: expected float32, float64"),
        (QUESTION + "        dtype: int64\n", "high: expected the largest whole number"),
        (QUESTION + "        low: x\n", "low: expected a number"),
        (QUESTION + "        values: [[1, 2], [3]]\n", "values: expected numbers"),
        (QUESTION + "    points: many\n", "line 5: questions[0].points: expected a number"),
        (QUESTION + "    points: {gradient: 3}\n", "gradient is not a known key here; did you mean 'gradients'?"),
        (QUESTION + "    points: {values: 3}\n", "line 5: questions[0].points.values is not a known key"),
        (QUESTION + "    reference: mn.Tan\n", "line 5: questions[0].reference: expected a layer of minnet"),
        (QUESTION + "    reference: no.py:Tanh\n", "reference: expected a Python file beside this one"),
        (QUESTION + "    reference: bad.py:Tanh\n", "reference: expected a file that runs (ZeroDivisionError"),
        (QUESTION + "    reference: other.py:Tanh\n", "reference: expected a class of other.py that is a layer"),
        (QUESTION + "    expected: [1]\n", "line 5: questions[0].expected: expected inputs that all have 'values'"),
        (QUESTION + "    arguments: 3\n", "arguments: expected a list of values"),
        (QUESTION + "    not_to_use: [Foo]\n", "not_to_use: expected layers of minnet"),
        (QUESTION + QUESTION.partition("\n")[2], "two questions have the name 'Tanh'"),
        ("limits: {memory: much}\n" + QUESTION, "line 1: limits.memory: expected a size such as '1 GB'"),
        ("limits: {second: 3}\n" + QUESTION, "did you mean 'seconds'?"),
        (QUESTION + TRAIN.replace("- layer", "- Linear(3, 2)"), "model: expected 'layer' in one place"),
        (QUESTION + TRAIN.replace("- layer", "- layer\n        - Linea(3)"), "model: expected layers of minnet"),
        (QUESTION + TRAIN.replace("{0.5: 2}", "2"), "points: expected accuracies with points"),
        (QUESTION + TRAIN + "      data: nothing.npz\n", "data: expected 'digits', 'mnist', or a file .npz"),
    ],
)
def test_what_is_wrong(tmp_path, text, message):
    (tmp_path / "bad.py").write_text("1 / 0")
    (tmp_path / "other.py").write_text("Tanh = 3")
    with pytest.raises(ValueError) as error:  # noqa: PT011
        read(tmp_path, text)
    assert str(error.value).startswith("layers.yaml")
    assert message in str(error.value)
    assert "\n" not in str(error.value)


PAGE = Path(__file__).parents[2] / "docs" / "grading.md"


def test_the_page_shows_an_exercise_and_a_right_answer(tmp_path):
    page = PAGE.read_text(encoding="utf-8")
    text, source = (page.partition(f"```{kind}\n")[2].partition("```")[0] for kind in ("yaml", "python"))
    exercise = read(tmp_path, text)
    assert [question.out_of for question in exercise.questions] == [10, 15, 5]
    assert exercise.limits == Limits()
    result = grade(tmp_path, source, text)
    assert result.answer("Softplus").score == 10
    assert result.score == 10


def test_the_page_lists_every_key():
    page = PAGE.read_text(encoding="utf-8")
    keys = {key for row in page.splitlines() if row.startswith("| `") for key in row.split("|")[1].split("`")[1::2]}
    assert keys == {*_QUESTION, "title", "file", "limits", "questions"}
