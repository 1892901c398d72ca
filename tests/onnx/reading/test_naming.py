"""Layers are named after the modules that were exported."""

import pytest

pytest.importorskip("onnx", reason="the extra onnx is not installed")

from minnet.onnx.reading.naming import Names, input_names, is_generated, module_of, scope_of, word
from minnet.onnx.reading.values import Node


def test_modules_of_names():
    assert module_of("/layer1/layer1.0/conv1/Conv") == "layer1.0.conv1"
    assert module_of("/encoder/layers.0/self_attn/MatMul_1") == "encoder.layers.0.self_attn"
    assert module_of('layers["body"].layers[0].Gemm') == "body.0"
    assert module_of("Conv_12") == ""


def test_scopes():
    notes = {"pkg.torch.onnx.name_scopes": "['', 'encoder', 'encoder.layers.0', 'linear_1']"}
    assert scope_of(notes) == "encoder.layers.0"
    assert scope_of({}) is None


def test_words():
    assert word("layer1.0.conv1") == "layer1_0_conv1"
    assert word("0") == "layer_0"
    assert word("forward") == "forward_"
    assert word("layers") == "layers_"
    assert word("é→") == ""
    assert len(word("x" * 10_000)) == 80
    assert word("../../\x1b[31m") == "layer_31m"


def test_generated_names():
    assert all(map(is_generated, ("", "onnx::Conv_3", "val_12", "/a/Constant_output_0", "12", "layers[0].constant_2")))
    assert not any(map(is_generated, ("fc.weight", "scale", 'layers["a"].weight')))


def test_names_are_taken_once():
    names = Names({"x"})
    node = Node("Relu", "/block/relu/Relu", 18, [], ["y"])
    assert [names.of_layer(node, False) for _ in range(3)] == ["block_relu", "block_relu_2", "block_relu_3"]
    assert names.of_layer(Node("Conv", "/a/conv/Conv", 18, [], []), True) == "a_conv"
    assert names.of_layer(Node("ai.onnx.ml.Scaler", "", 1, [], []), False) == "scaler"
    assert names.of_constant("val_3") == "constant"
    assert names.of_constant("fc.weight") == "fc_weight"
    assert input_names(["input.1", "input_1", "42", "→"]) == {
        "input.1": "input_1", "input_1": "input_1_2", "42": "layer_42", "→": "x"
    }  # fmt: skip
