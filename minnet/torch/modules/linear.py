"""A Linear layer that uses the transpose of another one's weight."""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear


class Transposed(nn.Module):
    """y = x @ W + b, where W (out of the other layer, its in) is the weight of another `torch.nn.Linear`."""

    def __init__(self, in_of_other: int, out_of_other: int, bias: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(out_of_other, in_of_other))
        self.bias = nn.Parameter(torch.empty(in_of_other)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """Map x (..., out of the other layer) to y (..., its in)."""
        return linear(x, self.weight.T, self.bias)
