"""What moves numbers knows the sizes of a sample, and leaves the batch open."""

import numpy as np
from onnx_files import exported

import minnet as mn

random = np.random.default_rng(0)


def floats(*shape):
    return random.normal(size=shape).astype(np.float32)


def kinds(proto):
    return [node.op_type for node in proto.graph.node]


def test_a_batch_of_any_size_also_an_empty_one(tmp_path):
    model = mn.Sequential(mn.Reshape(2, -1), mn.Permute(0, 2, 1), mn.Flatten(), mn.Identity(), mn.Linear(6, 2))
    exported(model, tmp_path / "m.onnx", 6, floats(1, 6), floats(5, 6), floats(0, 6))


def test_sequences_of_any_length(tmp_path):
    model = mn.Sequential(mn.Reshape(-1, 2, 2), mn.Permute(0, 1, 3, 2), mn.Reshape(-1, 4))
    exported(model, tmp_path / "m.onnx", (None, 4), floats(2, 3, 4), floats(1, 6, 4))


def test_two_sizes_that_nobody_knows(tmp_path):
    exported(mn.Flatten(), tmp_path / "m.onnx", (None, "width"), floats(2, 3, 4))


def test_dropout_is_nothing_in_every_mode(tmp_path):
    model = mn.Sequential(mn.Dropout(0.9), mn.Linear(3, 3), mn.DropPath(0.5)).train()
    assert kinds(exported(model, tmp_path / "m.onnx", 3, floats(2, 3))) == ["Gemm"]
    assert model.layers[0].training


def test_a_model_that_does_nothing_is_an_identity(tmp_path):
    proto = exported(mn.Sequential(mn.Identity(), mn.Dropout()), tmp_path / "m.onnx", 3, floats(2, 3))
    assert kinds(proto) == ["Identity"]
