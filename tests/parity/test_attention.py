"""Embedding, attention and the transformer block compute what PyTorch's do, forward and backward."""

import copy

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from pytorch import examples, seeds, tensor, torch

from minnet import Decoder, EncoderDecoder, LayerNorm, Linear, Sequential
from minnet.layers.sequences.attention import MultiHeadAttention
from minnet.layers.sequences.decoder import TransformerDecoderBlock
from minnet.layers.sequences.embedding import Embedding
from minnet.layers.sequences.transformer import TransformerBlock

modest = examples(30)
sizes = st.integers(1, 4)


def randomize(layer, seed):
    """Give all Parameters random values, so that no bias is zero and no γ one."""
    generator = np.random.default_rng(seed)
    for parameter in layer.astype(np.float64).parameters():
        parameter.data = generator.normal(0, 0.7, parameter.data.shape)
    return layer


def masks(seed, shape):
    """Return a mask that leaves every row something: PyTorch gives NaN where ours gives zeros."""
    mask = np.random.default_rng(seed).random(shape) < 0.6
    mask[..., 0] = True
    return mask


@modest
@given(
    vocabulary=st.integers(1, 6),
    width=sizes,
    shape=st.lists(st.integers(0, 4), max_size=3).map(tuple),
    padding=st.none() | st.integers(0, 5),
    seed=seeds,
)
def test_embedding(parity, vocabulary, width, shape, padding, seed):
    padding = None if padding is None else padding % vocabulary
    generator = np.random.default_rng(seed)
    layer = Embedding(vocabulary, width, padding, rng=seed).astype(np.float64)
    theirs = torch.nn.Embedding(vocabulary, width, padding, dtype=torch.float64)
    with torch.no_grad():
        theirs.weight.copy_(torch.tensor(layer.weight.data))
    x, dy = np.asarray(generator.integers(0, vocabulary, shape)), generator.normal(size=(*shape, width))
    y = theirs(torch.tensor(x))
    y.backward(torch.tensor(dy))
    parity("Embedding", "output", layer.forward(x), y)
    layer.backward(dy)
    parity("Embedding", "dL/dW", layer.weight.grad, theirs.weight.grad)


# -- attention


def load_attention(theirs, ours):
    """Copy our four Linear layers into PyTorch's, which holds three of them in one matrix, (3·out, in)."""
    three = (ours.query, ours.key, ours.value)
    with torch.no_grad():
        if theirs.in_proj_weight is None:
            for name, layer in zip("qkv", three, strict=True):
                getattr(theirs, f"{name}_proj_weight").copy_(torch.tensor(layer.weight.data.T))
        else:
            theirs.in_proj_weight.copy_(torch.tensor(np.concatenate([layer.weight.data.T for layer in three])))
        theirs.out_proj.weight.copy_(torch.tensor(ours.output.weight.data.T))
        if ours.bias:
            theirs.in_proj_bias.copy_(torch.tensor(np.concatenate([layer.bias.data for layer in three])))
            theirs.out_proj.bias.copy_(torch.tensor(ours.output.bias.data))


def same_attention_gradients(parity, part, ours, theirs):
    three = (ours.query, ours.key, ours.value)
    if theirs.in_proj_weight is None:
        grads = [getattr(theirs, f"{name}_proj_weight").grad for name in "qkv"]
    else:
        grads = theirs.in_proj_weight.grad.chunk(3)
    for name, layer, grad in zip("qkv", three, grads, strict=True):
        parity(part, f"dL/dW_{name}", layer.weight.grad, grad.T)
    parity(part, "dL/dW_o", ours.output.weight.grad, theirs.out_proj.weight.grad.T)
    if ours.bias:
        for name, layer, grad in zip("qkv", three, theirs.in_proj_bias.grad.chunk(3), strict=True):
            parity(part, f"dL/db_{name}", layer.bias.grad, grad)
        parity(part, "dL/db_o", ours.output.bias.grad, theirs.out_proj.bias.grad)


def their_causal_mask(causal, length):
    """PyTorch's masks are True for what may *not* be attended to."""
    return torch.triu(torch.ones(length, length, dtype=torch.bool), 1) if causal else None


