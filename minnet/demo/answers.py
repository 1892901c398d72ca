"""Answers to the page: it asks in JSON, and nothing in a question is trusted."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np

from minnet.core.arrays import Array
from minnet.demo.drawing import Points, picture
from minnet.demo.reader import DIGITS, Pixels, Reader
from minnet.errors import NonFiniteError

Answer = dict[str, Any]

PIXELS = 20  # that speak most for a digit, and as many that speak most against it
STROKES, POINTS = 500, 10_000  # at most, in one drawing


class QuestionError(ValueError):
    """A question is not what the page asks; `word` is the page's own text for it, in `minnet.demo.words`."""

    def __init__(self, message: str, word: str = "error_question") -> None:
        super().__init__(message)
        self.word = word


def parsed(body: bytes) -> Answer:
    """Parse the body of a question: a JSON object of finite numbers."""
    try:
        found = json.loads(body.decode("utf-8"), parse_constant=_refuse)
    except RecursionError:
        raise QuestionError("the body is JSON that is nested too deeply") from None
    except ValueError as error:
        raise QuestionError(f"the body is not JSON: {str(error)[:200]}") from None
    if not isinstance(found, dict):
        raise QuestionError(f"the body must be a JSON object, got a {type(found).__name__}")
    return found


def read(reader: Reader, question: Answer) -> Answer:
    """Read a drawing: ``{"strokes": [[[x, y], ...], ...], "digit": null or 0 to 9}``."""
    _check_names(question, {"strokes", "digit"})
    pixels, digit = _pixels(question), question.get("digit")
    found = reader.read(pixels, None if digit is None else _digit(digit))
    by_size = np.argsort(found.speaks, kind="stable")
    return {
        "probabilities": found.probabilities.tolist(),
        "picture": pixels.tolist(),
        "digit": found.digit,
        "for": _speaking(found.speaks, by_size[::-1], 1),
        "against": _speaking(found.speaks, by_size, -1),
        "steps": reader.steps,
    }


def learn(reader: Reader, question: Answer) -> Answer:
    """Learn a drawing: ``{"strokes": [...], "digit": 0 to 9}``."""
    _check_names(question, {"strokes", "digit"})
    pixels, digit = _pixels(question), _digit(question.get("digit"))
    try:
        step = reader.learn(pixels, digit)
    except NonFiniteError as error:
        raise QuestionError(f"the step was undone: {error}", "error_diverged") from None
    matrix = step.changes.get(reader.matrix or "")
    arrays = [
        {"path": path, "shape": list(change.shape), "largest": float(np.abs(change).max(initial=0))}
        for path, change in step.changes.items()
    ]
    return {
        "digit": digit,
        "before": step.before.tolist(),
        "after": step.after.tolist(),
        "losses": list(step.losses),
        "columns": None if matrix is None else _columns(matrix),
        "arrays": arrays,
        "steps": reader.steps,
    }


def forget(reader: Reader, question: Answer) -> Answer:
    """Forget all that was learned from drawings: ``{}``."""
    _check_names(question, set())
    reader.forget()
    return {"steps": reader.steps}


ANSWERS: dict[str, Callable[[Reader, Answer], Answer]] = {"/read": read, "/learn": learn, "/forget": forget}


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number")


def _check_names(question: Answer, names: set[str]) -> None:
    if unknown := sorted(question.keys() - names):
        expected = " and ".join(sorted(names)) or "nothing"
        raise QuestionError(f"expected {expected}, got {unknown[0][:40]!r}")


def _digit(value: object) -> int:
    if type(value) is not int or not 0 <= value < DIGITS:
        raise QuestionError(f"digit must be an integer from 0 to 9, got {_brief(value)}")
    return value


def _pixels(question: Answer) -> Pixels:
    """Return the picture of a question's strokes."""
    strokes = question.get("strokes")
    if not isinstance(strokes, list) or not all(isinstance(stroke, list) and stroke for stroke in strokes):
        raise QuestionError("strokes must be a list of lists of points [x, y], none of them empty")
    if not strokes:
        raise QuestionError("nothing is drawn", "error_empty")
    if len(strokes) > STROKES or sum(map(len, strokes)) > POINTS:
        raise QuestionError(f"a drawing has at most {STROKES} strokes and {POINTS:,} points", "error_long")
    return picture([_points(stroke) for stroke in strokes])


def _points(stroke: list[Any]) -> Points:
    for point in stroke:
        if not isinstance(point, list) or len(point) != 2 or not all(map(_is_share, point)):
            raise QuestionError(f"a point must be [x, y], both from 0 to 1, got {_brief(point)}")
    return np.array(stroke, np.float64)


def _is_share(number: object) -> bool:
    return type(number) in (int, float) and 0 <= number <= 1  # type: ignore[operator]


def _brief(value: object) -> str:
    """Quote a value of a question, however large it is."""
    if isinstance(value, int) and not -(10**15) < value < 10**15:
        return "a huge integer"
    if isinstance(value, list):
        return f"[{', '.join(map(_brief, value[:3]))}{', ...' * (len(value) > 3)}]" if _is_flat(value[:3]) else "a list"
    return repr(value)[:60] if isinstance(value, str | float | int | None) else f"a {type(value).__name__}"


def _is_flat(values: list[Any]) -> bool:
    return not any(isinstance(value, list | dict) for value in values)


def _speaking(speaks: Array, order: "np.ndarray[Any, Any]", sign: int) -> list[list[float]]:
    """List the first pixels, in some order, that speak with a sign: as [pixel, how much]."""
    return [[int(i), float(speaks[i])] for i in order[:PIXELS] if sign * speaks[i] > 0]


def _columns(change: Array) -> list[list[float]]:
    """Return the change of each digit's column of W: ten lists of 784 numbers, of three digits each."""
    return [[float(f"{number:.3g}") for number in column] for column in change.T.tolist()]
