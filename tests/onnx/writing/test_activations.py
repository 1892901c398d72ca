"""Activations are operators of ONNX; where an older opset lacks one, its formula."""

import numpy as np
import pytest
from onnx_files import exported

import minnet as mn

random = np.random.default_rng(0)


def floats(*shape):
    return random.normal(size=shape).astype(np.float32)


def kinds(proto):
    return [node.op_type for node in proto.graph.node]


@pytest.mark.parametrize("approximate", ["none", "tanh"])
def test_gelu_is_an_operator_from_opset_20_on(approximate, tmp_path):
    x = floats(5, 7) * 4
    for opset, has in [(18, False), (19, False), (20, True), (21, True)]:
        proto = exported(mn.GELU(approximate), tmp_path / "m.onnx", 7, x, opset=opset)
        assert ("Gelu" in kinds(proto)) is has


@pytest.mark.parametrize(
    "layer", [mn.Softplus(), mn.Softplus(3, -2), mn.ELU(0.3), mn.SELU(), mn.LeakyReLU(-1.5), mn.Hardtanh(-2, 3.5)]
)
def test_numbers_far_out(layer, tmp_path):
    x = np.array([[-1e4, -90, -20, -1e-6, 0, 1e-6, 19, 21, 90, 1e4]], np.float32)
    exported(layer, tmp_path / "m.onnx", 10, x)


def test_an_activation_is_one_operator(tmp_path):
    model = mn.Sequential(mn.ReLU(), mn.Sigmoid(), mn.Tanh(), mn.ReLU6(), mn.Softmax(), mn.LogSoftmax())
    expected = ["Relu", "Sigmoid", "Tanh", "Clip", "Softmax"]
    assert kinds(exported(mn.Sequential(*model.layers[:5]), tmp_path / "m.onnx", 4, floats(3, 4))) == expected
    assert kinds(exported(mn.LogSoftmax(), tmp_path / "m.onnx", 4, floats(3, 4))) == ["LogSoftmax"]
