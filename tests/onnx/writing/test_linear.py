"""Linear is Gemm for rows and MatMul for sequences; a shared weight is stored once."""

import numpy as np
from onnx_files import exported

import minnet as mn

random = np.random.default_rng(0)


def floats(*shape):
    return random.normal(size=shape).astype(np.float32)


def kinds(proto):
    return [node.op_type for node in proto.graph.node]


def test_rows_are_a_gemm(tmp_path):
    proto = exported(mn.Linear(6, 4), tmp_path / "m.onnx", 6, floats(1, 6), floats(9, 6))
    assert kinds(proto) == ["Gemm"]
    assert {tensor.name for tensor in proto.graph.initializer} == {"weight", "bias"}


def test_more_axes_are_a_matmul(tmp_path):
    for model in (mn.Linear(6, 4), mn.Linear(6, 4, bias=False)):
        proto = exported(model, tmp_path / "m.onnx", (5, 3, 6), floats(2, 5, 3, 6))
        assert kinds(proto)[0] == "MatMul"


def test_a_tied_weight_is_stored_once(tmp_path):
    first = mn.Linear(8, 3)
    for x in (floats(4, 8), floats(4, 5, 8)):
        model = mn.Sequential(first, mn.Tanh(), mn.Tied(first))
        proto = exported(model, tmp_path / "m.onnx", x.shape[1:], x)
        names = [tensor.name for tensor in proto.graph.initializer if "weight" in tensor.name]
        assert names == ["layers[0].weight"]


def test_an_embedding_shares_its_table(tmp_path):
    table = mn.Embedding(9, 4, rng=0)
    model = mn.Sequential(table, mn.Tied(table, bias=False, rng=0))
    proto = exported(model, tmp_path / "m.onnx", (5,), random.integers(0, 9, (3, 5)))
    assert [tensor.name for tensor in proto.graph.initializer] == ["layers[0].weight"]
