"""Results: sums of points, and what withholding does to them."""

import json

import pytest

from minnet.grading.answers import WrongAnswer
from minnet.grading.results import FAILED, GRADED, STATUSES, TIME, WITHHELD, Answer, Check, Result


def result(status=GRADED):
    checks = [Check("values", True, 4.0, 4.0), Check("forward", False, 0.0, 6.0, "it is wrong")]
    return Result("anna", "anna.py", status, [Answer("q1", "Tanh", 10.0, checks), Answer("q2", "Affine", 5.0)])


def test_scores():
    assert (result().score, result().earned, result().out_of) == (4, 4, 15)
    assert not result().passed


def test_an_answer_may_be_required():
    with pytest.raises(WrongAnswer, match=r"q1: 4 of 10 points\. forward: it is wrong"):
        result().require("q1")
    right = Result("anna", "anna.py", answers=[Answer("q1", "Tanh", 4.0, [Check("values", True, 4.0, 4.0)])])
    right.require("q1")
    right.status, right.flags = WITHHELD, ["replaced numpy.sum"]
    with pytest.raises(WrongAnswer, match=r"q1: 0 of 4 points\. withheld: replaced numpy.sum"):
        right.require("q1")
    with pytest.raises(KeyError, match="there is no question 'q3': there are q1, q2"):
        result().answer("q3")


@pytest.mark.parametrize("status", STATUSES)
def test_what_counts(status):
    assert result(status).score == (0 if status in (WITHHELD, FAILED) else 4)
    assert result(status).earned == 4


def test_only_a_graded_file_passes():
    full = [Answer("q1", "Tanh", 4.0, [Check("values", True, 4.0, 4.0)])]
    assert Result("anna", "anna.py", GRADED, full).passed
    assert not Result("anna", "anna.py", TIME, full).passed


def test_it_comes_back_from_json():
    text = json.dumps(result(TIME).as_json())
    assert Result.from_json(json.loads(text)) == result(TIME)
    assert json.loads(text)["scores"] == {"q1": 4, "q2": 0}
