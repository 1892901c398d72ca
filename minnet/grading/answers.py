"""An answer is what a student writes in place of ``raise NotImplementedError``; a check says what is wrong with it."""

import linecache
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from types import TracebackType
from typing import TypeVar

from minnet.core.layer import Layer
from minnet.inspection.crashes import of_error
from minnet.inspection.finding import Finding
from minnet.inspection.source import place_of

__all__ = ["NotAnswered", "WrongAnswer", "answered", "check"]

T = TypeVar("T")
NOT_YET = "not answered yet: replace the line `raise NotImplementedError` by your code, and run its cell again"
NAMED = (ValueError, TypeError, IndexError)  # errors that minnet.inspection knows better words for
LIBRARIES = ("minnet", "numpy", "scipy", "contextlib", "IPython")


class WrongAnswer(AssertionError):  # noqa: N818 - a student reads the name
    """An answer to an exercise is wrong. The message says what is wrong; a notebook shows it without a traceback."""

    def _render_traceback_(self) -> list[str]:  # IPython asks for it
        return [f"✗ {self}"]


class NotAnswered(WrongAnswer):
    """An exercise has no answer yet."""


@contextmanager
def check(name: str) -> Iterator[None]:
    """Check an answer by the block inside: print ``✓ name`` if it runs to its end, else say what is wrong.

    In the block, ``assert condition, "what is wrong"`` checks a property of an answer. So no right answer stands in the
    notebook. The messages of `check_gradient` and the other checks can stand in the block, too.

    Parameters
    ----------
    name
        What is checked, such as ``"the loss of one sample"``. It begins the message.

    Yields
    ------
    None
        Nothing: the block needs no name.

    Raises
    ------
    NotAnswered
        If a function of the student still raises NotImplementedError.
    WrongAnswer
        If an assertion does not hold, or the student's code raises an error.

    Examples
    --------
    >>> def double(x):
    ...     return x + 2
    >>> with check("the double of a number"):
    ...     assert double(2) + double(3) == double(5), "the doubles of 2 and 3, added up, must be that of 5"
    Traceback (most recent call last):
        ...
    minnet.grading.answers.WrongAnswer: the double of a number: the doubles of 2 and 3, added up, must be that of 5
    """
    try:
        with redirect_stderr(sys.stdout):  # nbgrader gives no points to a cell that writes to stderr, such as a warning
            yield
    except WrongAnswer as error:
        raise type(error)(_named(name, str(error))) from None
    except NotImplementedError as error:
        function, _ = _last_line(error.__traceback__)
        raise NotAnswered(_named(name, str(error) or f"`{function}` is {NOT_YET}")) from None
    except Exception as error:
        raise WrongAnswer(_named(name, _said(error))) from None
    print(f"✓ {name}")


def answered(value: T) -> T:
    """Return an answer as it is, unless there is none: `None` or ``...``.

    Parameters
    ----------
    value
        What a student's function returned, or a variable that the student sets.

    Raises
    ------
    NotAnswered
        If it is ``...``, which stands where an answer is to be written.
    WrongAnswer
        If it is None.

    Examples
    --------
    >>> answered(3)
    3
    """
    if value is ...:
        raise NotAnswered("not answered yet: replace `...` by your answer, and run its cell again")
    if value is None:
        raise WrongAnswer("the answer is None: is a `return` missing at the end of the function?")
    return value


def _named(name: str, message: str) -> str:
    return message if message.startswith(f"{name}: ") else f"{name}: {message}"


def _said(error: Exception) -> str:
    """Say which error the student's code raised, and where; of an assertion, its message."""
    if isinstance(error, AssertionError) and str(error):
        return str(error)
    function, line = _last_line(error.__traceback__)
    if isinstance(error, AssertionError):
        return f"this is not true: {line.removeprefix('assert ')}"
    text = f"{type(error).__name__}: {error}"
    if isinstance(error, NameError):
        text = f"{error}. Is it misspelled, or was a cell above this one not run?"
    elif (
        isinstance(error, (*NAMED, RuntimeError)) and function != "this cell" and (said := _explained(error, function))
    ):
        return said
    where = f", in the line `{line}`" if line else ""
    if function == "this cell" and isinstance(error, (*NAMED, AttributeError)):
        return (
            f"this check cannot use the answer{where}: {text}. Is it what was asked for, such as one array or number?"
        )
    return f"the code raises an error in {function}{where}: {text}"


def _explained(error: Exception, function: str) -> str:
    """Say what an error of NumPy or Python means, as `minnet.gradcheck.findings` does, without the right formula."""
    layer = place_of(error).names.get("self")
    said = of_error(error, layer if isinstance(layer, Layer) else Layer(), function, [])
    return "" if f"{type(error).__name__}: {error}" in said else Finding("", said).fault


def _last_line(traceback: TracebackType | None) -> tuple[str, str]:
    """Return the function and the text of the last line of a traceback that is in nobody's library."""
    found = "", ""
    while traceback is not None:
        frame = traceback.tb_frame
        if frame.f_globals.get("__name__", "").partition(".")[0] not in LIBRARIES:
            line = linecache.getline(frame.f_code.co_filename, traceback.tb_lineno, frame.f_globals).strip()
            found = frame.f_code.co_name.replace("<module>", "this cell"), line
        traceback = traceback.tb_next
    return found