@modest
@given(
    n=sizes,
    length=st.integers(1, 5),
    heads=st.integers(1, 3),
    width=sizes,
    bias=st.booleans(),
    causal=st.booleans(),
    masked=st.booleans(),
    seed=seeds,
)
def test_self_attention(parity, n, length, heads, width, bias, causal, masked, seed):
    D, part = heads * width, "MultiHeadAttention"
    generator = np.random.default_rng(seed)
    x, dy = generator.normal(size=(2, n, length, D))
    mask = masks(seed, (n, length)) if masked else None
    layer = randomize(MultiHeadAttention(D, heads, bias, causal), seed)
    theirs = torch.nn.MultiheadAttention(D, heads, bias=bias, batch_first=True, dtype=torch.float64)
    load_attention(theirs, layer)
    t = tensor(x)
    padding = None if mask is None else torch.tensor(~mask)
    y, weights = theirs(t, t, t, key_padding_mask=padding, attn_mask=their_causal_mask(causal, length))
    y.backward(torch.tensor(dy))
    parity(part, "output", layer.forward(x, mask), y)
    parity(part, "the heads' mean A", layer.cache[3].mean(axis=1), weights)
    parity(part, "dL/dx", layer.backward(dy), t.grad)
    same_attention_gradients(parity, part, layer, theirs)


@modest
@given(n=sizes, length=sizes, other=st.integers(1, 5), heads=st.integers(1, 3), masked=st.booleans(), seed=seeds)
def test_cross_attention(parity, n, length, other, heads, masked, seed):
    D, part = 2 * heads, "MultiHeadAttention"
    generator = np.random.default_rng(seed)
    x, dy = generator.normal(size=(2, n, length, D))
    context = generator.normal(size=(n, other, D))
    mask = masks(seed, (n, other)) if masked else None
    layer = randomize(MultiHeadAttention(D, heads), seed)
    theirs = torch.nn.MultiheadAttention(D, heads, batch_first=True, dtype=torch.float64)
    load_attention(theirs, layer)
    t, c = tensor(x), tensor(context)
    y, _ = theirs(t, c, c, key_padding_mask=None if mask is None else torch.tensor(~mask))
    y.backward(torch.tensor(dy))
    parity(part, "output", layer.forward(x, mask, context), y)
    dx, d_context = layer.backward(dy)
    parity(part, "dL/dx", dx, t.grad)
    parity(part, "dL/d context", d_context, c.grad)
    same_attention_gradients(parity, part, layer, theirs)


@modest
@given(
    n=sizes,
    length=sizes,
    other=st.integers(1, 5),
    heads=st.integers(1, 3),
    kdim=st.none() | st.integers(1, 5),
    vdim=st.none() | st.integers(1, 5),
    bias=st.booleans(),
    masked=st.booleans(),
    mode=st.sampled_from(["train", "eval"]),
    seed=seeds,
)
def test_keys_and_values_of_other_lengths(parity, n, length, other, heads, kdim, vdim, bias, masked, mode, seed):
    D, part = 2 * heads, "MultiHeadAttention with kdim and vdim"
    generator = np.random.default_rng(seed)
    x, dy = generator.normal(size=(2, n, length, D))
    keys, values = (generator.normal(size=(n, other, size or D)) for size in (kdim, vdim))
    mask = masks(seed, (n, other)) if masked else None
    layer = getattr(randomize(MultiHeadAttention(D, heads, bias, kdim=kdim, vdim=vdim), seed), mode)()
    theirs = torch.nn.MultiheadAttention(
        D, heads, bias=bias, kdim=kdim, vdim=vdim, batch_first=True, dtype=torch.float64
    )
    load_attention(theirs, layer)
    t, k, v = map(tensor, (x, keys, values))
    y, _ = getattr(theirs, mode)()(t, k, v, key_padding_mask=None if mask is None else torch.tensor(~mask))
    parity(part, "output", layer.forward(x, mask, keys, values), y)
    if mode == "eval":
        return
    y.backward(torch.tensor(dy))
    for name, ours, grad in zip(("dL/dx", "dL/d keys", "dL/d values"), layer.backward(dy), (t, k, v), strict=True):
        parity(part, name, ours, grad.grad)
    same_attention_gradients(parity, part, layer, theirs)


@modest
@given(n=sizes, length=sizes, p=st.floats(0.1, 0.8), seed=seeds)
def test_dropout_of_the_weights_with_the_same_mask(parity, n, length, p, seed):
    """PyTorch draws its masks elsewhere, so its formula is written down here, with our mask."""
    part, x = "MultiHeadAttention", np.random.default_rng(seed).normal(size=(n, length, 4))
    layer = randomize(MultiHeadAttention(4, 2, dropout=p, rng=seed), seed)
    keep = torch.tensor(copy.deepcopy(layer.dropout).forward(np.ones((n, 2, length, length))))
    t = tensor(x)

    def project(linear):
        y = t @ torch.tensor(linear.weight.data) + torch.tensor(linear.bias.data)
        return y.reshape(n, length, 2, 2).transpose(1, 2)

    q, k, v = (project(linear) for linear in (layer.query, layer.key, layer.value))
    heads = (torch.softmax(q @ k.transpose(2, 3) / 2**0.5, -1) * keep) @ v
    y = heads.transpose(1, 2).reshape(n, length, 4) @ torch.tensor(layer.output.weight.data)
    y = y + torch.tensor(layer.output.bias.data)
    y.backward(torch.ones_like(y))
    parity(part, "output", layer.forward(x), y)
    parity(part, "dL/dx", layer.backward(np.ones_like(x)), t.grad)


