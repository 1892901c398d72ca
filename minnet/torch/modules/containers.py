"""Containers: those that hand on a mask, and those that PyTorch does not have."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn


class Sequential(nn.Sequential):
    """`torch.nn.Sequential`, which hands the mask of padded sequences to the modules that take one."""

    def __init__(self, parts: Mapping[str, nn.Module], users: list[bool], several: bool = False) -> None:
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)
        self._users, self._several = users, several

    def forward(self, *inputs: Any, mask: Tensor | None = None, **named: Any) -> Any:
        """Map x and a mask, or the several inputs of the first module, to y."""
        if not self._several and len(inputs) > 1:
            x, mask = inputs
            inputs = (x,)
        check_mask(self, mask)
        for module, takes in zip(self, self._users, strict=True):
            x = module(*inputs, **named, **({"mask": mask} if takes and mask is not None else {}))
            inputs, named = (x,), {}
        return x


class Residual(Sequential):
    """y = x + f(x), where f is the given modules in sequence."""

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Any:  # type: ignore[override]
        """Map x to x + f(x)."""
        return x + super().forward(x, mask=mask)


class _Branches(nn.Module):
    """Modules side by side, whose outputs a subclass joins."""

    def __init__(
        self, parts: Mapping[str, nn.Module], users: list[bool], names: Sequence[str] = (), axis: int = -1
    ) -> None:
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)
        self._users, self._names, self._axis = users, names, axis

    def forward(self, x: Any, mask: Tensor | None = None) -> Any:
        """Map x to the joined outputs of all branches."""
        return self._join(self._outputs([x] * len(self._users), mask))

    def _outputs(self, xs: list[Any], mask: Tensor | None) -> list[Tensor]:
        check_mask(self, mask)
        given = [{"mask": mask} if takes and mask is not None else {} for takes in self._users]
        return [branch(x, **more) for branch, x, more in zip(self.children(), xs, given, strict=True)]

    def _join(self, outputs: list[Tensor]) -> Any:
        raise NotImplementedError


class Add(_Branches):
    """y = f_1(x) + … + f_n(x)."""

    def _join(self, outputs: list[Tensor]) -> Tensor:
        return sum(outputs[1:], outputs[0])


class Concat(_Branches):
    """y = the outputs of the branches, one after another along an axis."""

    def _join(self, outputs: list[Tensor]) -> Tensor:
        return torch.cat(outputs, self._axis)


class Heads(_Branches):
    """Several outputs: a dict of modules with names, or a tuple of modules without."""

    def _join(self, outputs: list[Tensor]) -> Any:
        return dict(zip(self._names, outputs, strict=True)) if self._names else tuple(outputs)


class Inputs(_Branches):
    """The outputs of branches that each have an input of their own, joined along the last axis."""

    def forward(self, *inputs: Any, mask: Tensor | None = None, **named: Any) -> Tensor:
        """Map the inputs, one a branch, to the branches' outputs, joined."""
        return torch.cat(self._outputs([named[name] for name in self._names] if named else list(inputs), mask), -1)


def check_mask(module: Any, mask: Tensor | None) -> None:
    """Refuse a mask where none of the modules takes one."""
    if mask is not None and not any(module._users):
        raise TypeError(f"{type(module).__name__} was given a mask, but minnet's layers here refuse one")
