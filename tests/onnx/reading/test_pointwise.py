"""Activations become the layers that are named after them."""

import numpy as np
import pytest

pytest.importorskip("onnx", reason="the extra onnx is not installed")

from onnx_cases import one
from onnx_reading import X, is_refused, layers_of, loaded

import minnet as mn

KINDS = {"Relu": mn.ReLU, "HardSwish": mn.Hardswish, "Mish": mn.Mish, "Celu": mn.CELU, "Selu": mn.SELU}


@pytest.mark.parametrize("op", KINDS)
def test_activations(op, tmp_path):
    model = loaded(one(op, {"x": X}), tmp_path)
    assert [type(layer) for layer in model] == [KINDS[op]]


def test_bounds(tmp_path):
    def clipped(**arrays):
        return layers_of(loaded(one("Clip", {"x": X}, {k: np.float32(v) for k, v in arrays.items()}), tmp_path))

    assert clipped(low=0, high=6) == ["ReLU6"]
    assert clipped(low=-1, high=2) == ["Hardtanh"]
    assert clipped(low=0) == ["ReLU"]
    assert clipped(low=1) == ["Constant", "Extreme"]


def test_slopes(tmp_path):
    model = loaded(one("PRelu", {"x": X}, {"s": np.ones(1, np.float32)}), tmp_path)
    assert layers_of(model) == ["PReLU"]
    assert len(model.parameters()) == 1


def test_what_is_refused(tmp_path):
    is_refused(tmp_path, "are not those of SELU", "Selu", {"x": X}, alpha=2.0)
    is_refused(tmp_path, "data type 8", "Cast", {"x": X}, to=8)
    is_refused(tmp_path, "alpha=2.0 is not there", "Swish", {"x": X}, alpha=2.0, opset=24)


def test_swish(tmp_path):
    assert layers_of(loaded(one("Swish", {"x": X}, opset=24), tmp_path)) == ["SiLU"]
