"""A graph of modules runs them in order, and keeps what later ones read."""

from pytorch import torch

from minnet.torch import modules


def test_steps():
    parts = {"twice": torch.nn.Linear(2, 2, bias=False), "sum": modules.Sum()}
    torch.nn.init.eye_(parts["twice"].weight)
    graph = modules.Graph(parts, ("x",), [("twice", ("x",)), ("sum", ("twice", "x", "twice"))], "sum")
    x = torch.ones(3, 2)
    assert torch.equal(graph(x), 3 * x)
    assert torch.equal(graph(x=x), 3 * x)
    assert list(graph.state_dict()) == ["twice.weight"]
