"""Pooling over time with masks of any form."""

import numpy as np
import pytest
from onnx_files import exported

import minnet as mn

random = np.random.default_rng(0)


def floats(*shape):
    return random.normal(size=shape).astype(np.float32)


def kinds(proto):
    return [node.op_type for node in proto.graph.node]


MASK = np.array([[1, 1, 0, 0], [0, 1, 0, 1], [0, 0, 0, 0], [1, 1, 1, 1]], bool)


@pytest.mark.parametrize("how", ["mean", "max", "last"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_places_that_count(how, dtype, tmp_path):
    layer, x = mn.PoolTime(how), random.normal(size=(4, 4, 3)).astype(dtype) - 5
    for shape in ((x, MASK), (x[:, :1], MASK[:, :1])):
        time = shape[0].shape[1]
        exported(layer, tmp_path / "m.onnx", shape, (x[:, :time], MASK[:, :time]))
    exported(layer, tmp_path / "m.onnx", x, x)
    if dtype == np.float32:
        exported(layer, tmp_path / "m.onnx", ((None, 3), (None,)), (x, MASK), (x[:2, :3], MASK[:2, :3]))
        exported(layer, tmp_path / "m.onnx", (None, 3), x, x[:, :1])


@pytest.mark.parametrize("index", [0, 1, -1, -2])
def test_select(index, tmp_path):
    x = np.random.default_rng(0).normal(size=(4, 5, 3)).astype(np.float32)
    mask = np.array([[1, 1, 0, 0, 1], [0, 1, 0, 0, 0], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1]], bool)
    layer = mn.Select(index)
    exported(layer, tmp_path / "m.onnx", (None, 3), x)
    exported(layer, tmp_path / "m.onnx", {"x": (None, 3), "mask": (None,)}, {"x": x, "mask": mask})
    exported(mn.Select(index, axis=-1), tmp_path / "m.onnx", (5, 3), x)
