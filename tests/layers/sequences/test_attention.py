"""MultiHeadAttention: every place takes from all others what it asks for."""

import copy
import pickle

import numpy as np
import pytest
from helpers import normal_numbers

from minnet.core.special import softmax_backward
from minnet.inspection.gradcheck import check_layer
from minnet.layers.sequences.attention import MultiHeadAttention, masked_softmax
from minnet.layers.sequences.embedding import SinusoidalPosition

generator = np.random.default_rng(0)
floats = normal_numbers(generator, dtype=np.float64)


def plain(embed_dim, num_heads=1, **options):
    """Return a layer whose four matrices are the identity: query, key and value are x."""
    layer = MultiHeadAttention(embed_dim, num_heads, rng=0, **options).astype(np.float64)
    for linear in (layer.query, layer.key, layer.value, layer.output):
        linear.weight.data = np.eye(embed_dim)
    return layer


def booleans(*rows):
    return np.array(rows, bool)


# -- masked softmax


def test_masked_softmax_by_hand():
    scores = np.log([[1.0, 2, 5], [1, 3, 4]])
    np.testing.assert_allclose(masked_softmax(scores, None), [[1 / 8, 2 / 8, 5 / 8], [1 / 8, 3 / 8, 4 / 8]])
    allowed = booleans([1, 1, 0], [0, 1, 1])
    np.testing.assert_allclose(masked_softmax(scores, allowed), [[1 / 3, 2 / 3, 0], [0, 3 / 7, 4 / 7]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_row_in_which_nothing_is_allowed_is_zero(dtype):
    scores = floats(2, 3, dtype=dtype)
    p = masked_softmax(scores, booleans([0, 0, 0], [1, 0, 0]))
    assert p.dtype == dtype
    np.testing.assert_array_equal(p, [[0, 0, 0], [1, 0, 0]])
    np.testing.assert_array_equal(softmax_backward(p, floats(2, 3)), np.zeros((2, 3)))


@pytest.mark.parametrize("shift", [0, 1e4, -1e4, 1e30, -1e30])
def test_large_scores_do_not_overflow(shift):
    scores = np.array([[shift, shift, -3e38]], np.float32)
    np.testing.assert_allclose(masked_softmax(scores, None), [[0.5, 0.5, 0]], atol=1e-7)
    np.testing.assert_allclose(masked_softmax(scores, booleans([1, 0, 0])), [[1, 0, 0]])


def test_what_is_not_allowed_does_not_matter_however_large():
    scores = np.array([[0, 1, 1e30]])
    np.testing.assert_allclose(
        masked_softmax(scores, booleans([1, 1, 0])), masked_softmax(scores[:, :2], None) @ np.eye(2, 3)
    )


# -- forward


def test_forward_by_hand():
    """With identities, and x = (0, 0) and (√2·log 3, 0), the second place's scores are 0 and √2 log²3."""
    a = np.log(3) * np.sqrt(2)
    y = plain(2).forward(np.array([[[0.0, 0], [a, 0]]]))
    share = 1 / (1 + np.exp(-a * a / np.sqrt(2)))
    np.testing.assert_allclose(y, [[[a / 2, 0], [share * a, 0]]])


def test_each_head_looks_at_its_own_numbers_only():
    x = floats(2, 5, 6)
    y = plain(6, 3).forward(x)
    for h in range(3):
        part = slice(2 * h, 2 * h + 2)
        np.testing.assert_allclose(y[..., part], plain(2).forward(x[..., part]))


def test_the_order_of_the_places_does_not_matter_but_for_their_own():
    layer = MultiHeadAttention(4, 2, rng=0).astype(np.float64)
    x, order = floats(2, 5, 4), [3, 0, 4, 1, 2]
    np.testing.assert_allclose(layer.forward(x[:, order]), layer.forward(x)[:, order])
    placed = SinusoidalPosition(4)
    moved = layer.forward(placed.forward(x[:, order]))
    assert not np.allclose(moved, layer.forward(placed.forward(x))[:, order])


def test_masked_places_might_as_well_not_be_there():
    layer = MultiHeadAttention(4, 2, rng=0).astype(np.float64)
    x, mask = floats(2, 5, 4), booleans([1, 1, 1, 0, 0], [1, 1, 1, 0, 0])
    y = layer.forward(x, mask)
    np.testing.assert_allclose(y[:, :3], layer.forward(x[:, :3]))
    other = x.copy()
    other[:, 3:] = 1e3
    np.testing.assert_allclose(layer.forward(other, mask)[:, :3], y[:, :3])


def test_a_causal_layer_does_not_see_what_comes_later():
    layer = MultiHeadAttention(4, 2, causal=True, rng=0).astype(np.float64)
    x = floats(2, 5, 4)
    y = layer.forward(x)
    for t in range(1, 6):
        np.testing.assert_allclose(layer.forward(x[:, :t]), y[:, :t])


def test_causal_and_mask_together():
    """The first place may see itself only, and is padding: nothing is left."""
    layer = plain(4, 2, causal=True)
    x = floats(1, 3, 4)
    y = layer.forward(x, booleans([0, 1, 1]))
    np.testing.assert_array_equal(y[0, 0], np.zeros(4))
    np.testing.assert_allclose(y[0, 1], x[0, 1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_if_nothing_may_be_attended_to_y_is_the_bias_and_no_gradient_flows(dtype):
    layer = MultiHeadAttention(4, 2, rng=0).astype(dtype)
    layer.output.bias.data = [1, 2, 3, 4]
    x = floats(2, 3, 4, dtype=dtype)
    y = layer.forward(x, booleans([0, 0, 0], [1, 1, 0]))
    np.testing.assert_array_equal(y[0], [[1, 2, 3, 4]] * 3)
    dx = layer.backward(np.ones_like(x))
    assert not dx[0].any()
    assert np.isfinite(dx).all()
    assert all(np.isfinite(p.grad).all() for p in layer.parameters())


def test_cross_attention_asks_x_and_takes_from_the_context():
    layer = plain(2)
    x, context = floats(3, 4, 2), floats(3, 1, 2)
    np.testing.assert_allclose(layer.forward(x, context=context), np.repeat(context, 4, axis=1))
    dx, d_context = layer.backward(np.ones((3, 4, 2)))
    np.testing.assert_allclose(dx, 0, atol=1e-15)  # whatever is asked, there is one answer
    np.testing.assert_allclose(d_context, np.full((3, 1, 2), 4))


def test_a_context_that_is_x_is_self_attention():
    layer = MultiHeadAttention(4, 2, rng=0).astype(np.float64)
    x, dy, mask = floats(2, 3, 4), floats(2, 3, 4), booleans([1, 0, 1], [1, 1, 1])
    other = copy.deepcopy(layer)
    np.testing.assert_array_equal(layer.forward(x, mask), other.forward(x, mask, x))
    np.testing.assert_allclose(layer.backward(dy), sum(other.backward(dy)))


def test_keys_and_values_of_other_sources_and_lengths():
    """Each place asks for the context's place that matches, and gets the value of that place."""
    layer = MultiHeadAttention(2, 1, kdim=3, vdim=1, bias=False, rng=0).astype(np.float64)
    layer.query.weight.data = 100 * np.eye(2)
    layer.key.weight.data = np.eye(3, 2)
    layer.value.weight.data = np.array([[1.0, 10.0]])
    layer.output.weight.data = np.eye(2)
    x = np.array([[[0.0, 1], [1, 0], [0, 1]]])
    context, values = np.array([[[1.0, 0, 7], [0, 1, 9]]]), np.array([[[3.0], [5.0]]])
    y = layer.forward(x, context=context, values=values)
    np.testing.assert_allclose(y, [[[5, 50], [3, 30], [5, 50]]])
    assert [d.shape for d in layer.backward(np.ones_like(y))] == [(1, 3, 2), (1, 2, 3), (1, 2, 1)]


def test_values_that_are_the_context_change_nothing():
    layer = MultiHeadAttention(4, 2, kdim=3, vdim=3, rng=0).astype(np.float64)
    x, context, dy = floats(2, 3, 4), floats(2, 5, 3), floats(2, 3, 4)
    y = layer.forward(x, context=context)
    dx, d_context = layer.backward(dy)
    np.testing.assert_array_equal(layer.forward(x, context=context, values=context), y)
    same_dx, d_keys, d_values = layer.backward(dy)
    np.testing.assert_array_equal(same_dx, dx)
    np.testing.assert_allclose(d_keys + d_values, d_context)


def test_scores_a_thousand_times_as_large_are_no_nan_in_float32():
    layer = MultiHeadAttention(4, 2, rng=0)
    x = (1e4 * floats(2, 3, 4)).astype(np.float32)
    assert np.isfinite(layer.forward(x, booleans([1, 0, 1], [0, 0, 0]))).all()
    assert np.isfinite(layer.backward(np.ones_like(x))).all()


def test_dropout_acts_in_training_only():
    layer = MultiHeadAttention(4, 2, dropout=0.5, rng=0).astype(np.float64)
    x = floats(2, 3, 4)
    assert not np.array_equal(layer.forward(x), layer.forward(x))
    layer.eval()
    np.testing.assert_array_equal(layer.forward(x), layer.forward(x))


# -- gradients and promises


@pytest.mark.parametrize(
    ("layer", "inputs"),
    [
        (MultiHeadAttention(4, 2, rng=0), [floats(2, 3, 4)]),
        (MultiHeadAttention(4, 2, rng=0), [floats(3, 4)]),
        (MultiHeadAttention(1, 1, rng=0), [floats(2, 1, 1)]),
        (MultiHeadAttention(3, 3, rng=0), [floats(1, 2, 3)]),
        (MultiHeadAttention(4, 1, bias=False, causal=True, rng=0), [floats(2, 3, 4)]),
        (MultiHeadAttention(4, 2, dropout=0.3, rng=0), [floats(2, 3, 4)]),
        (MultiHeadAttention(4, 2, rng=0), [floats(2, 3, 4), booleans([1, 1, 0], [0, 0, 0])]),
        (MultiHeadAttention(4, 2, causal=True, rng=0), [floats(2, 3, 4), booleans([0, 1, 1], [1, 1, 0])]),
        (
            MultiHeadAttention(4, 2, dropout=0.2, rng=0),
            [floats(2, 3, 4), booleans([1, 1, 0, 1], [1, 0, 0, 0]), floats(2, 4, 4)],
        ),
        (
            MultiHeadAttention(4, 2, dropout=0.2, kdim=3, vdim=3, rng=0),
            [floats(2, 3, 4), booleans([1, 1], [1, 0]), floats(2, 2, 3)],
        ),
        (
            MultiHeadAttention(4, 2, kdim=3, vdim=5, rng=0),
            [floats(2, 3, 4), booleans([1, 1], [0, 0]), floats(2, 2, 3), floats(2, 2, 5)],
        ),
    ],
    ids=lambda value: repr(value).splitlines()[0] if isinstance(value, MultiHeadAttention) else str(len(value)),
)
def test_gradients_and_promises(layer, inputs):
    assert "every requirement met" in check_layer(layer, *inputs)


@pytest.mark.parametrize("leading", [(), (0,), (1,), (2, 2)])
@pytest.mark.parametrize("masked", [True, False])
def test_any_leading_axes(leading, masked):
    layer = MultiHeadAttention(4, 2, causal=True, rng=0).astype(np.float64)
    x = floats(*leading, 3, 4)
    mask = generator.random((*leading, 3)) < 0.5 if masked else None
    y = layer.forward(x, mask)
    dx = layer.backward(y)
    assert y.shape == dx.shape == x.shape
    rows, row_mask = x.reshape(-1, 3, 4), None if mask is None else mask.reshape(-1, 3)
    np.testing.assert_allclose(layer.forward(rows, row_mask).reshape(x.shape), y, rtol=1e-12)


def test_forward_head_by_head():
    """As the formula says, one sequence and one head at a time, of a context that is longer than x."""
    layer = MultiHeadAttention(6, 3, rng=0).astype(np.float64)
    x, context = np.random.default_rng(1).normal(size=(2, 3, 6)), np.random.default_rng(2).normal(size=(2, 5, 6))
    q, k, v = layer.query.forward(x), layer.key.forward(context), layer.value.forward(context)
    heads = np.empty((2, 3, 6))
    for n in range(2):
        for head in (slice(0, 2), slice(2, 4), slice(4, 6)):
            scores = np.exp(q[n, :, head] @ k[n, :, head].T / np.sqrt(2))
            heads[n, :, head] = scores / scores.sum(axis=1, keepdims=True) @ v[n, :, head]
    np.testing.assert_allclose(layer.forward(x, context=context), layer.output.forward(heads), rtol=1e-12)


def test_results_stay_and_backward_leaves_what_forward_kept():
    layer = MultiHeadAttention(4, 2, rng=0).astype(np.float64)
    x, other = np.random.default_rng(1).normal(size=(2, 2, 3, 4))
    y = layer.forward(x)
    dy = np.cos(y)
    dx = layer.backward(dy)
    saved = y.copy(), dx.copy()
    np.testing.assert_array_equal(layer.backward(dy), dx)
    layer.backward(layer.forward(other))
    np.testing.assert_array_equal(y, saved[0])
    np.testing.assert_array_equal(dx, saved[1])


def test_a_sequence_of_nothing():
    layer = MultiHeadAttention(4, 2, rng=0).astype(np.float64)
    assert layer.forward(floats(2, 0, 4)).shape == (2, 0, 4)
    assert layer.backward(floats(2, 0, 4)).shape == (2, 0, 4)


# -- first values


def test_first_values_have_pytorchs_variances():
    layer = MultiHeadAttention(200, 4, rng=0)
    for linear, variance in [
        (layer.query, 1 / 400),
        (layer.key, 1 / 400),
        (layer.value, 1 / 400),
        (layer.output, 1 / 600),
    ]:
        values = linear.weight.data.astype(np.float64)
        assert abs(values.var() - variance) < 5 * variance * np.sqrt(0.8 / values.size)
        assert np.abs(values).max() <= np.sqrt(3 * variance) + 1e-7
        assert not linear.bias.data.any()
    assert not np.array_equal(layer.query.weight.data, layer.key.weight.data)
    layer = MultiHeadAttention(200, 4, kdim=100, vdim=300, rng=0)
    for linear, width in [(layer.query, 200), (layer.key, 100), (layer.value, 300)]:
        values, variance = linear.weight.data.astype(np.float64), 2 / (200 + width)
        assert values.shape == (width, 200)
        assert abs(values.var() - variance) < 5 * variance * np.sqrt(0.8 / values.size)


def test_the_seed_decides():
    first, again = MultiHeadAttention(4, 2, rng=1), MultiHeadAttention(4, 2, rng=1)
    assert all(np.array_equal(a.data, b.data) for a, b in zip(first.parameters(), again.parameters(), strict=True))
    told = MultiHeadAttention(4, 2, kdim=4, vdim=4, rng=1)  # which are the lengths that it has anyway
    assert all(np.array_equal(a.data, b.data) for a, b in zip(first.parameters(), told.parameters(), strict=True))


# -- wrong arguments


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((0, 1), ValueError, "MultiHeadAttention needs embed_dim >= 1, got 0"),
        ((4, 0), ValueError, "MultiHeadAttention needs num_heads >= 1, got 0"),
        ((4, 2.0), TypeError, "MultiHeadAttention expected num_heads to be an int"),
        ((4, 3), ValueError, "embed_dim to be a multiple of num_heads, got 4 and 3"),
        ((4, 2, True, False, 1.5), ValueError, "0 <= p <= 1"),
    ],
)
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        MultiHeadAttention(*arguments)


@pytest.mark.parametrize(
    ("inputs", "error", "message"),
    [
        ((floats(4),), ValueError, r"expected shape \(N, T, 4\), got \(4,\): the last axis is the vector of one place"),
        ((floats(2, 3, 5),), ValueError, r"expected shape \(N, T, 4\), got \(2, 3, 5\)"),
        ((floats(2, 3, 4, dtype=np.float32),), TypeError, "computes in float64, got float32"),
        ((floats(2, 3, 4), np.ones((2, 3))), TypeError, r"mask of booleans, True where .*got float64: pass ind"),
        ((floats(2, 3, 4), [[True] * 3] * 2), TypeError, "mask of booleans, .*got list"),
        ((floats(2, 3, 4), np.ones((2, 4), bool)), ValueError, r"mask of shape \(2, 3\), .*got \(2, 4\)"),
        ((floats(2, 3, 4), np.ones((1, 3), bool)), ValueError, r"mask of shape \(2, 3\), .*got \(1, 3\)"),
        ((floats(2, 3, 4), np.ones((2, 3), bool), floats(2, 5, 4)), ValueError, r"mask of shape \(2, 5\)"),
        ((floats(2, 3, 4), None, floats(3, 5, 4)), ValueError, "x and context of one batch size"),
        ((floats(2, 3, 4), None, floats(2, 5, 3)), ValueError, r"expected shape \(N, T, 4\), got \(2, 5, 3\)"),
        ((floats(2, 3, 4), None, floats(2, 5, 4).astype(int)), TypeError, "computes in float64, got int64"),
    ],
)
def test_wrong_inputs_are_refused_and_the_last_good_one_counts(inputs, error, message):
    layer, other = (MultiHeadAttention(4, 2, rng=0).astype(np.float64) for _ in range(2))
    x, dy = floats(2, 3, 4), floats(2, 3, 4)
    layer.forward(x)
    other.forward(x)
    with pytest.raises(error, match=rf"^MultiHeadAttention\(4, 2, .*\) .*{message}"):
        layer.forward(*inputs)
    np.testing.assert_array_equal(layer.backward(dy), other.backward(dy))


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ({}, r"needs a context \(\.\.\., S, 3\), of which the keys are made"),
        ({"values": floats(2, 5, 6)}, "needs a context"),
        ({"context": floats(2, 5, 3)}, r"needs the values \(\.\.\., S, 6\) beside the context \(\.\.\., S, 3\)"),
        ({"context": floats(2, 5, 3), "values": floats(2, 4, 6)}, "as many values as places of the context"),
        ({"context": floats(2, 5, 3), "values": floats(1, 5, 6)}, "x and values of one batch size"),
        ({"context": floats(2, 5, 3), "values": floats(2, 5, 3)}, r"expected shape \(N, T, 6\), got \(2, 5, 3\)"),
        ({"context": floats(2, 5, 6), "values": floats(2, 5, 6)}, r"expected shape \(N, T, 3\), got \(2, 5, 6\)"),
    ],
)
def test_keys_and_values_that_do_not_fit_are_refused(named, message):
    layer = MultiHeadAttention(4, 2, kdim=3, vdim=6, rng=0).astype(np.float64)
    with pytest.raises(ValueError, match=rf"^MultiHeadAttention\(4, 2, .*{message}"):
        layer.forward(floats(2, 3, 4), **named)


