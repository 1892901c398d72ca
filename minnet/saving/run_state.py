"""A snapshot is everything that decides the next step of a training run, as plain data.

Weights, running statistics, optimizer, every Generator, where the loader is and in which order it goes on, callbacks,
metrics, history, counts. What was never there when the run began anew (a callback's second attribute, Adam's first m)
is put there. So that a run goes on as if it had never ended, to the last bit.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from minnet.core.layer import Layer
from minnet.core.state import State, attributes, set_attributes
from minnet.data.epoch import Epoch
from minnet.data.loader import DataLoader
from minnet.errors import CheckpointError
from minnet.saving.serialize import Tensors, decode, encode
from minnet.saving.tensorfile import parse_json, read_tensors, write_tensors
from minnet.saving.weights import STATE, mismatches
from minnet.training.history import History

if TYPE_CHECKING:
    from minnet.training.fit_loop import Run

TRAINER = ("step", "epoch", "last_loss", "stopped")


def take(run: "Run") -> State:
    """Return the state of a run between two steps; its arrays are those the run goes on to write into."""
    trainer = run.trainer
    return {
        "trainer": {name: getattr(trainer, name) for name in TRAINER},
        "run": run.state_dict(),
        "history": _columns(trainer.history),
        "optimizer": trainer.optimizer.state_dict(),
        "model": _layers(trainer.model),
        "loss": _layers(trainer.loss),
        "metrics": _objects(trainer.metrics),
        "sets": {name: loader.state_dict() for name, loader in run.sets.items()},
        "loader": run.loader.state_dict() if isinstance(run.loader, DataLoader) else {},
        "team": run.team.state_dict(),
        "callbacks": [[type(callback).__name__, callback.state_dict()] for callback in run.callbacks],
    }


class Snapshot:
    """A snapshot that was read from a file.

    Parameters
    ----------
    path
        The file.

    Attributes
    ----------
    state : dict
        What `take` returned.

    Raises
    ------
    CheckpointError
        If the file is damaged, or no checkpoint.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        tensors, metadata = read_tensors(path)
        if metadata.get("kind") != "checkpoint":
            raise CheckpointError(f"{path} is no checkpoint to go on from: it holds weights only, for mn.load")
        self._structure = metadata.get("structure", "")
        self._weights = {name: tensor for name, tensor in tensors.items() if not name.startswith(STATE)}
        state = parse_json(path, "state", metadata.get("state", ""))
        try:
            self.state: State = decode(state, tensors)
            self.first_step, self.step = (
                int(n) for n in (self.state["run"]["first_step"], self.state["trainer"]["step"])
            )
            self.finished = bool(self.state["run"]["finished"])
        except (ValueError, TypeError, LookupError, OverflowError) as error:
            raise self._wrong(error) from None

    def check(self, run: "Run") -> None:
        """Compare what the snapshot is of with what it is to be put into.

        Raises
        ------
        CheckpointError
            If they differ: every difference is listed.
        """
        try:
            found = [*mismatches(run.trainer.model.named_parameters(), self._weights), *self._differences(run)]
        except (ValueError, TypeError, LookupError, AttributeError, OverflowError) as error:
            raise self._wrong(error) from None
        if places := len(found):
            if self._structure != repr(run.trainer.model):
                found.append(f"It is of this model:\n{self._structure[:4000]}")
            raise CheckpointError(
                "\n  ".join(
                    [
                        f"{self.path} is of another run, for it differs in {places} place{'s' * (places > 1)} "
                        "(make them the same, or begin anew in another folder):",
                        *found,
                    ]
                )
            )

    def put_back(self, run: "Run") -> None:
        """Put all back but the callbacks; `check` comes before."""
        trainer, state = run.trainer, self.state
        for name, parameter in trainer.model.named_parameters():
            parameter.data = self._weights[name]
        for name in TRAINER:
            setattr(trainer, name, state["trainer"][name])
        trainer.history[:] = _rows(state["history"])
        for layers, owner in (("model", trainer.model), ("loss", trainer.loss)):
            for path, layer in owner.named_layers():
                set_attributes(layer, state[layers][path])
        for name, metric in trainer.metrics.items():
            if name in state["metrics"]:
                set_attributes(metric, state["metrics"][name])
        for name, loader in run.sets.items():
            loader.load_state_dict(state["sets"][name])
        if isinstance(run.loader, DataLoader):
            run.loader.load_state_dict(state["loader"])
        run.team.load_state_dict(state["team"])
        run.load_state_dict(state["run"])
        trainer.optimizer.load_state_dict(state["optimizer"])

    def put_back_callbacks(self, run: "Run") -> None:
        """Put the callbacks back, after their `on_fit_start`, which may have set their beginning."""
        for callback, (_, state) in zip(run.callbacks, self.state["callbacks"], strict=True):
            callback.load_state_dict(state)
        run.trainer.optimizer.load_state_dict(self.state["optimizer"])  # on_fit_start may have set the learning rate

    def _differences(self, run: "Run") -> Iterable[str]:
        """Find what is of another kind or size than it was."""
        now, then = take(run), self.state
        settings = list(_difference("the loader", _settings(now["loader"]), _settings(then["loader"])))
        yield from settings
        yield from _difference("the evaluation sets", sorted(now["sets"]), sorted(then["sets"]))
        yield from _difference("the callbacks", [c[0] for c in now["callbacks"]], [c[0] for c in then["callbacks"]])
        yield from _difference("the settings of fit", now["run"]["settings"], then["run"]["settings"])
        yield from _difference("the metrics", sorted(now["metrics"]), sorted(then["metrics"]))
        for owner in ("model", "loss"):
            yield from _difference(f"the layers of the {owner}", sorted(now[owner]), sorted(then[owner]))
        yield from _difference("the threads' Generators", len(now["team"]), len(then["team"]))
        yield from run.trainer.optimizer.mismatches(then["optimizer"])
        for owner in ("trainer", "run"):
            for name, value in now[owner].items():
                if type(then[owner][name]) is not type(value) and value is not None:
                    raise TypeError(f"{owner}'s {name}")
        _rows(then["history"])  # raises what is wrong with it
        if isinstance(run.loader, DataLoader) and (batches := then["run"]["batches"]) is not None and not settings:
            Epoch(run.loader, batches)  # of a loader with other settings it would be none, which is said already

    def _wrong(self, error: Exception) -> CheckpointError:
        return CheckpointError(f"{self.path}: its state is not what minnet writes ({type(error).__name__}: {error})")


