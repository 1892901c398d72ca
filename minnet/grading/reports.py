"""A report tells one student the points of each question and what to correct, in Markdown."""

import hashlib
import re
from pathlib import Path

from minnet.grading.exercise import TRAINING, VALUES, Exercise
from minnet.grading.results import GRADED, STATUSES, WITHHELD, Answer, Check, Result
from minnet.inspection.gradcheck import CHECKS

_ASKS = {
    **CHECKS,
    VALUES: "forward computes what the formula says",
    TRAINING: "a model with this layer learns",
    "the rest": "what was not checked",
}
_LITTLE = 0.5  # points; checks that are worth less share a row
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~])")


def write(folder: Path, exercise: Exercise, result: Result) -> None:
    """Write the report of a student into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / file_name(result.student)).write_text(text(exercise, result), encoding="utf-8")


def file_name(student: str) -> str:
    """Return the name of a student's report; no two students have the same."""
    name = re.sub(r"[^\w.() -]", "_", student)[:100]
    return (name if name == student else f"{name}-{hashlib.sha256(student.encode()).hexdigest()[:8]}") + ".md"


def text(exercise: Exercise, result: Result) -> str:
    """Return a report."""
    lines = [f"# {_plain(exercise.title)}: {_plain(result.student)}", ""]
    lines += [f"**{result.score:g} of {exercise.out_of:g} points**", ""]
    if result.status == WITHHELD:
        lines += [f"Your teacher has to look at this file first: {_plain('; '.join(result.flags))}.", ""]
        lines += [f"The checks alone would give {result.earned:g} points.", ""]
    elif result.status != GRADED:
        lines += [f"**{result.status}**: {STATUSES[result.status]}.", ""]
    if result.notes:
        lines += ["These lines of your file raised an error. The lines after them still ran:", ""]
        lines += [f"- {_plain(note)}" for note in result.notes] + [""]
    for answer in result.answers:
        lines += _answer(answer)
    return "\n".join(lines).rstrip() + "\n"


def _answer(answer: Answer) -> list[str]:
    lines = [f"## {_plain(answer.question)}: {answer.score:g} of {answer.out_of:g} points", ""]
    if answer.message:
        lines += [f"{_plain(answer.message)}.".replace("..", "."), ""]
    wrong = [check for check in answer.checks if check.passed is False]
    if wrong:
        lines += ["What to correct, in this order:", ""]
        lines += [
            f"{i}. **{_plain(check.name)}** ({_asks(check)}). {_message(check)}" for i, check in enumerate(wrong, 1)
        ]
        lines += [""]
    elif answer.checks and all(check.passed for check in answer.checks):
        lines += ["Everything is right.", ""]
    if any(check.passed is not None for check in answer.checks):
        lines += ["| check | passed | points |", "|---|---|---|", *_rows(answer.checks), ""]
    return lines


def _rows(checks: list[Check]) -> list[str]:
    """Return the rows of a table: one for each check, and one for all checks that are worth little."""
    small = [check for check in checks if 0 <= check.out_of < _LITTLE and check.name != "the rest"]
    rows = [f"| {_plain(c.name)} | {_passed(c)} | {c.points:.3g} of {c.out_of:.3g} |" for c in checks if c not in small]
    if small:
        passed = f"{sum(check.passed is True for check in small)} of {len(small)}"
        points, out_of = (sum(getattr(check, name) for check in small) for name in ("points", "out_of"))
        rows.append(f"| the other requirements | {passed} | {points:.3g} of {out_of:.3g} |")
    return rows


def _passed(check: Check) -> str:
    return {True: "yes", False: "no", None: "not checked"}[check.passed]


def _asks(check: Check) -> str:
    return _plain(_ASKS.get(check.name) or _ASKS["gradient"])


def _message(check: Check) -> str:
    return _plain(check.message).replace("\n", "\n   ")


def _plain(text: str) -> str:
    """Return a text in which nothing is Markdown or HTML."""
    return _SPECIAL.sub(r"\\\1", text)
