"""The schema of a state is what the run itself would write now: the state in a file must have the same form.

A checkpoint may be hostile, with correct digests. So all of it is compared with what `run_state.capture` returns for
the run that it is to be restored into, before anything of that run changes: names, kinds, lengths, shapes, dtypes and
ranges. Every function here raises ValueError at the first thing that has another form (or the error of an operation
that a value of another type does not have).
"""

import inspect
import math
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

import numpy as np

from minnet.core.forms import are_like, has_place, is_vector, kind_of, unsettable
from minnet.core.layer import TRANSIENT, Layer
from minnet.core.objects import Objects, keeps_state, member
from minnet.core.parameter import Parameter
from minnet.core.rows import MODES
from minnet.core.state import State, is_plain, same
from minnet.data.loader import DataLoader
from minnet.optimizers import MultiOptimizer
from minnet.saving import loaders, torch_loaders
from minnet.saving.expectations import NAMES, is_expectation
from minnet.saving.ranks import check_ranks
from minnet.saving.run_parts import decides

MOST = 2**62  # of anything that counts steps: a run adds to it, and NumPy and Numba count to 2**63 - 1
_FLOATS = ("last_loss", "loss_sum", "seconds")
_FREE_ROWS = 1000  # of a history whose columns are all lists; with arrays, a row takes 8 bytes of the file


def check_counts(state: State) -> None:
    """Check the numbers that say where a run stood, by themselves."""
    trainer, run = state["trainer"], state["run"]
    for name, value in (*trainer.items(), *run.items()):
        if name in _FLOATS and type(value) is not float:
            raise ValueError(f"{name} is {kind_of(value)}")
        if type(value) is int and not (-1 if name == "row_at" else 0) <= value < MOST:
            raise ValueError(f"{name} is {value}")
    if run["best"] is not None:
        alike("run.best", ["column", "min", 0.0], run["best"], own=True, closed=True)
    if not 0 <= run["seconds"] < math.inf:
        raise ValueError("seconds is no time")
    for least, what, most in (
        (run["first_step"], "step", trainer["step"]),
        (run["first_epoch"], "epoch", trainer["epoch"]),
        (run["row_at"], "row_at", trainer["step"]),
        (run["in_epoch"], "in_epoch", trainer["step"]),
        (run["skipped"], "skipped", trainer["step"]),
    ):
        if least > most:
            raise ValueError(f"{what} is out of order: {least} and {most}")


def check_state(survey: Any, now: State, then: State, *, begun: bool = True) -> None:
    """Compare the state in a file with the state that the run would write now, of which `survey` is the Survey.

    `begun` tells whether the callbacks had begun: those of another rank, when a job begins, have not.
    """
    parts = survey.parts
    same_names("the state", now, then)
    alike("trainer", now["trainer"], then["trainer"], own=True, closed=True)
    check_position(parts.read, now, then)
    check_history(then["history"])
    for part, owner in parts.owners().items():
        same_names(part, now[part], then[part])
        for path, layer in owner.named_layers():
            check_attributes(f"{part}.{path}", layer, now[part][path], then[part][path])
    same_names("metrics", now["metrics"], then["metrics"])
    for name, state in now["metrics"].items():
        check_attributes(f"metrics.{name}", parts.metrics[name], state, then["metrics"][name])
    check_loader("loader", parts.read, now["loader"], then["loader"])
    same_names("sets", now["sets"], then["sets"])
    for name, loader in parts.sets.items():
        check_loader(f"sets.{name}", loader, now["sets"][name], then["sets"][name])
    check_optimizer(parts.optimizer, now["optimizer"], then["optimizer"])
    check_callbacks(parts, now["callbacks"], then["callbacks"], begun)
    check_attributes("trainer", parts.trainer, now["attributes"], then["attributes"])
    check_objects("", survey.objects, then["objects"])
    check_beginning(now["beginning"], then["beginning"])
    check_ranks(then["ranks"])
    if not all(type(name) is str for name in _of(list, "frozen", then["frozen"])):
        raise ValueError("frozen has something other than names")
    changed = "loader.batch_size" in then["beginning"]["changed"]
    if not changed and loaders.as_saved(parts.read, then["loader"]) is not parts.read:
        raise ValueError("loader.batch_size was not changed, and is another one")


