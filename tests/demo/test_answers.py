"""Answers of the page's questions, and what is refused, with which message."""

import json

import numpy as np
import pytest
from hands import strokes

import minnet as mn
from minnet.demo.answers import PIXELS, POINTS, STROKES, QuestionError, forget, learn, parsed, read
from minnet.demo.drawing import picture
from minnet.demo.reader import Reader
from minnet.demo.words import WORDS

SEVEN = [stroke.tolist() for stroke in strokes("round", 7)]


@pytest.fixture
def fresh():
    return Reader(mn.Sequential(mn.Linear(784, 10, rng=0), mn.Softmax()))


def test_read(reader):
    answer = read(reader, {"strokes": SEVEN})
    assert int(np.argmax(answer["probabilities"])) == answer["digit"] == 7
    assert answer["picture"] == picture(strokes("round", 7)).tolist()
    speaks = reader.read(np.array(answer["picture"], np.uint8)).speaks
    assert [i for i, _ in answer["for"]] == np.argsort(-speaks)[:PIXELS].tolist()
    assert [i for i, _ in answer["against"]] == np.argsort(speaks)[:PIXELS].tolist()
    assert all(value == pytest.approx(speaks[i]) for i, value in answer["for"] + answer["against"])
    assert json.loads(json.dumps(answer, allow_nan=False)) == answer


def test_only_pixels_that_speak_are_named(fresh):
    fresh.model[0].weight.data[:] = np.abs(fresh.model[0].weight.data)
    answer = read(fresh, {"strokes": [[[0.5, 0.5]]], "digit": 0})  # a dot: fewer pixels than are wanted
    assert answer["against"] == []
    assert 0 < len(answer["for"]) <= PIXELS
    assert all(answer["picture"][i] for i, _ in answer["for"])


def test_the_digit_that_is_asked_for(fresh):
    assert read(fresh, {"strokes": SEVEN, "digit": 3})["digit"] == 3
    assert read(fresh, {"strokes": SEVEN, "digit": None})["digit"] == read(fresh, {"strokes": SEVEN})["digit"]


def test_learn_and_forget(fresh):
    first = read(fresh, {"strokes": SEVEN})
    step = learn(fresh, {"strokes": SEVEN, "digit": 4})
    now = read(fresh, {"strokes": SEVEN})
    assert step["before"] == first["probabilities"]
    assert step["after"] == now["probabilities"] != first["probabilities"]
    assert np.shape(step["columns"]) == (10, 784)
    ink = np.array(first["picture"]) > 0
    changed = np.array(step["columns"])
    assert (changed[4][ink] > 0).all()
    assert (np.delete(changed, 4, axis=0)[:, ink] < 0).all()
    assert not changed[:, ~ink].any()
    assert [array["path"] for array in step["arrays"]] == ["layers[0].weight", "layers[0].bias"]
    assert step["steps"] == now["steps"] == 1
    assert forget(fresh, {}) == {"steps": 0}
    assert read(fresh, {"strokes": SEVEN}) == first


def test_a_model_of_several_matrices_has_no_columns():
    step = learn(Reader(mn.Sequential(mn.Linear(784, 4), mn.Linear(4, 10))), {"strokes": SEVEN, "digit": 4})
    assert step["columns"] is None
    assert [array["shape"] for array in step["arrays"]] == [[784, 4], [4], [4, 10], [10]]


def test_a_step_that_diverges_is_said(fresh):
    fresh._optimizer.lr = 1e38
    with pytest.raises(QuestionError, match="was undone") as raised:
        learn(fresh, {"strokes": SEVEN, "digit": 4})
    assert raised.value.word == "error_diverged"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 100_000, "nested too deeply"),
        (b"NaN", "NaN is no number"),
        (b'{"strokes": [[[Infinity, 1]]]}', "Infinity is no number"),
        (b'{"strokes": [[[-Infinity, 1]]]}', "-Infinity is no number"),
        (b'{"digit": ' + b"9" * 5000 + b"}", "not JSON"),
        (b"[]", "must be a JSON object, got a list"),
        (b"null", "must be a JSON object, got a NoneType"),
        (b'"text"', "must be a JSON object, got a str"),
    ],
)
def test_bodies_that_are_refused(body, words):
    with pytest.raises(QuestionError) as raised:
        parsed(body)
    assert words in str(raised.value)
    assert len(str(raised.value)) < 300


