"""Functions of a model are written out, unless they call themselves, or make too much."""

import pytest

pytest.importorskip("onnx", reason="the extra onnx is not installed")

from onnx import helper

from minnet.errors import CheckpointError
from minnet.onnx.reading.functions import inlined


def model(functions):
    """Return a model of functions: name → what its nodes call."""
    x, y = (helper.make_tensor_value_info(name, 1, ["n"]) for name in "xy")
    nodes = [helper.make_node("f0", ["x"], ["y"], domain="mine")]
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("mine", 1)]
    proto = helper.make_model(helper.make_graph(nodes, "g", [x], [y]), opset_imports=opsets)
    for name, called in functions.items():
        values = ["x", *(f"v{i}" for i in range(len(called) - 1)), "y"]
        inside = [
            helper.make_node(op, [values[i]], [values[i + 1]], domain="mine" if op in functions else "")
            for i, op in enumerate(called)
        ]
        proto.functions.append(helper.make_function("mine", name, ["x"], ["y"], inside, opsets))
    return proto


def test_calls_are_written_out():
    proto = inlined(model({"f0": ["f1", "Relu"], "f1": ["Tanh", "Tanh"]}), 100)
    assert [node.op_type for node in proto.graph.node] == ["Tanh", "Tanh", "Relu"]
    assert not proto.functions


@pytest.mark.parametrize("functions", [{"f0": ["f0"]}, {"f0": ["f1"], "f1": ["Relu", "f0"]}])
def test_a_function_that_calls_itself(functions):
    with pytest.raises(CheckpointError, match="calls itself"):
        inlined(model(functions), 100)


def test_functions_that_make_too_much():
    bomb = {f"f{i}": [f"f{i + 1}"] * 10 for i in range(30)} | {"f30": ["Relu"]}
    with pytest.raises(CheckpointError, match="functions make"):
        inlined(model(bomb), 100_000)
    proto = model({"f0": ["Relu"]})
    proto.functions.append(proto.functions[0])
    with pytest.raises(CheckpointError, match="two of its functions"):
        inlined(proto, 100)