@pytest.mark.parametrize(
    ("kdim", "vdim", "error"), [(0, None, ValueError), (None, -1, ValueError), (2.5, 3, TypeError)]
)
def test_lengths_that_are_none_are_refused(kdim, vdim, error):
    with pytest.raises(error, match=r"MultiHeadAttention (needs|expected) [kv]dim"):
        MultiHeadAttention(4, 2, kdim=kdim, vdim=vdim)


@pytest.mark.parametrize("word", ["batch_first", "add_bias_kv", "add_zero_attn", "device", "dtype"])
def test_words_of_pytorch_are_answered(word):
    with pytest.raises(TypeError, match=rf"^MultiHeadAttention has no argument '{word}': "):
        MultiHeadAttention(4, 2, **{word: True})


@pytest.mark.parametrize(
    ("word", "cure"),
    [
        ("key_padding_mask", "mask=~key_padding_mask"),
        ("attn_mask", "causal=True"),
        ("need_weights", "leave it out"),
        ("value", r"forward\(x, mask, context, values\)"),
    ],
)
def test_words_of_pytorch_in_forward_are_answered(word, cure):
    with pytest.raises(TypeError, match=rf"^MultiHeadAttention has no argument '{word}': .*{cure}"):
        MultiHeadAttention(4, 2).forward(np.ones((2, 3, 4), np.float32), **{word: None})


