"""Containers of PyTorch's modules that minnet's names and masks need."""

import pytest
from pytorch import torch

from minnet.torch import modules


def test_residual_and_branches():
    x = torch.randn(3, 4)
    double = torch.nn.Linear(4, 4, bias=False)
    torch.nn.init.eye_(double.weight)
    assert torch.equal(modules.Residual({"0": double}, [False])(x), 2 * x)
    add = modules.Add({"a": double, "b": torch.nn.Identity()}, [False, False])
    assert torch.equal(add(x), 2 * x)
    assert list(add.state_dict()) == ["a.weight"]
    concat = modules.Concat({"0": double, "1": torch.nn.Identity()}, [False, False])
    assert torch.equal(concat(x), torch.cat([x, x], -1))


def test_a_mask_that_nothing_takes():
    with pytest.raises(TypeError, match="given a mask"):
        modules.Sequential({"0": torch.nn.Identity()}, [False])(torch.ones(2, 3), torch.ones(2, dtype=torch.bool))