POINT = [0.5, 0.5]
HUGE = 10**400


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ({}, "strokes must be a list"),
        ({"strokes": None}, "strokes must be a list"),
        ({"strokes": "0.5,0.5"}, "strokes must be a list"),
        ({"strokes": {"0": [POINT]}}, "strokes must be a list"),
        ({"strokes": [[]]}, "none of them empty"),
        ({"strokes": [POINT]}, "a point must be [x, y], both from 0 to 1, got 0.5"),
        ({"strokes": [[[0.5]]]}, "got [0.5]"),
        ({"strokes": [[[0.5, 0.5, 0.5]]]}, "got [0.5, 0.5, 0.5]"),
        ({"strokes": [[[0.5, -0.1]]]}, "got [0.5, -0.1]"),
        ({"strokes": [[[0.5, 1e308]]]}, "got [0.5, 1e+308]"),
        ({"strokes": [[[0.5, float("inf")]]]}, "got [0.5, inf]"),
        ({"strokes": [[[0.5, float("nan")]]]}, "got [0.5, nan]"),
        ({"strokes": [[[0.5, HUGE]]]}, "got [0.5, a huge integer]"),
        ({"strokes": [[[0.5, True]]]}, "got [0.5, True]"),
        ({"strokes": [[[0.5, "0.5"]]]}, "got [0.5, '0.5']"),
        ({"strokes": [[[0.5, None]]]}, "got [0.5, None]"),
        ({"strokes": [[[0.5, [[[]]]]]]}, "got a list"),
        ({"strokes": [[{"x": 1}]]}, "got a dict"),
        ({"strokes": [["x" * 10_000]]}, "got 'xxx"),
        ({"strokes": [[POINT]], "digit": 10}, "digit must be an integer from 0 to 9, got 10"),
        ({"strokes": [[POINT]], "digit": -1}, "got -1"),
        ({"strokes": [[POINT]], "digit": 7.0}, "got 7.0"),
        ({"strokes": [[POINT]], "digit": True}, "got True"),
        ({"strokes": [[POINT]], "digit": "7"}, "got '7'"),
        ({"strokes": [[POINT]], "digit": HUGE}, "got a huge integer"),
        ({"strokes": [[POINT]], "digit": [1]}, "got [1]"),
        ({"strokes": [[POINT]], "rate": 1e9}, "expected digit and strokes, got 'rate'"),
    ],
)
def test_questions_that_are_refused(fresh, question, words):
    for ask in (read, learn):
        with pytest.raises(QuestionError) as raised:
            ask(fresh, question)
        assert words in str(raised.value)
        assert len(str(raised.value)) < 300
        assert raised.value.word == "error_question"
    assert fresh.steps == 0


@pytest.mark.parametrize(
    ("drawn", "word"),
    [([], "error_empty"), ([[POINT]] * (STROKES + 1), "error_long"), ([[POINT] * (POINTS + 1)], "error_long")],
)
def test_drawings_that_the_page_explains(fresh, drawn, word):
    with pytest.raises(QuestionError) as raised:
        read(fresh, {"strokes": drawn})
    assert raised.value.word == word
    assert all(word in words for words in WORDS.values())


def test_as_much_as_can_be_drawn_is_read(fresh):
    rng = np.random.default_rng(0)
    assert read(fresh, {"strokes": rng.random((STROKES, POINTS // STROKES, 2)).tolist()})["probabilities"]


def test_learn_needs_a_digit_and_forget_nothing(fresh):
    with pytest.raises(QuestionError, match="got None"):
        learn(fresh, {"strokes": SEVEN})
    with pytest.raises(QuestionError, match="expected nothing, got 'steps'"):
        forget(fresh, {"steps": 1})
