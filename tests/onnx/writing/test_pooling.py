"""Poolings; adaptive ones need to know the size of the image, unless they make one number of it."""

import numpy as np
import pytest
from onnx_files import exported

import minnet as mn

random = np.random.default_rng(0)


def floats(*shape):
    return random.normal(size=shape).astype(np.float32)


def kinds(proto):
    return [node.op_type for node in proto.graph.node]


@pytest.mark.parametrize("size", [1, 2, 3, 5, (2, 4), (None, 3), (7, None), (9, 1)])
def test_adaptive_windows_that_overlap(size, tmp_path):
    exported(mn.AdaptiveAvgPool2d(size), tmp_path / "m.onnx", (2, 7, 5), floats(3, 2, 7, 5))


def test_adaptive_pooling_of_images_of_any_size(tmp_path):
    x = floats(2, 3, 4, 7), floats(1, 3, 9, 2)
    exported(mn.AdaptiveAvgPool2d(1), tmp_path / "m.onnx", (3, None, None), *x)
    exported(mn.AdaptiveAvgPool2d((None, 1)), tmp_path / "m.onnx", (3, None, None), *x)
    (tmp_path / "m.onnx").unlink()
    model = mn.Sequential(mn.ReLU(), mn.AdaptiveAvgPool2d(2))
    with pytest.raises(ValueError, match="for images of any size: give the height and the width in input_shape"):
        mn.onnx.export(model, tmp_path / "m.onnx", (3, None, None))
    assert not (tmp_path / "m.onnx").exists()


def test_borders_of_pooling(tmp_path):
    x = floats(3, 2, 7, 5) - 3
    for layer in (
        mn.MaxPool2d(3, 2, 1),
        mn.AvgPool2d(3, 2, 1),
        mn.AvgPool2d((3, 2), 1, (1, 0), count_include_pad=False),
    ):
        exported(layer, tmp_path / "m.onnx", (2, 7, 5), x)


def test_global_pooling_is_a_mean(tmp_path):
    model = mn.GlobalAvgPool2d()
    assert kinds(exported(model, tmp_path / "m.onnx", (3, None, None), floats(2, 3, 5, 6))) == ["ReduceMean"]
