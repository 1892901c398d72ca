"""Pads, upsampling and shuffles compute what PyTorch's do, forward and backward."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from images import compare, images
from pytorch import examples, seeds, torch

import minnet as mn

modest = examples(30)


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("kind", ["Constant", "Zero", "Reflection", "Replication", "Circular"])
@modest
@given(data=st.data(), value=st.sampled_from([0.0, -1.5, 3]), seed=seeds)
def test_pad(parity, axes, kind, data, value, seed):
    side = st.integers(0 if kind == "Circular" else -2, 5)
    padding = data.draw(st.integers(0, 3) | st.tuples(*[side] * (2 * axes)))
    x = data.draw(images(2, axes, most=5))
    assume(x.size)  # PyTorch pads no empty batch in all modes
    sides = padding if isinstance(padding, tuple) else (padding,) * 2 * axes
    most = {"Reflection": -1, "Circular": 0}.get(kind, 100)
    for n, before, after in zip(x.shape[::-1], sides[::2], sides[1::2], strict=False):
        assume(min(n + before, n + after, n + before + after) >= 1)
        assume(max(before, after) <= n + most)
    arguments = (padding, value) if kind == "Constant" else (padding,)
    ours, theirs = (getattr(module, f"{kind}Pad{axes}d")(*arguments) for module in (mn, torch.nn))
    compare(parity, ours, theirs, x, np.random.default_rng(seed))


def upsampled(parity, x, seed, **options):
    ours, theirs = mn.Upsample(**options), torch.nn.Upsample(**options)
    assume(x.size)
    if options["mode"] != "nearest" and x.ndim < ours._axes + 2:  # PyTorch takes batches only
        whole = theirs
        theirs = lambda t: whole(t[None])[0]  # noqa: E731
    compare(parity, ours, theirs, x, np.random.default_rng(seed))


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("mode", ["nearest", "linear"])
@examples(60)
@given(data=st.data(), seed=seeds)
def test_upsample(parity, axes, mode, data, seed):
    x = data.draw(images(2, axes, most=7 if axes < 3 else 4))
    corners, name = None, mode
    if mode == "linear":
        corners = data.draw(st.sampled_from([None, True, False]))
        name = {1: "linear", 2: "bilinear", 3: "trilinear"}[axes]
    assume(mode == "linear" or x.ndim == axes + 2)
    new = st.integers(1, 9)
    factor = st.sampled_from([0.5, 1, 1.25, 1.5, 1.7, 2, 2.5, 3, 1 / 3])
    if data.draw(st.booleans()):
        options = {"size": data.draw(new | st.tuples(*[new] * axes))}
    else:
        options = {"scale_factor": data.draw(factor | st.tuples(*[factor] * axes))}
        factors = options["scale_factor"]
        factors = factors if isinstance(factors, tuple) else (factors,) * axes
        places = [(n, int(n * f), f) for n, f in zip(x.shape[-axes:], factors, strict=True)]
        assume(all(out > 0 for _, out, _ in places))
        if mode == "nearest" and axes != 2:  # there, PyTorch's backward is not that of its forward
            assume(all(out not in (n, 2 * n) or f in (1, 2) for n, out, f in places))
    upsampled(parity, x, seed, mode=name, align_corners=corners, **options)


@modest
@given(data=st.data(), r=st.integers(1, 3), channels=st.integers(1, 3), seed=seeds)
def test_pixel_shuffle(parity, data, r, channels, seed):
    x = data.draw(images(channels * r * r, most=4))
    assume(x.size)
    compare(parity, mn.PixelShuffle(r), torch.nn.PixelShuffle(r), x, np.random.default_rng(seed))
    y = mn.PixelShuffle(r).forward(x)
    compare(parity, mn.PixelUnshuffle(r), torch.nn.PixelUnshuffle(r), y, np.random.default_rng(seed))
    np.testing.assert_array_equal(mn.PixelUnshuffle(r).forward(y), x)


@modest
@given(data=st.data(), groups=st.integers(1, 3), each=st.integers(1, 3), axes=st.integers(1, 3), seed=seeds)
def test_channel_shuffle(parity, data, groups, each, axes, seed):
    x = data.draw(images(groups * each, axes, most=4))
    assume(x.ndim == axes + 2 and x.size)
    compare(parity, mn.ChannelShuffle(groups), torch.nn.ChannelShuffle(groups), x, np.random.default_rng(seed))
