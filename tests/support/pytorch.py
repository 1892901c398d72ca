"""What the comparisons with PyTorch share. A file that imports this is skipped where PyTorch is not installed."""

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="PyTorch is not installed: no parity to check")

seeds = st.integers(0, 2**32 - 1)


def examples(number):
    """Return the settings for so many examples, the same in each run."""
    return settings(max_examples=number, deadline=None, derandomize=True)


def tensor(values):
    """Return a tensor that asks for its gradient."""
    return torch.tensor(np.array(values), dtype=torch.float64, requires_grad=True)


def compare(parity, layer, theirs, x, dy):
    """Compare y and dL/dx of a layer and of a function of PyTorch's."""
    t, part = tensor(x), type(layer).__name__
    y = theirs(t)
    y.backward(torch.tensor(dy))
    parity(part, "output", layer.forward(x), y)
    parity(part, "dL/dx", layer.backward(dy), t.grad)
