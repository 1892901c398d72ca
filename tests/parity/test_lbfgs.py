"""LBFGS goes where PyTorch's goes, on losses of several kinds, with every option."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytorch import examples, seeds, torch

from minnet import Parameter
from minnet.optimizers import LBFGS

SHAPES = [(4, 3), (3,), ()]
OPTIONS = {
    "lr": st.sampled_from([1.0, 0.5, 0.1]),
    "max_iter": st.integers(1, 12),
    "max_eval": st.none() | st.integers(1, 20),
    "tolerance_grad": st.sampled_from([1e-7, 1e-3]),
    "tolerance_change": st.sampled_from([1e-9, 1e-4]),
    "history_size": st.integers(1, 10),
    "line_search_fn": st.sampled_from([None, "strong_wolfe"]),
}


def quadratic(flat, random):
    a, b = random
    return 0.5 * flat @ (a @ (a.T @ flat)) / len(flat) + 0.5 * flat @ flat + b @ flat


def logistic(flat, random):
    a, b = random
    return torch.nn.functional.softplus(a @ flat + b).mean() + 0.05 * flat @ flat


def rosenbrock(flat, random):
    return (10 * (flat[1:] - flat[:-1] ** 2) ** 2 + (1 - flat[:-1]) ** 2).sum()


def wavy(flat, random):
    """It is not convex."""
    _, b = random
    return torch.sin(3 * flat + b).sum() + 0.1 * flat @ flat


LOSSES = [quadratic, logistic, rosenbrock, wavy]


def pair(seed, loss, options):
    """Return our Parameters and PyTorch's, and what does a step with each: the loss is PyTorch's on both sides."""
    generator = np.random.default_rng(seed)
    starts = [generator.normal(size=shape) for shape in SHAPES]
    n = sum(start.size for start in starts)
    random = torch.tensor(generator.normal(size=(n, n))), torch.tensor(generator.normal(size=n))
    ours = [Parameter(start, np.float64) for start in starts]
    theirs = [torch.nn.Parameter(torch.tensor(start, dtype=torch.float64)) for start in starts]
    optimizer, their_optimizer = LBFGS(ours, **options), torch.optim.LBFGS(theirs, **options)

    def closure():
        optimizer.zero_grad()
        tensors = [torch.tensor(p.data, requires_grad=True) for p in ours]
        value = loss(torch.cat([t.reshape(-1) for t in tensors]), random)
        value.backward()
        for p, t in zip(ours, tensors, strict=True):
            p.grad += t.grad.numpy()
        return value.item()

    def their_closure():
        their_optimizer.zero_grad()
        value = loss(torch.cat([t.reshape(-1) for t in theirs]), random)
        value.backward()
        return value

    return ours, theirs, lambda: optimizer.step(closure), lambda: their_optimizer.step(their_closure)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.__name__)
@examples(15)
@given(options=st.fixed_dictionaries({}, optional=OPTIONS), seed=seeds, steps=st.integers(1, 3))
def test_with_random_options(parity, loss, options, seed, steps):
    if loss in (rosenbrock, wavy):  # a fixed length goes up and down without an end, and every rounding counts
        options, steps = options | {"line_search_fn": "strong_wolfe"}, 1
    ours, theirs, step, their_step = pair(seed, loss, options)
    for _ in range(steps):
        value, other = step(), their_step()
        assert value == pytest.approx(other.item(), rel=1e-8, abs=1e-10)
    for p, q in zip(ours, theirs, strict=True):
        parity("LBFGS", "Parameters after 1 to 3 steps", p.data, q)


def test_the_defaults_are_pytorchs():
    ours, theirs = LBFGS([Parameter([1.0])]), torch.optim.LBFGS([torch.nn.Parameter(torch.ones(1))])
    other = dict(theirs.param_groups[0])
    assert other.pop("max_eval") == ours.max_iter * 5 // 4
    for name, value in other.items():
        if name != "params":
            assert ours.param_groups[0][name] == value
