"""Attention with masks, also where nothing may be attended to."""

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


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_masks(causal, dtype, tmp_path):
    layer = mn.MultiHeadAttention(6, 3, causal=causal, dropout=0.3, rng=0).astype(dtype)
    x = random.normal(size=(4, 5, 6)).astype(dtype) * 3
    exported(layer, tmp_path / "m.onnx", ((None, 6), (None,)), (x, MASK), (x[:3, :2], MASK[:3, :2]))
    exported(layer, tmp_path / "m.onnx", ((5, 6), (5,)), (x, MASK))
    exported(layer, tmp_path / "m.onnx", (None, 6), x, x[:1, :1])


def test_more_axes_before_the_time(tmp_path):
    x = floats(2, 4, 5, 6)
    exported(mn.MultiHeadAttention(6, 2), tmp_path / "m.onnx", (4, None, 6), x)
    exported(mn.MultiHeadAttention(6, 2), tmp_path / "m.onnx", ((4, 5, 6), (4, 5)), (x, np.stack([MASK, ~MASK])))


def test_a_context(tmp_path):
    layer = mn.MultiHeadAttention(6, 2, rng=0)
    shapes = {"x": ("places", 6), "context": ("others", 6), "mask": ("others",)}
    exported(layer, tmp_path / "m.onnx", shapes, {"x": floats(4, 3, 6), "context": floats(4, 5, 6), "mask": MASK})


@pytest.mark.parametrize("norm_first", [True, False])
def test_a_block_whose_parts_were_changed(norm_first, tmp_path):
    block = mn.TransformerBlock(6, 2, 9, causal=True, norm_first=norm_first, activation=mn.GELU(), rng=0)
    block.attention_norm = mn.RMSNorm(6)
    proto = exported(block, tmp_path / "m.onnx", ((None, 6), (None,)), (floats(4, 5, 6), MASK))
    names = {tensor.name for tensor in proto.graph.initializer}
    assert {"attention.query.weight", "network.layers[0].weight", "attention_norm.weight"} <= names


def test_keys_and_values_of_other_lengths(tmp_path):
    layer = mn.MultiHeadAttention(6, 2, kdim=3, vdim=5, rng=0)
    shapes = {"x": ("places", 6), "context": ("others", 3), "values": ("others", 5)}
    arrays = {"x": floats(4, 3, 6), "context": floats(4, 5, 3), "values": floats(4, 5, 5)}
    exported(layer, tmp_path / "m.onnx", shapes, arrays)
    exported(layer, tmp_path / "m.onnx", shapes | {"mask": ("others",)}, arrays | {"mask": MASK})


@pytest.mark.parametrize("norm_first", [True, False])
@pytest.mark.parametrize("options", [{}, {"bias": False, "activation": "gelu", "causal": False}])
def test_a_decoder_block(norm_first, options, tmp_path):
    block = mn.TransformerDecoderBlock(6, 2, 9, norm_first=norm_first, rng=0, **options)
    shapes = {"x": ("places", 6), "memory": ("others", 6)}
    arrays = {"x": floats(4, 3, 6), "memory": floats(4, 5, 6)}
    exported(block, tmp_path / "m.onnx", shapes, arrays)
    masks = {"mask": MASK[:, :3], "memory_mask": MASK}
    exported(block, tmp_path / "m.onnx", shapes | {"mask": ("places",), "memory_mask": ("others",)}, arrays | masks)
