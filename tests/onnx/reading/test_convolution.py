"""Convolutions: which nodes become them, and which are refused."""

import numpy as np
import pytest

pytest.importorskip("onnx", reason="the extra onnx is not installed")

from onnx_cases import one
from onnx_reading import is_refused, layers_of, loaded

IMAGES = np.random.default_rng(0).normal(size=(2, 4, 6, 6)).astype(np.float32)


def f(*shape):
    return np.random.default_rng(1).normal(size=shape).astype(np.float32)


def test_convolutions(tmp_path):
    model = loaded(one("Conv", {"x": IMAGES}, {"w": f(6, 2, 3, 3), "b": f(6)}, group=2, pads=[1, 1, 1, 1]), tmp_path)
    assert (model[0].groups, model[0].padding, model[0].kernel_size) == (2, 1, 3)
    model = loaded(one("Conv", {"x": IMAGES}, {"w": f(6, 4, 3, 3)}, pads=[0, 1, 1, 1]), tmp_path)
    assert layers_of(model) == ["PadAxes", "Conv2d"]


def test_what_is_refused(tmp_path):
    is_refused(tmp_path, "there are Conv1d", "Conv", {"x": f(1, 1, 2, 2, 2, 2)}, {"w": f(1, 1, 1, 1, 1, 1)})
    is_refused(tmp_path, "must be a constant array of floats", "Conv", {"x": IMAGES, "w": f(6, 4, 3, 3)})
    is_refused(tmp_path, "its kernel_shape is not", "Conv", {"x": IMAGES}, {"w": f(6, 4, 3, 3)}, kernel_shape=[2, 2])
    is_refused(tmp_path, "its strides is", "Conv", {"x": IMAGES}, {"w": f(6, 4, 3, 3)}, strides=[0, 1])
    is_refused(tmp_path, "its pads are", "Conv", {"x": IMAGES}, {"w": f(6, 4, 3, 3)}, pads=[-1, 0, 0, 0])
    is_refused(tmp_path, "its auto_pad is", "Conv", {"x": IMAGES}, {"w": f(6, 4, 3, 3)}, auto_pad="ALL")
    is_refused(tmp_path, "groups divides", "Conv", {"x": IMAGES}, {"w": f(5, 2, 3, 3)}, group=2)
    is_refused(tmp_path, "output_shape", "ConvTranspose", {"x": IMAGES}, {"w": f(4, 2, 3, 3)}, output_shape=[9, 9])
