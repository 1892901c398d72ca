"""Activations with corners, gates and slopes."""

import numpy as np
import pytest

pytest.importorskip("onnx", reason="the extra onnx is not installed")
pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")

from onnx_files import exported

import minnet as mn

random = np.random.default_rng(0)


def floats(*shape):
    return random.normal(size=shape).astype(np.float32)


def kinds(proto):
    return [node.op_type for node in proto.graph.node]


LAYERS = [
    mn.CELU(0.3),
    mn.Mish(),
    mn.Hardswish(),
    mn.Hardsigmoid(),
    mn.Hardshrink(0.5),
    mn.Softshrink(0.5),
    mn.Threshold(-0.5, 3.5),
    mn.LogSigmoid(),
    mn.Softsign(),
    mn.Tanhshrink(),
]


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_numbers_far_out_and_at_the_corners(layer, tmp_path):
    x = np.array([[-1e4, -90, -20, -3, -0.5, -1e-6, 0, 1e-6, 0.5, 3, 19, 21, 90, 1e4]], np.float32)
    exported(layer, tmp_path / "m.onnx", 14, x)


def test_a_slope_for_each_channel(tmp_path):
    for layer, shape in [(mn.PReLU(3, -2), (3, None, None)), (mn.PReLU(), (3, None, None)), (mn.PReLU(4), 4)]:
        x = floats(2, 3, 5, 4) if isinstance(shape, tuple) else floats(2, 4)
        assert kinds(exported(layer, tmp_path / "m.onnx", shape, x)) == ["PRelu"]


def test_halves(tmp_path):
    exported(mn.GLU(), tmp_path / "m.onnx", (None, 6), floats(2, 3, 6))
    exported(mn.GLU(1), tmp_path / "m.onnx", (6, None), floats(2, 6, 3))
    with pytest.raises(ValueError, match="for any size of axis 1, which it halves"):
        mn.onnx.export(mn.GLU(1), tmp_path / "m.onnx", (None, 6))
