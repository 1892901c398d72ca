"""Poolings compute what PyTorch's do, forward and backward."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from images import compare, each, images, sizes
from pytorch import examples, seeds, torch

import minnet as mn

modest = examples(30)


def of_axes(name, axes):
    """Return minnet's class and PyTorch's."""
    return (getattr(module, f"{name}{axes}d") for module in (mn, torch.nn))


@st.composite
def pools(draw, axes, dilated=False):
    """Draw images, a kernel that fits into them, a stride, a padding, for max-pooling a dilation, and ceil_mode."""
    x = draw(images(draw(st.integers(1, 3)), axes, most=7 if axes < 3 else 5))
    kernel, stride = draw(sizes(1, 4, axes)), draw(st.none() | sizes(1, 4, axes))
    padding = tuple(draw(st.integers(0, k // 2)) for k in each(kernel, axes))
    dilation, ceil = draw(sizes(1, 2, axes)) if dilated else 1, draw(st.booleans())
    steps = (x.shape[-axes:], each(kernel, axes), each(stride or kernel, axes), padding, each(dilation, axes))
    for n, k, s, p, d in zip(*steps, strict=True):
        extent = d * (k - 1) + 1
        assume(n + 2 * p - extent + (s - 1) * ceil >= 0)
        assume(axes < 3 or n >= extent)  # PyTorch's AvgPool3d does not count the padding
        if d > 1:  # a window without a pixel is an error here, and undefined there
            starts = range(-p, n + p + s, s)
            assume(all(any(0 <= i + d * j < n for j in range(k)) for i in starts if i < n))
    return x, (kernel, stride, padding), dilation, ceil


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("ties", [False, True])
@modest
@given(data=st.data(), seed=seeds)
def test_max_pool(parity, axes, ties, data, seed):
    x, arguments, dilation, ceil = data.draw(pools(axes, dilated=True))
    x = np.round(x) if ties else x  # many equal numbers: the gradient must go to the same one of them
    ours, theirs = of_axes("MaxPool", axes)
    ours, theirs = ours(*arguments, dilation, ceil_mode=ceil), theirs(*arguments, dilation, ceil_mode=ceil)
    compare(parity, ours, theirs, x, np.random.default_rng(seed))


@pytest.mark.parametrize("axes", [1, 2, 3])
@modest
@given(data=st.data(), include=st.booleans(), divisor=st.none() | st.integers(1, 9), seed=seeds)
def test_avg_pool(parity, axes, data, include, divisor, seed):
    x, arguments, _, ceil = data.draw(pools(axes))
    arguments = (*arguments, ceil, include) + ((divisor,) if axes > 1 else ())  # PyTorch's AvgPool1d has no divisor
    ours, theirs = of_axes("AvgPool", axes)
    compare(parity, ours(*arguments), theirs(*arguments), x, np.random.default_rng(seed))


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("kind", ["Avg", "Max"])
@modest
@given(data=st.data(), seed=seeds)
def test_adaptive_pool(parity, axes, kind, data, seed):
    most = 9 if axes < 3 else 4
    size = data.draw(st.integers(1, most) | st.tuples(*[st.integers(1, most) | st.none()] * axes))
    if axes == 1 and isinstance(size, tuple):  # where PyTorch wants an int, or never None
        size = size[0] or 1
    x = data.draw(images(2, axes, most=7 if axes < 3 else 4))
    x = np.round(x) if kind == "Max" and data.draw(st.booleans()) else x
    ours, theirs = of_axes(f"Adaptive{kind}Pool", axes)
    compare(parity, ours(size), theirs(size), x, np.random.default_rng(seed))


@pytest.mark.parametrize("kind", ["MaxPool", "AdaptiveMaxPool"])
@modest
@given(x=images(2), seed=seeds, some=st.sampled_from([np.nan, np.inf, -np.inf]))
def test_of_numbers_that_are_not_finite_the_gradient_goes_to_the_same(parity, kind, x, seed, some):
    assume(x.size and min(x.shape[-2:]) > 1)
    generator = np.random.default_rng(seed)
    x = np.where(generator.random(x.shape) < 0.5, some, x)
    ours, theirs = (module(2) for module in of_axes(kind, 2))
    t = torch.tensor(x, requires_grad=True)
    y = theirs(t)
    dy = generator.normal(size=y.shape)
    y.backward(torch.tensor(dy))
    np.testing.assert_array_equal(ours.forward(x), y.detach().numpy())
    np.testing.assert_allclose(ours.backward(dy), t.grad.numpy(), rtol=1e-12)


@modest
@given(x=images(3), seed=seeds)
def test_global_avg_pool(parity, x, seed):
    compare(parity, mn.GlobalAvgPool2d(), lambda t: t.mean((-2, -1)), x, np.random.default_rng(seed))
