"""Images made larger or smaller, and what is refused of them."""

import numpy as np
import pytest

pytest.importorskip("onnx", reason="the extra onnx is not installed")

from onnx_cases import one
from onnx_reading import is_refused, layers_of, loaded

import minnet as mn

X = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype(np.float32)
NONE = np.zeros(0, np.float32)


def test_an_upsample(tmp_path):
    model = loaded(one("Resize", {"x": X}, {"r": NONE, "s": np.float32([1, 1, 2, 2])}, mode="linear"), tmp_path)
    assert layers_of(model) == ["Upsample"]
    assert (model[0].mode, model[0].scale_factor) == ("bilinear", (2.0, 2.0))


def test_what_is_refused(tmp_path):
    two, half = {"r": NONE, "s": np.float32([1, 1, 2, 2])}, {"r": NONE, "s": np.float32([1, 1, 1.5, 1.5])}
    is_refused(tmp_path, "mode cubic", "Resize", {"x": X}, two, mode="cubic")
    is_refused(tmp_path, "not there in minnet for these sizes", "Resize", {"x": X}, half)
    is_refused(tmp_path, "make other axes larger", "Resize", {"x": X}, {"r": NONE, "s": np.float32([1, 2, 2, 2])})
    is_refused(tmp_path, "neither sizes nor scales", "Resize", {"x": X}, {"r": NONE})
    is_refused(tmp_path, "others than 1 to 3", "Resize", {"x": X[0, 0]}, {"r": NONE, "s": np.float32([2, 2])})
    is_refused(tmp_path, "PixelShuffle needs upscale_factor >= 1", "DepthToSpace", {"x": X}, blocksize=0)
    is_refused(tmp_path, "does not say how many channels", "SpaceToDepth", {"x": X[0]}, blocksize=2)
    is_refused(tmp_path, "only its mode nearest", "Upsample", {"x": X}, {"s": two["s"]}, mode="linear", opset=9)


def test_minnets_own_shuffles_are_read_again(tmp_path):
    model = mn.Sequential(mn.Conv2d(3, 8, 1, rng=0), mn.PixelShuffle(2), mn.PixelUnshuffle(2), mn.ChannelShuffle(2))
    mn.onnx.export(model, tmp_path / "m.onnx", (3, None, None))
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 6)).astype(np.float32)
    assert np.array_equal(mn.onnx.load(tmp_path / "m.onnx").forward(x), model.eval().forward(x))