def write(path: Path, run: "Run") -> None:
    """Write a run's snapshot to a file.

    Raises
    ------
    OSError
        If it cannot be written; what was there before is untouched.
    TypeError
        If a callback's `state_dict` holds what cannot be written to a file.
    """
    model = run.trainer.model
    tensors: Tensors = {}
    text = json.dumps(encode(take(run), tensors, STATE.rstrip("/")))
    weights = {name: parameter.data for name, parameter in model.named_parameters()}
    write_tensors(path, weights | tensors, {"kind": "checkpoint", "structure": repr(model), "state": text})


def _difference(what: str, now: Any, then: Any) -> Iterable[str]:
    if isinstance(now, dict) and isinstance(then, dict) and now.keys() == then.keys():
        for name in now:
            yield from _difference(f"{what}: {name}", now[name], then[name])
    elif now != then:
        yield f"{what}: {now} now, {then} in the checkpoint"


def _settings(loader: State) -> State:
    return {name: value for name, value in loader.items() if not isinstance(value, np.random.Generator | dict)}


def _layers(owner: Layer) -> dict[str, State]:
    return {path: attributes(layer) for path, layer in owner.named_layers()}


def _objects(named: Mapping[str, Any]) -> dict[str, State]:
    """Return the states of those that are objects with a state, and no plain functions."""
    return {name: attributes(thing) for name, thing in named.items() if getattr(thing, "__dict__", None)}


def _columns(history: History) -> State:
    """Turn rows into columns, which a file holds as arrays: a long history takes 8 bytes a number."""
    columns: State = {}
    for name in history.names:
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
