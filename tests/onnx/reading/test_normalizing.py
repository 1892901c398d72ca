"""Normalizations: their numbers, and which of their arrays are learned."""

import numpy as np
import pytest

pytest.importorskip("onnx", reason="the extra onnx is not installed")

from onnx_cases import one
from onnx_reading import X, is_refused, layers_of, loaded

import minnet as mn

IMAGES = np.random.default_rng(0).normal(size=(2, 4, 6, 6)).astype(np.float32)
FOUR = {name: np.arange(1, 5, dtype=np.float32) for name in "sbmv"}


def test_batch_norm(tmp_path):
    model = loaded(one("BatchNormalization", {"x": IMAGES}, FOUR, momentum=0.8, epsilon=1e-3), tmp_path, train=True)
    layer = model[0]
    assert type(layer) is mn.BatchNorm2d
    assert (layer.momentum, layer.eps) == (0.2, 1e-3)
    assert layer.running_var.data.tolist() == [1, 2, 3, 4]
    assert len(model.parameters()) == 2
    model.forward(IMAGES)
    assert layer.num_batches_tracked.data == 1


def test_a_network_of_volumes_comes_back(tmp_path):
    model = mn.Sequential(mn.Conv3d(1, 2, 2, rng=0), mn.BatchNorm3d(2), mn.ReLU(), mn.MaxPool3d(2)).eval()
    mn.onnx.export(model, tmp_path / "volumes.onnx", (1, 5, 5, 5))
    again = mn.onnx.load(tmp_path / "volumes.onnx")
    x = np.random.default_rng(0).random((2, 1, 5, 5, 5), np.float32)
    assert type(again[1]) is mn.BatchNorm3d
    assert np.allclose(again.forward(x), model.forward(x), atol=1e-6)


def test_dropout(tmp_path):
    model = loaded(one("Dropout", {"x": X}, {"p": np.float32(0.4), "t": np.array(True)}), tmp_path)
    assert model[0].describe() == "Dropout(p=0.4)"
    for arrays in ({"p": np.float32(0.4), "t": np.array(False)}, {"p": np.float32(0.4)}):
        assert layers_of(loaded(one("Dropout", {"x": X}, arrays), tmp_path)) == ["Identity"]


def test_what_is_refused(tmp_path):
    six = np.ones((1, 2, 3, 1, 1, 1), np.float32)
    is_refused(tmp_path, "inputs of 2 to 5 axes", "BatchNormalization", {"x": six}, {k: v[:2] for k, v in FOUR.items()})
    is_refused(tmp_path, "its momentum is 7", "BatchNormalization", {"x": IMAGES}, FOUR, momentum=7.0)
    is_refused(tmp_path, "its axis is 0", "LayerNormalization", {"x": X}, {"s": np.ones(4, np.float32)}, axis=0)
    is_refused(tmp_path, "before opset 21", "GroupNormalization", {"x": IMAGES}, {k: FOUR[k][:2] for k in "sb"},
               num_groups=2)  # fmt: skip


def test_instance_norm_without_weights_of_its_own(tmp_path):
    ones, zeros = np.ones(4, np.float32), np.zeros(4, np.float32)
    assert not loaded(
        one("InstanceNormalization", {"x": IMAGES}, {"val_1": ones, "val_2": zeros}), tmp_path
    ).parameters()
    assert loaded(
        one("InstanceNormalization", {"x": IMAGES}, {"n.weight": ones, "n.bias": zeros}), tmp_path
    ).parameters()
