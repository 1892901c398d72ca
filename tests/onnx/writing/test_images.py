"""Pads, upsampling and shuffles, of images of known and of any size."""

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


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", ["Zero", "Reflection", "Replication", "Circular"])
@pytest.mark.parametrize("sizes", [(1, 2, 3, 0), (0, 0, 0, 2), (-1, 2, 0, -2)])
def test_borders_of_images_of_any_size(kind, sizes, dtype, tmp_path):
    if kind == "Circular":
        sizes = tuple(map(abs, sizes))
    layer, x = getattr(mn, f"{kind}Pad2d")(sizes), [floats(2, 3, 5, 4).astype(dtype), floats(1, 3, 4, 6).astype(dtype)]
    model = mn.Sequential(mn.Conv2d(3, 3, 1, rng=0), layer).astype(dtype)
    exported(model, tmp_path / "m.onnx", (3, None, None), *x)


def test_a_pad_of_nothing_is_nothing(tmp_path):
    proto = exported(mn.Sequential(mn.ReLU(), mn.ZeroPad2d(0)), tmp_path / "m.onnx", (3, 4, 4), floats(2, 3, 4, 4))
    assert kinds(proto) == ["Relu"]


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_convolutions_with_other_borders(mode, tmp_path):
    layer = mn.Conv2d(2, 3, (3, 4), padding="same", padding_mode=mode, rng=0)
    exported(layer, tmp_path / "m.onnx", (2, None, None), floats(2, 2, 5, 6), floats(1, 2, 4, 4))


UPSAMPLINGS = [
    *({"size": size} for size in (1, 3, 7, (9, 2), (4, 10))),
    *({"scale_factor": factor} for factor in (2, 3, 0.5, 1.25, 1.7, 2.1, (1, 4), (1.5, 1 / 3))),
]


@pytest.mark.parametrize("more", [{}, {"mode": "bilinear"}, {"mode": "bilinear", "align_corners": True}])
@pytest.mark.parametrize("options", UPSAMPLINGS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_upsampling(options, more, dtype, tmp_path):
    exported(mn.Upsample(**options, **more), tmp_path / "m.onnx", x := floats(2, 3, 4, 5).astype(dtype), x, bound=1e-5)


@pytest.mark.parametrize("options", [{"size": 7}, {"scale_factor": 2}, {"scale_factor": 1.5}])
def test_upsampling_of_signals_and_volumes(options, tmp_path):
    for mode, shape in (("nearest", (2, 3, 5)), ("linear", (2, 3, 5)), ("trilinear", (2, 2, 3, 4, 2))):
        exported(mn.Upsample(**options, mode=mode), tmp_path / "m.onnx", x := floats(*shape), x)
    exported(mn.Upsample(**options), tmp_path / "m.onnx", x := floats(1, 2, 2, 3, 2), x)


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
def test_upsampling_of_images_of_any_size(mode, tmp_path):
    for options in ({"scale_factor": 2}, {"size": (6, 8)}):
        model = mn.Sequential(mn.Conv2d(3, 2, 1, rng=0), mn.Upsample(**options, mode=mode))
        exported(model, tmp_path / "m.onnx", (3, None, None), floats(2, 3, 4, 5), floats(1, 3, 3, 2))


@pytest.mark.parametrize("options", [{"scale_factor": f} for f in (3, 1.5, 2.3, 2.7, 0.3, 1.1)] + [{"size": 3}])
def test_the_nearest_pixels_of_images_of_any_size(options, tmp_path):
    images = [floats(1, 1, n, n + 3) for n in range(4, 40)]
    exported(mn.Upsample(**options), tmp_path / "m.onnx", (1, None, None), *images, bound=0)
    model = mn.Upsample(**options)
    exported(model, tmp_path / "m.onnx", (2, None), *(floats(1, 2, n) for n in range(4, 30)), bound=0)


def test_bilinear_pixels_of_small_images_of_any_size_are_refused(tmp_path):
    """⌊H·1.1⌋ is H for H < 10: then PyTorch copies the pixels, and a Resize does not."""
    with pytest.raises(ValueError, match="for images of any size: give their size in input_shape"):
        mn.onnx.export(mn.Upsample(scale_factor=1.1, mode="bilinear"), tmp_path / "m.onnx", (1, None, None))


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
def test_the_size_after_upsampling_is_known(mode, tmp_path):
    """So that layers that need it can follow, as in a U-Net."""
    model = mn.Sequential(mn.Upsample(scale_factor=2, mode=mode), mn.ChannelShuffle(2), mn.AdaptiveAvgPool2d(3))
    exported(model, tmp_path / "m.onnx", (2, 4, 5), floats(2, 2, 4, 5))


def test_where_a_resize_would_round_to_other_pixels_they_are_written_by_their_numbers(tmp_path):
    """For some factors, r·h in float32 is a whole number where h / scale is a little below, or the other way round."""
    x, found = np.arange(23, dtype=np.float32).reshape(1, 1, 23), set()
    for size in range(1, 99, 7):
        found.update(kinds(exported(mn.Upsample(size), tmp_path / "m.onnx", x, x)))
    for factor in (1.1, 1.3, 2.2, 2.7, 3.3, 0.7, 4.1):
        found.update(kinds(exported(mn.Upsample(scale_factor=factor), tmp_path / "m.onnx", x, x)))
    assert found == {"Resize", "Gather"}


def test_shuffles(tmp_path):
    x = floats(2, 8, 4, 6)
    assert kinds(exported(mn.PixelShuffle(2), tmp_path / "m.onnx", x, x)) == ["DepthToSpace"]
    assert kinds(exported(mn.PixelUnshuffle(2), tmp_path / "m.onnx", x, x)) == ["SpaceToDepth", "Gather"]
    assert kinds(exported(mn.ChannelShuffle(4), tmp_path / "m.onnx", x, x)) == ["Gather"]
    model = mn.Sequential(mn.Conv2d(3, 8, 1, rng=0), mn.ChannelShuffle(2), mn.PixelShuffle(2), mn.PixelUnshuffle(2))
    exported(model, tmp_path / "m.onnx", (3, None, None), floats(2, 3, 3, 5), floats(1, 3, 2, 2))


def test_a_shuffle_has_to_know_the_channels(tmp_path):
    for layer in (mn.ChannelShuffle(2), mn.PixelUnshuffle(2)):
        with pytest.raises(ValueError, match="for any number of channels: give it in input_shape"):
            mn.onnx.export(mn.Sequential(mn.ReLU(), layer), tmp_path / "m.onnx", (None, 4, 4))
