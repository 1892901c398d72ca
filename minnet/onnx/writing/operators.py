"""Operators and arrays are added to a graph one by one; ONNX says of each what it returns."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from minnet.core.arrays import Array
from minnet.core.buffer import LayerArray
from minnet.core.layer import Layer
from minnet.onnx.writing.value import Value

# What onnxruntime computes in float32 only: in a float64 model, these operators stand between casts.
SINGLE = frozenset(
    ("AveragePool", "Celu", "Conv", "ConvTranspose", "Elu", "Erf", "GRU", "Gelu", "HardSigmoid", "HardSwish")
    + ("InstanceNormalization", "LSTM", "LeakyRelu", "Mish", "PRelu", "RNN", "Resize", "Selu", "Softplus", "Softsign")
)

FEW = 8  # numbers in a constant that has no name of its own


class Operators:
    """The operators of a model, in the order in which they run, and the arrays they use: the base of `Graph`."""

    def __init__(self, model: Layer, dtype: "np.dtype[Any]", opset: int) -> None:
        self.opset = opset
        self.dtype = dtype
        self.nodes: list[Any] = []
        self.initializers: dict[str, Any] = {}
        self._types: dict[str, Any] = {}
        self._shapes: set[str] = set()  # the names of the numbers on which shapes depend
        self._constants: dict[Any, Value] = {}  # single numbers and shapes, which many operators share
        self._taken: set[str] = set()
        self._array_paths = {id(array): path for path, array in model.named_arrays()}
        self._arrays: dict[int, list[tuple[Array, Value]]] = {}
        self._path = ""  # of the layer that is written

    def op(self, kind: str, *inputs: Any, like: Value | None = None, **attributes: Any) -> Value:
        """Add an operator, and return its output.

        Parameters
        ----------
        kind
            The name of an operator of ONNX, such as ``"Relu"``.
        *inputs
            What it takes, in ONNX's order: a Value; a Parameter or Buffer; or numbers, which become a `constant`. None
            is an optional one that is left out.
        like
            A Value that has the output's shape, where ONNX itself cannot know it.
        **attributes
            The operator's attributes; those that are None are left out.

        Raises
        ------
        ValueError
            If the opset has no such operator or attribute, or the inputs do not fit.
        """
        return self.ops(kind, 1, *inputs, like=like, **attributes)[0]

    def ops(
        self, kind: str, outputs: int, *inputs: Any, like: Value | None = None, **attributes: Any
    ) -> tuple[Value, ...]:
        """Do as `op`, for an operator of which so many outputs are used."""
        attributes = {key: value for key, value in attributes.items() if value is not None}
        self._check(kind, attributes)
        values = [None if x is None else self.value(x) for x in inputs]
        narrow = kind in SINGLE and any(v is not None and v.dtype == np.float64 for v in values)
        if narrow:
            values = [v if v is None or v.dtype != np.float64 else self.cast(v, np.float32) for v in values]
        names = [self._unique(self._join(kind)) for _ in range(outputs)]
        node = onnx.helper.make_node(kind, ["" if v is None else v.name for v in values], names, names[0], **attributes)
        self.nodes.append(node)
        results = self._results(node, like)
        return tuple(self.cast(v, np.float64) if narrow and v.dtype == np.float32 else v for v in results)

    def array(self, array: LayerArray, convert: Callable[[Array], Array] | None = None) -> Value:
        """Return a Parameter or Buffer of the model, by its path; if shared, it is stored once.

        Parameters
        ----------
        array
            The Parameter or Buffer.
        convert
            A function that brings its values into ONNX's layout, if that is another.
        """
        values = array.data if convert is None else np.array(convert(array.data), order="C")
        known = self._arrays.setdefault(id(array), [])
        for stored, value in known:
            if stored.shape == values.shape and (stored is values or np.array_equal(stored, values, equal_nan=True)):
                return value
        value = self._store(values, self._array_paths.get(id(array)) or self._join("array"))
        known.append((values, value))
        return value

    def constant(self, values: Any, name: str = "constant", dtype: Any = None) -> Value:
        """Return numbers that are no Parameter or Buffer, under a name inside this layer's path.

        By default ints become int64, and floats have the model's dtype. A few numbers are stored once for all layers.
        """
        array = self._numbers(values, dtype)
        if array.size > FEW:
            return self._store(array, self._join(name))
        key = (array.dtype, array.shape, array.tobytes())
        if key not in self._constants:
            self._constants[key] = self._store(array, "constant")
        return self._constants[key]

    def value(self, x: Any) -> Value:
        """Return what `op` takes as a Value."""
        if isinstance(x, Value):
            return x
        return self.array(x) if isinstance(x, LayerArray) else self.constant(x)

    def cast(self, x: Any, dtype: Any) -> Value:
        """Return a Value in another dtype; itself, if it has that already."""
        value, dtype = self.value(x), np.dtype(dtype)
        if value.dtype == dtype:
            return value
        return self.op("Cast", value, to=onnx.helper.np_dtype_to_tensor_dtype(dtype))

    def _check(self, kind: str, attributes: dict[str, Any]) -> None:
        """Raise a ValueError, if the opset has no such operator, or that no such attribute."""
        try:
            schema = onnx.defs.get_schema(kind, self.opset)
        except onnx.defs.SchemaError:
            raise ValueError(
                f"mn.onnx.export: {self._path or 'the model'} needs the operator {kind!r}, which opset {self.opset} of "
                "ONNX does not have"
            ) from None
        if unknown := attributes.keys() - schema.attributes.keys():
            raise ValueError(
                f"mn.onnx.export: {self._path or 'the model'} gives the operator {kind} the attribute "
                f"{min(unknown)!r}, which it does not have: it has {', '.join(sorted(schema.attributes)) or 'none'}"
            )

    def _results(self, node: Any, like: Value | None) -> list[Value]:
        """Return the outputs of an operator, whose shapes and dtypes ONNX knows from those of its inputs.

        ONNX is asked for a model of this operator alone.
        """
        names = list(dict.fromkeys(name for name in node.input if name))
        numbers = [name for name in names if name in self._shapes]
        graph = onnx.helper.make_graph(
            [node],
            "operator",
            [onnx.helper.make_value_info(name, self._types[name]) for name in names if name not in numbers],
            [],
            [self.initializers[name] for name in numbers],
        )
        model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", self.opset)])
        try:
            inferred = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
            types = {info.name: info.type for info in inferred.graph.value_info}
            results = [Value.of(name, types[name], None if like is None else like.shape) for name in node.output]
        except (ValueError, KeyError, onnx.shape_inference.InferenceError) as error:
            given = ", ".join(map(self._type_of, names))
            raise ValueError(
                f"mn.onnx.export: {self._path or 'the model'} gives the operator {node.op_type} inputs that do not fit "
                f"it, {given}: {error}{_hint(str(error))}"
            ) from None
        return [self._known(value) for value in results]

    def _type_of(self, name: str) -> str:
        value = Value.of(name, self._types[name])
        return f"{value.dtype} {value.shape}".replace("'", "")

    def _store(self, values: NDArray[Any], name: str) -> Value:
        """Store an array under a name that is not taken."""
        name = self._unique(name)
        self.initializers[name] = onnx.numpy_helper.from_array(values, name)
        if values.dtype == np.int64 or values.size <= FEW:  # a Resize has its scales as floats
            self._shapes.add(name)
        return self._known(Value(name, values.shape, values.dtype))

    def _numbers(self, values: Any, dtype: Any = None) -> NDArray[Any]:
        """Return numbers as an array of a dtype that the graph has."""
        array = np.asarray(values)
        if array.dtype.kind not in "biuf":
            raise TypeError(
                f"mn.onnx.export: {self._path or 'the model'} gives an operator a {type(values).__name__}: expected "
                "what graph.op returned, a Parameter or Buffer, or numbers"
            )
        kinds: dict[str, Any] = {"b": np.bool_, "f": self.dtype}
        return array.astype(dtype or kinds.get(array.dtype.kind, np.int64))

    def _known(self, value: Value) -> Value:
        self._types[value.name] = value.type
        return value

    def _join(self, word: str) -> str:
        return f"{self._path}.{word}" if self._path else word

    def _unique(self, name: str) -> str:
        found, number = name, 2
        while found in self._taken:
            found, number = f"{name}_{number}", number + 1
        self._taken.add(found)
        return found


def _hint(error: str) -> str:
    """Return the cure of what happens most: 2 where 2.0 belongs."""
    return (
        " (numbers such as 2 are integers in the graph: write 2.0 for floats)" if "inconsistent type" in error else ""
    )
