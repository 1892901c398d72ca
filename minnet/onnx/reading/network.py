"""The network that is built from a graph: layers with names, and what each of them reads."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minnet.core.blueprint import Blueprint
from minnet.core.layer import Layer
from minnet.core.parameter import Parameter
from minnet.errors import CheckpointError
from minnet.layers import Linear, Permute, Reshape
from minnet.layers.operations import (
    Constant,
    Expand,
    Gather,
    Slice,
    Squeeze,
    Tile,
    Transpose,
    Unsqueeze,
    View,
    Weight,
)
from minnet.layers.operations.allocation import at_most
from minnet.onnx.reading.naming import Names
from minnet.onnx.reading.values import Node, Sizes, Value, constant
from minnet.saving.description import MOST_LAYERS
from minnet.saving.messages import brief

# Layers whose output holds no other numbers than their first input.
MOVING = (Expand, Gather, Permute, Reshape, Slice, Squeeze, Tile, Transpose, Unsqueeze, View)
MOST_PARTS = 64  # operators that a weight is made of
MOST_AXES = 64  # as in NumPy
LARGEST = 1 << 62  # of sizes that are computed from others, so that they cannot grow without an end
EXACT = 1 << 24  # whole numbers below this are the same in float32


class Network:
    """What readers of operators add their layers to.

    Parameters
    ----------
    double
        Whether the model computes in float64.
    uses
        How often each name of the graph is read, and by which operators.
    left
        How many numbers constants that are computed from others may have, all together.
    """

    def __init__(self, double: bool, uses: Mapping[str, list[str]], left: int, taken: set[str]) -> None:
        self.dtype = np.dtype(np.float64 if double else np.float32)
        self.uses = uses
        self.left = left
        self.layers: dict[str, Layer] = {}
        self.reads: dict[str, tuple[str, ...]] = {}
        self.made: dict[str, str] = {}  # name of a layer → that of its output in the file
        self.names = Names(taken)
        self.class_names: list[str] | None = None
        self._constants: dict[tuple[str, str, bytes], str] = {}
        self._shared: dict[Any, Parameter] = {}

    def add(
        self,
        node: Node,
        layer: Layer,
        *values: Value,
        kind: str | None = None,
        shape: Sizes | None = None,
        sizes: Sizes | None = None,
        filled: float | None = None,
        own_name: bool = False,
    ) -> Value:
        """Add a layer that reads some values, and return its output; of constants alone, the constant.

        `own_name`: the layer is what a module was exported as, and has its name.
        """
        if values and all(value.array is not None and not value.learned for value in values) and _is_operation(layer):
            return self._folded(node, layer, values)
        if len(self.layers) >= MOST_LAYERS - 1:
            raise node.refused(f"the graph has more than {MOST_LAYERS:,} layers")
        reads = tuple(self.wire(node, value) for value in values)
        name = self.names.of_layer(node, own_name)
        self.layers[name] = layer.astype(self.dtype) if _is_operation(layer) else layer
        self.reads[name] = reads
        self.made[name] = node.outputs[0] if node.outputs else ""
        if shape is not None and len(shape) > MOST_AXES:
            raise node.refused(f"its output has more than {MOST_AXES} axes")
        kind = kind or (values[0].kind if values else "f")
        if filled is None and isinstance(layer, MOVING):
            filled = values[0].filled
        output = node.outputs[0] if node.outputs else name
        return Value(output, kind, _bounded(shape), name, sizes=_bounded(sizes), filled=filled)

    def wire(self, node: Node, value: Value) -> str:
        """Return the name of the layer, or input, that a value comes from; a constant becomes a layer."""
        if value.wire is not None:
            return value.wire
        array = value.array
        assert array is not None
        key = (value.name, repr(array.shape), b"" if value.name else array.tobytes())
        if key not in self._constants:
            if value.kind == "i" and array.size and (array.max() >= EXACT or array.min() <= -EXACT):
                raise node.refused(f"its constant {brief(value.name, 60)} has whole numbers of {EXACT:,} and more")
            layer = (
                Weight(array)
                if value.learned
                else Constant(array, {"f": "float", "b": "bool"}.get(value.kind, "int64"))
            )
            name = self._constants[key] = self.names.of_constant(value.name)
            self.layers[name], self.reads[name] = layer, ()
        return self._constants[key]

    def make(self, node: Node, kind: type[Layer], *arguments: Any, **options: Any) -> Any:
        """Make a layer without memory for its arrays, which `give` hands over."""
        try:
            with Blueprint(64):
                return kind(*arguments, **options)
        except (ValueError, TypeError) as error:
            raise node.refused(brief(error)) from None

    def give(self, node: Node, layer: Layer, **arrays: tuple[Value | None, NDArray[Any]]) -> None:
        """Give a layer its arrays: attribute → where from, and the numbers.

        A weight that several layers read is one Parameter, unless they are different modules of PyTorch's: then its
        exporter has only noticed that their numbers are the same.
        """
        for attribute, (value, array) in arrays.items():
            own = getattr(layer, attribute)
            if own.data.shape != array.shape:
                raise node.refused(f"its {attribute} has shape {array.shape}, and {own.data.shape} was expected")
            key = (value.name if value is not None else id(array), attribute, array.shape, node.scope)
            if isinstance(own, Parameter) and value is not None and value.learned and key in self._shared:
                setattr(layer, attribute, self._shared[key])
                continue
            own.adopt(np.asarray(array, self.dtype))
            if isinstance(own, Parameter):
                self._shared[key] = own

    def is_tied(self, value: Value) -> bool:
        """Whether a weight is read by several kinds of operators, such as an embedding that is the last layer, too."""
        return value.learned and len(set(self.uses.get(value.name, ()))) > 1 and (value.ndim or 0) > 1

    def is_read_once(self, value: Value) -> bool:
        """Whether one node reads a value, and it is no output of the graph."""
        return len(self.uses.get(value.name, ())) == 1

    def bare_linear(self, value: Value) -> Linear | None:
        """Return the Linear layer without a bias that a value comes from, if nothing else reads it."""
        layer = self.layers.get(value.wire or "")
        own = self.made.get(value.wire or "") == value.name  # and not another name for it
        fits = own and type(layer) is Linear and layer.bias is None and self.is_read_once(value)
        return layer if fits and isinstance(layer, Linear) else None

    def computed(self, node: Node, i: int) -> NDArray[Any]:
        """Return an input that must be weights, or parts of weights that are joined in another order by operators.

        So the exporters write the gates of recurrent layers, if they do not fold constants.
        """
        value = node.value(i)
        found: set[str] = set()
        left = [] if value.wire is None else [value.wire]
        while left:
            name = left.pop()
            if name not in self.layers or not _is_operation(self.layers[name]) or len(found) > MOST_PARTS:
                return node.floats(i)  # which refuses it
            if name not in found:
                found.add(name)
                left.extend(self.reads[name])
        arrays: dict[str, Value] = {}
        constants = {name: key[0] for key, name in self._constants.items()} if found else {}
        for name in [name for name in self.layers if name in found] if found else []:  # in their order
            layer = self.layers[name]
            inside = sum(self.reads[other].count(name) for other in found) + (name == value.wire)
            uses = len(self.uses.get(self.made.get(name) or constants.get(name, ""), ()))
            if uses != inside and not isinstance(layer, Constant):
                raise node.refused("another node has the same weights, which minnet's layers cannot share")
            if isinstance(layer, Weight):  # read here alone, so all of these are a few times the file
                self.left += 16 * layer.value.data.size
            arrays[name] = self._folded(node, layer, tuple(arrays[read] for read in self.reads[name]))
        array = arrays[value.wire].array if value.wire in arrays else None
        return node.floats(i) if array is None or value.kind != "f" else array

    def _folded(self, node: Node, layer: Layer, values: tuple[Value, ...]) -> Value:
        """Return the constant that a layer computes from constants."""
        arrays = [value.array for value in values if value.array is not None]
        self.left -= sum(array.size for array in arrays)
        try:
            with at_most(max(self.left, 0)):
                y = layer.astype(self.dtype).eval().forward(*arrays)
        except (ValueError, TypeError, IndexError, OverflowError) as error:
            raise node.refused(brief(error)) from None
        self.left -= y.size
        if self.left < 0:
            raise CheckpointError("its constants have more numbers than such a file should need")
        return constant(node.outputs[0] if node.outputs else "", y)


def _bounded(sizes: Sizes | None) -> Sizes | None:
    """Return sizes, of which those that no array has are not known."""
    return None if sizes is None else tuple(n if not isinstance(n, int) or abs(n) < LARGEST else None for n in sizes)


def _is_operation(layer: Layer) -> bool:
    return type(layer).__module__.startswith("minnet.layers.operations")


def count_uses(nodes: Any, outputs: list[str]) -> dict[str, list[str]]:
    """Return, for each name, the operators that read it; an output of the graph is read by the user, too."""
    uses: dict[str, list[str]] = {}
    for node in nodes:
        for name in node.input:
            uses.setdefault(name, []).append(node.op_type)
    for name, count in Counter(outputs).items():
        uses.setdefault(name, []).extend(["output"] * count)
    return uses