# -- the block


@modest
@given(
    n=sizes,
    length=sizes,
    heads=st.integers(1, 2),
    hidden=st.integers(1, 6),
    norm_first=st.booleans(),
    causal=st.booleans(),
    masked=st.booleans(),
    activation=st.sampled_from(["relu", "gelu"]),
    bias=st.booleans(),
    eps=st.sampled_from([1e-5, 1e-2]),
    mode=st.sampled_from(["train", "eval"]),
    seed=seeds,
)
def test_transformer_block(
    parity, n, length, heads, hidden, norm_first, causal, masked, activation, bias, eps, mode, seed
):
    D, part = 2 * heads, "TransformerBlock"
    generator = np.random.default_rng(seed)
    x, dy = generator.normal(size=(2, n, length, D))
    mask = masks(seed, (n, length)) if masked else None
    options = {"activation": activation, "bias": bias, "layer_norm_eps": eps}
    block = randomize(TransformerBlock(D, heads, hidden, 0.0, causal, norm_first, **options), seed)
    theirs = torch.nn.TransformerEncoderLayer(
        D, heads, hidden, 0.0, batch_first=True, norm_first=norm_first, dtype=torch.float64, **options
    )
    load_attention(theirs.self_attn, block.attention)
    pairs = [
        ("norm1", block.attention_norm, theirs.norm1),
        ("norm2", block.network_norm, theirs.norm2),
        ("network 1", block.network.layers[0], theirs.linear1),
        ("network 2", block.network.layers[-1], theirs.linear2),
    ]
    load_pairs(pairs)
    t = tensor(x)
    if mode == "eval":
        t = t.detach()  # and with gradients off, PyTorch takes its fast path
        with torch.no_grad():
            y = theirs.eval()(
                t, their_causal_mask(causal, length), src_key_padding_mask=None if mask is None else torch.tensor(~mask)
            )
        real = np.ones((n, length), bool) if mask is None else mask  # where its fast path may give zeros
        parity(
            part,
            "output in eval mode",
            block.eval().forward(x, mask) * real[..., None],
            y * torch.tensor(real)[..., None],
        )
        return
    y = theirs(t, their_causal_mask(causal, length), src_key_padding_mask=None if mask is None else torch.tensor(~mask))
    y.backward(torch.tensor(dy))
    parity(part, "output", block.forward(x, mask), y)
    parity(part, "dL/dx", block.backward(dy), t.grad)
    same_attention_gradients(parity, part, block.attention, theirs.self_attn)
    same_pairs(parity, part, pairs)


def load_pairs(pairs):
    """Copy the numbers of our norms and Linear layers into PyTorch's, given as (name, ours, theirs)."""
    with torch.no_grad():
        for _, ours, other in pairs:
            weight = ours.weight.data
            other.weight.copy_(torch.tensor(weight.T if isinstance(ours, Linear) else weight))
            if ours.bias is not None:
                other.bias.copy_(torch.tensor(ours.bias.data))


def same_pairs(parity, part, pairs):
    for name, ours, other in pairs:
        parity(part, f"dL/d {name}", ours.weight.grad, other.weight.grad.numpy().T)
        if ours.bias is not None:
            parity(part, f"dL/d {name}", ours.bias.grad, other.bias.grad)


def decoder_pairs(block, theirs):
    load_attention(theirs.self_attn, block.attention)
    load_attention(theirs.multihead_attn, block.cross_attention)
    pairs = [
        ("norm1", block.attention_norm, theirs.norm1),
        ("norm2", block.cross_norm, theirs.norm2),
        ("norm3", block.network_norm, theirs.norm3),
        ("network 1", block.network.layers[0], theirs.linear1),
        ("network 2", block.network.layers[-1], theirs.linear2),
    ]
    load_pairs(pairs)
    return pairs


