"""The grader's side of a student's process: load the file, ask its layers, and end it."""

import json
import os
import signal
import socket
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import numpy as np

from minnet.grading.remote.layer import Handle, Remote, interpreting
from minnet.grading.remote.wire import Channel, ChannelError, ClosedError, Gone
from minnet.grading.sandbox.limits import Limits

_PATIENCE = 15.0  # seconds for a process to be ended
_ERRORS: dict[str, type[Exception]] = {
    kind.__name__: kind
    for kind in (
        *(ValueError, TypeError, AttributeError, RuntimeError, NotImplementedError, RecursionError, IndexError),
        *(KeyError, ZeroDivisionError, FloatingPointError, OverflowError, NameError, UnboundLocalError, MemoryError),
        *(AssertionError, ImportError, ModuleNotFoundError, OSError, FileNotFoundError, PermissionError),
    )
}


class Student:
    """A process that runs a student's file.

    Attributes
    ----------
    classes : list of str
        The classes that the file defines or imports.
    errors : list of dict of str
        The errors of its parts.
    events : list of (str, str)
        What it tried that no layer needs.
    changed : list of str
        What it replaced in minnet and NumPy.
    out_of_memory : bool
        Whether it asked for more memory than the limit.
    used : dict
        What it used, and how it ended, after `end`.
    """

    def __init__(self, channel: Channel, control: socket.socket, home: Any, limits: Limits, shown: list[str]) -> None:
        self._channel, self._control, self._home, self._limits = channel, control, home, limits
        self._shown, self.out_of_memory = shown, False
        self.events: list[tuple[str, str]] = []
        self.changed: list[str] = []
        self.classes: list[str] = []
        self.errors: list[dict[str, str]] = []
        self.used: dict[str, Any] = {}
        self._dropped: list[int] = []
        self._until = 0.0
        self.new_time()

    def new_time(self) -> None:
        """Give the process its seconds anew, for another question."""
        self._until = time.monotonic() + self._limits.seconds

    def load(self, name: str, source: bytes, not_to_use: Iterable[str] = ()) -> None:
        """Let the process run a file; its layers may not compute with the layers of minnet that are not to be used."""
        order = {"name": name, "source": np.frombuffer(source, np.uint8), "roots": self._shown}
        started = self._exchange(order | {"not_to_use": list(not_to_use)})
        if "failed" in started:
            raise Gone("grader", clean(str(started["failed"])))
        answer = self._answer()
        with interpreting():
            self.classes = [str(name) for name in answer["classes"]]
            self.errors = [{key: str(value) for key, value in error.items()} for error in answer["errors"]]
            self.changed = [str(name) for name in answer["changed"]]
        self.out_of_memory = any("MemoryError" in error.get("kinds", "") for error in self.errors)

    def look(self) -> None:
        """Ask what the file has replaced by now."""
        answer = self.ask({"do": "changed"})
        with interpreting():
            self.changed = [str(name) for name in answer["changed"]]

    def make(self, name: str, arguments: Iterable[Any] = (), named: dict[str, Any] | None = None) -> Remote:
        """Make a layer of one of the classes."""
        request = {"do": "make", "class": name, "arguments": list(arguments), "named": named or {}}
        return Handle(self.ask, self._dropped, self.ask(request)).outermost()

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Send a request and return the answer; raise what the layer raised, or Gone."""
        dropped, self._dropped[:] = self._dropped[:], []
        answer = self._exchange(request | {"dropped": dropped})
        if "error" not in answer:
            return answer
        with interpreting():
            kinds, message, where = (
                [str(kind) for kind in answer["kinds"]],
                str(answer["message"]),
                str(answer["where"]),
            )
        self.out_of_memory |= "MemoryError" in kinds
        error = next((_ERRORS[kind] for kind in kinds if kind in _ERRORS), RuntimeError)(clean(message))
        error.add_note(clean(where))
        raise error

    def _exchange(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            self._channel.send(request, max(0.1, self._until - time.monotonic()))
        except TimeoutError:
            raise self._late() from None
        except ChannelError as error:
            raise self._gone(error) from None
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        try:
            while True:
                answer = self._channel.receive(self._until - time.monotonic())
                if not isinstance(answer, dict):
                    raise ChannelError("no message")
                if "event" not in answer:
                    return answer
                self.events.append((clean(str(answer["event"])), clean(str(answer["text"]))))
                del self.events[100:]
        except TimeoutError:
            raise self._late() from None
        except (ChannelError, KeyError) as error:
            raise self._gone(error) from None

    def _late(self) -> Gone:
        return Gone("time", f"it took more than {self._limits.seconds:g} seconds")

    def _gone(self, error: Exception) -> Gone:
        """Say why the channel was closed."""
        self.end()
        if not isinstance(error, ClosedError):
            return Gone("forged", f"the file wrote to the grader's channel ({error})")
        if number := self.used["signal"]:
            return Gone("ended", f"it crashed, or was ended, by signal {number}")
        code = self.used["code"]
        return Gone("ended", f"it crashed (exit code {code})" if code else "it ended its process, as os._exit() does")

    def end(self) -> None:
        """End the process and all that it started."""
        if self.used:
            return
        self._channel.close()
        self.used = {"cpu": 0.0, "memory": 0, "signal": 0, "code": 0}
        pids: list[int] = []
        with suppress(OSError, ValueError), self._control:
            self._control.settimeout(_PATIENCE)
            with self._control.makefile("rw") as control:
                pids = json.loads(control.readline())
                control.write(".")
                control.flush()
                self.used = json.loads(control.readline())
                pids = []
        for number in pids:  # the file has stopped the process that was to end it
            with suppress(OSError):
                os.kill(number, signal.SIGKILL)
        self._home.cleanup()


def clean(text: str) -> str:
    """Return a stranger's text without what would do something on a terminal, or in a table."""
    return "".join(c if c.isprintable() or c == "\n" else f"\\x{ord(c):02x}" for c in text)[:2000]
