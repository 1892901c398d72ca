"""The state of a training run is everything that decides its next step, as plain data.

It holds weights, running statistics, optimizer, every Generator, the loader's place and order, callbacks, metrics,
history and counts. An attribute that an object does not have yet when it is restored (Adam's first mean) is added. So
a run that is resumed ends with the same bits as one that was never interrupted.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from minnet.core.layer import Layer
from minnet.core.rows import Row
from minnet.core.state import State, attributes, set_attributes
from minnet.data.epoch import Epoch
from minnet.data.loader import DataLoader
from minnet.errors import CheckpointError
from minnet.losses import Loss
from minnet.metrics import Metric
from minnet.optimizers import Optimizer
from minnet.saving.expectations import expectations
from minnet.saving.messages import brief, listed, shown_model
from minnet.saving.schema import check_counts, check_state, same_names
from minnet.saving.serialize import NamedOnce, Tensors, decode, encode
from minnet.saving.tensorfile import parse_json, read_tensors, write_tensors
from minnet.saving.weights import STATE, mismatches

# What a state of another form may raise, before it is known to be one.
_WRONG = (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError)


@dataclass(frozen=True)
class RunParts:
    """The parts of a training run whose state a checkpoint holds: those of the Trainer, and the arguments of `fit`."""

    model: Layer
    loss: Loss
    optimizer: Optimizer
    metrics: Mapping[str, Any]
    sets: Mapping[str, Iterable[Any]]
    loader: Iterable[Any]
    callbacks: Sequence[Any]
    history: list[Row]
    state: Any  # the TrainingState
    parallel: Any  # the ParallelSteps, whose copies of the model have Generators


def capture(parts: RunParts, position: State) -> State:
    """Return the state of a run between two steps. It holds the arrays themselves, which the run will write into."""
    return {
        "trainer": parts.state.state_dict(),
        "run": position,
        "history": _columns(parts.history),
        "optimizer": parts.optimizer.state_dict(),
        "model": _layers(parts.model),
        "loss": _layers(parts.loss),
        "metrics": {  # a plain function has no state, and a Metric is used as a fresh copy
            name: attributes(metric)
            for name, metric in parts.metrics.items()
            if getattr(metric, "__dict__", None) and not isinstance(metric, Metric)
        },
        "sets": {name: _loader_state(batches) for name, batches in parts.sets.items()},
        "loader": _loader_state(parts.loader),
        "team": parts.parallel.state_dict(),
        "callbacks": [[type(callback).__name__, callback.state_dict()] for callback in parts.callbacks],
    }


class Snapshot:
    """The state of a run that was read from a file. Raises CheckpointError if that is damaged, or no checkpoint."""

    def __init__(self, path: Path) -> None:
        self.path = path
        tensors, metadata = read_tensors(path)
        if metadata.get("kind") != "checkpoint":
            raise CheckpointError(f"{path} is no checkpoint to go on from: it holds weights only, for mn.load")
        self._structure = metadata.get("structure", "")
        self._weights = {name: tensor for name, tensor in tensors.items() if not name.startswith(STATE)}
        arrays = NamedOnce((name, tensor) for name, tensor in tensors.items() if name.startswith(STATE))
        state = parse_json(path, "state", metadata.get("state", ""))
        try:
            self.state: State = decode(state, arrays)  # what `capture` returned
            if arrays:
                raise ValueError(f"{len(arrays):,} arrays that nothing names, such as {next(iter(arrays))}")
            check_counts(self.state)
            self.position: State = self.state["run"]
            self.first_step = int(self.position["first_step"])  # after which the run began
            self.step = int(self.state["trainer"]["step"])  # after which the file was written
            self.finished = bool(self.position["finished"])
        except _WRONG as error:
            raise self._wrong(error) from None

    def check(self, parts: RunParts, position: State) -> None:
        """Compare the state with the run that it is to be restored into: a CheckpointError lists every difference."""
        try:
            now = capture(parts, position)
            same_names("the state", now, self.state)
            found = [*mismatches(parts.model, self._weights), *self._differences(parts, now)]
            if not found:
                check_state(parts, now, self.state)
        except _WRONG as error:
            raise self._wrong(error) from None
        if places := len(found):
            lines = listed(found)
            if self._structure != repr(parts.model):
                lines += ["It is of this model:", *shown_model(self._structure)]
            raise CheckpointError(
                f"{self.path} is of another run, because it differs in {places:,} place{'s' * (places > 1)} "
                "(make them the same, or begin anew in another folder):\n  " + "\n  ".join(lines)
            )

    def restore(self, parts: RunParts) -> None:
        """Restore all but the callbacks; `check` comes before."""
        state = self.state
        for name, array in parts.model.named_arrays():
            array.data = self._weights[name]
        parts.state.load_state_dict(state["trainer"])
        parts.history[:] = _rows(state["history"])
        for layers, owner in (("model", parts.model), ("loss", parts.loss)):
            for path, layer in owner.named_layers():
                set_attributes(layer, state[layers][path])
        for name, metric in parts.metrics.items():
            if name in state["metrics"]:
                set_attributes(metric, state["metrics"][name])
        for name, batches in parts.sets.items():
            if isinstance(batches, DataLoader):
                batches.load_state_dict(state["sets"][name])
        if isinstance(parts.loader, DataLoader):
            parts.loader.load_state_dict(state["loader"])
        parts.parallel.load_state_dict(state["team"])
        parts.optimizer.load_state_dict(state["optimizer"])

    def restore_callbacks(self, parts: RunParts) -> None:
        """Restore the callbacks after their `on_fit_start`, which may have reset them."""
        for callback, (_, state) in zip(parts.callbacks, self.state["callbacks"], strict=True):
            callback.load_state_dict(state)
        parts.optimizer.load_state_dict(self.state["optimizer"])  # on_fit_start may have set the learning rate

    def _differences(self, parts: RunParts, now: State) -> Iterable[str]:
        """Find what is of another kind or size than it was."""
        then = self.state
        settings = list(_difference("the loader", _settings(now["loader"]), _settings(then["loader"])))
        yield from settings
        yield from _difference("the evaluation sets", sorted(now["sets"]), sorted(then["sets"]))
        yield from _difference("the callbacks", [c[0] for c in now["callbacks"]], [c[0] for c in then["callbacks"]])
        yield from _difference("the settings of fit", now["run"]["settings"], then["run"]["settings"])
        yield from _difference("the metrics", sorted(now["metrics"]), sorted(then["metrics"]))
        for owner in ("model", "loss"):
            yield from _difference(f"the layers of the {owner}", sorted(now[owner]), sorted(then[owner]))
        yield from _difference("the threads' Generators", len(now["team"]), len(then["team"]))
        yield from parts.optimizer.mismatches(then["optimizer"])
        for owner in ("trainer", "run"):
            for name, value in now[owner].items():
                if type(then[owner][name]) is not type(value) and value is not None:
                    raise TypeError(f"{owner}'s {name}")
        if isinstance(parts.loader, DataLoader) and (batches := then["run"]["batches"]) is not None and not settings:
            Epoch(parts.loader, batches)  # raises what is wrong with it; with other settings, that is listed already

    def _wrong(self, error: Exception) -> CheckpointError:
        what = f"{type(error).__name__}: {brief(error)}"
        return CheckpointError(f"{self.path}: its state is not what minnet writes ({what})")


def write(path: Path, parts: RunParts, position: State) -> None:
    """Write the state of a run to a file.

    Raises OSError if it cannot be written; the file that was there before is untouched. Raises TypeError if a
    callback's `state_dict` holds what cannot be written to a file.
    """
    tensors: Tensors = {}
    text = json.dumps(encode(capture(parts, position), tensors, STATE.rstrip("/")))
    weights = {name: array.data for name, array in parts.model.named_arrays()}
    metadata = {"kind": "checkpoint", "structure": repr(parts.model), "state": text}
    metadata |= expectations(parts.model)
    write_tensors(path, weights | tensors, metadata)


def _difference(what: str, now: Any, then: Any) -> Iterable[str]:
    if isinstance(now, dict) and isinstance(then, dict) and now.keys() == then.keys():
        for name in now:
            yield from _difference(f"{what}: {name}", now[name], then[name])
    elif now != then:
        yield f"{what}: {now} now, {then} in the checkpoint"


def _settings(loader: State) -> State:
    return {name: value for name, value in loader.items() if not isinstance(value, np.random.Generator | dict)}


def _loader_state(loader: Iterable[Any]) -> State:
    return loader.state_dict() if isinstance(loader, DataLoader) else {}


def _layers(owner: Layer) -> dict[str, State]:
    return {path: attributes(layer) for path, layer in owner.named_layers()}


def _columns(history: Sequence[Row]) -> State:
    """Turn rows into columns, which a file holds as arrays: a long history takes 8 bytes a number."""
    columns: State = {}
    for name in dict.fromkeys(name for row in history for name in row):
        there = np.array([name in row for row in history])
        values: list[Any] = [row.get(name, 0) for row in history]
        column: Any = values
        if all(type(value) is int and abs(value) < 2**63 for value in values):
            column = np.array(values, np.int64)
        elif all(isinstance(row[name], float | np.floating) for row in history if name in row):
            column = np.array(values, np.float64)
        columns[name] = (None if there.all() else there, column)
    return columns


def _rows(columns: State) -> list[dict[str, Any]]:
    """Turn columns into rows again."""
    length = max((len(column) for _, column in columns.values()), default=0)
    rows: list[dict[str, Any]] = [{} for _ in range(length)]
    for name, (there, column) in columns.items():
        values = column.tolist() if isinstance(column, np.ndarray) else column
        for i, (row, value) in enumerate(zip(rows, values, strict=True)):
            if there is None or there[i]:
                row[name] = value
    return rows
