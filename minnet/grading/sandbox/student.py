"""The student's process: it runs the file, and then serves the layers of its classes.

Nothing that it says is believed but what its layers compute: see `minnet.grading.remote.served`.
"""

import __future__

import ast
import io
import json
import linecache
import re
import sys
import tokenize
import traceback
from collections.abc import Iterator
from contextlib import suppress
from types import ModuleType
from typing import Any

import minnet as mn
import minnet.grading.sandbox.watch as watch
from minnet.core.layer import Layer
from minnet.grading.remote.served import Server, failure
from minnet.grading.remote.wire import Channel

MODULE = "submission"
_ERRORS = 20  # of a file; more are left out

_OF_PYTHON = ("%%time", "%%capture", "%%prun")  # what stands below these in a cell is run, and its names stay
_MAGIC = re.compile(r"^(\s*)([%!?].*|[\w., ]+ = ?[%!].*|[\w.]+\?{1,2}\s*)$")

Part = tuple[str, str]  # (how a traceback names it, its source)


class File:
    """A student's file, run part by part: a notebook's cells, or a script's statements.

    A part that fails does not stop the others, so that one mistake does not cost the marks of everything below it.
    """

    def __init__(self, name: str, data: bytes) -> None:
        self.module = ModuleType(MODULE)
        self.module.__dict__.update(display=lambda *_, **__: None, __file__=name)
        sys.modules[MODULE] = self.module
        self.errors: list[dict[str, Any]] = []
        self._lines: dict[str, list[str]] = {}
        try:
            parts = list(_cells(data) if name.lower().endswith(".ipynb") else [(name, _decoded(data))])
        except Exception as error:
            self.errors.append(failure(error, self.explain) | {"fatal": True})
            return
        for name, text in parts:
            self._lines[name] = text.splitlines()
            linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)  # for tracebacks
            self._run(name, text)

    def _run(self, name: str, text: str) -> None:
        if len(self.errors) >= _ERRORS:
            return
        try:
            tree = ast.parse(text, name)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            where = f"{name}, line {error.lineno}" if isinstance(error, SyntaxError) else name
            self.errors.append(failure(error, lambda _: where) | {"fatal": True})
            return
        flags = 0
        for statement in tree.body:
            if len(self.errors) >= _ERRORS:
                return
            if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
                flags |= sum(getattr(__future__, feature.name).compiler_flag for feature in statement.names)
            try:
                code = compile(ast.Module([statement], []), name, "exec", flags, dont_inherit=True)
                exec(code, self.module.__dict__)
            except SystemExit:
                return
            except BaseException as error:
                self.errors.append(failure(error, self.explain))

    def explain(self, error: BaseException) -> str:
        """Return where in the file an error was raised, with the line's text; "" if it was not in the file."""
        found = ""
        for frame, number in traceback.walk_tb(error.__traceback__):
            lines = self._lines.get(frame.f_code.co_filename)
            if lines and number <= len(lines):
                found = f"{frame.f_code.co_filename}, line {number}: {lines[number - 1].strip()[:120]}"
        return found

    def classes(self) -> list[str]:
        """Return the names of the classes that the file defines or imports."""
        return [name for name, value in self.module.__dict__.items() if isinstance(value, type)][:1000]


def run(end: Any) -> None:
    """Run the file that comes over a socket, and serve its layers."""
    channel = Channel(end)
    channel.send({"started": True})  # from here on, it is the file that speaks
    order = channel.receive()
    tell = watch.Teller(channel)
    watch.start(tell, order["roots"])
    not_to_use(order["not_to_use"], tell)
    before = watch.fingerprint()
    file = File(order["name"], order["source"].tobytes())
    channel.send({"classes": file.classes(), "errors": file.errors, "changed": watch.changed(before)})
    Server(channel, file.module.__dict__, file.explain, lambda: watch.changed(before)).run()


def not_to_use(names: list[str], tell: watch.Teller) -> None:
    """Let a layer of minnet refuse to compute while the student's layer does, because it is what is to be written."""
    for name in names:
        kind: Any = getattr(mn, name)
        for method in ("forward", "backward", "accumulate_grad"):
            setattr(kind, method, _refusing(name, getattr(kind, method), tell))


def _refusing(name: str, original: Any, tell: watch.Teller) -> Any:
    def method(self: Layer, *inputs: Any, **options: Any) -> Any:
        if Server.busy:
            tell("uses", f"mn.{name}")
            raise RuntimeError(
                f"mn.{name} is what this exercise is about: write the formula yourself, without mn.{name}"
            )
        return original(self, *inputs, **options)

    method.__name__ = original.__name__
    return method


def _decoded(data: bytes) -> str:
    """Return the text of a Python file, in the encoding that it says it has."""
    encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    return data.decode(encoding)


def _cells(data: bytes) -> Iterator[Part]:
    notebook = json.loads(data)
    number = 0
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            number += 1
            source = cell["source"]
            text = source if isinstance(source, str) else "".join(source)
            yield f"cell {number}", _without_magic(text)


def _without_magic(text: str) -> str:
    """Return a cell without what only a notebook understands: %magic, !commands, and questions such as ``x?``."""
    with suppress(SyntaxError, ValueError, RecursionError, MemoryError):
        ast.parse(text)
        return text  # a line of Python may begin with %, too
    first = text.lstrip().partition("\n")[0].split()
    if first and first[0].startswith("%%"):
        if first[0] not in _OF_PYTHON:
            return ""
        text = text.lstrip().partition("\n")[2]
    return "\n".join(_MAGIC.sub(r"\1pass", line) for line in text.split("\n"))
