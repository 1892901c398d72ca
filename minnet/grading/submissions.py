"""The submissions of a class: for each student a file, or a folder with the file in it."""

import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from minnet.grading.sandbox.process import clean

ENDINGS = (".py", ".ipynb")
_DEEPEST = 3  # levels of folders in a student's folder


@dataclass(frozen=True)
class Submission:
    """A student's file, or why there is none; `entry` is what stands in the class's folder."""

    student: str
    entry: Path
    path: Path | None
    problem: str = ""

    def read(self, most_bytes: int) -> bytes:
        """Return what is in the file; OSError or ValueError if it is not a plain file, or too large."""
        assert self.path is not None
        descriptor = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(descriptor, "rb") as file:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise ValueError("it is a device or a pipe, not a file")
            if found.st_size > most_bytes:
                raise ValueError(f"it has {found.st_size:,} bytes: at most {most_bytes:,} are read")
            return file.read(most_bytes)


def find(folder: Path, name: str = "") -> list[Submission]:
    """List the submissions of a folder, by the students' names.

    Parameters
    ----------
    folder
        The files, or folders with files, also in folders inside these.
    name
        Which file in a student's folder is meant; "": the only one.

    Raises
    ------
    ValueError
        If it is no folder, or there are none.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder: expected one with a file .py or .ipynb for each student")
    found = _apart(submission for path in sorted(folder.iterdir()) if (submission := _of(path, name)) is not None)
    if not found:
        raise ValueError(f"{folder} has no file .py or .ipynb, and no folder with one: there is nothing to grade")
    return found


def shown(name: str) -> str:
    """Return a file's name as one line of text, whatever is in it."""
    return clean(name).replace("\n", "\\n")


def _apart(submissions: Iterable[Submission]) -> list[Submission]:
    """Let each student have a name that no other has: anna.py and anna.ipynb are two, until a teacher looks."""
    found = list(submissions)
    counts = Counter(submission.student for submission in found)
    for i, submission in enumerate(found):
        if counts[submission.student] > 1:
            found[i] = replace(submission, student=f"{submission.student} ({shown(submission.entry.name)})")
    return found


def _of(path: Path, name: str) -> Submission | None:
    if _is_hidden(path):
        return None
    ends = path.suffix.lower() in ENDINGS
    if path.is_file() or path.is_symlink():
        return _file(path, shown(path.stem), path) if ends or path.is_dir() else None
    if not path.is_dir():
        return None if not ends else Submission(shown(path.stem), path, None, "it is not a file")
    try:
        inside = sorted(_inside(path, _DEEPEST))
    except OSError as error:
        return Submission(shown(path.name), path, None, f"the folder cannot be read: {error.strerror}")
    inside = [found for found in inside if found.name == name] if name else inside
    if len(inside) == 1:
        return _file(path, shown(path.name), inside[0])
    names = ", ".join(shown(str(found.relative_to(path))) for found in inside[:5]) or "none"
    wanted = f"the file {name}" if name else "one file .py or .ipynb"
    return Submission(shown(path.name), path, None, f"expected {wanted} in the folder, found {names}")


def _inside(folder: Path, depth: int) -> Iterator[Path]:
    """Walk the files of a student's folder."""
    for path in folder.iterdir():
        if not _is_hidden(path) and path.suffix.lower() in ENDINGS:
            yield path
        elif not _is_hidden(path) and path.is_dir() and not path.is_symlink() and depth:
            yield from _inside(path, depth - 1)


def _is_hidden(path: Path) -> bool:
    return path.name.startswith((".", "__"))


def _file(entry: Path, student: str, path: Path) -> Submission:
    if path.is_symlink():
        problem = f"{shown(path.name)} is a link to another place: hand in the file itself"
        return Submission(student, entry, None, problem)
    return Submission(student, entry, path)
