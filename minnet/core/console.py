"""The console is stderr, where a run says what its user should know; a run goes on where nothing can be written."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar

_silent = ContextVar("silent", default=False)


@contextmanager
def silenced() -> Iterator[None]:
    """Announce nothing, and warn of nothing: another process of the job says the same."""
    token = _silent.set(True)
    try:
        yield
    finally:
        _silent.reset(token)


def announce(text: str) -> None:
    """Write a line to stderr; do nothing where there is none, or where it is closed, or the disk behind it is full."""
    if sys.stderr is not None and not _silent.get():  # of a program without a console it is None
        with suppress(OSError, ValueError):  # ValueError: it is closed
            print(text, file=sys.stderr, flush=True)


def warn(text: str, category: type[Warning]) -> None:
    """Warn as ``warnings.warn`` does, at the line that called minnet; a stderr that is closed does not matter."""
    if _silent.get():
        return
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "minnet":
        frame, level = frame.f_back, level + 1
    with suppress(ValueError):
        warnings.warn(text, category, stacklevel=level)


def is_terminal() -> bool:
    """Whether a user sees stderr at once, and not in a file later."""
    with suppress(AttributeError, OSError, ValueError):
        return sys.stderr.isatty()
    return False


def is_notebook() -> bool:
    """Whether this is the kernel of a notebook, which shows widgets; IPython is asked only if it is there already."""
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", None)
    return get_ipython is not None and getattr(get_ipython(), "kernel", None) is not None
