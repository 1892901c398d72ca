"""Weights that several nodes read: one Parameter, or as many as there are modules."""

import numpy as np
import pytest

pytest.importorskip("onnx", reason="the extra onnx is not installed")

from onnx import helper
from onnx_cases import cases, graph

import minnet as mn

X = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
W = np.random.default_rng(1).normal(size=(4, 4)).astype(np.float32)


def twice(tmp_path, scopes=None):
    nodes = [helper.make_node("Gemm", ["x", "w"], ["a"]), helper.make_node("Gemm", ["a", "w"], ["y"])]
    for node, scope in zip(nodes, scopes or (), strict=False):
        entry = node.metadata_props.add()
        entry.key, entry.value = "pkg.torch.onnx.name_scopes", f"['', '{scope}', 'linear']"
    (tmp_path / "m.onnx").write_bytes(graph(nodes, {"x": X}, {"w": W}).SerializeToString())
    return mn.onnx.load(tmp_path / "m.onnx")


def test_one_module_that_is_called_twice_has_one_weight(tmp_path):
    for model in (twice(tmp_path), twice(tmp_path, ["body", "body"])):
        assert len(model.parameters()) == 1
        assert model[0].weight is model[1].weight
        mn.save(model, tmp_path / "m.safetensors")
        assert len(mn.load_model(tmp_path / "m.safetensors").parameters()) == 1


def test_two_modules_with_equal_numbers_have_two(tmp_path):
    model = twice(tmp_path, ["body", "head"])
    assert model.layers.names == ("body", "head")
    assert len(model.parameters()) == 2


def test_a_table_that_is_the_last_layer_too(tmp_path):
    proto, inputs = cases()["tied"]
    (tmp_path / "m.onnx").write_bytes(proto.SerializeToString())
    model = mn.onnx.load(tmp_path / "m.onnx", train=True)
    (weight,) = model.parameters()
    tokens = inputs["tokens"]
    table = weight.data.copy()
    y = model.forward(tokens)
    np.testing.assert_allclose(y, table[tokens] @ table.T, rtol=1e-6)
    dy = np.random.default_rng(0).normal(size=y.shape).astype(np.float32)
    model.backward(dy)
    expected = np.einsum("ntv,ntd->vd", dy, table[tokens])
    np.add.at(expected, tokens, dy @ table)
    np.testing.assert_allclose(weight.grad, expected, rtol=1e-5, atol=1e-5)


def test_a_bias_that_was_dropped_because_it_was_0(tmp_path):
    node = helper.make_node("Gemm", ["x", "w"], ["y"])
    entry = node.metadata_props.add()
    entry.key, entry.value = "pkg.onnxscript.rewriter.rule_name", "RemoveOptionalBiasFromGemm"
    (tmp_path / "m.onnx").write_bytes(graph([node], {"x": X}, {"w": W}).SerializeToString())
    layer = mn.onnx.load(tmp_path / "m.onnx")[0]
    assert layer.bias.data.tolist() == [0] * 4


def test_a_product_that_something_else_reads_keeps_its_bias_apart(tmp_path):
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"]),
        helper.make_node("Identity", ["a"], ["other"]),
        helper.make_node("Add", ["a", "b"], ["c"]),
        helper.make_node("Mul", ["c", "other"], ["y"]),
    ]
    (tmp_path / "m.onnx").write_bytes(graph(nodes, {"x": X}, {"w": W, "b": W[0]}).SerializeToString())
    model = mn.onnx.load(tmp_path / "m.onnx")
    np.testing.assert_allclose(model.forward(X), (X @ W + W[0]) * (X @ W), rtol=1e-5)
