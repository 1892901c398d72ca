"""Embeddings and positions of sequences of any length."""

import numpy as np
import pytest
from onnx_files import exported

import minnet as mn

random = np.random.default_rng(0)


def floats(*shape):
    return random.normal(size=shape).astype(np.float32)


def kinds(proto):
    return [node.op_type for node in proto.graph.node]


def test_the_padding_is_zero_also_if_its_row_is_not(tmp_path):
    layer = mn.Embedding(9, 4, padding_idx=2, rng=0)
    words = random.integers(0, 9, (3, 5))
    words[0] = 2
    assert kinds(exported(layer, tmp_path / "m.onnx", (None,), words)) == ["Gather"]
    layer.weight.data += 1
    assert kinds(exported(layer, tmp_path / "m.onnx", (None,), words, words[:, :2]))[-1] == "Where"


def test_one_word_a_sample(tmp_path):
    exported(mn.Embedding(9, 4), tmp_path / "m.onnx", (), random.integers(0, 9, 6))


@pytest.mark.parametrize("dim", [1, 4, 5])
def test_positions(dim, tmp_path):
    sinus, learned = mn.SinusoidalPosition(dim), mn.LearnedPosition(12, dim)
    for layer in (sinus, learned):
        for shape in ((None, dim), (7, dim), (12, dim)):
            length = shape[0] or 12
            exported(layer, tmp_path / "m.onnx", shape, floats(2, length, dim))
    exported(sinus, tmp_path / "m.onnx", (None, dim), floats(1, 3000, dim))  # far out, the angles need float64


def test_a_sequence_beyond_the_longest_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="sequences of at most 3 places"):
        mn.onnx.export(mn.LearnedPosition(3, 2), tmp_path / "m.onnx", (4, 2))