def check_beginning(now: State, then: State) -> None:
    """Check how the run began, which is texts only: dicts of dicts, and lists."""
    same_names("beginning", now, then)
    alike("beginning", now, then)
    nested = [
        text for part in ("given", "others") for item in then[part].items() for text in (item[0], *_pairs(item[1]))
    ]
    if not all(type(text) is str for text in (*nested, *then["changed"])):
        raise ValueError("beginning has something other than texts")


def _pairs(texts: Any) -> list[Any]:
    return [text for pair in _of(dict, "beginning", texts).items() for text in pair]


def check_position(loader: Any, state: State, state_then: State) -> None:
    """Check where the run stood in the epoch."""
    now, then = state["run"], state_then["run"]
    same_names("run", now, then)
    for name in now.keys() - {"batches", "began", "best"}:
        alike(f"run.{name}", now[name], then[name], own=True, closed=True)
    saved = loaders.as_saved(loader, then["began"] or state_then["loader"])
    length = loaders.length_of(saved)
    length = MOST if length is None else length
    if then["in_epoch"] > length and then["under_way"]:
        raise ValueError(f"in_epoch is {then['in_epoch']}, of {length} batches")
    batches, began = then["batches"], then["began"]
    if batches is not None:
        if not then["under_way"]:
            raise ValueError("a place in an epoch, which has none")
        loaders.check_place(loader, batches, then["in_epoch"])
    if began is not None:
        check_loader("run.began", loader, state["loader"], began)
    by_number = isinstance(loader, DataLoader) and type(loader).__iter__ is DataLoader.__iter__
    if by_number and ((batches is not None) is not then["under_way"] or began is not None):
        raise ValueError("an epoch that is under way without its place")


def check_loader(where: str, loader: Any, now: State, then: State) -> None:
    """Check what a loader remembers."""
    same_names(where, now, then)
    loader = loaders.as_saved(loader, then)
    for name in now:
        if name == "attributes":
            size = {"batch_size": loader.batch_size} if isinstance(loader, DataLoader) else {}
            check_attributes(where, loader, now[name] | size, then[name])
        elif name == "objects":
            check_objects(where, loaders.walk(loader), then[name])
        elif name == "source" and not keeps_state(loader):
            check_loader(f"{where}.source", loader.source, now[name], then[name])
        elif name == loaders.GENERATORS and not keeps_state(loader):
            torch_loaders.check(loader, then[name])
        elif not keeps_state(loader) or isinstance(loader, DataLoader):  # else it judges its state itself
            alike(f"{where}.{name}", now[name], then[name])


def check_objects(where: str, objects: Objects, then: Any) -> None:
    """Check the data of the objects that remember something; those that are not there now are named elsewhere."""
    now = objects.state()
    for path in _of(dict, where, then).keys() & objects.found.keys():
        value, before, place = objects.found[path].value, now.get(path, {}), f"{where}{path}"
        data = _of(dict, place, then[path])
        if before and not any(name.startswith((".", "[", "(")) for name in before):  # it is restored as a whole
            same_names(place, before, data)
        if keeps_state(value) and not is_own(value):  # it judges its state itself
            continue
        if isinstance(value, Parameter) and not are_like([data["data"]], [value.data]):
            raise ValueError(f"{place} is not like the Parameter that is there")
        if isinstance(value, Enum):
            try:
                member(value, data)
            except (LookupError, ValueError, TypeError):
                raise ValueError(f"{place} is no member of {type(value).__name__}") from None
        check_attributes(place, value, *({n[1:]: d[n] for n in d if n.startswith(".")} for d in (before, data)))
        for name in data:
            if not name.startswith("."):
                check_place(f"{place}{name}", before.get(name), data[name])
        alike(place, {n: before[n] for n in before if not n.startswith(".")}, data)


def _of(kind: type, where: str, value: Any) -> Any:
    if type(value) is not kind:
        raise ValueError(f"{where} is {kind_of(value)}")
    return value


def check_history(columns: State) -> None:
    """Check that the columns of a history are vectors of one length, whose bytes are in the file."""
    if type(columns) is not dict or not all(type(name) is str for name in columns):
        raise ValueError("the history is no dict of columns")
    lengths, in_arrays = set(), 0
    for name, column in columns.items():
        if type(column) is not tuple or len(column) != 2:
            raise ValueError(f"the history's column {name!r} is no pair of a mask and numbers")
        there, values = column
        if is_vector(values, np.int64, np.float64):
            in_arrays += len(values)
        elif type(values) is not list:
            raise ValueError(f"the history's column {name!r} is no vector of int64 or float64")
        if there is not None and not is_vector(there, np.bool_):
            raise ValueError(f"the history's column {name!r} has a mask that is no vector of bool")
        lengths |= {len(values), len(values if there is None else there)}
    if len(lengths) > 1:
        raise ValueError(f"the history's columns have {len(lengths)} lengths")
    if max(lengths, default=0) > _FREE_ROWS + in_arrays:
        raise ValueError("the history has more rows than numbers")


