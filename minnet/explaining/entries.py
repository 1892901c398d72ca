"""An entry is one number of the model that a user asks about, such as ``layers[0].weight[3, 5]``."""

import ast
import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minnet.core.buffer import Buffer
from minnet.core.checks import named
from minnet.core.layer import Layer
from minnet.core.parameter import Parameter
from minnet.explaining.experiment import Experiment, shown
from minnet.explaining.explanation import Index

HOW = (
    'write why="layers[0].weight[3, 5]", the path of a Parameter and the index of one of its numbers, or "x[0, 3]", '
    "a number of the input"
)


@dataclass(frozen=True)
class Asked:
    """The number that was asked about: of a Parameter, or of an input of the model."""

    text: str
    parameter: Parameter | None
    input: str  # its name, if it is of an input
    index: Index


def asked(why: object, experiment: Experiment, inputs: dict[str, NDArray[Any]]) -> Asked:
    """Return which number is meant; an error, if there is no such number.

    `inputs` are the arrays that the model is given, by the names under which the user knows them.
    """
    path, index = _meant(why, experiment, inputs)
    for name, array in inputs.items():
        if _unquoted(path) == _unquoted(name):
            if array.dtype.kind != "f":
                raise ValueError(
                    f"explain: {name} holds {array.dtype}, such as numbers of words, labels or a mask. L has no slope "
                    "along them: ask about a Parameter"
                )
            at = _checked_index(name, array.shape, index)
            return Asked(f"{name}{list(at)}", None, name, at)
    known = {_path(owner, name): array for owner, name, array in experiment.arrays()}
    found = _walked(path, experiment)
    if isinstance(found, Buffer):
        raise ValueError(f"explain: {path} is a Buffer, which is not learned: it has no gradient. {_listed(known)}")
    if not isinstance(found, Parameter):
        _refuse(path, found, known, inputs)
    name = next(name for name, array in known.items() if array is found)
    at = _checked_index(name, found.data.shape, index)
    return Asked(f"{name}{list(at)}", found, "", at)


def _path(owner: str, name: str) -> str:
    return f"{shown(owner)}.{name}" if owner else name


def _meant(why: object, experiment: Experiment, inputs: dict[str, NDArray[Any]]) -> tuple[str, Index | None]:
    """Return the path and the index; None if there is no index.

    ``layers[0]`` is a path, ``weight[3, 5]`` a path and an index, and so is ``weight[3][5]``: what is there decides.
    """
    readings = list(_readings(why))
    for path, index in readings:
        is_input = any(_unquoted(path) == _unquoted(name) for name in inputs)
        if is_input or isinstance(_walked(path, experiment), Layer | Parameter | Buffer):
            return path, index
    unknown = (reading for reading in reversed(readings) if _walked(reading[0], experiment) is None)
    return next(unknown, readings[0])


def _readings(why: object) -> Iterator[tuple[str, Index | None]]:
    """Yield all as a path; all but an index behind it; and so on."""
    if not isinstance(why, str):
        raise TypeError(f"explain expected why to be a string, got {named(why)}: {HOW}")
    try:
        node = ast.parse(why.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError(f"explain cannot read why={why!r:.80}: {HOW}") from None
    yield ast.unparse(node), None
    index: Index = ()
    while isinstance(node, ast.Subscript):
        try:
            key = ast.literal_eval(node.slice)
        except ValueError:
            problem = f"explain: why={why!r:.80} must be one number, with an index of whole numbers"
            raise ValueError(f"{problem}: {HOW}") from None
        keys = key if isinstance(key, tuple) else (key,)
        if not all(type(i) is int for i in keys):
            return
        node, index = node.value, (*keys, *index)
        is_array = isinstance(node, ast.Attribute) and node.attr in ("data", "grad")
        yield ast.unparse(node.value if is_array else node), index  # type: ignore[attr-defined]


def _unquoted(path: str) -> str:
    return path.replace('"', "'")


def _walked(path: str, experiment: Experiment) -> Any:
    """Return what stands at a path in the model or the loss; None if nothing does."""

    def walk(node: ast.expr) -> Any:
        if isinstance(node, ast.Name):
            if node.id in ("model", "loss") and node.id not in vars(experiment.model):
                return experiment.model if node.id == "model" else experiment.loss
            return _attribute(experiment.model, node.id)
        if isinstance(node, ast.Attribute):
            return _attribute(walk(node.value), node.attr)
        if isinstance(node, ast.Subscript):
            return walk(node.value)[ast.literal_eval(node.slice)]
        raise ValueError

    try:
        return walk(ast.parse(path, mode="eval").body)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return None


def _attribute(owner: Any, name: str) -> Any:
    """Return an attribute of a layer, or the layer inside it that has this name."""
    if not isinstance(owner, Layer):
        raise AttributeError
    layers: Any = getattr(owner, "layers", ())
    return layers[name] if name in getattr(layers, "names", ()) else vars(owner)[name]


def _checked_index(name: str, shape: tuple[int, ...], index: Index | None) -> Index:
    """Return an index without negative numbers, after a check that it is of one number of an array of this shape."""
    example = f"{name}{[size // 2 for size in shape]}"
    if index is None and int(np.prod(shape)) == 1:
        return (0,) * len(shape)
    if index is None or len(index) != len(shape):
        got = "no index" if index is None else f"an index of {len(index)}"
        axes = f"{len(shape)} {'axis' if len(shape) == 1 else 'axes'}"
        raise ValueError(f"explain: {name} has {axes}, {shape}, and why has {got}: write such as why={example!r}")
    for axis, (i, size) in enumerate(zip(index, shape, strict=True)):
        if not -size <= i < size:
            raise ValueError(
                f"explain: {name}{list(index)} is not there: {name} has the shape {shape}, so index {i} on axis {axis} "
                f"must be from 0 to {size - 1}, or from -{size} to -1, counted from the end"
            )
    return tuple(i % size for i, size in zip(index, shape, strict=True))


def _refuse(path: str, found: Any, known: dict[str, Any], inputs: dict[str, NDArray[Any]]) -> None:
    parameters = {name: array for name, array in known.items() if isinstance(array, Parameter)}
    if isinstance(found, Layer):
        own = {name: array for name, array in parameters.items() if any(array is p for p in found.parameters())}
        what = f"{path} is a layer, {found.describe()}"
        raise ValueError(f"explain: {what}: why is one number of a Parameter. {_listed(own or parameters)}")
    names = [*parameters, *inputs]
    owner, dot, last = path.rpartition(".")
    last = {"W": "weight", "b": "bias"}.get(last.removeprefix("d"), last)
    alike = [name for name in names if name == owner + dot + last or (not dot and name.endswith(f".{last}"))]
    near = alike[:3] or difflib.get_close_matches(path, names, n=2, cutoff=0.6)
    cure = f"Did you mean {' or '.join(near)}? " if near else ""
    raise ValueError(f"explain: there is no {path:.80} in this model. {cure}{_listed(parameters, inputs)}")


def _listed(parameters: dict[str, Any], inputs: dict[str, NDArray[Any]] | None = None) -> str:
    """Return a sentence that lists what can be asked about, with the shapes."""
    arrays = {name: array.data.shape for name, array in parameters.items() if isinstance(array, Parameter)}
    arrays |= {name: array.shape for name, array in (inputs or {}).items() if array.dtype.kind == "f"}
    few = [f"{name} {shape}" for name, shape in list(arrays.items())[:8]]
    more = f", and {len(arrays) - 8} more" if len(arrays) > 8 else ""
    return f"You can ask about {', '.join(few)}{more}" if few else "Nothing in it has a gradient"
