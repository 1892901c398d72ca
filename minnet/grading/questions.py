"""A question is graded on a layer of the student's process, by checks that run in this one."""

import warnings
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np

from minnet.grading import fresh, training, values
from minnet.grading.exercise import GRADIENTS, REQUIREMENTS, TRAINING, VALUES, Question
from minnet.grading.remote.layer import Remote
from minnet.grading.results import Answer, Check
from minnet.grading.sandbox.process import Student, clean
from minnet.inspection.gradcheck import Findings, findings

UNASKED = "not checked, because an earlier check failed"
_GRADIENT = "gradient of "
_ANOTHER = (
    "backward agrees with the slopes of forward here, but is not the gradient of the formula on other numbers: forward "
    "has to compute the same formula each time it runs"
)


def grade(student: Student, question: Question, answer: Answer) -> None:
    """Check the layer that a question asks for; append to the answer, check by check.

    Raises
    ------
    Gone
        If the student's process has ended, or took too long. The answer has what was checked before.
    """
    rng = np.random.default_rng(question.seed)
    inputs = [given.draw(rng) for given in question.inputs]
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            layer = student.make(question.class_name, question.arguments, question.named)
        except Exception as error:
            answer.message = f"{_made(question)} cannot be made: {_said(error)}"
            return
        share, wrong = 1.0, set[str]()
        if question.knows_values:
            check, share, wrong = _values(layer, question, inputs)
            answer.checks.append(check)
        answer.checks += _without(wrong, layer, _findings(layer, question, inputs, share))
        if question.train:
            answer.checks.append(_training(student, question))


def _made(question: Question) -> str:
    arguments = [*map(repr, question.arguments), *(f"{name}={value!r}" for name, value in question.named.items())]
    return f"{question.class_name}({', '.join(arguments)})"


def _said(error: Exception) -> str:
    where = " ".join(getattr(error, "__notes__", []))
    return clean(f"{type(error).__name__}: {error}" + (f" ({where})" if where else ""))


def _findings(layer: Remote, question: Question, inputs: list[Any], share: float) -> list[Check]:
    """Run all checks of `mn.gradcheck.findings`; the points of each are multiplied by a share."""
    try:
        found = findings(layer, *inputs, rng=question.seed)
    except (TypeError, ValueError) as error:
        return [Check(REQUIREMENTS, False, 0.0, sum(question.points.values()), _said(error))]
    messages = _messages(layer, question, inputs, found)
    worth = worth_of(question.points, list(found.checks))
    return [
        Check(
            name,
            passed,
            worth[name] * share if passed and found.checks["forward"] else 0.0,
            worth[name],
            messages.get(name, "") if passed is False else UNASKED if passed is None else "",
        )
        for name, passed in found.checks.items()
    ]


def _messages(layer: Remote, question: Question, inputs: list[Any], found: Findings) -> dict[str, str]:
    """Return what is wrong, by check: in the words of the student's process, which knows the source, if it has some."""
    if not found:
        return {}
    messages: dict[str, list[str]] = {}
    for finding in found:
        messages.setdefault(finding.check, []).append(finding.message)
    with suppress(Exception):
        messages |= layer.words(inputs, question.seed)
    wrong = [name for name, passed in found.checks.items() if passed is False]
    if not any(name in messages for name in wrong):  # the findings are those of a layer inside
        messages[wrong[0]] = [text for texts in messages.values() for text in texts]
    return {name: clean("\n".join(texts)) for name, texts in messages.items()}


def worth_of(points: dict[str, float], checks: list[str]) -> dict[str, float]:
    """Return the points of each check: a group's are shared evenly among those that are not listed by themselves."""
    groups = {name: _group(name) for name in checks}
    worth = {name: points.get(name, 0.0) for name in checks}
    for group in (GRADIENTS, REQUIREMENTS):
        members = [name for name in checks if groups[name] == group and name not in points]
        for name in members:
            worth[name] = points.get(group, 0.0) / len(members)
    return worth


def _group(check: str) -> str:
    return GRADIENTS if check.startswith(_GRADIENT) else REQUIREMENTS


def _values(layer: Remote, question: Question, inputs: list[Any]) -> tuple[Check, float, set[str]]:
    """Compare what forward computes with what is expected.

    Returns
    -------
    (Check, float, set of str)
        The check, the share that all others count, and the gradients that are wrong: see `minnet.grading.fresh`.
    """
    points, wrong = question.points.get(VALUES, 0.0), set[str]()
    try:
        y, message = values.difference(layer, question, inputs)
        trivial = bool(message) and values.is_trivial(y, inputs)
        if not message:
            message, wrong = fresh.compare(layer, question)
    except Exception as error:
        return Check(VALUES, False, 0.0, points, _said(error)), 1.0, wrong
    if not message:
        return Check(VALUES, True, points, points), 1.0, wrong
    if trivial:
        message += " It returns its input, or one number for every input, so its other checks count nothing."
        return Check(VALUES, False, 0.0, points, clean(message)), 0.0, wrong
    message += " The gradients may be right for what it computes, so its other checks count half."
    return Check(VALUES, False, 0.0, points, clean(message)), 0.5, wrong


def _without(wrong: set[str], layer: Remote, checks: list[Check]) -> list[Check]:
    """Take back the gradients that agree with slopes, but not with the formula: forward was another one meanwhile."""
    names = [name for name, _ in layer.named_parameters()] if wrong else []

    def is_wrong(check: Check) -> bool:
        name = check.name.removeprefix(_GRADIENT)
        return check.name.startswith(_GRADIENT) and (name if name in names else fresh.INPUTS) in wrong

    return [
        replace(check, passed=False, points=0.0, message=_ANOTHER) if check.passed and is_wrong(check) else check
        for check in checks
    ]


def _training(student: Student, question: Question) -> Check:
    train = question.train
    assert train is not None
    student.new_time()
    try:
        accuracy = training.accuracy(student, question, train)
    except Exception as error:
        return Check(TRAINING, False, 0.0, train.out_of, f"the training stopped: {_said(error)}")
    points = max((points for needed, points in train.points.items() if accuracy >= needed), default=0.0)
    passed = points == train.out_of
    message = f"the model with this layer recognises {accuracy:.0%}; {max(train.points):.0%} are needed."
    return Check(TRAINING, passed, points, train.out_of, "" if passed else message)
