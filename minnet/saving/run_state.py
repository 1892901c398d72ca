"""The state of a training run is everything that decides its next step, as plain data.

It holds weights, running statistics, optimizer, every Generator, the loader's place and order, callbacks, metrics,
history and counts, and the objects in them that remember something. An attribute that an object does not have yet when
it is restored (Adam's first mean) is added. So a run that is resumed ends with the same bits as one that was never
interrupted.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from minnet.core.layer import Layer
from minnet.core.mismatches import mismatches
from minnet.core.rows import Row
from minnet.core.state import State, attributes, set_attributes
from minnet.data.epoch import Epoch
from minnet.data.loader import DataLoader
from minnet.errors import CheckpointError
from minnet.metrics import Metric
from minnet.saving import loaders
from minnet.saving.description import KEY, description_of
from minnet.saving.expectations import expectations
from minnet.saving.kept import leave_out
from minnet.saving.messages import brief, listed, shown_model
from minnet.saving.run_parts import Beginning, RunParts, Survey
from minnet.saving.schema import check_counts, check_objects, check_state, same_names
from minnet.saving.serialize import NamedOnce, Tensors, decode, encode
from minnet.saving.settings import differences
from minnet.saving.tensorfile import TensorFile, parse_json, read_tensors, write_tensors
from minnet.saving.weights import STATE, weights_of

# What a state of another form may raise, before it is known to be one.
_WRONG = (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError)


def capture(survey: Survey, position: State, beginning: Beginning, ranks: Sequence[State] = ()) -> State:
    """Return the state of a run between two steps. It holds the arrays themselves, which the run will write into.

    `ranks` is what differs by rank, if the run is that of a job: see `minnet.saving.ranks`.
    """
    parts = survey.parts
    objects = {path: data for path, data in survey.objects.state().items() if path in beginning.kinds}
    state = {
        "trainer": parts.state.state_dict(),
        "run": position,
        "history": _columns(parts.history),
        "optimizer": parts.optimizer.state_dict(),
        "frozen": survey.frozen,
        **{owner: _layers(layer) for owner, layer in parts.owners().items()},
        "metrics": {  # a plain function has no state, and a Metric is used as a fresh copy
            name: attributes(metric)
            for name, metric in parts.metrics.items()
            if getattr(metric, "__dict__", None) and not isinstance(metric, Metric)
        },
        "sets": {name: loaders.capture(loader, survey.covered) for name, loader in parts.sets.items()},
        "loader": loaders.capture(parts.read, survey.covered),
        "callbacks": [[type(callback).__name__, _state_of(callback)] for callback in parts.callbacks],
        "attributes": parts.trainer_attributes(),
        "objects": objects,
        "beginning": beginning.state_dict(survey),
        "ranks": list(ranks),
    }
    leave_out(survey, state, beginning)
    return state


class Snapshot:
    """The state of a run that was read from a file. Raises CheckpointError if that is damaged, or no checkpoint."""

    def __init__(self, path: Path, content: TensorFile | None = None) -> None:
        self.path = path
        self.content = read_tensors(path) if content is None else content  # which another process may have read
        tensors, metadata = self.content
        if metadata.get("kind") != "checkpoint":
            raise CheckpointError(f"{path} is no checkpoint to go on from: it holds weights only, for mn.load")
        self._structure = metadata.get("structure", "")
        self._weights = weights_of(tensors)
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

    def check(self, survey: Survey, position: State, beginning: Beginning) -> None:
        """Compare the state with the run that it is to be restored into: a CheckpointError lists every difference."""
        found = self.differences(survey, position, beginning)
        if places := len(found):
            lines = listed(found)
            if self._structure != repr(survey.parts.model):
                lines += ["It is of this model:", *shown_model(self._structure)]
            raise CheckpointError(
                f"{self.path} is of another run, because it differs in {places:,} place{'s' * (places > 1)} "
                "(make them the same, or begin anew in another folder; mn.load takes this file's weights):\n  "
                + "\n  ".join(lines)
            )

    def differences(self, survey: Survey, position: State, beginning: Beginning, *, begun: bool = True) -> list[str]:
        """List every difference from a run; a CheckpointError, if the state is not what minnet writes.

        `begun` tells whether the callbacks had begun when it was captured.
        """
        try:
            now = capture(survey, position, beginning)
            same_names("the state", now, self.state)
            arrays = mismatches(survey.parts.model.named_arrays(), self._weights)
            found = [*arrays, *self._differences(survey, now, beginning)]
            if not found:
                check_state(survey, now, self.state, begun=begun)
        except _WRONG as error:
            raise self._wrong(error) from None
        return found

    def others(self, beginning: Beginning) -> list[str]:
        """List what was set to another value before the run began, without being an argument of a class."""
        then = self.state["beginning"]
        return differences(beginning.others, then["others"], then["changed"])

    @contextmanager
    def _loading(self) -> Iterator[None]:
        """Name the file in the error of a `load_state_dict` of the script, which gets what `check` cannot judge."""
        try:
            yield
        except CheckpointError:
            raise
        except Exception as error:
            what = f"{type(error).__name__}: {brief(error)}"
            raise CheckpointError(f"{self.path}: the script did not take its state ({what})") from error

    def restore(self, parts: RunParts) -> None:
        """Restore all but the counts and the callbacks; `check` comes before."""
        with self._loading():
            self._restore(parts)

    def _restore(self, parts: RunParts) -> None:
        state, survey = self.state, Survey(parts)
        for name, array in parts.model.named_arrays():
            array.data = self._weights[name]
        for name, parameter in parts.model.named_parameters():
            parameter.trainable = name not in state["frozen"]
        parts.history[:] = _rows(state["history"])
        for name, owner in parts.owners().items():
            for path, layer in owner.named_layers():
                set_attributes(layer, state[name][path])
        for name, metric in parts.metrics.items():
            if name in state["metrics"]:
                set_attributes(metric, state["metrics"][name])
        for name, loader in parts.sets.items():
            loaders.restore(loader, state["sets"][name], survey.covered)
        loaders.restore(parts.read, state["loader"], survey.covered)
        set_attributes(parts.trainer, state["attributes"])
        survey.objects.restore(state["objects"])
        parts.optimizer.load_state_dict(state["optimizer"])

    def restore_callbacks(self, parts: RunParts) -> None:
        """Restore the callbacks after their `on_fit_start`, which may have reset them, and all that it may change."""
        with self._loading():
            for callback, (_, state) in zip(parts.callbacks, self.state["callbacks"], strict=True):
                callback.load_state_dict(state)
        survey = Survey(parts)
        if missing := self.state["objects"].keys() - survey.found.keys():
            raise CheckpointError(f"{self.path} keeps what is not there now: {brief(', '.join(sorted(missing)))}")
        try:
            check_objects("", survey.objects, self.state["objects"])  # on_fit_start may have made some
        except _WRONG as error:
            raise self._wrong(error) from None
        self.restore(parts)

    def _differences(self, survey: Survey, now: State, beginning: Beginning) -> Iterable[str]:
        """Find what is of another kind or size than it was."""
        parts, then = survey.parts, self.state
        yield from _difference("the evaluation sets", sorted(now["sets"]), sorted(then["sets"]))
        yield from _difference("the callbacks", [c[0] for c in now["callbacks"]], [c[0] for c in then["callbacks"]])
        yield from _difference("the settings of fit", now["run"]["settings"], then["run"]["settings"])
        yield from _difference("the metrics", sorted(now["metrics"]), sorted(then["metrics"]))
        for name in parts.owners():
            yield from _difference(f"the layers of the {name}", sorted(now[name]), sorted(then[name]))
        other = parts.optimizer.mismatches(then["optimizer"])
        yield from other
        settings = beginning.differences(then["beginning"], fresh=parts.state.step == self.first_step)
        yield from (line for line in settings if not (other and line.startswith("optimizer.")))
        for name in ("loader", *(name for name in parts.sets if name in then["sets"])):
            a, b = (state["loader"] if name == "loader" else state["sets"][name] for state in (now, then))
            yield from _difference(f"{name}: samples", a.get("samples"), b.get("samples"))
        for path in then["objects"]:
            # on_fit_start may make some in callbacks, and in the trainer
            if path not in survey.found and not path.startswith(("callbacks[", "trainer")):
                yield f"{brief(path)}: not there now, but in the checkpoint"
        loader = parts.read
        if isinstance(loader, DataLoader) and (batches := then["run"]["batches"]) is not None and not settings:
            Epoch(
                loaders.as_saved(loader, then["loader"]), batches
            )  # raises what is wrong with it; with other settings, that is listed already

    def _wrong(self, error: Exception) -> CheckpointError:
        what = f"{type(error).__name__}: {brief(error)}"
        return CheckpointError(f"{self.path}: its state does not fit this run, or is not what minnet writes ({what})")


def write(path: Path, parts: RunParts, state: State) -> None:
    """Write the state of a run, as `capture` returned it, to a file.

    Raises OSError if it cannot be written; the file that was there before is untouched. Raises TypeError if a
    `state_dict` holds what cannot be written to a file, ValueError if the state is too large.
    """
    content = content_of(parts, state)
    described = {KEY: description_of(parts.model)} | expectations(parts.model)
    try:
        write_tensors(path, content.tensors, content.metadata | described)
    except ValueError as error:
        raise ValueError(f"{error}; most of it is in {_largest(json.loads(content.metadata['state']))}") from None


def content_of(parts: RunParts, state: State) -> TensorFile:
    """Return what a `Snapshot` is made of: the arrays themselves, and the rest as JSON."""
    text, tensors = encoded(state)
    weights = {name: array.data for name, array in parts.model.named_arrays()}
    return TensorFile(weights | tensors, {"kind": "checkpoint", "state": text, "structure": repr(parts.model)})


def encoded(state: State) -> tuple[str, Tensors]:
    """Return the state of a run as JSON and arrays. Raises TypeError if it is not plain data."""
    tensors: Tensors = {}
    return json.dumps(encode(state, tensors, STATE.rstrip("/"))), tensors


def _largest(state: Any) -> str:
    """Return the place in a state that most of its text belongs to."""
    place, size = "state", len(json.dumps(state))
    while isinstance(state, dict | list) and state:
        sizes = {key: len(json.dumps(state[key])) for key in (state if isinstance(state, dict) else range(len(state)))}
        key = max(sizes, key=sizes.__getitem__)
        if sizes[key] < size / 2:
            break
        place, state, size = f"{place}/{key}", state[key], sizes[key]
    return place


def _difference(what: str, now: Any, then: Any) -> Iterable[str]:
    if isinstance(now, dict) and isinstance(then, dict) and now.keys() == then.keys():
        for name in now:
            yield from _difference(f"{what}: {name}", now[name], then[name])
    elif now != then:
        yield f"{what}: {now} now, {then} in the checkpoint"


def _state_of(callback: Any) -> Any:
    try:
        return callback.state_dict()
    except Exception as error:
        error.add_note(f"in {type(callback).__name__}.state_dict, which a checkpoint asks for what it is to keep")
        raise


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
        elif all(type(row[name]) in (float, np.float64) for row in history if name in row):
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
