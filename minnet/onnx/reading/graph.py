"""The graph of an ONNX file, node by node: what each node reads, and the reader of its operator."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from minnet.core.layer import Layer
from minnet.errors import CheckpointError
from minnet.onnx.reading.finishing import finish
from minnet.onnx.reading.labels import labels_of, set_metadata
from minnet.onnx.reading.naming import input_names, is_generated, scope_of
from minnet.onnx.reading.network import Network, count_uses
from minnet.onnx.reading.table import OPERATORS
from minnet.onnx.reading.tensors import DOUBLE, FLOATS, Tensors, kind_of
from minnet.onnx.reading.values import Node, Sizes, Value, constant
from minnet.saving.messages import brief, listed

MOST_OF_ALL = 1_000_000  # numbers that constants may have beyond those of the file
DOMAINS = ("", "ai.onnx")
TORCH = "pkg.torch.export.ExportedProgram.graph_signature"


class Reader:
    """What reads the graph of one model."""

    def __init__(self, path: Path, size: int, proto: Any) -> None:
        self.graph = proto.graph
        self.versions = {entry.domain: entry.version for entry in proto.opset_import}
        self.double = self._is_double()
        self.tensors = Tensors(path, size, self.double)
        self.producer = proto.producer_name
        self.metadata = {entry.key: entry.value for entry in proto.metadata_props}
        self.from_sklearn = "skl2onnx" in proto.producer_name.lower()
        self.buffers = _buffers_of(self.graph)
        self.values: dict[str, Value] = {}
        self.initializers = {tensor.name: tensor for tensor in self.graph.initializer}
        if len(self.initializers) != len(self.graph.initializer):
            raise CheckpointError("two of its arrays have one name")
        self.declared = {info.name: info.type for info in self.graph.value_info}

    def model(self) -> Layer:
        """Return the model."""
        given = [info for info in self.graph.input if info.name not in self.initializers]
        outputs = self._outputs()
        nodes = self._needed(outputs)
        uses = count_uses(nodes, outputs)
        used = [info for info in given if info.name in uses]
        if not used:
            raise CheckpointError("its outputs depend on no input")
        names = input_names([info.name for info in used])
        for info in used:
            self.values[info.name] = self._input(info, names[info.name])
        net = Network(self.double, uses, self.tensors.left // 4 + MOST_OF_ALL, set(names.values()))
        for node in nodes:
            self._read(net, node)
        if net.class_names is None and self.from_sklearn and outputs != [info.name for info in self.graph.output]:
            net.class_names = labels_of(self.graph.node, self.initializers, self.tensors)
        model = finish(net, list(names.values()), [self._value(name, None) for name in outputs])
        if self.producer == "minnet":
            set_metadata(model, self.metadata)
        return model

    def _is_double(self) -> bool:
        """Whether the model computes in float64: its inputs, or else its arrays, say so."""
        types = [info.type.tensor_type.elem_type for info in self.graph.input if info.type.HasField("tensor_type")]
        types = [number for number in types if number in FLOATS]
        types = types or [tensor.data_type for tensor in self.graph.initializer if tensor.data_type in FLOATS]
        return DOUBLE in types

    def _outputs(self) -> list[str]:
        """Return the names of the outputs that the model has: of a classifier, the probabilities alone."""
        names = [info.name for info in self.graph.output]
        if not names or len(set(names)) < len(names) or len(names) > 1000:
            raise CheckpointError("it has no outputs, too many, or two of one name")
        if self.from_sklearn or any(node.domain == "ai.onnx.ml" for node in self.graph.node):
            of_probabilities = [name for name in names if "prob" in name.lower() or "score" in name.lower()]
            return of_probabilities[:1] or names
        return names

    def _needed(self, outputs: list[str]) -> list[Any]:
        """Return the nodes that outputs depend on, in their order."""
        needed, nodes, made = set(outputs), [], set[str]()
        for node in reversed(self.graph.node):
            if not needed.isdisjoint(node.output):
                needed.update(node.input)
                nodes.append(node)
        for node in self.graph.node:
            for name in filter(None, node.output):
                if name in made or name in self.initializers:
                    raise CheckpointError(f"two nodes make the value {brief(name, 80)!r}")
                made.add(name)
        return nodes[::-1]

    def _input(self, info: Any, name: str) -> Value:
        if not info.type.HasField("tensor_type"):
            raise CheckpointError(f"its input {brief(info.name, 80)!r} is no array, but a sequence, a map or the like")
        kind = kind_of(info.type.tensor_type.elem_type)
        if kind is None:
            raise CheckpointError(f"its input {brief(info.name, 80)!r} is of a type that minnet lacks, such as text")
        return Value(info.name, kind, _sizes(info.type, info.name), name)

    def _value(self, name: str, reader: Any) -> Value:
        """Return a value by its name, which an input, an array or a node before has made."""
        if name not in self.values:
            if name not in self.initializers:
                who = f"node {brief(repr(reader.name or reader.op_type), 80)}" if reader is not None else "the graph"
                raise CheckpointError(
                    f"{who} reads {brief(name, 80)!r}, which nothing before it makes: is there a cycle, or is "
                    "a part missing?"
                )
            array = self.tensors.array(self.initializers[name])
            self.values[name] = constant(name, array, self._is_learned(name, array))
        return self.values[name]

    def _is_learned(self, name: str, array: Any) -> bool:
        """Whether an array is the values of a Parameter, where no layer of minnet's decides that."""
        if array.dtype.kind != "f" or not array.ndim or name in self.buffers or self.from_sklearn:
            return array.dtype.kind == "f" and array.ndim > 1 and self.from_sklearn
        finite = bool(array.size) and bool(np.abs(array).max() < 1e30)
        return finite and (array.ndim > 1 or not is_generated(name))

    def _read(self, net: Network, proto: Any) -> None:
        """Read one node: let the reader of its operator add layers, and keep its outputs."""
        node = self._node(net, proto)
        reader = OPERATORS.get(node.op)
        if reader is None:
            raise node.refused(f"minnet has no layer for this operator; there are {_supported()}")
        try:
            found = reader(net, node)
        except CheckpointError:
            raise
        except (ValueError, TypeError, OverflowError, IndexError, ArithmeticError, AssertionError) as error:
            raise node.refused(brief(error) or type(error).__name__) from error
        outputs = found if isinstance(found, list) else [found]
        for name, value in zip(node.outputs, outputs, strict=False):
            if value is not None and name:
                self.values[name] = self._with_declared(name, value)

    def _with_declared(self, name: str, value: Value) -> Value:
        """Return a value with the shape that the file says, if nothing else is known."""
        if value.name != name and value.array is None:
            value = replace(value, name=name)
        if value.array is None and name in self.declared:
            declared = _sizes(self.declared[name], name)
            if declared is not None and (value.shape is None or len(value.shape) == len(declared)):
                own = value.shape or (None,) * len(declared)
                merged = tuple(
                    n if isinstance(n, int) else m if m is not None else n for n, m in zip(own, declared, strict=True)
                )
                return replace(value, shape=merged)
        return value

    def _node(self, net: Network, proto: Any) -> Node:
        domain = "" if proto.domain in DOMAINS else f"{proto.domain}."
        op = f"{domain}{proto.op_type}"
        notes = {entry.key: entry.value for entry in proto.metadata_props}
        inputs = [self._value(name, proto) if name else None for name in proto.input]
        version = self.versions.get("ai.onnx.ml" if domain else "", self.versions.get("ai.onnx", 0))
        node = Node(op, proto.name, version, inputs, list(proto.output), scope=scope_of(notes))
        node.notes = notes.get("pkg.onnxscript.rewriter.rule_name", "")
        if version < 1 or (not domain and version < 7):
            raise node.refused(f"its opset is {version}, and 7 is the oldest that is understood")
        for attribute in proto.attribute:
            node.attributes[attribute.name] = self._attribute(node, attribute)
        return node

    def _attribute(self, node: Node, attribute: Any) -> Any:
        match attribute.type:
            case 1:
                return _shortest(attribute.f)
            case 2:
                return int(attribute.i)
            case 3:
                return attribute.s.decode("utf-8", "replace")
            case 4:
                return self.tensors.array(attribute.t)
            case 6:
                return tuple(map(_shortest, attribute.floats))
            case 7:
                return tuple(map(int, attribute.ints))
            case 8:
                return tuple(text.decode("utf-8", "replace") for text in attribute.strings)
        raise node.refused(f"its attribute {brief(attribute.name, 40)} is a graph or the like, which minnet lacks")


