"""Shapes: samples stay samples where that is known, and layers that undo each other are left out."""

import numpy as np
import pytest

pytest.importorskip("onnx", reason="the extra onnx is not installed")

from onnx import helper
from onnx_cases import graph, one
from onnx_reading import is_refused, layers_of, loaded

CUBE = np.random.default_rng(0).normal(size=(3, 4, 2)).astype(np.float32)


def reshaped(tmp_path, *sizes):
    return loaded(one("Reshape", {"x": CUBE}, {"s": np.array(sizes)}), tmp_path)


def test_reshapes(tmp_path):
    assert layers_of(reshaped(tmp_path, -1, 8)) == ["Flatten"]
    assert layers_of(reshaped(tmp_path, 0, -1)) == ["Flatten"]
    assert reshaped(tmp_path, 0, 2, 2, 2)[0].describe() == "Reshape(2, 2, 2)"
    assert layers_of(reshaped(tmp_path, -1)) == ["View"]


def test_orders_of_axes(tmp_path):
    assert layers_of(loaded(one("Transpose", {"x": CUBE}, perm=[0, 2, 1]), tmp_path)) == ["Permute"]
    assert layers_of(loaded(one("Transpose", {"x": CUBE}, perm=[1, 0, 2]), tmp_path)) == ["Transpose"]
    is_refused(tmp_path, r"its perm is \(1, 0\)", "Transpose", {"x": CUBE}, perm=[1, 0])
    is_refused(tmp_path, "its axis is 5", "Flatten", {"x": CUBE}, axis=5)


def test_layers_that_undo_each_other(tmp_path):
    nodes = [
        helper.make_node("Transpose", ["x"], ["a"], perm=[1, 0, 2]),
        helper.make_node("Unsqueeze", ["a", "one"], ["b"]),
        helper.make_node("Squeeze", ["b", "one"], ["c"]),
        helper.make_node("Transpose", ["c"], ["d"], perm=[1, 0, 2]),
        helper.make_node("Relu", ["d"], ["y"]),
    ]
    model = loaded(graph(nodes, {"x": CUBE}, {"one": np.array([1])}), tmp_path)
    assert layers_of(model) == ["ReLU"]


def test_a_weight_is_moved_once_and_still_learned(tmp_path):
    w = np.arange(12, dtype=np.float32).reshape(4, 3)
    nodes = [helper.make_node("Transpose", ["w"], ["t"]), helper.make_node("MatMul", ["x", "t"], ["y"])]
    x = np.ones((2, 3), np.float32)
    model = loaded(graph(nodes, {"x": x}, {"w": w}), tmp_path)
    assert layers_of(model) == ["Linear"]
    assert np.array_equal(model.forward(x), x @ w.T)
