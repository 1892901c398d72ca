"""A graph of modules, and the arithmetic of several tensors at its nodes."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn


class Graph(nn.Module):
    """The outputs of some modules, each of which reads the inputs, or the outputs of modules before it."""

    def __init__(
        self,
        parts: Mapping[str, nn.Module],
        inputs: tuple[str, ...],
        steps: list[tuple[str, tuple[str, ...]]],
        outputs: str | tuple[str, ...],
    ) -> None:
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)
        self._inputs, self._steps, self._outputs = inputs, steps, outputs

    def forward(self, *inputs: Any, **named: Any) -> Any:
        """Map the inputs, in their order or by their names, to the output, or to a tuple of the outputs."""
        values = dict(zip(self._inputs, inputs, strict=False)) | named
        for name, reads in self._steps:
            values[name] = self.get_submodule(name)(*(values[other] for other in reads))
        if isinstance(self._outputs, str):
            return values[self._outputs]
        return tuple(values[name] for name in self._outputs)


class Sum(nn.Module):
    """y = x_1 + … + x_n."""

    def forward(self, *xs: Tensor) -> Tensor:
        """Map x_1, …, x_n to their sum."""
        return sum(xs[1:], xs[0])


class Subtract(nn.Module):
    """y = a − b."""

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Map a and b to a − b."""
        return a - b


class Multiply(nn.Module):
    """y = a ∘ b."""

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Map a and b to a ∘ b."""
        return a * b


class Divide(nn.Module):
    """y = a / b; whole numbers are divided towards zero."""

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Map a and b to a / b."""
        return a / b if a.is_floating_point() else torch.div(a, b, rounding_mode="trunc")


class MatMul(nn.Module):
    """y = a @ b."""

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Map a (…, N, K) and b (…, K, M) to y (…, N, M)."""
        return a @ b
