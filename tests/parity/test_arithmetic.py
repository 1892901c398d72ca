"""Arithmetic of several arrays, and a Graph of it, beside PyTorch in float64: outputs and all gradients."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed")

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import minnet as mn

KINDS = {
    mn.Sum: torch.add,
    mn.Subtract: torch.subtract,
    mn.Multiply: torch.multiply,
    mn.Divide: torch.divide,
    mn.MatMul: torch.matmul,
}
sizes = st.integers(1, 4)


def compare(layer, function, *arrays):
    tensors = [torch.tensor(a, requires_grad=True) for a in arrays]
    y, expected = layer.forward(*arrays), function(*tensors)
    np.testing.assert_allclose(y, expected.detach().numpy(), rtol=1e-12, atol=1e-12)
    dy = np.random.default_rng(0).normal(size=y.shape)
    expected.backward(torch.tensor(dy))
    for mine, theirs in zip(layer.backward(dy), tensors, strict=True):
        np.testing.assert_allclose(mine, theirs.grad.numpy(), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind is not mn.MatMul])
@settings(deadline=None, max_examples=40)
@given(shape=st.lists(sizes, min_size=1, max_size=4), data=st.data(), seed=st.integers(0, 99))
def test_number_by_number(kind, shape, data, seed):
    rng = np.random.default_rng(seed)
    shapes = []
    for _ in range(2):
        kept = data.draw(st.lists(st.booleans(), min_size=len(shape), max_size=len(shape)))
        own = [n if keep else 1 for n, keep in zip(shape, kept, strict=True)]
        shapes.append(own[data.draw(st.integers(0, len(own) - 1)) :])
    compare(kind(), KINDS[kind], *(rng.normal(size=s) + 3 for s in shapes))


@settings(deadline=None, max_examples=60)
@given(data=st.data(), n=sizes, k=sizes, m=sizes, batch=st.lists(sizes, max_size=2), seed=st.integers(0, 99))
def test_products(data, n, k, m, batch, seed):
    rng = np.random.default_rng(seed)
    ones = [[1 if data.draw(st.booleans()) else size for size in batch] for _ in range(2)]
    a = rng.normal(size=[k] if data.draw(st.booleans()) and not batch else [*ones[0], n, k])
    b = rng.normal(size=[k] if data.draw(st.booleans()) and not batch else [*ones[1], k, m])
    compare(mn.MatMul(), torch.matmul, a, b)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 99), rows=st.integers(1, 5))
def test_a_graph(seed, rows):
    rng = np.random.default_rng(seed)
    model = mn.Graph(
        inputs=("a", "b"), h=mn.Tanh(), product=mn.Multiply(), sum=mn.Sum(), quotient=mn.Divide(),
        wires={"h": "a", "product": ("h", "b"), "sum": ("product", "h", "a"), "quotient": ("sum", "b")},
    )  # fmt: skip

    def same(a, b):
        h = torch.tanh(a)
        return (h * b + h + a) / b

    compare(model, same, rng.normal(size=(rows, 3)), rng.normal(size=(rows, 3)) + 3)