def test_a_causal_layer_refuses_a_context():
    layer = MultiHeadAttention(4, 2, causal=True).astype(np.float64)
    with pytest.raises(ValueError, match="cannot attend to a context"):
        layer.forward(floats(2, 3, 4), context=floats(2, 3, 4))


@pytest.mark.parametrize("dy", [np.ones((2, 3, 5)), np.ones((1, 3, 4)), np.ones((2, 3, 4), np.float32), None])
def test_a_wrong_gradient_is_refused_before_anything_changed(dy):
    layer = MultiHeadAttention(4, 2).astype(np.float64)
    layer.forward(floats(2, 3, 4))
    with pytest.raises((ValueError, TypeError), match=r"^MultiHeadAttention\(.*\)\.backward expected"):
        layer.backward(dy)
    assert not any(parameter.grad.any() for parameter in layer.parameters())


def test_backward_before_forward():
    layer = MultiHeadAttention(4, 2)
    with pytest.raises(RuntimeError, match=r"MultiHeadAttention\.backward\(\) before forward\(\)"):
        layer.backward(np.ones((2, 3, 4), np.float32))


# -- copies and looks


def test_copies_compute_the_same_bits_with_the_same_masks():
    layer = MultiHeadAttention(4, 2, dropout=0.5, rng=0).astype(np.float64)
    copied, x = pickle.loads(pickle.dumps(layer)), floats(2, 3, 4)
    assert copied.forward(x).tobytes() == layer.forward(x).tobytes()
    assert copied.eval().forward(x).tobytes() == layer.eval().forward(x).tobytes()


def test_repr_shows_the_layers_inside():
    assert repr(MultiHeadAttention(4, 2)).splitlines() == [
        "MultiHeadAttention(4, 2, bias=True, causal=False",
        "  query: Linear(4, 4)",
        "  key: Linear(4, 4)",
        "  value: Linear(4, 4)",
        "  output: Linear(4, 4)",
        ")",
    ]
