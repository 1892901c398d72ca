"""Shapes that are known when the file is read become numbers, and others are computed when the model runs."""

import numpy as np
import pytest

pytest.importorskip("onnx", reason="the extra onnx is not installed")

from onnx import helper
from onnx_cases import cases, graph
from onnx_reading import is_refused, layers_of, loaded

CUBE = np.random.default_rng(0).normal(size=(3, 4, 2)).astype(np.float32)


def test_shapes_of_batches(tmp_path):
    proto, inputs = cases()["Reshape computed"]
    model = loaded(proto, tmp_path)
    x = inputs["x"]
    for n in (1, 3):
        assert model.forward(x[:n]).shape == (4 * n, 2, 1)


def test_known_sizes_are_no_layers(tmp_path):
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Gather", ["s", "zero"], ["n"]),
        helper.make_node("Unsqueeze", ["n", "zero"], ["first"]),
        helper.make_node("Concat", ["first", "rest"], ["t"], axis=0),
        helper.make_node("Reshape", ["x", "t"], ["y"]),
    ]
    model = loaded(graph(nodes, {"x": CUBE}, {"zero": np.array(0), "rest": np.array([8])}), tmp_path)
    assert layers_of(model) == ["Flatten"]


def test_what_is_refused(tmp_path):
    is_refused(tmp_path, "not known from the file", "Size", {"x": CUBE})
    is_refused(tmp_path, "its end is no number", "Shape", {"x": CUBE}, end=0.5)
