"""TransformerDecoderBlock: attention to what was before, attention to a memory, and a network."""

import numpy as np
import pytest
from helpers import normal_numbers

from minnet import GELU, Dropout, Linear, ReLU, Sequential
from minnet.inspection.gradcheck import check_layer
from minnet.layers.sequences.decoder import TransformerDecoderBlock
from minnet.layers.sequences.transformer import TransformerBlock

floats = normal_numbers(np.random.default_rng(0), dtype=np.float64)
both = pytest.mark.parametrize("norm_first", [True, False])


def make(**options):
    return TransformerDecoderBlock(4, 2, 6, rng=0, **options).astype(np.float64)


def zero(*layers):
    for layer in layers:
        layer.weight.data[...] = 0
        layer.bias.data[...] = 0


def test_with_a_cross_attention_of_zero_it_is_the_block_without():
    block, plain = make(dropout=0.0), TransformerBlock(4, 2, 6, 0.0, causal=True, rng=0).astype(np.float64)
    zero(block.cross_attention.output)
    x, memory, dy = floats(2, 3, 4), floats(2, 5, 4), floats(2, 3, 4)
    np.testing.assert_array_equal(block.forward(x, memory), plain.forward(x))
    dx, d_memory = block.backward(dy)
    np.testing.assert_array_equal(dx, plain.backward(dy))
    assert not d_memory.any()


def test_the_norm_is_last_in_the_paper():
    block = make(dropout=0.0, norm_first=False)
    zero(block.attention.output, block.cross_attention.output, block.network.layers[-1])
    x = floats(2, 3, 4)
    y = block.forward(x, floats(2, 5, 4))
    np.testing.assert_allclose(y, (x - x.mean(-1, keepdims=True)) / x.std(-1, keepdims=True), atol=1e-3)


@pytest.mark.parametrize(
    ("block", "inputs"),
    [
        (TransformerDecoderBlock(4, 2, 3, rng=0), [floats(2, 2, 4), floats(2, 3, 4)]),
        (TransformerDecoderBlock(2, 1, 3, 0.3, norm_first=False, rng=0), [floats(2, 3, 2), floats(2, 1, 2)]),
        (
            TransformerDecoderBlock(2, 1, 3, 0.0, causal=False, activation="gelu", bias=False, rng=0),
            [
                floats(2, 2, 2),
                floats(2, 3, 2),
                np.array([[1, 0], [1, 1]], bool),
                np.array([[0, 0, 0], [1, 0, 1]], bool),
            ],
        ),
        (TransformerDecoderBlock(4, 2, 3, rng=0), [floats(3, 4), floats(2, 4)]),
    ],
    ids=["norm first", "norm last", "masks", "one sequence"],
)
def test_gradients_and_promises(block, inputs):
    assert "every requirement met" in check_layer(block, *inputs)


@both
def test_the_masks_reach_their_attention(norm_first):
    block = make(norm_first=norm_first).eval()
    x, memory = floats(2, 5, 4), floats(2, 6, 4)
    mask, memory_mask = np.arange(5) < [[3], [3]], np.arange(6) < [[2], [2]]
    y = block.forward(x, memory, mask, memory_mask)
    np.testing.assert_allclose(y[:, :3], block.forward(x[:, :3], memory[:, :2]))


@both
def test_it_is_causal_unless_it_is_told_otherwise(norm_first):
    x, memory = floats(2, 5, 4), floats(2, 6, 4)
    block = make(norm_first=norm_first).eval()
    np.testing.assert_allclose(block.forward(x[:, :2], memory), block.forward(x, memory)[:, :2])
    block = make(norm_first=norm_first, causal=False).eval()
    assert not np.allclose(block.forward(x[:, :2], memory), block.forward(x, memory)[:, :2])


def test_parts_are_as_asked_for():
    block = make(dropout=0.5, activation="gelu", layer_norm_eps=0.25, bias=False)
    assert [type(layer) for layer in block.network] == [Linear, GELU, Dropout, Linear, Dropout]
    assert [name for name, layer in block.named_layers() if isinstance(layer, Dropout)] == [
        "attention.dropout",
        "dropout",
        "network.layers[2]",
        "network.layers[4]",
        "cross_attention.dropout",
        "cross_dropout",
    ]
    assert {norm.eps for norm in (block.attention_norm, block.cross_norm, block.network_norm)} == {0.25}
    assert not any("bias" in name for name, _ in block.named_parameters())
    assert block.attention.causal
    assert not block.cross_attention.causal
    assert type(make(activation="relu").activation) is ReLU
    assert block.arguments()["dropout"] == 0.5


def test_dropout_is_in_training_only():
    block, x, memory = make(dropout=0.5), floats(2, 3, 4), floats(2, 5, 4)
    assert not np.array_equal(block.forward(x, memory), block.forward(x, memory))
    block.eval()
    np.testing.assert_array_equal(block.forward(x, memory), block.forward(x, memory))


@pytest.mark.parametrize(
    ("inputs", "error", "message"),
    [
        ((floats(2, 3, 4),), TypeError, r"needs a memory to attend to: forward\(x, memory\); mn\.Decoder"),
        ((floats(2, 3, 5), floats(2, 3, 4)), ValueError, r"expected shape \(N, T, 4\), got \(2, 3, 5\)"),
        ((floats(2, 3, 4), floats(2, 3, 5)), ValueError, r"expected shape \(N, T, 4\), got \(2, 3, 5\)"),
        ((floats(2, 3, 4), floats(3, 3, 4)), ValueError, "x and memory of one batch size"),
        ((floats(2, 3, 4), floats(2, 3, 4, dtype=np.float32)), TypeError, "computes in float64, got float32"),
        ((floats(2, 3, 4), floats(2, 5, 4), np.ones((2, 5), bool)), ValueError, r"a mask of shape \(2, 3\)"),
        ((floats(2, 3, 4), floats(2, 5, 4), None, np.ones((2, 3), bool)), ValueError, r"a mask of shape \(2, 5\)"),
    ],
)
def test_wrong_inputs_are_refused_and_the_last_good_one_counts(inputs, error, message):
    block, other = make(dropout=0.0), make(dropout=0.0)
    x, memory, dy = floats(2, 3, 4), floats(2, 5, 4), floats(2, 3, 4)
    block.forward(x, memory)
    other.forward(x, memory)
    with pytest.raises(error, match=rf"^TransformerDecoderBlock\(4, 2, 6, .*{message}"):
        block.forward(*inputs)
    for one, two in zip(block.backward(dy), other.backward(dy), strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("word", ["tgt_mask", "tgt_key_padding_mask", "memory_key_padding_mask", "tgt_is_causal"])
def test_words_of_pytorch_are_answered(word):
    with pytest.raises(TypeError, match=rf"^TransformerDecoderBlock has no argument '{word}': "):
        make().forward(floats(2, 3, 4), floats(2, 3, 4), **{word: None})
    with pytest.raises(TypeError, match=r"^TransformerDecoderBlock has no argument 'd_model': write embed_dim$"):
        TransformerDecoderBlock(d_model=4, nhead=2)


def test_a_sequential_says_that_it_cannot_pass_a_memory():
    model = Sequential(Linear(4, 4), make()).astype(np.float64)
    with pytest.raises(TypeError, match=r"needs a memory.*mn\.Decoder"):
        model.forward(floats(2, 3, 4))
