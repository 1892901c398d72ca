"""A run grades a whole folder: some processes at a time, each with a fork server of its own."""

import hashlib
import multiprocessing
import os
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from minnet.grading import exercise as exercises
from minnet.grading import file, reports, submissions, tables
from minnet.grading.exercise import Exercise
from minnet.grading.results import FAILED, WITHHELD, Answer, Result
from minnet.grading.sandbox.sandbox import Sandbox
from minnet.grading.submissions import Submission


def run(
    folder: Path,
    exercise_path: Path,
    out: Path,
    *,
    report_folder: Path | None = None,
    again: bool = False,
    processes: int = 0,
    done: Callable[[Result, int], None] = lambda *_: None,
) -> list[Result]:
    """Grade all submissions of a folder, and write the tables after each.

    Parameters
    ----------
    folder, exercise_path
        The submissions, and the exercise in YAML.
    out
        The CSV; the JSON file beside it has the same name with the ending ``.json``.
    report_folder
        Where the students' reports are written; None: none are.
    again
        Whether files are graded again that the JSON file has already.
    processes
        How many files are graded at a time; 0: as many as there are processors.
    done
        Called with each result, and the number of all submissions.

    Returns
    -------
    list of Result
        By the students' names.
    """
    exercise = exercises.read(exercise_path)
    found = submissions.find(folder, exercise.file)
    data = out.with_suffix(".json")
    if data == out:
        raise ValueError(
            f"--out {out}: expected another ending, such as .csv, because every check is written to {data}"
        )
    results = {} if again else {(r.file, r.digest): r for r in tables.read_json(data, exercise)}
    kept: dict[str, Result] = {}
    waiting: dict[str, tuple[Result, bytes]] = {}
    for submission in found:
        result, source = _begin(folder, submission, exercise)
        if result.status == FAILED or (result.file, result.digest) in results:
            known = results.get((result.file, result.digest), result)
            kept[result.student] = replace(known, student=result.student)
        else:
            waiting[result.student] = (result, source)
    hidden = [str(folder), str(out), str(data), *exercise.hidden, *([str(report_folder)] if report_folder else [])]
    for result in kept.values():
        _write_report(report_folder, exercise, result)
        done(result, len(found))
    tables.write_json(data, exercise, _in_order(kept))  # a folder that is not there is an error now, not in an hour
    for result in _graded(waiting, exercise_path, hidden, processes or _processors()):
        kept[result.student] = result
        _write_report(report_folder, exercise, result)
        tables.write_json(data, exercise, _in_order(kept))
        done(result, len(found))
    tables.write_json(data, exercise, _in_order(kept))
    tables.write_csv(out, exercise, _in_order(kept))
    return _in_order(kept)


def grade_file(path: str | Path, exercise: str | Path) -> Result:
    """Grade one file in a process of its own, for the autograders of other tools.

    Parameters
    ----------
    path
        The student's file, ``.py`` or ``.ipynb``.
    exercise
        The exercise, in YAML: see docs/grading.md.

    Returns
    -------
    Result
        With ``score``, ``out_of``, ``status``, ``flags``, and ``answer(name)`` for each question.

    Raises
    ------
    ValueError
        If the exercise is wrong; the message names the key and the line.
    MissingExtraError
        If PyYAML is not installed.
    """
    read, path = exercises.read(exercise), Path(path)
    result, source = _begin(path.parent, Submission(submissions.shown(path.stem), path, path), read)
    if result.status == FAILED:
        return result
    with Sandbox([str(path), *read.hidden], os.getpid() % 4000) as sandbox:
        return file.grade(sandbox, read, result, source)


def _in_order(results: dict[str, Result]) -> list[Result]:
    return [results[name] for name in sorted(results)]


def _write_report(folder: Path | None, exercise: Exercise, result: Result) -> None:
    if folder is not None:
        reports.write(folder, exercise, result)


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _begin(folder: Path, submission: Submission, exercise: Exercise) -> tuple[Result, bytes]:
    """Return an empty result and the file's bytes; the result of a file that cannot be read is complete."""
    name = "" if submission.path is None else submissions.shown(str(submission.path.relative_to(folder)))
    result = Result(submission.student, name)
    problem, source = submission.problem, b""
    if submission.path is not None:
        try:
            source = submission.read(file.MOST_BYTES)
        except (OSError, ValueError) as error:
            problem = getattr(error, "strerror", None) or str(error)
    if problem:
        result.status, result.flags = FAILED, [problem]
        result.answers = [Answer(q.name, q.class_name, q.out_of, message=problem) for q in exercise.questions]
    result.digest = hashlib.sha256(source).hexdigest()
    return result, source


# What a grading process keeps from one file to the next.
_given: tuple[Path, list[str]]


def _start(exercise_path: Path, hidden: list[str], homes: str) -> None:
    global _given
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_the_run, daemon=True).start()
    tempfile.tempdir = homes
    _given = exercise_path, hidden


@cache
def _tools() -> tuple[Sandbox, Exercise]:
    """Return what each file is graded with; it is made here, and not in `_start`, so that an error of it is told."""
    exercise_path, hidden = _given
    return Sandbox(hidden, os.getpid() % 4000), exercises.read(exercise_path)


def _end_with_the_run() -> None:
    """End this process if the one that started it has ended; the fork server and the students' end with this one."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _grade(result: Result, source: bytes) -> Result:
    return file.grade(*_tools(), result, source)


def _graded(
    waiting: dict[str, tuple[Result, bytes]], exercise_path: Path, hidden: list[str], processes: int
) -> Iterator[Result]:
    """Yield each result. If a file ends the grading process itself, the others are graded one at a time."""
    others = {*multiprocessing.active_children()}
    while waiting:
        homes = tempfile.TemporaryDirectory(prefix="minnet-grade-", ignore_cleanup_errors=True)
        os.chmod(homes.name, 0o711)  # a student's process may be another user's
        given_to_all = (exercise_path, hidden, homes.name)
        pool = ProcessPoolExecutor(
            min(processes, len(waiting)), multiprocessing.get_context("spawn"), _start, given_to_all
        )
        futures: dict[Future[Any], str] = {}
        try:
            futures = {pool.submit(_grade, *given): name for name, given in waiting.items()}
            for future in as_completed(futures):
                yield future.result()
                del waiting[futures[future]]
        except BrokenProcessPool:
            if processes == 1:
                name = next(iter(waiting))
                yield _ended_the_grader(waiting.pop(name)[0])
            processes = 1
        except BaseException:  # Ctrl-C, or a full disk: nobody waits for a file that does not end
            for process in {*multiprocessing.active_children()} - others:
                process.kill()
            raise
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
            homes.cleanup()


def _ended_the_grader(result: Result) -> Result:
    result.status, result.flags = WITHHELD, ["it ended the grader's process"]
    return result
