"""The checks of the exercises find the wrong answers in answers/, and let the right ones pass in any style."""

from pathlib import Path

import pytest
from notebooks import FOLDER, build, checks
from wrong_answers import check, solved

from minnet.grading import WrongAnswer

yaml = pytest.importorskip("yaml", reason="the extra grading is not installed")
pytestmark = pytest.mark.slow
ANSWERS = {
    path.stem: yaml.safe_load(path.read_text(encoding="utf-8"))
    for path in sorted(Path(__file__).with_name("answers").glob("*.yaml"))
}
CASES = [(name, answer, case) for name, answers in ANSWERS.items() for answer in answers for case in answers[answer]]
NOTEBOOKS = {}


def notebook(name):
    """Return the solved notebook of this name, which is run once."""
    if name not in NOTEBOOKS:
        NOTEBOOKS[name] = solved(name)
    return NOTEBOOKS[name]


def shown(value):
    """Return how a test's name shows a part of its case."""
    return value if isinstance(value, str) else value.get("says", "right")


@pytest.mark.parametrize(("name", "answer", "case"), [case for case in CASES if "says" in case[2]], ids=shown)
def test_a_wrong_answer_is_found(name, answer, case):
    with pytest.raises(WrongAnswer) as caught:
        check(notebook(name), answer, case["bodies"])
    assert case["says"] in str(caught.value)


@pytest.mark.parametrize(("name", "answer", "case"), [case for case in CASES if "right" in case[2]], ids=shown)
def test_a_right_answer_in_another_style_passes(name, answer, case):
    check(notebook(name), answer, case["bodies"])


@pytest.mark.parametrize("name", ANSWERS)
def test_every_check_is_tried(name):
    names = {cell.metadata.nbgrader.grade_id for cell in checks(build.read(FOLDER / f"{name}.md"))}
    assert names == {f"check-{answer}" for answer in ANSWERS[name]}
    for answer, cases in ANSWERS[name].items():
        assert sum("says" in case for case in cases) >= 5, answer
        assert any("right" in case for case in cases), answer
