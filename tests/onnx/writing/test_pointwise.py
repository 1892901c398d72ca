"""PReLU, gates and thresholds are operators of ONNX, too. Every option of each: tests/onnx/test_every_layer.py."""

import numpy as np
import pytest
from onnx_files import OPSETS, exported

import minnet as mn

FAR = np.array([[-1e4, -90, -20, -3, -1e-6, 0, 1e-6, 3, 20, 1e4]])
OPERATORS = {
    mn.CELU(0.3): ["Celu"],
    mn.Mish(): ["Mish"],
    mn.Hardswish(): ["HardSwish"],
    mn.Hardsigmoid(): ["HardSigmoid"],
    mn.Hardshrink(): ["Shrink"],
    mn.Softshrink(0.25): ["Shrink"],
    mn.Threshold(0, -3): ["LessOrEqual", "Where"],
    mn.LogSigmoid(): ["Neg", "Softplus", "Neg"],
    mn.Softsign(): ["Softsign"],
    mn.Tanhshrink(): ["Tanh", "Sub"],
    mn.PReLU(): ["PRelu"],
    mn.GLU(): ["Split", "Sigmoid", "Mul"],
}


@pytest.mark.parametrize("layer", OPERATORS, ids=lambda layer: type(layer).__name__)
@pytest.mark.parametrize("opset", OPSETS)
def test_numbers_far_out_and_the_operators(layer, opset, tmp_path):
    proto = exported(layer, tmp_path / "m.onnx", 10, FAR.astype(np.float32), opset=opset)
    assert [node.op_type for node in proto.graph.node] == OPERATORS[layer]


@pytest.mark.parametrize("layer", OPERATORS, ids=lambda layer: type(layer).__name__)
def test_float64_stays(layer, tmp_path):
    layer = layer if layer.dtype is None else mn.PReLU().astype(np.float64)
    exported(layer, tmp_path / "m.onnx", FAR / 2, FAR / 2)


@pytest.mark.parametrize("shape", [(4,), (4, 3), (4, 3, 2)])
def test_slopes_are_of_axis_1(shape, tmp_path):
    layer = mn.PReLU(4)
    layer.weight.data = [0.5, -1, 0, 3]
    proto = exported(layer, tmp_path / "m.onnx", shape, np.random.default_rng(0).normal(size=(3, *shape)).astype("f4"))
    assert list(proto.graph.initializer[0].dims) == [4] + [1] * (len(shape) - 1)
