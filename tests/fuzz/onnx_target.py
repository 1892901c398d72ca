"""The target of ONNX files: bytes, and the messages of graphs, with wrong edges, shapes, numbers and names."""

import sys
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from mutations import mutate
from target import Target

from minnet.core.layer import Layer
from minnet.errors import CheckpointError
from minnet.layers.operations.allocation import at_most

sys.path.append(str(Path(__file__).parents[1] / "support"))  # when fuzz.py runs as a program

try:
    import onnx
except ImportError:  # the tests of the core have no extras
    onnx = None

INT64 = [-(2**63), 2**63 - 1, 2**60, -(2**40), 2**31, -1, 0, 1, 2, 3, 7, 100_000]
FLOATS = [float("nan"), float("inf"), -float("inf"), 0.0, -1.0, 1e38, 1e-45]
PATHS = ["../secret", "/etc/passwd", "a/../../b", "", "C:\\x", "m.onnx", ".", "data/\0", "x" * 5000, "onnx.input"]


@cache
def _protos() -> list[Any]:
    from onnx_cases import cases

    return [proto for proto, _ in cases().values()]


@cache
def _samples() -> list[bytes]:
    return [proto.SerializeToString() for proto in _protos()]


@cache
def _operators() -> list[str]:
    from minnet.onnx.reading.table import OPERATORS

    return [*OPERATORS, "If", "Loop", "Scan", "Resize", "Einsum", "SequenceConstruct", "QuantizeLinear", "", "é" * 40]


def _make(random: Random) -> bytes:
    if random.random() < 0.25:
        return mutate(random, random.choice(_samples()), _samples())
    proto = onnx.ModelProto()
    proto.CopyFrom(random.choice(_protos()))
    for _ in range(random.choice((1, 1, 1, 2, 3, 6))):
        random.choice(WRONGS)(random, proto)
    content: bytes = proto.SerializeToString()
    return mutate(random, content, _samples()) if random.random() < 0.05 else content


def _node(random: Random, proto: Any) -> Any:
    nodes = [*proto.graph.node, *(node for function in proto.functions for node in function.node)]
    return random.choice(nodes) if nodes else proto.graph.node.add()


def _names(proto: Any) -> list[str]:
    graph = proto.graph
    names = [name for node in graph.node for name in (*node.input, *node.output)]
    return [*names, *(x.name for x in (*graph.initializer, *graph.input)), "", "nothing", "y"]


def _edges(random: Random, proto: Any) -> None:
    """Let a node read or make something else."""
    node, name = _node(random, proto), random.choice(_names(proto))
    names = random.choice((node.input, node.input, node.output))
    if names and random.random() < 0.7:
        names[random.randrange(len(names))] = name
    elif names and random.random() < 0.5:
        del names[random.randrange(len(names))]
    else:
        names.extend([name] * random.choice((1, 1, 3, 500)))


def _order(random: Random, proto: Any) -> None:
    """Copy, move or leave out nodes."""
    nodes, kind = proto.graph.node, random.random()
    if not nodes:
        return
    one = onnx.NodeProto()
    one.CopyFrom(random.choice(nodes))
    if kind < 0.3:
        nodes.append(one)
    elif kind < 0.6:
        nodes.insert(random.randrange(len(nodes) + 1), one)
        for i, name in enumerate(one.output):
            one.output[i] = name + "2"
    elif kind < 0.8:
        del nodes[random.randrange(len(nodes))]
    else:  # a chain, in which an array may grow with each node
        last = random.choice(_names(proto))
        for i in range(random.choice((5, 40))):
            node = nodes.add()
            node.CopyFrom(one)
            node.ClearField("input"), node.ClearField("output")
            node.input.extend([last, last] if random.random() < 0.5 else [last, *one.input[1:]])
            last = f"chain{i}"
            node.output.append(last)
        proto.graph.output[0].name = last


def _operator(random: Random, proto: Any) -> None:
    node = _node(random, proto)
    name = random.choice(_operators())
    node.domain, _, node.op_type = name.rpartition(".")


def _attribute(random: Random, proto: Any) -> None:
    """Change an attribute, or add one."""
    node = _node(random, proto)
    known = [a.name for p in _protos() for n in p.graph.node for a in n.attribute]
    if node.attribute and random.random() < 0.7:
        attribute = random.choice(node.attribute)
    else:
        attribute = node.attribute.add()
        attribute.name, attribute.type = random.choice(known), random.choice((1, 2, 3, 7))
    kind = random.random()
    if kind < 0.15:
        attribute.type = random.randrange(15)
    elif kind < 0.25:
        attribute.name = random.choice(known)
    attribute.i, attribute.f = random.choice(INT64), random.choice(FLOATS)
    attribute.s = random.choice((b"", b"same", b"SAME_UPPER", b"reverse", b"\xff\xfe", b"L1", b"x" * 10_000))
    numbers = [random.choice((*INT64, *range(-2, 5))) for _ in range(random.choice((0, 1, 2, 3, 4, 65)))]
    if kind > 0.4 and attribute.ints:
        attribute.ints[random.randrange(len(attribute.ints))] = random.choice(INT64)
    else:
        del attribute.ints[:]
        attribute.ints.extend(numbers)
    if attribute.floats and kind > 0.3:
        attribute.floats[random.randrange(len(attribute.floats))] = random.choice(FLOATS)


