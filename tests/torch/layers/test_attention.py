"""Attention packs its three projections into one tensor; the block has the parts of PyTorch's encoder layer."""

import numpy as np
import pytest
from pytorch import torch

import minnet as mn

X = np.random.default_rng(0).normal(size=(2, 5, 4)).astype(np.float32)


def test_projections():
    layer = mn.MultiHeadAttention(4, 2, rng=0)
    packed = mn.torch.state_dict(layer)["in_proj_weight"].numpy()
    assert packed.shape == (12, 4)
    for i, part in enumerate((layer.query, layer.key, layer.value)):
        assert np.array_equal(packed[4 * i : 4 * i + 4].T, part.weight.data)


@pytest.mark.parametrize("causal", [False, True])
def test_weights_of_pytorchs_attention(causal):
    theirs = torch.nn.MultiheadAttention(4, 2, batch_first=True).eval()
    torch.nn.init.normal_(theirs.in_proj_bias)
    ours = mn.torch.load_state_dict(mn.MultiHeadAttention(4, 2, causal=causal), theirs.state_dict())
    t = torch.tensor(X)
    past = torch.nn.Transformer.generate_square_subsequent_mask(5) if causal else None
    y = theirs(t, t, t, attn_mask=past, need_weights=False)[0]
    np.testing.assert_allclose(ours(X), y.detach(), rtol=1e-6, atol=1e-6)


def test_a_context():
    layer = mn.MultiHeadAttention(4, 2, rng=0)
    context, mask = X[:, :3] + 1, np.array([[True, True, False], [True, False, True]])
    module = mn.torch.to_torch(layer)
    y = module(torch.tensor(X), mask=torch.tensor(mask), context=torch.tensor(context))
    np.testing.assert_allclose(layer(X, mask, context), y.detach(), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_weights_of_pytorchs_encoder_layer(norm_first, activation):
    theirs = torch.nn.TransformerEncoderLayer(
        4, 2, 8, activation=activation, batch_first=True, norm_first=norm_first
    ).eval()
    layer = {"relu": mn.ReLU, "gelu": mn.GELU}[activation]()
    ours = mn.TransformerBlock(4, 2, 8, norm_first=norm_first, activation=layer)
    mn.torch.load_state_dict(ours, theirs.state_dict())
    np.testing.assert_allclose(ours(X), theirs(torch.tensor(X)).detach(), rtol=1e-5, atol=1e-6)
    assert isinstance(mn.torch.to_torch(ours), torch.nn.TransformerEncoderLayer)


@pytest.mark.parametrize("bias", [False, True])
def test_keys_and_values_of_other_lengths(bias):
    theirs = torch.nn.MultiheadAttention(4, 2, bias=bias, kdim=3, vdim=5, batch_first=True).eval()
    ours = mn.torch.load_state_dict(mn.MultiHeadAttention(4, 2, bias, kdim=3, vdim=5), theirs.state_dict())
    assert list(mn.torch.state_dict(ours)) == list(theirs.state_dict())
    keys, values, mask = torch.randn(2, 3, 3), torch.randn(2, 3, 5), np.array([[True, True, False], [True] * 3])
    y = theirs(torch.tensor(X), keys, values, key_padding_mask=torch.tensor(~mask))[0]
    np.testing.assert_allclose(ours(X, mask, keys.numpy(), values.numpy()), y.detach(), rtol=1e-5, atol=1e-6)
    again = mn.torch.to_torch(ours)(torch.tensor(X), torch.tensor(mask), keys, values)
    np.testing.assert_allclose(again.detach(), y.detach(), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("norm_first", [False, True])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("dropout", [0.0, 0.1])
def test_weights_of_pytorchs_decoder_layer(norm_first, bias, dropout):
    options = {"norm_first": norm_first, "bias": bias, "activation": "gelu", "layer_norm_eps": 1e-3}
    theirs = torch.nn.TransformerDecoderLayer(4, 2, 8, dropout, batch_first=True, **options).eval()
    ours = mn.TransformerDecoderBlock(4, 2, 8, dropout, **options)
    mn.torch.load_state_dict(ours, theirs.state_dict())
    assert list(mn.torch.state_dict(ours)) == list(theirs.state_dict())
    memory = np.random.default_rng(1).normal(size=(2, 3, 4)).astype(np.float32)
    mask = np.array([[True, True, False], [True, True, True]])
    past = torch.nn.Transformer.generate_square_subsequent_mask(5)
    y = theirs(torch.tensor(X), torch.tensor(memory), past, memory_key_padding_mask=torch.tensor(~mask))
    np.testing.assert_allclose(ours(X, memory, memory_mask=mask), y.detach(), rtol=1e-5, atol=1e-6)
    module = mn.torch.to_torch(ours)
    assert isinstance(module, torch.nn.TransformerDecoderLayer)
    again = module.eval()(torch.tensor(X), torch.tensor(memory), memory_mask=torch.tensor(mask))
    np.testing.assert_allclose(again.detach(), y.detach(), rtol=1e-5, atol=1e-6)
    other = mn.torch.load_state_dict(mn.TransformerDecoderBlock(4, 2, 8, dropout, **options), module.state_dict())
    for one, two in zip(other.parameters(), ours.parameters(), strict=True):
        assert one.data.tobytes() == two.data.tobytes()


def test_projections_that_are_layers_of_their_own_in_the_file():
    layer = mn.MultiHeadAttention(4, 2, rng=0)
    state = {f"{name}.weight": getattr(layer, name).weight.data.T for name in ("query", "key", "value", "output")}
    state |= {f"{name}.bias": np.full(4, i, np.float32) for i, name in enumerate(("query", "key", "value", "output"))}
    other = mn.torch.load_state_dict(mn.MultiHeadAttention(4, 2), state)
    assert np.array_equal(other.key.weight.data, layer.key.weight.data)
    assert other.value.bias.data.tolist() == [2] * 4


def test_parts_that_were_replaced():
    block = mn.TransformerBlock(4, 2, 5, rng=0)
    block.attention_norm = mn.RMSNorm(4)
    np.testing.assert_allclose(
        block.eval()(X), mn.torch.to_torch(block)(torch.tensor(X)).detach(), rtol=1e-5, atol=1e-6
    )
    block.attention.dropout = mn.DropPath(0.5)
    with pytest.raises(TypeError, match="DropPath"):
        mn.torch.to_torch(block)
    block = mn.TransformerBlock(4, 2, 5, rng=0)
    block.network.append(mn.LayerNorm(4))
    with pytest.raises(TypeError, match="another network than PyTorch's"):
        mn.torch.to_torch(block)
    other = mn.torch.load_state_dict(block, {path: torch.tensor(v) for path, v in plain(block).items()})
    assert other is block


def plain(block):
    """Return the arrays of a block under the names of its attributes, as PyTorch lays them out."""
    from minnet.torch.tensors import tensors_of

    return {tensor.name: np.array(tensor.values()) for tensor in tensors_of(block, plain=True)}