@modest
@given(
    n=sizes,
    length=sizes,
    other=st.integers(1, 5),
    heads=st.integers(1, 2),
    hidden=st.integers(1, 6),
    norm_first=st.booleans(),
    causal=st.booleans(),
    masked=st.tuples(st.booleans(), st.booleans()),
    activation=st.sampled_from(["relu", "gelu"]),
    bias=st.booleans(),
    eps=st.sampled_from([1e-5, 1e-2]),
    mode=st.sampled_from(["train", "eval"]),
    seed=seeds,
)
def test_transformer_decoder_block(
    parity, n, length, other, heads, hidden, norm_first, causal, masked, activation, bias, eps, mode, seed
):
    D, part = 2 * heads, "TransformerDecoderBlock"
    generator = np.random.default_rng(seed)
    x, dy = generator.normal(size=(2, n, length, D))
    memory = generator.normal(size=(n, other, D))
    mask, memory_mask = (
        masks(seed, shape) if given else None for given, shape in zip(masked, [(n, length), (n, other)], strict=True)
    )
    options = {"activation": activation, "bias": bias, "layer_norm_eps": eps}
    block = randomize(TransformerDecoderBlock(D, heads, hidden, 0.0, causal, norm_first, **options), seed)
    theirs = torch.nn.TransformerDecoderLayer(
        D, heads, hidden, 0.0, batch_first=True, norm_first=norm_first, dtype=torch.float64, **options
    )
    pairs = decoder_pairs(block, theirs)
    t, m = tensor(x), tensor(memory)
    y = getattr(theirs, mode)()(
        t,
        m,
        their_causal_mask(causal, length),
        tgt_key_padding_mask=None if mask is None else torch.tensor(~mask),
        memory_key_padding_mask=None if memory_mask is None else torch.tensor(~memory_mask),
    )
    parity(part, "output", getattr(block, mode)().forward(x, memory, mask, memory_mask), y)
    if mode == "eval":
        return
    y.backward(torch.tensor(dy))
    dx, d_memory = block.backward(dy)
    parity(part, "dL/dx", dx, t.grad)
    parity(part, "dL/d memory", d_memory, m.grad)
    same_attention_gradients(parity, part, block.attention, theirs.self_attn)
    same_attention_gradients(parity, part, block.cross_attention, theirs.multihead_attn)
    same_pairs(parity, part, pairs)


@examples(10)
@given(n=sizes, source=sizes, target=sizes, norm_first=st.booleans(), depth=st.integers(1, 2), seed=seeds)
def test_a_transformer_of_stacks(parity, n, source, target, norm_first, depth, seed):
    """PyTorch's Transformer is stacks of blocks with a norm behind each; its decoder is causal by a mask."""
    part, generator = "EncoderDecoder", np.random.default_rng(seed)
    s, x = generator.normal(size=(n, source, 4)), generator.normal(size=(n, target, 4))
    mask = masks(seed, (n, source))
    encoder = [TransformerBlock(4, 2, 3, 0.0, norm_first=norm_first) for _ in range(depth)]
    decoder = [TransformerDecoderBlock(4, 2, 3, 0.0, norm_first=norm_first) for _ in range(depth)]
    model = EncoderDecoder(Sequential(*encoder, LayerNorm(4)), Decoder(*decoder, LayerNorm(4)))
    randomize(model, seed)
    options = {"batch_first": True, "norm_first": norm_first, "dtype": torch.float64}
    norms = [torch.nn.LayerNorm(4, dtype=torch.float64) for _ in range(2)]
    encoding = torch.nn.TransformerEncoder(
        torch.nn.TransformerEncoderLayer(4, 2, 3, 0.0, **options), depth, norms[0], enable_nested_tensor=False
    )
    decoding = torch.nn.TransformerDecoder(torch.nn.TransformerDecoderLayer(4, 2, 3, 0.0, **options), depth, norms[1])
    for ours, other in zip(encoder, encoding.layers, strict=True):
        load_attention(other.self_attn, ours.attention)
        load_pairs(
            [
                ("", ours.attention_norm, other.norm1),
                ("", ours.network_norm, other.norm2),
                ("", ours.network.layers[0], other.linear1),
                ("", ours.network.layers[-1], other.linear2),
            ]
        )
    pairs = [p for ours, other in zip(decoder, decoding.layers, strict=True) for p in decoder_pairs(ours, other)]
    ends = [("", model.encoder[-1], encoding.norm), ("", model.decoder[-1], decoding.norm)]
    load_pairs(ends)
    padding = torch.tensor(~mask)
    a, b = tensor(s), tensor(x)
    y = decoding(
        b,
        encoding(a, src_key_padding_mask=padding),
        tgt_mask=their_causal_mask(True, target),
        memory_key_padding_mask=padding,
    )
    dy = generator.normal(size=y.shape)
    y.backward(torch.tensor(dy))
    parity(part, "output", model.forward(s, x, mask), y)
    for name, ours, other in zip(("source", "target"), model.backward(dy), (a, b), strict=True):
        parity(part, f"dL/d {name}", ours, other.grad)
    same_pairs(parity, part, [("weights", ours, other) for _, ours, other in (*pairs, *ends)])
    for ours, other in zip(encoder, encoding.layers, strict=True):
        same_attention_gradients(parity, part, ours.attention, other.self_attn)
