"""Activations that were exported are read again, and compute and learn the same."""

import numpy as np
import pytest

import minnet as mn
from minnet.errors import CheckpointError

onnx = pytest.importorskip("onnx", reason="the extra onnx is not installed")

LAYERS = [
    *(mn.Hardshrink(0.3), mn.Softshrink(0.3), mn.Softshrink(0), mn.Threshold(0.2, -1), mn.LogSigmoid(), mn.Softsign()),
    *(mn.Tanhshrink(), mn.Mish(), mn.Hardswish(), mn.Hardsigmoid(), mn.PReLU(), mn.PReLU(4), mn.GLU(), mn.GLU(1)),
]


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_written_and_read_again(layer, tmp_path):
    x = 3 * np.random.default_rng(0).normal(size=(5, 4, 6)).astype(np.float32)
    mn.onnx.export(layer, tmp_path / "m.onnx", (4, 6))
    again = mn.onnx.load(tmp_path / "m.onnx").train()
    y = layer.forward(x)
    np.testing.assert_allclose(again.forward(x), y, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(again.backward(np.ones_like(y)), layer.backward(np.ones_like(y)), rtol=1e-5, atol=1e-6)


def file_of(path, kind, **attributes):
    """Write a graph of one operator."""
    x, y = (onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["n", 6]) for name in "xy")
    node = onnx.helper.make_node(kind, ["x"], ["y"], **attributes)
    model = onnx.helper.make_model(
        onnx.helper.make_graph([node], "one", [x], [y]), opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=8
    )
    path.write_bytes(model.SerializeToString())
    return path


def test_operators_of_other_programs(tmp_path):
    x = np.linspace(-2, 2, 6, dtype=np.float32)[None]
    for kind, attributes, expected in (
        ("ThresholdedRelu", {}, np.where(x > 1, x, 0)),
        ("ThresholdedRelu", {"alpha": -1.0}, np.where(x > -1, x, 0)),
        ("Shrink", {}, np.where(np.abs(x) > 0.5, x, 0)),
        ("Shrink", {"lambd": 1.0, "bias": 1.0}, np.sign(x) * np.maximum(np.abs(x) - 1, 0)),
    ):
        model = mn.onnx.load(file_of(tmp_path / "m.onnx", kind, **attributes))
        np.testing.assert_allclose(model.forward(x), expected, rtol=1e-6)


def test_a_shrink_of_another_kind_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match=r"Shrink.*lambd=1.0 and bias=0.5 are not there in minnet"):
        mn.onnx.load(file_of(tmp_path / "m.onnx", "Shrink", lambd=1.0, bias=0.5))
