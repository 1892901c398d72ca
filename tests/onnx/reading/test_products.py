"""Linear layers and embeddings: which nodes become them."""

import numpy as np
import pytest

pytest.importorskip("onnx", reason="the extra onnx is not installed")

from onnx import helper
from onnx_cases import graph, one
from onnx_reading import X, layers_of, loaded

import minnet as mn


def f(*shape):
    return np.random.default_rng(1).normal(size=shape).astype(np.float32)


def test_a_gemm_and_a_product_with_a_bias_are_linear(tmp_path):
    model = loaded(one("Gemm", {"x": X}, {"w": f(5, 4), "b": f(5)}, transB=1), tmp_path)
    assert type(model) is mn.Sequential
    assert model[0].describe() == "Linear(4, 5)"
    nodes = [helper.make_node("MatMul", ["x", "w"], ["a"]), helper.make_node("Add", ["b", "a"], ["y"])]
    model = loaded(graph(nodes, {"x": X}, {"w": f(4, 5), "b": f(5)}), tmp_path)
    assert model[0].describe() == "Linear(4, 5)"


def test_other_products_are_arithmetic(tmp_path):
    model = loaded(one("Gemm", {"x": X}, {"w": f(4, 5), "b": f(5)}, alpha=0.5), tmp_path)
    assert layers_of(model) == ["Weight", "MatMul", "Constant", "Multiply", "Weight", "Sum"]


@pytest.mark.parametrize("axis", [0, 1])
def test_a_table_is_an_embedding(axis, tmp_path):
    nodes = [helper.make_node("Gather", ["table", "i"], ["y"], axis=axis)]
    model = loaded(graph(nodes, {"i": np.array([1, 2])}, {"table": f(5, 6)}), tmp_path)
    assert layers_of(model) == (["Embedding"] if axis == 0 else ["Weight", "Gather"])