def check_optimizer(optimizer: Any, now: State, then: State) -> None:
    """Check the options by the optimizer's own checks, and its arrays by its Parameters."""
    same_names("optimizer", now, then)
    if isinstance(optimizer, MultiOptimizer):
        states = now["optimizers"], _of(list, "optimizer.optimizers", then["optimizers"])
        for one, *states_of_one in zip(optimizer.optimizers, *states, strict=True):
            check_optimizer(one, *states_of_one)
    alike("optimizer.groups", now["groups"], then["groups"], own=True, closed=True)
    for options in then["groups"]:
        try:
            lr = options["lr"]
            optimizer.check({**options, "lr": 1.0 if lr == 0 else lr})  # a schedule may have ended at 0
        except TypeError as error:
            raise ValueError(str(error)) from None
    attributes, before = dict(then["attributes"]), dict(now["attributes"])
    state, state_before = attributes.pop("state"), before.pop("state")
    check_attributes("optimizer", optimizer, before, attributes)
    alike("optimizer.state", state_before, state)
    if is_own(optimizer):
        check_rates("optimizer", attributes)
        if changed := [name for name, value in before.items() if type(value) is int and attributes[name] != value]:
            raise ValueError(f"optimizer.{changed[0]} is {attributes[changed[0]]}")
        if missing := state_before.keys() - state.keys():
            raise ValueError(f"optimizer.state lacks {min(missing)}")
        alike("optimizer", before, attributes, own=True, closed=True)
        for name, entries in state.items():
            _check_entries(f"optimizer.state.{name}", optimizer, state_before.get(name), entries)


def _check_entries(where: str, optimizer: Any, now: list[Any] | None, then: Any) -> None:
    """Check one list in the state of an optimizer of minnet: numbers, or an array like each Parameter, or None."""
    if type(then) is not list or len(then) != len(optimizer.parameters):
        raise ValueError(f"{where} has not an entry for each Parameter")
    for i, (entry, parameter) in enumerate(zip(then, optimizer.parameters, strict=True)):
        if now and type(now[i]) in (int, float):  # such as the number of steps
            alike(where, now[i], entry, own=True)
            if type(entry) is int and entry >= MOST:
                raise ValueError(f"{where} is {entry}")
        elif entry is not None and not are_like([entry], [parameter.data]):
            raise ValueError(f"{where} has not the shapes and dtypes of the Parameters")


def check_callbacks(parts: Any, now: list[Any], then: list[Any], begun: bool) -> None:
    """Check the states of the callbacks, in their order."""
    alike("callbacks", [name for name, _ in now], [pair[0] for pair in then], closed=True)
    for callback, (name, before), (_, state) in zip(parts.callbacks, now, then, strict=True):
        if same(before, state) and (callback.rank_zero_only or not begun):
            continue  # it cannot go on from there, nor is it to
        if is_own(callback) or not decides(callback):
            check_attributes(f"callbacks.{name}", callback, before, state)
        try:
            callback.check_state(state, parts.model, parts.optimizer)
        except ValueError as error:
            raise ValueError(f"callbacks.{name}: {error}") from None


def check_rates(where: str, then: Any) -> None:
    """Check that all numbers in a value are finite, and none negative."""
    if isinstance(then, list | tuple | dict):
        for item in then.values() if isinstance(then, dict) else then:
            check_rates(where, item)
    elif isinstance(then, int | float) and not 0 <= then < math.inf:
        raise ValueError(f"{where} has the number {then}")


