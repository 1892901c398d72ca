"""Convolutions of images of any size, and every way to pad them."""

import numpy as np
import pytest
from onnx_files import exported

import minnet as mn

random = np.random.default_rng(0)


def floats(*shape):
    return random.normal(size=shape).astype(np.float32)


def kinds(proto):
    return [node.op_type for node in proto.graph.node]


def test_images_of_any_size(tmp_path):
    model = mn.Sequential(mn.Conv2d(2, 3, 3, padding="same"), mn.ReLU(), mn.ConvTranspose2d(3, 2, 2, stride=2))
    proto = exported(
        model, tmp_path / "m.onnx", (2, None, "width"), floats(1, 2, 5, 9), floats(3, 2, 8, 4), floats(2, 2, 11, 11)
    )
    assert kinds(proto) == ["Conv", "Relu", "ConvTranspose"]
    assert [dim.dim_param for dim in proto.graph.input[0].type.tensor_type.shape.dim] == ["batch", "", "x_2", "width"]


@pytest.mark.parametrize(("size", "dilation"), [(2, 1), (4, 1), (3, 2), ((2, 5), (3, 1))])
def test_same_pads_one_more_after_the_image(size, dilation, tmp_path):
    layer = mn.Conv2d(2, 4, size, padding="same", dilation=dilation, groups=2)
    exported(layer, tmp_path / "m.onnx", (2, 9, 8), floats(3, 2, 9, 8))


def test_a_transposed_convolution_with_all_options(tmp_path):
    layer = mn.ConvTranspose2d(
        4, 6, (3, 2), stride=(2, 1), padding=(1, 0), output_padding=(2, 1), groups=2, dilation=(3, 2)
    )
    exported(layer, tmp_path / "m.onnx", (4, 5, 4), floats(3, 4, 5, 4))


def test_depthwise(tmp_path):
    exported(mn.Conv1d(4, 8, 3, groups=4, stride=2), tmp_path / "m.onnx", (4, 11), floats(3, 4, 11))


def test_two_layers_with_one_weight_store_it_once(tmp_path):
    first, second = mn.Conv2d(3, 3, 3, padding=1, rng=0), mn.Conv2d(3, 3, 3, padding=1, bias=False, rng=1)
    second.weight = first.weight
    proto = exported(mn.Sequential(first, second), tmp_path / "m.onnx", (3, 6, 6), floats(2, 3, 6, 6))
    assert [tensor.name for tensor in proto.graph.initializer] == ["layers[0].weight", "layers[0].bias"]
