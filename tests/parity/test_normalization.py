"""The norms compute what PyTorch's do: outputs, running statistics and every gradient."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytorch import examples, seeds, torch

from minnet.layers.normalization.batch_norm import BatchNorm1d, BatchNorm2d, BatchNorm3d
from minnet.layers.normalization.group_norm import GroupNorm
from minnet.layers.normalization.instance_norm import InstanceNorm1d, InstanceNorm2d, InstanceNorm3d
from minnet.layers.normalization.layer_norm import LayerNorm, RMSNorm
from minnet.layers.normalization.normalize import Normalize

modest = examples(25)
sizes = st.integers(1, 4)
epsilons = st.sampled_from([1e-5, 1e-3, 0.5])


def drawn(seed, shape):
    """Return x and dy of a shape."""
    generator = np.random.default_rng(seed)
    return generator.normal(1, 2, shape), generator.normal(size=shape)


def same_numbers(layer, theirs, seed):
    """Give both layers the same random weights."""
    generator = np.random.default_rng(seed)
    layer.astype(np.float64)
    theirs.double()
    for name in ("weight", "bias"):
        ours, parameter = getattr(layer, name, None), getattr(theirs, name, None)
        assert (ours is None) == (parameter is None)
        if ours is not None:
            ours.data = generator.normal(size=ours.data.shape)
            with torch.no_grad():
                parameter.copy_(torch.tensor(ours.data))


def compare(parity, layer, theirs, x, dy, mode=""):
    """Compare y, dL/dx and dL/dp; the gradients of earlier calls stay in both."""
    part, t = type(layer).__name__, torch.tensor(x, requires_grad=True)
    y = theirs(t)
    y.backward(torch.tensor(dy))
    parity(part, f"output{mode}", layer.forward(x), y)
    parity(part, f"dL/dx{mode}", layer.backward(dy), t.grad)
    for name, greek in (("weight", "γ"), ("bias", "β")):
        if getattr(layer, name, None) is not None:
            parity(part, f"dL/d{greek}{mode}", getattr(layer, name).grad, getattr(theirs, name).grad)


@pytest.mark.parametrize(
    ("ours", "theirs", "axes"),
    [
        (BatchNorm1d, torch.nn.BatchNorm1d, 0),
        (BatchNorm1d, torch.nn.BatchNorm1d, 1),
        (BatchNorm2d, torch.nn.BatchNorm2d, 2),
        (BatchNorm3d, torch.nn.BatchNorm3d, 3),
    ],
    ids=["1d, (N, C)", "1d, (N, C, L)", "2d", "3d"],
)
@modest
@given(
    channels=sizes,
    batches=st.lists(st.integers(2, 5), min_size=1, max_size=3),
    size=st.tuples(sizes, sizes, sizes),
    eps=epsilons,
    momentum=st.sampled_from([0.1, 0.5, 1.0, 0.0, None]),
    affine=st.booleans(),
    bias=st.booleans(),
    track=st.booleans(),
    seed=seeds,
)
def test_batch_norm(parity, ours, theirs, axes, channels, batches, size, eps, momentum, affine, bias, track, seed):
    layer = ours(channels, eps, momentum, affine, track, bias=bias)
    other = theirs(channels, eps, momentum, affine, track, bias=bias)
    same_numbers(layer, other, seed)
    part = type(layer).__name__
    for k, n in enumerate(batches):
        compare(parity, layer, other, *drawn(seed + k, (n, channels, *size[:axes])))
    if track:
        parity(part, "running mean", layer.running_mean.data, other.running_mean)
        parity(part, "running variance", layer.running_var.data, other.running_var)
        assert layer.num_batches_tracked.data == other.num_batches_tracked.item()
    x, dy = drawn(seed + 9, (2, channels, *size[:axes]))
    parity(part, "output in eval mode", layer.eval().forward(x), other.eval()(torch.tensor(x)))
    layer.train().freeze(statistics=True)
    compare(parity, layer, other, x, dy, " in eval mode")


@pytest.mark.parametrize(
    ("ours", "theirs", "axes"),
    [
        (InstanceNorm1d, torch.nn.InstanceNorm1d, 1),
        (InstanceNorm2d, torch.nn.InstanceNorm2d, 2),
        (InstanceNorm3d, torch.nn.InstanceNorm3d, 3),
    ],
    ids=["1d", "2d", "3d"],
)
@modest
@given(
    channels=sizes,
    batches=st.lists(st.none() | st.integers(1, 5), min_size=1, max_size=3),  # None: a single sample
    size=st.tuples(st.integers(2, 4), sizes, sizes),
    eps=epsilons,
    momentum=st.sampled_from([0.1, 0.5, 1.0, 0.0]),
    affine=st.booleans(),
    bias=st.booleans(),
    track=st.booleans(),
    seed=seeds,
)
def test_instance_norm(parity, ours, theirs, axes, channels, batches, size, eps, momentum, affine, bias, track, seed):
    layer = ours(channels, eps, momentum, affine, track, bias=bias)
    other = theirs(channels, eps, momentum, affine, track, bias=bias)
    same_numbers(layer, other, seed)
    part = type(layer).__name__
    for k, n in enumerate(batches):
        batch = () if n is None else (n,)
        compare(parity, layer, other, *drawn(seed + k, (*batch, channels, *size[:axes])))
    if track:
        parity(part, "running mean", layer.running_mean.data, other.running_mean)
        parity(part, "running variance", layer.running_var.data, other.running_var)
    x, dy = drawn(seed + 9, (2, channels, *size[:axes]))
    parity(part, "output in eval mode", layer.eval().forward(x), other.eval()(torch.tensor(x)))
    layer.train().freeze(statistics=True)
    compare(parity, layer, other, x, dy, " in eval mode")


@pytest.mark.parametrize(("ours", "theirs"), [(LayerNorm, torch.nn.LayerNorm), (RMSNorm, torch.nn.RMSNorm)])
@modest
@given(
    shape=st.lists(sizes, min_size=1, max_size=3).map(tuple),
    leading=st.lists(sizes, max_size=3).map(tuple),
    eps=epsilons,
    affine=st.booleans(),
    bias=st.booleans(),
    seed=seeds,
)
def test_layer_and_rms_norm(parity, ours, theirs, shape, leading, eps, affine, bias, seed):
    arguments = (shape, eps, affine, bias) if ours is LayerNorm else (shape, eps, affine)
    layer, other = ours(*arguments), theirs(*arguments)
    same_numbers(layer, other, seed)
    compare(parity, layer, other, *drawn(seed, (*leading, *shape)))


@modest
@given(n=sizes, width=st.integers(1, 5), seed=seeds)
def test_rms_norm_with_its_default_eps(parity, n, width, seed):
    layer, other = RMSNorm(width), torch.nn.RMSNorm(width)
    same_numbers(layer, other, seed)
    compare(parity, layer, other, *drawn(seed, (n, width)))


@modest
@given(
    n=sizes,
    groups=sizes,
    times=st.integers(1, 3),
    rest=st.lists(sizes, max_size=3).map(tuple),
    eps=epsilons,
    affine=st.booleans(),
    seed=seeds,
)
def test_group_norm(parity, n, groups, times, rest, eps, affine, seed):
    arguments = (groups, groups * times, eps, affine)
    layer, other = GroupNorm(*arguments), torch.nn.GroupNorm(*arguments)
    if n * times * np.prod(rest) == 1:  # PyTorch refuses one value a group and sample, if there is one sample
        n = 2
    same_numbers(layer, other, seed)
    compare(parity, layer, other, *drawn(seed, (n, groups * times, *rest)))


@modest
@given(n=sizes, channels=sizes, size=st.tuples(sizes, sizes), images=st.booleans(), seed=seeds)
def test_normalize(parity, n, channels, size, images, seed):
    """PyTorch's batch norm in eval mode, without its eps; of a data set, its mean and its deviation."""
    x, dy = drawn(seed, (n + 1, channels, *size) if images else (n + 1, channels))
    layer = Normalize.of(x).astype(np.float64)
    others = (0, 2, 3) if images else (0,)
    t = torch.tensor(x, requires_grad=True)
    mean, std = t.detach().mean(others), t.detach().std(others, correction=0)
    np.testing.assert_allclose(layer.mean.data, mean.numpy(), rtol=1e-6)
    np.testing.assert_allclose(layer.std.data, std.numpy(), rtol=1e-6)
    layer.mean.data, layer.std.data = mean.numpy(), std.numpy()  # of() keeps float32
    y = torch.nn.functional.batch_norm(t, mean, std**2, eps=0)
    y.backward(torch.tensor(dy))
    parity("Normalize", "output", layer.forward(x), y)
    parity("Normalize", "dL/dx", layer.backward(dy), t.grad)
