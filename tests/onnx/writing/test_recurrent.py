"""Recurrent layers are operators of ONNX; with a mask, the state stays where that is False."""

import numpy as np
import pytest
from onnx_files import exported

import minnet as mn

random = np.random.default_rng(0)


def floats(*shape):
    return random.normal(size=shape).astype(np.float32)


def kinds(proto):
    return [node.op_type for node in proto.graph.node]


MASK = np.array([[1, 1, 0, 0, 1], [0, 1, 0, 1, 0], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1]], bool)
LAYERS = [
    mn.RNN(3, 4, rng=0),
    mn.RNN(3, 4, nonlinearity="relu", bias=False, rng=0),
    mn.GRU(3, 4, rng=0),
    mn.GRU(3, 1, bias=False, rng=0),
    mn.LSTM(3, 4, rng=0),
    mn.LSTM(3, 2, bias=False, rng=0),
    mn.LSTM(3, 2, num_layers=2, dropout=0.3, bidirectional=True, rng=0),
    mn.GRU(3, 2, num_layers=3, rng=0),
    mn.RNN(3, 2, bidirectional=True, rng=0),
]


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_sequences_and_masks_of_any_form(layer, tmp_path):
    x = floats(4, 5, 3)
    proto = exported(layer, tmp_path / "m.onnx", (None, 3), x, x[:1, :1])
    assert type(layer).__name__ in kinds(proto)
    shapes = ((None, 3), (None,))
    forms = {"x": shapes[0], "mask": shapes[1]}
    batches = [{"x": x, "mask": MASK}, {"x": x[:3, 1:], "mask": MASK[:3, 1:]}]
    exported(layer, tmp_path / "m.onnx", forms, *batches)
    exported(layer, tmp_path / "m.onnx", {"x": (5, 3), "mask": (5,)}, batches[0])
    sequential = mn.Sequential(layer, mn.PoolTime("last"))
    exported(sequential, tmp_path / "m.onnx", shapes, (x, MASK))


def test_padding_of_any_numbers_changes_nothing(tmp_path):
    x = floats(4, 5, 3)
    x[~MASK] = 1e30
    exported(mn.GRU(3, 4, rng=0), tmp_path / "m.onnx", {"x": (None, 3), "mask": (None,)}, {"x": x, "mask": MASK})


def test_float64(tmp_path):
    layer = mn.LSTM(3, 4, rng=0).astype(np.float64)
    x = random.normal(size=(4, 5, 3))
    exported(layer, tmp_path / "m.onnx", {"x": (None, 3), "mask": (None,)}, {"x": x, "mask": MASK})


def test_what_is_not_written(tmp_path):
    with pytest.raises(ValueError, match=r"writes LSTM\(3, 2\) for sequences of shape \(N, T, 3\)"):
        mn.onnx.export(mn.LSTM(3, 2), tmp_path / "m.onnx", 3)
    with pytest.raises(ValueError, match="for sequences without a first state"):
        mn.onnx.export(mn.GRU(3, 2), tmp_path / "m.onnx", {"x": (5, 3), "state": (2,)})
