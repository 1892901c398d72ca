"""A Graph computes the same in PyTorch, with all of its inputs and outputs."""

import numpy as np
import pytest
from pytorch import torch

import minnet as mn

X, Z = np.random.default_rng(0).normal(size=(2, 5, 3)).astype(np.float32)


@pytest.mark.parametrize("join", [mn.Sum(), mn.Subtract(), mn.Multiply(), mn.Divide()], ids=repr)
@pytest.mark.parametrize("outputs", ["last", ("join", "last")])
def test_ways_that_meet(join, outputs):
    graph = mn.Graph(
        inputs=("x", "z"),
        first=mn.Linear(3, 4, rng=0),
        second=mn.Linear(3, 4, rng=1),
        unused=mn.Tanh(),
        join=join,
        last=mn.Linear(4, 2, rng=2),
        wires={"second": "z", "join": ("second", "first"), "last": "join"},
        outputs=outputs,
    )
    module = mn.torch.to_torch(graph)
    ours, theirs = graph.forward(X, Z), module(torch.tensor(X), z=torch.tensor(Z))
    assert isinstance(theirs, tuple) is isinstance(outputs, tuple)
    pairs = zip(ours, theirs, strict=True) if isinstance(ours, tuple) else [(ours, theirs)]
    for y, t in pairs:
        np.testing.assert_allclose(y, t.detach(), rtol=1e-5, atol=1e-6)
    for array in graph.parameters():
        array.data *= 0
    mn.torch.load_state_dict(graph, module.state_dict())
    np.testing.assert_array_equal(graph["first"].weight.data.T, module.first.weight.detach())


def test_products_and_whole_numbers():
    a, b = np.arange(6).reshape(2, 3), np.array([[2], [-4], [1]])
    assert mn.torch.to_torch(mn.MatMul())(torch.tensor(a), torch.tensor(b)).tolist() == (a @ b).tolist()
    seven, two = np.array([7, -7]), np.array([2, 2])
    assert mn.torch.to_torch(mn.Divide())(torch.tensor(seven), torch.tensor(two)).tolist() == [3, -3]
    assert mn.Divide().forward(seven, two).tolist() == [3, -3]