def _array(random: Random, proto: Any) -> None:
    """Let an array lie about its shape, its type, or where it is; or give it other numbers."""
    if not proto.graph.initializer:
        return
    tensor, kind = random.choice(proto.graph.initializer), random.random()
    if kind < 0.25 and tensor.dims:
        tensor.dims[random.randrange(len(tensor.dims))] = random.choice(INT64)
    elif kind < 0.35:
        tensor.dims.extend([random.choice((1, 1, 0, 2**40))] * random.choice((1, 3, 40)))
    elif kind < 0.45:
        tensor.data_type = random.randrange(25)
    elif kind < 0.55:
        tensor.raw_data = tensor.raw_data[: random.randrange(len(tensor.raw_data) + 1)]
    elif kind < 0.65:
        tensor.data_location = 1
        del tensor.external_data[:]
        values = {"location": random.choice(PATHS), "offset": str(random.choice(INT64)), "length": random.choice("9x4")}
        for key, value in values.items():
            if random.random() < 0.8:
                entry = tensor.external_data.add()
                entry.key, entry.value = key, value
    elif kind < 0.9:  # sizes of an array to be made, axes, numbers of parts
        new = np.array([random.choice(INT64) for _ in range(random.choice((1, 1, 2, 3, 5)))])
        tensor.CopyFrom(onnx.numpy_helper.from_array(new, tensor.name))
    else:
        tensor.name = random.choice(_names(proto))


def _declared(random: Random, proto: Any) -> None:
    """Let inputs, outputs and the file itself say something else."""
    kind, graph = random.random(), proto.graph
    if kind < 0.4 and graph.input:
        info = random.choice(graph.input)
        shape = info.type.tensor_type.shape
        if shape.dim and random.random() < 0.6:
            random.choice(shape.dim).dim_value = random.choice(INT64)
        else:
            shape.dim.add().dim_param = random.choice(("n", "m", "x" * 9000, ""))
        if random.random() < 0.2:
            info.type.tensor_type.elem_type = random.randrange(20)
    elif kind < 0.5:
        random.choice(proto.opset_import).version = random.choice((-1, 0, 1, 6, 7, 9, 11, 13, 30, 2**60))
    elif kind < 0.6:
        graph.output.add().name = random.choice(_names(proto))
    elif kind < 0.7 and graph.node:
        info = graph.value_info.add()
        info.name = random.choice(_names(proto))
        for _ in range(random.randrange(5)):
            info.type.tensor_type.shape.dim.add().dim_value = random.choice(INT64)
        info.type.tensor_type.elem_type = 1
    elif kind < 0.8:
        graph.sparse_initializer.add()
    elif kind < 0.9:
        function = proto.functions.add()
        function.name, function.domain = "Half", "mine"
        for _ in range(random.choice((1, 2, 30))):
            node = function.node.add()
            node.op_type, node.domain = random.choice(("Half", "Relu")), "mine"
    else:
        proto.producer_name = random.choice(("skl2onnx", "minnet", "pytorch"))
        entry = proto.metadata_props.add()
        entry.key = random.choice(("class_names", "input_scale"))
        entry.value = random.choice(("[" * 5000, "null", "[1]", '["a"]', "1e999", "-1", "{", "0.5"))


WRONGS = [_edges, _edges, _order, _operator, _attribute, _attribute, _array, _array, _declared]


def _read(path: Path) -> Layer:
    """Read a model, and run it on small inputs: it may refuse these, with the errors of layers."""
    import minnet.onnx

    model: Layer = minnet.onnx.load(path)
    for kind in (np.float32, np.int64):
        x = np.ones((3, 4), kind)
        names = model.inputs if isinstance(getattr(model, "inputs", "x"), tuple) else ("x",)
        try:
            with np.errstate(all="ignore"), at_most(1 << 20):
                model.forward(*[x] * len(names))
        except (ValueError, TypeError):
            pass
    return model


def _check(content: bytes, model: Any) -> None:
    """Check that what was read is a model with no more numbers than the file has."""
    assert isinstance(model, Layer)
    numbers = sum(array.data.size for _, array in model.named_arrays())
    assert numbers <= 4 * len(content) + 1_000_000
    assert len(list(model.named_layers())) <= 10_001


ONNX: dict[str, Target] = {}
if onnx is not None:
    import minnet.onnx  # noqa: F401 (so that its memory is not counted as that of a file)

    _protos()
    ONNX = {"onnx": Target(_samples, _make, _read, CheckpointError, _check, memory=1 << 24)}