def _shortest(number: float) -> float:
    """Return the shortest decimal that is this float32: 0.1 for 0.10000000149, as the program that wrote it had it."""
    return float(str(np.float32(number)))


def _supported() -> str:
    """Return the names of the operators, for a message."""
    return ", ".join(listed([", ".join(sorted(OPERATORS))], 1200))


def _sizes(kind: Any, name: str) -> Sizes | None:
    """Return the shape that a file says: numbers, names, and for what it leaves open, a name of its own."""
    if not kind.HasField("tensor_type") or not kind.tensor_type.HasField("shape"):
        return None
    dims = kind.tensor_type.shape.dim
    if len(dims) > 16:
        return None
    sizes: list[Any] = []
    for i, dim in enumerate(dims):
        if dim.HasField("dim_value"):
            sizes.append(int(dim.dim_value) if 0 <= dim.dim_value < 1 << 40 else None)
        else:
            sizes.append(f"={dim.dim_param[:200]}" if dim.HasField("dim_param") and dim.dim_param else f"{name}.{i}")
    return tuple(sizes)


def _buffers_of(graph: Any) -> set[str]:
    """Return the names of the arrays that PyTorch's newer exporter says are buffers, and not learned."""
    for entry in graph.metadata_props:
        if entry.key == TORCH:
            lines: Iterable[str] = entry.value[: 1 << 24].splitlines()
            return {line.partition("target='")[2].partition("'")[0] for line in lines if ": BUFFER " in line}
    return set()
