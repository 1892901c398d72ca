"""A Decoder hands its memory on, and an EncoderDecoder makes it, as minnet's do: with the same masks and gradients."""

import numpy as np
import pytest
from pytorch import torch

import minnet as mn


def model():
    encoder = mn.Sequential(mn.Embedding(7, 4, rng=0), mn.GRU(4, 2, bidirectional=True, rng=1), mn.LayerNorm(4))
    decoder = mn.Decoder(
        mn.Embedding(7, 4, rng=2),
        mn.TransformerDecoderBlock(4, 2, 5, 0.1, rng=3),
        mn.TransformerDecoderBlock(4, 1, 5, 0.1, norm_first=False, rng=4),
        head=mn.Linear(4, 7, rng=5),
    )
    return mn.EncoderDecoder(encoder, decoder).eval()


SOURCE, TARGET = np.random.default_rng(0).integers(0, 7, (2, 3, 6))
MASK = np.arange(6) < np.array([[6], [2], [4]])


@pytest.mark.parametrize("masks", [(), (MASK,), (MASK, MASK)])
def test_outputs_and_gradients(masks):
    ours = model()
    module = mn.torch.to_torch(ours)
    given = (SOURCE, TARGET, *masks)
    y = ours(*given)
    theirs = module(*map(torch.tensor, given))
    np.testing.assert_allclose(y, theirs.detach(), rtol=1e-5, atol=1e-6)
    if not masks:
        ours.freeze(statistics=True).train()
        for parameter in ours.parameters():
            parameter.trainable = True
        theirs.sum().backward()
        ours.backward(np.ones_like(ours(*given)))
        gradients = dict(module.named_parameters())
        for name, gradient in (("decoder.0.weight", ours.decoder[0].weight.grad), ("decoder.head.bias", None)):
            gradient = ours.decoder["head"].bias.grad if gradient is None else gradient
            np.testing.assert_allclose(gradient, gradients[name].grad, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(
            ours.encoder[0].weight.grad, gradients["encoder.0.weight"].grad, rtol=1e-4, atol=1e-5
        )


def test_back_again():
    ours, other = model(), model()
    for parameter in other.parameters():
        parameter.data[...] = 0
    mn.torch.load_state_dict(other, mn.torch.to_torch(ours).state_dict())
    for (path, one), (_, two) in zip(ours.named_arrays(), other.named_arrays(), strict=True):
        assert one.data.tobytes() == two.data.tobytes(), path


@pytest.mark.parametrize("norm_first", [False, True])
def test_the_stacks_of_pytorch_are_loaded(norm_first):
    """nn.TransformerDecoder has its blocks in ``layers`` and its last norm in ``norm``."""
    options = {"batch_first": True, "norm_first": norm_first}
    theirs = torch.nn.TransformerDecoder(
        torch.nn.TransformerDecoderLayer(4, 2, 8, **options), 2, torch.nn.LayerNorm(4)
    ).eval()
    ours = mn.Decoder(*(mn.TransformerDecoderBlock(4, 2, 8, norm_first=norm_first) for _ in range(2)), mn.LayerNorm(4))
    rename = {"layers.0": "0", "layers.1": "1", "norm": "2"}
    mn.torch.load_state_dict(ours, theirs.state_dict(), rename=rename)
    x, memory = torch.randn(2, 2, 5, 4)
    past = torch.nn.Transformer.generate_square_subsequent_mask(5)
    np.testing.assert_allclose(ours(x.numpy(), memory.numpy()), theirs(x, memory, past).detach(), rtol=1e-4, atol=1e-5)


def test_select_with_a_mask():
    x, mask = (
        np.random.default_rng(0).normal(size=(3, 5, 2)),
        np.array([[0, 1, 1, 0, 1], [1, 0, 0, 0, 0], [0] * 5], bool),
    )
    for index in (0, 1, -1, -2):
        layer = mn.Select(index)
        np.testing.assert_array_equal(layer(x, mask), mn.torch.to_torch(layer)(torch.tensor(x), torch.tensor(mask)))
