"""A Graph is the operators of a model, into which its layers write themselves."""

from contextlib import contextmanager
from typing import Any

import numpy as np
import onnx

from minnet.core.layer import Layer
from minnet.core.trees import leaves
from minnet.onnx.writing.operators import Operators
from minnet.onnx.writing.table import exporter_of
from minnet.onnx.writing.value import Size, Value


class Graph(Operators):
    """The operators of a model, in the order in which they run, and the arrays they use.

    Names are the model's paths: the weight of ``model.layers[0]`` is ``layers[0].weight``, and an operator that it
    needs ``layers[0].Gemm``.

    Attributes
    ----------
    opset : int
        The version of ONNX's operators.
    dtype : dtype
        What the model computes in, float32 or float64.
    """

    def __init__(self, model: Layer, dtype: "np.dtype[Any]", opset: int) -> None:
        super().__init__(model, dtype, opset)
        self._layer_paths = {id(layer): path for path, layer in model.named_layers()}
        self._outputs: dict[str, str] = {}  # the name that a Value had → its name as an output

    def layer(self, layer: Layer, *inputs: Any, **named: Any) -> Any:
        """Export a layer that this one has inside, as ``layer.forward(*inputs, **named)``; return its output."""
        path = self._layer_paths.get(id(layer), self._join(type(layer).__name__))
        exporter = exporter_of(layer, path)
        with self._inside(path):
            try:
                output = exporter(self, layer, *inputs, **named)
            except Exception as error:
                if not hasattr(error, "__notes__") and "mn.onnx.export" not in str(error):  # which says where
                    error.add_note(f"in {path or 'the model'} = {layer.describe()}, on its way into an ONNX file")
                raise
        for value in leaves(output):
            if not isinstance(value, Value):
                raise TypeError(
                    f"mn.onnx.export: the onnx method of {path or 'the model'}, a {type(layer).__name__}, returned a "
                    f"{type(value).__name__}: it must return what graph.op returned"
                )
        return output

    def size(self, x: Value, axis: int) -> Value:
        """Return the size of an axis, as int64 of shape (1,): a constant, if it is known."""
        known = x.shape[axis]
        if isinstance(known, int):
            return self.constant([known], "size")
        axis %= x.ndim
        return self.op("Shape", x, start=axis, end=axis + 1)

    def steps(self, x: Value, axis: int) -> Value:
        """Return 0, 1, ... for the places along an axis, as int64 of shape (T,)."""
        known = x.shape[axis]
        if isinstance(known, int):
            return self.constant(np.arange(known), "steps")
        return self.op("Range", 0, self.op("Squeeze", self.size(x, axis), [0]), 1)

    def reshaped(self, x: Value, shape: tuple[Size, ...], like: Value | None = None) -> Value:
        """Return x in another shape. Of sizes that are not known, the first may be x's own batch, and one more be left.

        With `like`, the shape is that of another Value.
        """
        unknown = [i for i, size in enumerate(shape) if not isinstance(size, int)]
        if unknown and unknown[0] == 0 and len(unknown) <= 2:
            sizes = [size if isinstance(size, int) else -1 for size in shape]
            return self.op("Reshape", x, [0, *sizes[1:]], like=like)
        if len(unknown) <= 1:
            return self.op("Reshape", x, [size if isinstance(size, int) else -1 for size in shape], like=like)
        if like is None:
            raise ValueError(f"{self._path or 'the model'} needs to know the shape {shape}: give the sizes as numbers")
        return self.op("Reshape", x, self.op("Shape", like), like=like)

    def input(self, name: str, shape: tuple[Size, ...], dtype: Any) -> Value:
        """Add an input of the model."""
        return self._known(Value(self._unique(name), shape, np.dtype(dtype)))

    def output(self, name: str, value: Value) -> Value:
        """Give a Value the name of an output of the model, and its first axis that of the batch."""
        output = self._known(Value(self._unique(name), ("batch", *value.shape[1:]), value.dtype))
        maker = next((node for node in self.nodes if value.name in node.output), None)
        if maker is None:  # an input of the model, or what is an output already
            known = self._outputs.get(value.name, value.name)
            self.nodes.append(onnx.helper.make_node("Identity", [known], [output.name], self._unique("Identity")))
            return output
        self._outputs[value.name] = output.name
        for node in self.nodes:
            for names in (node.input, node.output):
                names[:] = [output.name if name == value.name else name for name in names]
        return output

    def infos(self, outputs: list[str]) -> list[Any]:
        """Return what is known of the arrays between the inputs and the outputs, which viewers show."""
        names = [name for node in self.nodes for name in node.output if name not in outputs]
        return [onnx.helper.make_value_info(name, self._types[name]) for name in names]

    @contextmanager
    def _inside(self, path: str) -> Any:
        before, self._path = self._path, path
        try:
            yield
        finally:
            self._path = before
