"""Convolutions and poolings compute what PyTorch's do, forward and every gradient."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pytorch import examples, seeds, torch

from minnet.layers.adaptive_pooling import AdaptiveAvgPool2d, GlobalAvgPool2d
from minnet.layers.convolution import Conv1d, Conv2d
from minnet.layers.pooling import AvgPool2d, MaxPool2d
from minnet.layers.transposed import ConvTranspose2d

modest = examples(30)


def sizes(low, high, axes=2):
    """Draw an int, or one for each axis."""
    number = st.integers(low, high)
    return number | st.tuples(*[number] * axes)


def each(value, axes=2):
    return value if isinstance(value, tuple) else (value,) * axes


@st.composite
def images(draw, channels, axes=2, most=7):
    """Draw images, as they come or as our layers make them (batch last in memory), or a single one."""
    batch, size = draw(st.sampled_from([(), (0,), (1,), (3,)])), draw(st.tuples(*[st.integers(1, most)] * axes))
    x = np.random.default_rng(draw(seeds)).normal(size=(*batch, channels, *size))
    if batch and draw(st.booleans()):
        x = np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 0, -1)), -1, 0)
    return x


def compare(parity, layer, theirs, x, generator):
    """Compare y, dL/dx and, with the first two axes of their weight swapped if need be, dL/dW and dL/db."""
    part = type(layer).__name__
    t = torch.tensor(x, requires_grad=True)
    if getattr(layer, "weight", None) is not None:
        swap = not isinstance(layer, ConvTranspose2d)
        layer.astype(np.float64)
        with torch.no_grad():
            theirs.weight.copy_(torch.tensor(layer.weight.data.swapaxes(0, 1) if swap else layer.weight.data))
            if layer.bias is not None:
                theirs.bias.copy_(torch.tensor(layer.bias.data))
    their_y = theirs(t)
    dy = generator.normal(size=their_y.shape)
    their_y.backward(torch.tensor(dy))
    parity(part, "output", layer.forward(x), their_y)
    parity(part, "dL/dx", layer.backward(dy), t.grad)
    if getattr(layer, "weight", None) is not None:
        gradient = theirs.weight.grad
        parity(part, "dL/d weight", layer.weight.grad, gradient.swapaxes(0, 1) if swap else gradient)
        if layer.bias is not None:
            parity(part, "dL/d bias", layer.bias.grad, theirs.bias.grad)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths")  # PyTorch's, about its speed
@pytest.mark.parametrize(("axes", "ours"), [(1, Conv1d), (2, Conv2d)])
@modest
@given(data=st.data(), groups=st.integers(1, 3), inputs=st.integers(1, 2), outputs=st.integers(1, 2), seed=seeds)
def test_convolution(parity, axes, ours, data, groups, inputs, outputs, seed):
    kernel, dilation = data.draw(sizes(1, 3, axes)), data.draw(sizes(1, 2, axes))
    padding = data.draw(sizes(0, 3, axes) | st.sampled_from(["same", "valid"]))
    stride = 1 if padding == "same" else data.draw(sizes(1, 4, axes))
    x = data.draw(images(groups * inputs, axes))
    around = (0,) * axes if padding == "valid" else each(padding, axes)
    reach = [d * (k - 1) + 1 for k, d in zip(each(kernel, axes), each(dilation, axes), strict=True)]
    assume(padding == "same" or all(n + 2 * p >= r for n, p, r in zip(x.shape[-axes:], around, reach, strict=True)))
    arguments = (groups * inputs, groups * outputs, kernel, stride, padding, dilation, groups, data.draw(st.booleans()))
    theirs = (torch.nn.Conv1d if axes == 1 else torch.nn.Conv2d)(*arguments, dtype=torch.float64)
    compare(parity, ours(*arguments, rng=seed), theirs, x, np.random.default_rng(seed))


@modest
@given(data=st.data(), channels=st.integers(1, 4), factor=st.integers(1, 2), seed=seeds)
def test_depthwise(parity, data, channels, factor, seed):
    x = data.draw(images(channels))
    arguments = (channels, factor * channels, 3, data.draw(sizes(1, 2)), 1, 1, channels)
    theirs = torch.nn.Conv2d(*arguments, dtype=torch.float64)
    compare(parity, Conv2d(*arguments, rng=seed), theirs, x, np.random.default_rng(seed))


@modest
@given(data=st.data(), groups=st.integers(1, 3), inputs=st.integers(1, 2), outputs=st.integers(1, 2), seed=seeds)
def test_transposed_convolution(parity, data, groups, inputs, outputs, seed):
    kernel, stride, dilation = (data.draw(sizes(1, 3)) for _ in range(3))
    padding, x = data.draw(sizes(0, 2)), data.draw(images(groups * inputs, most=5))
    beyond = tuple(data.draw(st.integers(0, max(s, d) - 1)) for s, d in zip(each(stride), each(dilation), strict=True))
    out = [
        (n - 1) * s - 2 * p + d * (k - 1) + b + 1
        for n, s, p, d, k, b in zip(
            x.shape[-2:], each(stride), each(padding), each(dilation), each(kernel), beyond, strict=True
        )
    ]
    assume(min(out) >= 1)
    bias = data.draw(st.booleans())
    arguments = (groups * inputs, groups * outputs, kernel, stride, padding, beyond, groups, bias, dilation)
    theirs = torch.nn.ConvTranspose2d(*arguments, dtype=torch.float64)
    compare(parity, ConvTranspose2d(*arguments, rng=seed), theirs, x, np.random.default_rng(seed))


@st.composite
def pools(draw):
    """Draw images, a kernel that fits into them, a stride and a padding."""
    x, kernel, stride = draw(images(draw(st.integers(1, 3)))), draw(sizes(1, 4)), draw(st.none() | sizes(1, 4))
    padding = tuple(draw(st.integers(0, k // 2)) for k in each(kernel))
    assume(all(n + 2 * p >= k for n, p, k in zip(x.shape[-2:], padding, each(kernel), strict=True)))
    return x, (kernel, stride, padding)


@pytest.mark.parametrize("ties", [False, True])
@modest
@given(pool=pools(), seed=seeds)
def test_max_pool(parity, ties, pool, seed):
    x, arguments = pool
    x = np.round(x) if ties else x  # many equal numbers: the gradient must go to the same one of them
    compare(parity, MaxPool2d(*arguments), torch.nn.MaxPool2d(*arguments), x, np.random.default_rng(seed))


@modest
@given(pool=pools(), include=st.booleans(), seed=seeds)
def test_avg_pool(parity, pool, include, seed):
    x, arguments = pool
    theirs = torch.nn.AvgPool2d(*arguments, count_include_pad=include)
    compare(parity, AvgPool2d(*arguments, count_include_pad=include), theirs, x, np.random.default_rng(seed))


@modest
@given(x=images(2), seed=seeds, size=st.integers(1, 9) | st.tuples(*[st.integers(1, 9) | st.none()] * 2))
def test_adaptive_avg_pool(parity, x, size, seed):
    compare(parity, AdaptiveAvgPool2d(size), torch.nn.AdaptiveAvgPool2d(size), x, np.random.default_rng(seed))


@modest
@given(x=images(3), seed=seeds)
def test_global_avg_pool(parity, x, seed):
    compare(parity, GlobalAvgPool2d(), lambda t: t.mean((-2, -1)), x, np.random.default_rng(seed))


@pytest.mark.parametrize(
    ("ours", "theirs", "arguments"),
    [
        (Conv1d, torch.nn.Conv1d, (200, 100, 3)),
        (Conv2d, torch.nn.Conv2d, (60, 100, (3, 2), 1, 0, 1, 2)),
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
