"""A Graph and its operations are exported. Every operation: tests/onnx/reading/test_table.py."""

import numpy as np
import pytest

pytest.importorskip("onnx", reason="the extra onnx is not installed")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

from onnx_files import exported

import minnet as mn
from minnet.layers import operations

X = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_graph(dtype, tmp_path):
    model = mn.Graph(
        first=mn.Linear(4, 4, rng=0), tanh=mn.Tanh(), sum=mn.Sum(), product=mn.Multiply(),
        wires={"sum": ("tanh", "first", "x"), "product": ("sum", "x")},
    ).astype(dtype)  # fmt: skip
    x = X.astype(dtype)
    exported(model, tmp_path / "m.onnx", 4, x, x[:1])


def test_several_inputs_and_outputs(tmp_path):
    model = mn.Graph(
        inputs=("a", "b"), outputs=("quotient", "difference"), quotient=mn.Divide(), difference=mn.Subtract(),
        wires={"quotient": ("a", "b"), "difference": ("a", "b")},
    )  # fmt: skip
    proto = exported(model, tmp_path / "m.onnx", ((4,), (4,)), (X, X + 10), (X[:1], X[:1] + 10))
    assert [value.name for value in proto.graph.input] == ["a", "b"]


def test_every_operation_has_an_entry():
    from minnet.onnx.writing.table import EXPORTERS

    for name in operations.__all__:
        kind = getattr(operations, name)
        if issubclass(kind, mn.Layer):
            assert kind in EXPORTERS, name
