"""Which arrays of a file are learned, what it computes in, and which outputs a model has."""

import numpy as np
import pytest

pytest.importorskip("onnx", reason="the extra onnx is not installed")

import onnx
from onnx import helper
from onnx_cases import graph

import minnet as mn

X = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
W = np.random.default_rng(1).normal(size=(4, 4)).astype(np.float32)


def loaded(proto, tmp_path):
    (tmp_path / "m.onnx").write_bytes(proto.SerializeToString())
    return mn.onnx.load(tmp_path / "m.onnx")


def learned(tmp_path, array, name, constant=False):
    """Return whether an array that is multiplied with x becomes a Parameter."""
    nodes, arrays = [helper.make_node("Mul", ["x", name], ["y"])], {name: array}
    if constant:
        nodes.insert(0, helper.make_node("Constant", [], [name], value=onnx.numpy_helper.from_array(np.asarray(array))))
        arrays = {}
    model = loaded(graph(nodes, {"x": X}, arrays), tmp_path)
    assert np.array_equal(model.forward(X), X * array)
    return bool(model.parameters())


def test_which_arrays_are_learned(tmp_path):
    assert learned(tmp_path, W[0], "scale")
    assert learned(tmp_path, W[:3], "val_3")
    assert not learned(tmp_path, W[0], "val_3")
    assert not learned(tmp_path, W[0], "onnx::Mul_3")
    assert not learned(tmp_path, np.float32(2), "scale")
    assert not learned(tmp_path, W[0], "scale", constant=True)
    assert not learned(tmp_path, np.float32([0, -np.inf, 0, 1]), "mask")


def test_the_weights_of_layers_are_learned_wherever_they_are(tmp_path):
    nodes = [
        helper.make_node("Constant", [], ["w"], value=onnx.numpy_helper.from_array(W)),
        helper.make_node("Gemm", ["x", "w"], ["y"]),
    ]
    model = loaded(graph(nodes, {"x": X}), tmp_path)
    assert type(model) is mn.Sequential
    assert [p.data.shape for p in model.parameters()] == [(4, 4)]


def test_pytorchs_buffers_are_not_learned(tmp_path):
    proto = graph([helper.make_node("Mul", ["x", "scale"], ["y"])], {"x": X}, {"scale": W[0]})
    entry = proto.graph.metadata_props.add()
    entry.key = "pkg.torch.export.ExportedProgram.graph_signature"
    entry.value = "p_w: PARAMETER target='w'\nb_scale: BUFFER target='scale' persistent=True"
    assert not loaded(proto, tmp_path).parameters()


def test_float64_and_float16(tmp_path):
    proto = graph([helper.make_node("Gemm", ["x", "w"], ["y"])], {"x": X}, {"w": W.astype(np.float64)})
    proto.graph.input[0].type.tensor_type.elem_type = 11
    model = loaded(proto, tmp_path)
    assert model.dtype == np.float64
    assert model.forward(X.astype(np.float64)).dtype == np.float64
    proto = graph([helper.make_node("Gemm", ["x", "w"], ["y"])], {"x": X}, {"w": W.astype(np.float16)})
    assert loaded(proto, tmp_path).dtype == np.float32


def test_inputs_that_nothing_needs_are_left_out(tmp_path):
    proto = graph([helper.make_node("Relu", ["b"], ["y"])], {"a": X, "b": X})
    assert type(loaded(proto, tmp_path)) is mn.Sequential


def test_several_outputs_are_a_tuple(tmp_path):
    nodes = [helper.make_node("Relu", ["x"], ["p"]), helper.make_node("Tanh", ["p"], ["q"])]
    model = loaded(graph(nodes, {"x": X}, outputs=("q", "p", "x")), tmp_path)
    q, p, x = model.forward(X)
    assert np.array_equal(q, np.tanh(p))
    assert np.array_equal(x, X)


def test_arrays_that_are_inputs_as_well(tmp_path):
    proto = graph([helper.make_node("Gemm", ["x", "w"], ["y"])], {"x": X, "w": W}, {"w": W})
    model = loaded(proto, tmp_path)
    np.testing.assert_allclose(model.forward(X), X @ W, rtol=1e-6)
