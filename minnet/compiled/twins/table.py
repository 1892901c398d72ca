"""The table of twins is all compiled code that takes the place of a formula: see `minnet.core.twins`.

A module of this folder has the twins of one family, and a dict of them, `TWINS`. They are imported when they are first
asked for, because Numba takes half a second.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from importlib import import_module
from typing import Any

from minnet.core.console import announce
from minnet.core.twins import NO_TWINS, Twins, twins

FAMILIES = (
    *("activations", "attention", "average_pooling", "convolution", "losses", "normalization", "pooling", "recurrent"),
    "updates",
)
PATIENCE = 1.0  # seconds of compiling after which a message says so


@cache
def table() -> Twins:
    """Return all twins. Raises MissingExtraError if Numba is not installed."""
    found = Twins()
    for family in FAMILIES:
        found.update(import_module(f"minnet.compiled.twins.{family}").TWINS)
    return found


@contextmanager
def using_twins(wanted: bool = True) -> Iterator[None]:
    """Let twins take the place of formulas, in this thread and in those that it starts; or no twins."""
    token = twins.set(table() if wanted else NO_TWINS)
    try:
        with saying_what_takes_long() if wanted else nullcontext():
            yield
    finally:
        twins.reset(token)


@contextmanager
def saying_what_takes_long() -> Iterator[None]:
    """Say it once if Numba compiles for longer than `PATIENCE`."""
    from numba.core import event

    hint = threading.Timer(PATIENCE, announce, ["compiling code for this network ..."])
    hint.daemon = True

    class Begin(event.Listener):
        def on_start(self, _: Any) -> None:
            if not hint.ident:
                hint.start()

        def on_end(self, _: Any) -> None:
            pass

    with event.install_listener("numba:compile", Begin()):
        try:
            yield
        finally:
            hint.cancel()
