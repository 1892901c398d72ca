"""TransformerBlock: attention, then a small network, each with a way around it."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from helpers import normal_numbers

from minnet import GELU, SGD, Flatten, Linear, ReLU, Sequential, SoftmaxCrossEntropyLoss, Tanh
from minnet.inspection.gradcheck import check_layer
from minnet.layers.sequences.embedding import Embedding, LearnedPosition
from minnet.layers.sequences.transformer import TransformerBlock

generator = np.random.default_rng(0)
floats = normal_numbers(generator, dtype=np.float64)


def zero(*layers):
    """Set the weights and biases of Linear layers to zero."""
    for layer in layers:
        layer.weight.data[...] = 0
        layer.bias.data[...] = 0


@pytest.mark.parametrize("norm_first", [True, False])
def test_what_is_left_if_attention_and_network_give_zero(norm_first):
    block = TransformerBlock(4, 2, 6, norm_first=norm_first, rng=0).astype(np.float64)
    zero(block.attention.output, block.network.layers[-2])
    x, dy = floats(2, 3, 4), floats(2, 3, 4)
    y, dx = block.forward(x), block.backward(dy)
    if norm_first:  # the way around is free
        np.testing.assert_array_equal(y, x)
        np.testing.assert_array_equal(dx, dy)
    else:
        np.testing.assert_allclose(y, (x - x.mean(-1, keepdims=True)) / x.std(-1, keepdims=True), atol=1e-4)


@pytest.mark.parametrize(
    ("block", "inputs"),
    [
        (TransformerBlock(4, 2, 6, rng=0), [floats(2, 3, 4)]),
        (TransformerBlock(4, 2, 5, dropout=0, norm_first=False, activation=Tanh(), rng=0), [floats(2, 3, 4)]),
        (TransformerBlock(4, 1, 2, dropout=0.3, causal=True, norm_first=False, rng=0), [floats(2, 2, 4)]),
        (TransformerBlock(2, 1, 1, causal=True, rng=0), [floats(2, 3, 2), np.array([[1, 1, 0], [0, 1, 1]], bool)]),
        (TransformerBlock(3, 3, 4, rng=0), [floats(1, 1, 3)]),
    ],
    ids=["norm first", "norm last", "causal", "mask", "one"],
)
def test_gradients_and_promises(block, inputs):
    assert "every requirement met" in check_layer(block, *inputs)


@pytest.mark.parametrize("leading", [(), (0,), (1,), (2, 2)])
def test_any_leading_axes(leading):
    block = TransformerBlock(4, 2, 6, rng=0).astype(np.float64).eval()
    x = floats(*leading, 3, 4)
    y = block.forward(x)
    np.testing.assert_allclose(y, block.forward(x.reshape(-1, 3, 4)).reshape(x.shape), rtol=1e-12)
    assert block.train().forward(x).shape == block.backward(x).shape == x.shape


@pytest.mark.parametrize("norm_first", [True, False])
def test_the_mask_reaches_the_attention(norm_first):
    block = TransformerBlock(4, 2, 6, norm_first=norm_first, rng=0).astype(np.float64).eval()
    x, mask = floats(2, 5, 4), np.array([[1, 1, 1, 0, 0]] * 2, bool)
    np.testing.assert_allclose(block.forward(x, mask)[:, :3], block.forward(x[:, :3]))


def test_a_causal_block_does_not_see_what_comes_later():
    block = TransformerBlock(4, 2, 6, causal=True, rng=0).astype(np.float64).eval()
    x = floats(2, 5, 4)
    np.testing.assert_allclose(block.forward(x[:, :2]), block.forward(x)[:, :2])


def test_dropout_is_where_pytorch_has_it_and_not_in_eval_mode():
    block = TransformerBlock(4, 2, 6, dropout=0.5, rng=0).astype(np.float64)
    assert [name for name, layer in block.named_layers() if type(layer).__name__ == "Dropout"] == [
        "attention.dropout",
        "dropout",
        "network.layers[2]",
        "network.layers[4]",
    ]
    x = floats(2, 3, 4)
    assert not np.array_equal(block.forward(x), block.forward(x))
    block.eval()
    np.testing.assert_array_equal(block.forward(x), block.forward(x))


def test_threads_share_a_block_in_eval_mode():
    block = TransformerBlock(8, 2, 16, rng=0).astype(np.float64).eval()
    inputs = np.random.default_rng(1).normal(size=(8, 16, 10, 8))
    alone = [block.forward(x) for x in inputs]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            for y, expected in zip(pool.map(block.forward, inputs), alone, strict=True):
                np.testing.assert_array_equal(y, expected)


def test_parts_are_as_asked_for():
    block = TransformerBlock(4, 2, 6, dropout=0.0)
    assert [type(layer) for layer in block.network.layers] == [Linear, ReLU, Linear]
    assert block.dropout is block.attention.dropout is None
    assert type(TransformerBlock(4, 2, 6, activation="gelu").activation) is GELU
    assert type(TransformerBlock(4, 2, 6, activation="relu").activation) is ReLU
    block = TransformerBlock(4, 2, 6, layer_norm_eps=0.25, bias=False)
    assert block.attention_norm.eps == block.network_norm.eps == block.layer_norm_eps == 0.25
    assert not any("bias" in name for name, _ in block.named_parameters())
    tanh = Tanh()
    assert TransformerBlock(4, 2, 6, activation=tanh).network.layers[1] is tanh


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 1, 4), "TransformerBlock needs embed_dim >= 1, got 0"),
        ((4, 3, 4), "embed_dim to be a multiple of num_heads"),
        ((4, 2, 0), "TransformerBlock needs hidden >= 1, got 0"),
        ((4, 2, 4, 1.5), "0 <= p <= 1"),
        ((4, 2, 4, 0.1, False, True, "tanh"), "TransformerBlock expected activation to be one of 'relu', 'gelu', got "),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        TransformerBlock(*arguments)


@pytest.mark.parametrize(
    ("inputs", "error", "message"),
    [
        ((floats(4),), ValueError, r"expected shape \(N, T, 4\), got \(4,\)"),
        ((floats(2, 3, 5),), ValueError, r"expected shape \(N, T, 4\), got \(2, 3, 5\)"),
        ((floats(2, 3, 4, dtype=np.float32),), TypeError, "computes in float64, got float32"),
        ((floats(2, 3, 4), np.ones((2, 3), int)), TypeError, "expected a mask of booleans"),
        ((floats(2, 3, 4), np.ones((2, 4), bool)), ValueError, "expected a mask of shape"),
    ],
)
def test_wrong_inputs_are_refused_and_the_last_good_one_counts(inputs, error, message):
    block, other = (TransformerBlock(4, 2, 6, dropout=0, rng=0).astype(np.float64) for _ in range(2))
    x, dy = floats(2, 3, 4), floats(2, 3, 4)
    block.forward(x)
    other.forward(x)
    with pytest.raises(error, match=rf"^TransformerBlock\(4, 2, 6, .*\) .*{message}"):
        block.forward(*inputs)
    np.testing.assert_array_equal(block.backward(dy), other.backward(dy))


@pytest.mark.parametrize("dy", [np.ones((2, 3, 5)), np.ones((1, 3, 4)), np.ones((2, 3, 4), np.float32), None])
def test_a_wrong_gradient_is_refused_before_anything_changed(dy):
    block = TransformerBlock(4, 2, 6).astype(np.float64)
    with pytest.raises(RuntimeError, match=r"TransformerBlock\.backward\(\) before forward\(\)"):
        block.backward(np.ones((2, 3, 4)))
    block.forward(floats(2, 3, 4))
    with pytest.raises((ValueError, TypeError), match=r"^TransformerBlock\(.*\)\.backward expected"):
        block.backward(dy)
    assert not any(parameter.grad.any() for parameter in block.parameters())


def test_copies_compute_the_same_bits_with_the_same_masks():
    block = TransformerBlock(4, 2, 6, dropout=0.5, rng=0).astype(np.float64)
    x = floats(2, 3, 4)
    block.forward(x)
    for copied in (copy.deepcopy(block), pickle.loads(pickle.dumps(block))):
        again = copy.deepcopy(block)
        for _ in range(2):
            assert copied.forward(x).tobytes() == again.forward(x).tobytes()


@pytest.mark.parametrize(
    "word", ["d_model", "nhead", "dim_feedforward", "num_layers", "batch_first", "device", "dtype"]
)
def test_words_of_pytorch_are_answered(word):
    with pytest.raises(TypeError, match=rf"^TransformerBlock has no argument '{word}': "):
        TransformerBlock(4, 2, 6, **{word: 1})


@pytest.mark.parametrize("word", ["src_mask", "src_key_padding_mask", "is_causal"])
def test_words_of_pytorch_in_forward_are_answered(word):
    with pytest.raises(TypeError, match=rf"^TransformerBlock has no argument '{word}': "):
        TransformerBlock(4, 2, 6).forward(floats(2, 3, 4, dtype=np.float32), **{word: None})


def test_describe():
    assert TransformerBlock(4, 2, 6).describe() == (
        "TransformerBlock(4, 2, 6, causal=False, norm_first=True, layer_norm_eps=1e-05, bias=True)"
    )


def test_a_model_of_words_learns_what_only_attention_can_tell():
    """Does the first word occur again in the sequence?"""
    x = generator.integers(0, 5, (400, 4))
    y = (x[:, :1] == x[:, 1:]).any(axis=1).astype(int)
    model = Sequential(
        Embedding(5, 8, rng=1),
        LearnedPosition(4, 8, rng=2),
        TransformerBlock(8, 2, 16, dropout=0.0, rng=3),
        Flatten(),
        Linear(32, 2, rng=4),
    )
    loss, optimizer = SoftmaxCrossEntropyLoss(), SGD(model.parameters(), lr=0.1, momentum=0.9)
    for _ in range(150):
        optimizer.zero_grad()
        loss.forward(model.forward(x), y)
        model.accumulate_grad(loss.backward())
        optimizer.step()
    assert (model.eval().forward(x).argmax(axis=1) == y).mean() > 0.97
