"""What is left when all nodes are read: a Sequential for a chain, and a Graph for anything else."""

import numpy as np
import pytest

pytest.importorskip("onnx", reason="the extra onnx is not installed")

from onnx import helper
from onnx_cases import cases, graph
from onnx_reading import X, layers_of, loaded

import minnet as mn
from minnet.errors import CheckpointError


def test_a_chain_and_another_graph(tmp_path):
    chain = [helper.make_node("Relu", ["x"], ["a"], "/body/relu/Relu"), helper.make_node("Tanh", ["a"], ["y"])]
    model = loaded(graph(chain, {"x": X}), tmp_path)
    assert type(model) is mn.Sequential
    assert model.layers.names == ("body_relu", "tanh")
    model = loaded(cases()["residual"][0], tmp_path)
    assert type(model) is mn.Graph
    assert layers_of(model) == ["Linear", "ReLU", "Linear", "Sum", "Softmax"]
    assert dict(model.wires) == {"add": ("gemm_2", "x")}


def test_layers_of_numbers_have_no_names_in_a_sequential(tmp_path):
    model = mn.Sequential(mn.Linear(4, 3, rng=0), mn.ReLU(), mn.Linear(3, 2, rng=1))
    mn.onnx.export(model, tmp_path / "m.onnx", 4)
    again = mn.onnx.load(tmp_path / "m.onnx")
    assert again.layers.names == (None,) * 3
    assert [path for path, _ in again.named_parameters()] == [path for path, _ in model.named_parameters()]


def test_what_does_nothing_is_left_out(tmp_path):
    nodes = [helper.make_node("Identity", ["x"], ["a"]), helper.make_node("Relu", ["a"], ["b"])]
    nodes.append(helper.make_node("Identity", ["b"], ["y"]))
    assert layers_of(loaded(graph(nodes, {"x": X}), tmp_path)) == ["ReLU"]


def test_an_input_that_is_the_output(tmp_path):
    model = loaded(graph([helper.make_node("Identity", ["x"], ["y"])], {"x": X}), tmp_path)
    assert np.array_equal(model.forward(X), X)


def test_a_constant_alone_is_no_model(tmp_path):
    nodes = [helper.make_node("Shape", ["x"], ["s"], start=1), helper.make_node("Cast", ["s"], ["y"], to=1)]
    model = loaded(graph(nodes, {"x": X}), tmp_path)
    assert model.forward(X).tolist() == [4]
    with pytest.raises(CheckpointError, match="depend on no input"):
        loaded(graph([helper.make_node("Constant", [], ["y"], value_float=1.0)], {"x": X}), tmp_path)