def check_attributes(where: str, owner: object, now: State, then: State) -> None:
    """Check the attributes that are to be set on an object.

    One that is there may get a value of its kind. One that is not there may be added to an object of a user's class,
    since training makes such attributes, unless it would hide what the class or the object has.
    """
    _of(dict, where, then)
    own, options = is_own(owner), inspect.signature(type(owner).__init__).parameters
    now = _defaults(owner, now.keys() | then.keys()) | now
    if own and (missing := [name for name in now if name not in then and not hasattr(type(owner), name)]):
        raise ValueError(f"{where} lacks {missing[0]}")
    for name, value in then.items():
        place = f"{where}.{name}"
        if isinstance(owner, Layer) and name in TRANSIENT:
            raise ValueError(f"{place} is never in a file")
        if isinstance(owner, Layer) and name in NAMES:
            if not is_expectation(name, value):
                raise ValueError(f"{place} is {kind_of(value)}")
        elif name in now:
            if not own or isinstance(value, str):
                check_place(place, now[name], value)
            alike(place, now[name], value, own=own)
            if own and (isinstance(owner, Layer) or name in options) and not _may_become(name, now[name], value):
                raise ValueError(f"{place} is {now[name]} now, and {value} in the checkpoint")
        elif there := unsettable(owner, name, value):
            raise ValueError(f"{place} is {there} now, and data in the checkpoint")
        elif own:
            raise ValueError(f"{place} is no attribute of {type(owner).__name__}")
        elif is_plain(getattr(owner, "__dict__", {}).get(name, object)):
            raise ValueError(f"{place} is not kept in checkpoints")
        else:
            check_place(place, None, value)


def _defaults(owner: object, names: Iterable[Any]) -> State:
    """Return those attributes of an object's class that are plain data, which an attribute of its own may replace."""
    found = {name: inspect.getattr_static(type(owner), name, None) for name in names if type(name) is str}
    return {name: value for name, value in found.items() if value is not None and is_plain(value)}


def _may_become(name: str, now: Any, then: Any) -> bool:
    """Whether an option may have got this value in training: as it was, or another number in the same range.

    A layer of minnet has options only, beside its mode and its Generators.
    """
    if isinstance(now, np.random.Generator) or (isinstance(now, bool) and hasattr(Layer, name)):
        return True
    if isinstance(now, float):  # such as a share or a bound, which a callback may change from step to step
        return math.isfinite(then) and (now < 0 or 0 <= then <= (1 if now <= 1 else math.inf))
    if isinstance(now, np.ndarray) and isinstance(then, np.ndarray):
        return now.tobytes() == then.tobytes()
    return repr(now) == repr(then)


def alike(where: str, now: Any, then: Any, *, own: bool = False, closed: bool = False) -> None:
    """Check that a value has the form of another one.

    None stands for what is not there yet, so anything may take its place. With `own`, for objects of minnet, integers
    stay integers, those that count do not become negative, and arrays keep their shapes. With `closed`, lists keep
    their lengths, and dicts their keys.
    """
    if now is None:
        return
    if kind_of(now) != kind_of(then) or (own and type(now) is int is not type(then)):
        raise ValueError(f"{where} is {kind_of(then)}, where the run has {kind_of(now)}")
    if own and isinstance(now, int) and now >= 0 > then:
        raise ValueError(f"{where} is negative")
    if own and isinstance(now, str) and now in MODES and then not in MODES:
        raise ValueError(f"{where} is {then!r}")
    if isinstance(now, np.ndarray) and now.size and (now.shape != then.shape if own else now.ndim != then.ndim):
        raise ValueError(f"{where} has the shape {then.shape}, where the run has {now.shape}")
    if isinstance(now, Mapping):
        if closed:
            same_names(where, now, then)
        for name in now.keys() & then.keys():
            alike(f"{where}.{name}", now[name], then[name], own=own, closed=closed)
    elif isinstance(now, list | tuple):
        if closed and len(now) != len(then):
            raise ValueError(f"{where} has {len(then)} entries, where the run has {len(now)}")
        for i, (item, other) in enumerate(zip(now, then, strict=True) if len(now) == len(then) else ()):
            alike(f"{where}[{i}]", item, other, own=own, closed=closed)


def check_place(where: str, now: Any, then: Any) -> None:
    """Refuse a text that may say where something is written: a path is the script's, and never a file's."""
    if has_place(where.rpartition(".")[2], then) and repr(now) != repr(then):
        raise ValueError(f"{where} names a place to write to, which is never taken from a checkpoint")


def same_names(where: str, now: Any, then: Any) -> None:
    """Check that two dicts have the same keys."""
    if different := now.keys() ^ _of(dict, where, then).keys():
        raise ValueError(f"{where} has other entries: {', '.join(sorted(map(str, different))[:5])}")


def is_own(owner: object) -> bool:
    """Whether an object is of a class of minnet, all of whose attributes are made when it is."""
    return type(owner).__module__.partition(".")[0] == "minnet"
