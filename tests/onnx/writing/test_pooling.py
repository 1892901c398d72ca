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


CEIL = [
    mn.MaxPool2d(3, 2, 1, ceil_mode=True),
    mn.MaxPool2d(2, 3, dilation=(3, 2), ceil_mode=True),
    mn.MaxPool2d((2, 1), (4, 3), ceil_mode=True),
    mn.AvgPool2d(3, 2, 1, ceil_mode=True),
    mn.AvgPool2d(2, 3, 1, ceil_mode=True, count_include_pad=False),
    mn.AvgPool2d(2, 3, 1, ceil_mode=True, divisor_override=5),
]


@pytest.mark.parametrize("layer", CEIL, ids=repr)
@pytest.mark.parametrize("size", [(7, 5), (4, 6), (8, 8), (3, 9)])
def test_the_last_window_of_ceil_mode(layer, size, tmp_path):
    exported(layer, tmp_path / "m.onnx", (2, *size), floats(3, 2, *size) - 3)


def test_ceil_mode_for_images_of_any_size(tmp_path):
    x = floats(2, 3, 5, 8), floats(1, 3, 4, 7), floats(1, 3, 6, 6)
    for layer in (mn.MaxPool2d(2, ceil_mode=True), mn.AvgPool2d(3, 2, ceil_mode=True)):
        exported(mn.Sequential(mn.ReLU(), layer), tmp_path / "m.onnx", (3, None, None), *x)
    (tmp_path / "m.onnx").unlink()
    for layer in (mn.MaxPool2d(3, 2, 1, ceil_mode=True), mn.AvgPool2d(2, 2, 1, ceil_mode=True)):
        with pytest.raises(ValueError, match=r"for images of any size: give the height and the width in input_shape$"):
            mn.onnx.export(mn.Sequential(mn.ReLU(), layer), tmp_path / "m.onnx", (3, None, None))


@pytest.mark.parametrize("size", [1, 2, 3, 5, (2, 4), (None, 3), (7, None), (9, 1)])
def test_adaptive_windows_of_the_largest(size, tmp_path):
    exported(mn.AdaptiveMaxPool2d(size), tmp_path / "m.onnx", (2, 7, 5), floats(3, 2, 7, 5))


@pytest.mark.parametrize("kind", ["Avg", "Max"])
def test_adaptive_windows_of_signals_and_volumes(kind, tmp_path):
    for layer, shape in (
        (getattr(mn, f"Adaptive{kind}Pool1d")(3), (2, 7)),
        (getattr(mn, f"Adaptive{kind}Pool3d")((2, 3, 1)), (2, 5, 4, 3)),
    ):
        exported(layer, tmp_path / "m.onnx", shape, floats(3, *shape))


def test_global_pooling_is_a_mean(tmp_path):
    model = mn.GlobalAvgPool2d()
    assert kinds(exported(model, tmp_path / "m.onnx", (3, None, None), floats(2, 3, 5, 6))) == ["ReduceMean"]
