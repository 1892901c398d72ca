"""What a reader of an operator is given: its node, whose inputs are values: constants, or what a layer computes."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minnet.errors import CheckpointError
from minnet.saving.messages import brief

LONGEST = 1_600  # characters of a reason
Size = int | str | None  # of an axis: a number, the name of one that differs from batch to batch, or not known
Sizes = tuple[Size, ...]


@dataclass(frozen=True)
class Value:
    """An array of the graph: a constant, or the output of a layer (then `wire` is the layer's name)."""

    name: str  # in the file
    kind: str  # "f", "i" or "b": floats, whole numbers, booleans
    shape: Sizes | None = None  # None: not even the number of axes is known
    wire: str | None = None
    array: NDArray[Any] | None = None
    learned: bool = False  # whether a constant is the values of a Parameter
    sizes: Sizes | None = None  # what is known of whole numbers (n,) or (), such as those of a shape
    filled: float | None = None  # the number that is in all places, if that is known

    @property
    def ndim(self) -> int | None:
        """The number of axes, if it is known."""
        return None if self.shape is None else len(self.shape)

    @property
    def ints(self) -> tuple[int, ...] | None:
        """Whole numbers that are known; None if one of them is not."""
        if self.array is not None and self.array.dtype.kind in "iub" and self.array.ndim < 2:
            return tuple(int(n) for n in self.array.reshape(-1))
        if self.sizes is not None and all(isinstance(n, int) for n in self.sizes):
            return tuple(n for n in self.sizes if isinstance(n, int))
        return None


def constant(name: str, array: NDArray[Any], learned: bool = False) -> Value:
    """Return a constant as a Value."""
    kind = {"f": "f", "b": "b"}.get(array.dtype.kind, "i")
    sizes = tuple(int(n) for n in array.reshape(-1)) if kind == "i" and array.ndim < 2 and array.size <= 64 else None
    filled = (
        float(array.reshape(-1)[0]) if array.size and kind == "f" and (array == array.reshape(-1)[0]).all() else None
    )
    return Value(name, kind, array.shape, array=array, learned=learned, sizes=sizes, filled=filled)


@dataclass
class Node:
    """A node of the graph, whose inputs are known."""

    op: str
    name: str
    version: int  # of the operators' set
    inputs: list[Value | None]
    outputs: list[str]
    attributes: dict[str, Any] = field(default_factory=dict)
    scope: str | None = None  # the module of PyTorch's that it is from, if the exporter says so
    notes: str = ""  # what else the exporter says of it

    def refused(self, why: str) -> CheckpointError:
        """Return an error that says why this node cannot be read."""
        shapes = ", ".join("-" if value is None else _shape(value) for value in self.inputs[:8])
        name = f" {brief(repr(self.name), 80)}" if self.name else ""
        return CheckpointError(f"node{name} ({brief(self.op, 60)}, of {shapes or 'nothing'}): {brief(why, LONGEST)}")

    def value(self, i: int) -> Value:
        """Return an input that must be there."""
        found = self.get(i)
        if found is None:
            raise self.refused(f"it has no input {i}")
        return found

    def get(self, i: int) -> Value | None:
        """Return an input, or None if it was left out."""
        return self.inputs[i] if i < len(self.inputs) else None

    def floats(self, i: int) -> NDArray[Any]:
        """Return an input that must be a constant of floats."""
        value = self.value(i)
        if value.array is None or value.kind != "f":
            raise self.refused(f"its input {i} must be a constant array of floats here, and is computed")
        return value.array

    def number(self, i: int, default: float) -> float:
        """Return an input that is a single constant number, or the default if it was left out."""
        value = self.get(i)
        if value is None:
            return default
        if value.array is None or value.array.size != 1:
            raise self.refused(f"its input {i} must be a single constant number here")
        return float(value.array.reshape(())[()])

    def ints(self, i: int, default: tuple[int, ...] | None = None) -> tuple[int, ...] | None:
        """Return an input of whole numbers that are known; None if they are computed."""
        value = self.get(i)
        return default if value is None else value.ints

    def attribute(self, name: str, default: Any) -> Any:
        """Return an attribute, of the type of the default (a tuple of ints if that is None or a tuple)."""
        if name not in self.attributes:
            return default
        value = self.attributes[name]
        if isinstance(default, tuple) or default is None:
            fits = isinstance(value, tuple) and all(isinstance(n, int) for n in value)
        elif isinstance(default, float):
            fits = isinstance(value, float) and bool(np.isfinite(value))
        else:
            fits = isinstance(value, type(default))
        if not fits:
            raise self.refused(f"its attribute {name} is {brief(value, 60)}")
        return value

    def only(self, **wanted: Any) -> None:
        """Refuse the node unless attributes have these values, or are left out."""
        for name, value in wanted.items():
            if self.attributes.get(name, value) != value:
                raise self.refused(f"{name}={brief(self.attributes[name], 60)} is not there in minnet, only {value}")


def _shape(value: Value) -> str:
    if value.shape is None:
        return "?"
    return brief(f"({', '.join('?' if n is None else str(n) for n in value.shape)})", 60)
