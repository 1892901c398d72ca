"""The tables of a class: a CSV with a row for each student, and a JSON file from which a run continues."""

import csv
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from minnet.grading.exercise import Exercise
from minnet.grading.results import Result

_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would run a cell that begins so


def write_csv(path: Path, exercise: Exercise, results: Iterable[Result]) -> None:
    """Write a row for each student: the score, that of each question, and what to look at."""
    names = [question.name for question in exercise.questions]
    with _replacing(path) as file:
        table = csv.writer(file)
        table.writerow(["student", "score", "out_of", *names, "status", "flags", "earned", "seconds", "file"])
        for result in results:
            counts = [result.score_of(name) for name in names]
            row = [result.student, result.score, exercise.out_of, *counts, result.status, "; ".join(result.flags)]
            table.writerow([_cell(value) for value in (*row, result.earned, result.seconds, result.file)])


def write_json(path: Path, exercise: Exercise, results: Iterable[Result]) -> None:
    """Write everything."""
    content = {
        "title": exercise.title,
        "exercise": exercise.digest,
        "out_of": exercise.out_of,
        "students": [result.as_json() for result in results],
    }
    with _replacing(path) as file:
        json.dump(content, file, indent=1)


def read_json(path: Path, exercise: Exercise) -> list[Result]:
    """Return the results that an earlier run of the same exercise has written; none if there is no such file."""
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8"))
        if content["exercise"] != exercise.digest:
            return []
        return [Result.from_json(values) for values in content["students"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _cell(value: object) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return f"'{text}" if text.startswith(_FORMULA) and not isinstance(value, float) else text


@contextmanager
def _replacing(path: Path) -> Iterator[Any]:
    """Write a file anew: the old one is there until the new one is whole."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with new.open("w", encoding="utf-8", newline="") as file:
            yield file
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
