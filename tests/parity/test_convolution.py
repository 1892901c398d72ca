"""Convolutions compute what PyTorch's do, forward and every gradient."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from images import compare, each, images, sizes
from pytorch import examples, seeds, torch

from minnet.layers.images.convolution import Conv1d, Conv2d, Conv3d
from minnet.layers.images.transposed import ConvTranspose1d, ConvTranspose2d

modest = examples(30)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")  # PyTorch's, about its speed
@pytest.mark.parametrize(("axes", "ours"), [(1, Conv1d), (2, Conv2d), (3, Conv3d)])
@modest
@given(data=st.data(), groups=st.integers(1, 3), inputs=st.integers(1, 2), outputs=st.integers(1, 2), seed=seeds)
def test_convolution(parity, axes, ours, data, groups, inputs, outputs, seed):
    kernel, dilation = data.draw(sizes(1, 3, axes)), data.draw(sizes(1, 2, axes))
    padding = data.draw(sizes(0, 3, axes) | st.sampled_from(["same", "valid"]))
    mode = data.draw(st.sampled_from(["zeros", "reflect", "replicate", "circular"]))
    stride = 1 if padding == "same" else data.draw(sizes(1, 4, axes))
    x = data.draw(images(groups * inputs, axes, most=7 if axes < 3 else 5))
    around = (0,) * axes if padding == "valid" else each(padding, axes)
    reach = [d * (k - 1) + 1 for k, d in zip(each(kernel, axes), each(dilation, axes), strict=True)]
    size = x.shape[-axes:]
    assume(padding == "same" or all(n + 2 * p >= r for n, p, r in zip(size, around, reach, strict=True)))
    if mode in ("reflect", "circular"):
        border = [r // 2 for r in reach] if padding == "same" else around  # of an even number, one more behind
        assume(all(n - (mode == "reflect") >= p for n, p in zip(size, border, strict=True)))
    arguments = (groups * inputs, groups * outputs, kernel, stride, padding, dilation, groups)
    arguments = (*arguments, data.draw(st.booleans()), mode)
    theirs = getattr(torch.nn, f"Conv{axes}d")(*arguments, dtype=torch.float64)
    assume(x.size or mode == "zeros")  # PyTorch pads no empty batch
    compare(parity, ours(*arguments, rng=seed), theirs, x, np.random.default_rng(seed))


@modest
@given(data=st.data(), channels=st.integers(1, 4), factor=st.integers(1, 2), seed=seeds)
def test_depthwise(parity, data, channels, factor, seed):
    x = data.draw(images(channels))
    arguments = (channels, factor * channels, 3, data.draw(sizes(1, 2)), 1, 1, channels)
    theirs = torch.nn.Conv2d(*arguments, dtype=torch.float64)
    compare(parity, Conv2d(*arguments, rng=seed), theirs, x, np.random.default_rng(seed))


@pytest.mark.parametrize(("axes", "ours"), [(1, ConvTranspose1d), (2, ConvTranspose2d)])
@modest
@given(data=st.data(), groups=st.integers(1, 3), inputs=st.integers(1, 2), outputs=st.integers(1, 2), seed=seeds)
def test_transposed_convolution(parity, axes, ours, data, groups, inputs, outputs, seed):
    kernel, stride, dilation = (data.draw(sizes(1, 3, axes)) for _ in range(3))
    padding, x = data.draw(sizes(0, 2, axes)), data.draw(images(groups * inputs, axes, most=5))
    steps = [each(value, axes) for value in (stride, dilation, padding, kernel)]
    beyond = tuple(data.draw(st.integers(0, max(s, d) - 1)) for s, d, _, _ in zip(*steps, strict=True))
    out = [
        (n - 1) * s - 2 * p + d * (k - 1) + b + 1
        for n, b, s, d, p, k in zip(x.shape[-axes:], beyond, *steps, strict=True)
    ]
    assume(min(out) >= 1)
    bias = data.draw(st.booleans())
    arguments = (groups * inputs, groups * outputs, kernel, stride, padding, beyond, groups, bias, dilation)
    theirs = getattr(torch.nn, f"ConvTranspose{axes}d")(*arguments, dtype=torch.float64)
    compare(parity, ours(*arguments, rng=seed), theirs, x, np.random.default_rng(seed))


@pytest.mark.parametrize(
    ("ours", "theirs", "arguments"),
    [
        (Conv1d, torch.nn.Conv1d, (200, 100, 3)),
        (Conv2d, torch.nn.Conv2d, (60, 100, (3, 2), 1, 0, 1, 2)),
        (Conv3d, torch.nn.Conv3d, (20, 40, (3, 2, 2))),
        (ConvTranspose1d, torch.nn.ConvTranspose1d, (60, 100, 3)),
        (ConvTranspose2d, torch.nn.ConvTranspose2d, (60, 100, (3, 2), 1, 0, 0, 2)),
    ],
)
def test_first_values_are_drawn_as_in_pytorch(ours, theirs, arguments):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        theirs = theirs(*arguments)
    ours = ours(*arguments, rng=0)
    for mine, other in ((ours.weight.data, theirs.weight.detach()), (ours.bias.data, theirs.bias.detach())):
        assert mine.size == other.numel()
        # The maximum of n uniform numbers is within 1/n or so of the bound, on both sides.
        assert np.abs(mine).max() == pytest.approx(float(other.abs().max()), rel=0.1)
    assert ours.weight.data.std() == pytest.approx(float(theirs.weight.detach().std()), rel=0.03)
