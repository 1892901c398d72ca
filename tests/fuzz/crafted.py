"""Crafted checkpoints: a real one with one thing in it replaced, each with correct digests, as an attacker has them.

They are made from the structure of the state and not at random: for each place in the state, values of every other
kind, and numbers, arrays and names that are out of their range.
"""

import contextlib
import copy
import faulthandler
import importlib
import io
import json
import resource
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from mutations import dump
from victim import STEPS, Run

from minnet.errors import CheckpointError, CheckpointWarning, NonFiniteError
from minnet.saving.run_state import Snapshot
from minnet.saving.serialize import encode
from minnet.saving.tensorfile import read_tensors, write_tensors

MOST_SECONDS = 20.0  # for one checkpoint; each takes some hundredths, but a machine may be busy
MOST_MEMORY = 3 << 29  # bytes of the process
MOST_LETTERS = 2600  # of a message


class Good(NamedTuple):
    """The checkpoint that the others are made from, and the file that a CSVLogger wrote beside it."""

    weights: dict[str, np.ndarray]
    metadata: dict[str, str]
    state: dict[str, Any]
    name: str
    rows: bytes


def good(folder: Path) -> Good:
    """Train, and read the checkpoint of the end."""
    run = Run(folder)
    run.fit()
    (path,) = (folder / "run").glob("step-*.safetensors")
    tensors, metadata = read_tensors(path)
    weights = {name: array.copy() for name, array in tensors.items() if not name.startswith("state/")}
    return Good(weights, metadata, copy.deepcopy(Snapshot(path).state), path.name, (folder / "rows.csv").read_bytes())


def _deep(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


# What a place in the state is replaced by: a name, and the value.
OTHERS: dict[str, Any] = {
    "text": "x",
    "long text": "\x1b[31m\u202e\n" * 1000,
    "path": "../../somewhere/else",
    "minus": -1,
    "negative": -(2**70),
    "huge": 2**70,
    "float": 0.5,
    "NaN": float("nan"),
    "true": True,
    "none": None,
    "list": [1, 2],
    "deep": _deep(30),
    "dict": {"a": 1},
    "odd keys": {1: "x", (2, 3): "y"},
    "tuple": (None, None),
    "vector": np.zeros(3),
    "matrix": np.zeros((2, 2), np.float32),
    "bytes": np.zeros(7, np.uint8),
    "nothing": np.zeros((9, 0)),
    "generator": np.random.Generator(np.random.MT19937(1)),
}


def walk(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Yield each place in a state, with what is there; of a long list, the first and the last."""
    yield path, value
    if isinstance(value, dict):
        for key in value:
            yield from walk(value[key], (*path, key))
    elif isinstance(value, list | tuple):
        for i in sorted({0, len(value) - 1}) if value else ():
            yield from walk(value[i], (*path, i))


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """Return a state with another thing in one place."""
    if not path:
        return new
    if isinstance(value, tuple):
        return tuple(replaced(list(value), path, new))
    value = copy.copy(value)
    key = int(path[0]) if isinstance(value, list) else path[0]
    value[key] = replaced(value.get(key) if isinstance(value, dict) else value[key], path[1:], new)
    return value


def without(value: Any, path: tuple[Any, ...]) -> Any:
    """Return a state without one thing."""
    parent = value
    for key in path[:-1]:
        parent = parent[key]
    if isinstance(parent, dict):
        return replaced(value, path[:-1], {key: item for key, item in parent.items() if key != path[-1]})
    return replaced(value, path[:-1], type(parent)(item for i, item in enumerate(parent) if i != path[-1]))


def anything_anywhere(state: dict[str, Any]) -> Iterator[tuple[str, "Change"]]:
    """Yield a change for each place and each other thing there; and one without it, and one with more in it."""
    for path, there in walk(state):
        where = "/".join(map(str, path))

        def change(new: Any, path: tuple[Any, ...] = path) -> Change:
            return Change(value=replaced(state, path, new), whole=True)

        for name, other in OTHERS.items():
            yield f"{where} = {name}", change(other)
        if path:
            yield f"{where} left out", Change(value=without(state, path), whole=True)
        if isinstance(there, dict):
            yield f"{where} and more", change({**there, "more": 1})
        if isinstance(there, list | tuple):
            yield f"{where} longer", change(type(there)([*there, *(there[-1:] or [1])]))
        if isinstance(there, np.ndarray) and there.ndim:
            yield f"{where} shorter", change(there[:-1])
            yield f"{where} of another dtype", change(there.astype(np.float16))


class Change(NamedTuple):
    """Another value at one place of the state, such as "run/in_epoch"; other weights, or other metadata."""

    place: str = ""
    value: Any = None
    weights: dict[str, np.ndarray] | None = None
    metadata: dict[str, str] = {}
    whole: bool = False  # whether the value is the whole state
    text: Callable[[Any], Any] = lambda json: json  # what becomes of the JSON that `encode` makes

    def write(self, folder: Path, good: Good) -> Path:
        """Write the checkpoint."""
        state: Any = self.value if self.whole else good.state
        if self.place:
            state = replaced(state, tuple(self.place.split("/")), self.value)
        tensors: dict[str, np.ndarray] = {}
        text = dump(self.text(encode(state, tensors, "state")))
        path = folder / "run" / good.name
        path.parent.mkdir(parents=True)
        (folder / "rows.csv").write_bytes(good.rows)
        weights = good.weights if self.weights is None else self.weights
        strings = {key: good.metadata[key] for key in ("kind", "structure")} | {"state": text} | self.metadata
        write_tensors(path, weights | tensors, strings)
        return path


def attempt(folder: Path) -> tuple[str, str]:
    """Start the run again, with the one checkpoint that is there; return what came of it, and the message."""
    run = Run(folder)
    before = run.facts()
    try:
        with warnings.catch_warnings(action="error"), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore", CheckpointWarning)  # "an older one is tried": there is none
            run.fit(STEPS + 4)
    except CheckpointError as error:
        kind, message = ("refused" if run.facts() == before else "changed"), str(error)
        if len(message) > MOST_LETTERS or not all(letter.isprintable() or letter == "\n" for letter in message):
            kind = "unreadable"
        return kind, message
    except NonFiniteError as error:
        return "diverged", str(error)
    except Exception as error:
        return f"{type(error).__name__}", str(error)
    return "read", ""


def main() -> None:
    """Try those of the checkpoints that are asked for, within limits, and print what came of each as JSON."""
    which, stride = sys.argv[1], int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_MEMORY, MOST_MEMORY))
    with tempfile.TemporaryDirectory() as folder:
        original = good(Path(folder) / "good")
        changes = dict(anything_anywhere(original.state))
        if which == "hostile":
            changes = importlib.import_module("hostile").hostile(original)
        for number, (name, change) in enumerate(list(changes.items())[::stride]):
            place = Path(folder) / str(number)
            change.write(place, original)
            faulthandler.dump_traceback_later(MOST_SECONDS, exit=True)
            kind, message = attempt(place)
            faulthandler.cancel_dump_traceback_later()
            print(json.dumps([name, kind, message]), flush=True)
            shutil.rmtree(place)


if __name__ == "__main__":
    main()
