"""Normalizations use what was learned: running statistics, whatever the mode is."""

import numpy as np
import pytest
from onnx_files import exported

import minnet as mn

random = np.random.default_rng(0)


def floats(*shape):
    return random.normal(size=shape).astype(np.float32)


def kinds(proto):
    return [node.op_type for node in proto.graph.node]


def test_the_running_statistics_in_training_mode(tmp_path):
    model = mn.Sequential(mn.Linear(4, 6), mn.BatchNorm1d(6), mn.Dropout(0.5), mn.Linear(6, 2)).train()
    for _ in range(5):
        model.forward(floats(8, 4) * 3 + 1)
    before = {name: array.tobytes() for name, array in model.state_dict().items()}
    proto = exported(model, tmp_path / "m.onnx", 4, floats(1, 4), floats(6, 4))
    assert kinds(proto) == ["Gemm", "BatchNormalization", "Gemm"]
    assert {name: array.tobytes() for name, array in model.state_dict().items()} == before
    assert all(layer.training for _, layer in model.named_layers())


def test_frozen_statistics(tmp_path):
    model = mn.Sequential(mn.Conv2d(1, 3, 3), mn.BatchNorm2d(3)).freeze(statistics=True)
    exported(model, tmp_path / "m.onnx", (1, 5, 5), floats(2, 1, 5, 5))
    assert model.layers[1].frozen_statistics
    assert not any(p.trainable for p in model.parameters())


def test_without_running_statistics_the_batch_has_its_own(tmp_path):
    layer = mn.BatchNorm1d(3, track_running_stats=False)
    exported(layer, tmp_path / "m.onnx", (3, 5), floats(4, 3, 5) + 10, floats(2, 3, 5))


@pytest.mark.parametrize("track", [True, False])
def test_instance_norms_of_images_of_any_size(track, tmp_path):
    layer = mn.InstanceNorm2d(3, affine=True, track_running_stats=track)
    for _ in range(3):
        layer.forward(floats(4, 3, 5, 5) * 3 + 1)
    exported(layer, tmp_path / "m.onnx", (3, None, None), floats(2, 3, 4, 3) + 2, floats(1, 3, 2, 7))


@pytest.mark.parametrize("groups", [1, 2, 6])
def test_groups_of_images_of_any_size(groups, tmp_path):
    layer = mn.GroupNorm(groups, 6)
    exported(layer, tmp_path / "m.onnx", (6, None, None), floats(2, 6, 4, 3), floats(3, 6, 2, 7))
    exported(layer, tmp_path / "m.onnx", (6, 5), floats(2, 6, 5))
    if groups < 6:
        exported(layer, tmp_path / "m.onnx", 6, floats(2, 6))


def test_normalized_sequences_of_any_length(tmp_path):
    model = mn.Sequential(mn.LayerNorm(4), mn.RMSNorm(4), mn.Normalize([1, 2, 3, 4], 2.0, axis=-1))
    proto = exported(model, tmp_path / "m.onnx", (None, 4), floats(2, 3, 4), floats(1, 9, 4))
    assert kinds(proto)[0] == "LayerNormalization"
