"""Operations on tensors, for the nodes of a graph: they have the names and the arguments of minnet's."""

from functools import reduce
from typing import Any

import torch
from torch import Tensor, nn

FUNCTIONS = {"negative": "neg"}  # minnet's name → PyTorch's, where it is another
COMPARISONS = {
    "equal": "eq",
    "less": "lt",
    "less_equal": "le",
    "greater": "gt",
    "greater_equal": "ge",
    "and": "logical_and",
    "or": "logical_or",
    "xor": "logical_xor",
    "not": "logical_not",
    "is_nan": "isnan",
    "is_inf": "isinf",
    "mod": "remainder",
}
KINDS = {"int64": torch.int64, "int32": torch.int32, "bool": torch.bool}


class Operation(nn.Module):
    """The base: it keeps the arguments as attributes."""

    name: str
    kind: str

    def __init__(self, **arguments: Any) -> None:
        super().__init__()
        vars(self).update(arguments)


class Function(Operation):
    """y = f(x), number by number."""

    def forward(self, x: Tensor) -> Tensor:
        """Map x to y."""
        if self.name == "softsign":
            return nn.functional.softsign(x)
        y: Tensor = getattr(torch, FUNCTIONS.get(self.name, self.name))(x)
        return y


class Power(Operation):
    """y = a^b."""

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Map a and b to a^b."""
        return torch.pow(a, b)


class Extreme(Operation):
    """y = the largest, or the smallest, of x_1, …, x_n, number by number."""

    def forward(self, *xs: Tensor) -> Tensor:
        """Map x_1, …, x_n to y."""
        return reduce(torch.maximum if self.kind == "max" else torch.minimum, xs)


class Compare(Operation):
    """y = whether two numbers are equal, …, number by number."""

    def forward(self, *xs: Tensor) -> Tensor:
        """Map one or two tensors to y."""
        y: Tensor = getattr(torch, COMPARISONS.get(self.name, self.name))(*xs)
        return y


class Where(Operation):
    """y = a where the condition holds, and b elsewhere."""

    def forward(self, condition: Tensor, a: Tensor, b: Tensor) -> Tensor:
        """Map a condition, a and b to y."""
        return torch.where(condition, a, b)


class Cast(Operation):
    """y = x in another dtype; the "float" of a model is that of its tensors."""

    unit: Tensor

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.register_buffer("unit", torch.empty(()))

    def forward(self, x: Tensor) -> Tensor:
        """Map x to y."""
        return x.to(KINDS.get(self.kind, self.unit.dtype))


class Constant(Operation):
    """y = an array."""

    value: Tensor

    def __init__(self, shape: tuple[int, ...], kind: str = "float") -> None:
        super().__init__(kind=kind)
        self.register_buffer("value", torch.empty(shape))

    def forward(self) -> Tensor:
        """Return the array."""
        return self.value.clone().to(KINDS.get(self.kind, self.value.dtype))


class Weight(Operation):
    """y = an array that is learned."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.empty(shape))

    def forward(self) -> Tensor:
        """Return the array."""
        return self.value.clone()


class Fill(Constant):
    """y = an array of one number, of the shape that is given."""

    def forward(self, shape: Tensor) -> Tensor:  # type: ignore[override]
        """Map a shape to an array of it."""
        return super().forward().reshape(()).expand(shape.tolist()).clone()


class Range(Operation):
    """y = start, start + step, … before end."""

    def forward(self, start: Tensor, end: Tensor, step: Tensor) -> Tensor:
        """Map three numbers to an array."""
        return torch.arange(start.item(), end.item(), step.item(), dtype=start.dtype)


class ShapeOf(Operation):
    """y = the shape of x, or a part of it."""

    start: int
    end: int | None

    def forward(self, x: Tensor) -> Tensor:
        """Map x to its shape."""
        return torch.tensor(x.shape[self.start : self.end], dtype=torch.int64)
