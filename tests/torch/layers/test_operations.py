"""The operations of graphs compute the same in PyTorch, and have the same gradients."""

import numpy as np
import pytest
from pytorch import torch

import minnet as mn
from minnet.layers import operations as op
from minnet.layers.operations.comparing import COMPARISONS
from minnet.layers.operations.functions import FUNCTIONS
from minnet.layers.operations.reduction import REDUCTIONS

RNG = np.random.default_rng(0)
X, Z = RNG.uniform(0.1, 0.9, (2, 2, 3, 4))
ROW = RNG.uniform(0.1, 0.9, (1, 4))
BITS = X > 0.5


def ints(*values):
    return np.array(values, np.int64)


LOGIC = {"and", "or", "xor", "not"}
CASES = [
    *((op.Function(name), [X + (name == "acosh")]) for name in FUNCTIONS),
    *(
        (op.Compare(name), ([BITS, Z > 0.5] if name in LOGIC else [X, Z])[: COMPARISONS[name][1]])
        for name in COMPARISONS
    ),
    *(
        (op.Reduce(kind, axes, keepdims), [X])
        for kind in REDUCTIONS
        for axes in (None, (1,), (0, -1))
        for keepdims in (0, 1)
    ),
    *((op.Reduce(kind, ()), [X]) for kind in ("mean", "max", "l2")),
    (op.Reduce("sum"), [X, ints(0, 2)]),
    (op.Reduce("mean", (0,)), [ints(7, 8)]),
    *((op.UnitNorm(norm), [X - 0.5]) for norm in ("l2", "l1", "max")),
    *((op.CumSum(-1, exclusive, reverse), [X]) for exclusive in (0, 1) for reverse in (0, 1)),
    *((op.ArgMax(1, keepdims, smallest), [X]) for keepdims in (False, True) for smallest in (False, True)),
    (op.Power(), [X, ROW]),
    *((op.Extreme(kind), [X, Z, ROW]) for kind in ("max", "min")),
    (op.Where(), [BITS, X, ROW]),
    *((op.Cast(kind), [X]) for kind in ("int64", "int32", "bool")),
    (op.Cast("float"), [ints(3, 4)]),
    *((op.Constant(np.arange(3), kind), []) for kind in ("float", "int64", "bool")),
    (op.Weight(np.arange(6.0).reshape(2, 3)), []),
    (op.Fill(2.5), [ints(2, 3)]),
    (op.Fill(1, "int64"), [ints(4)]),
    (op.Range(), [ints(2)[0:1], ints(9), ints(3)]),
    (op.ShapeOf(), [X]),
    (op.ShapeOf(1, -1), [X]),
    (op.View((0, -1)), [X]),
    (op.View(), [X, ints(4, 6)]),
    (op.Transpose(), [X]),
    (op.Transpose((0, 2, 1)), [X]),
    (op.Squeeze(), [X[:1, :, None]]),
    (op.Squeeze((0, -1)), [X[:1, :, :1]]),
    (op.Unsqueeze((0, -1)), [X]),
    (op.Unsqueeze((-2, 1)), [X]),
    (op.Expand((5, 1, 3, 4)), [X]),
    (op.Expand(), [ROW, ints(3, 4)]),
    (op.Tile((1, 2, 3)), [X]),
    (op.Tile(), [ROW, ints(2, 2)]),
    (op.Slice((1, -3), (3, 100), (1, 2)), [X]),
    (op.Slice((-1,), (-(2**63),), (2,), (-2,)), [X]),
    (op.Slice(), [X, ints(0), ints(2), ints(-1)]),
    (op.Gather(1, -1), [X]),
    (op.Gather(-1), [X, ints(3, -1, 3, 0).reshape(2, 2)]),
    (op.Join(1), [X, Z, X]),
    *((op.Triangle(upper, diagonal), [X]) for upper in (True, False) for diagonal in (-1, 0, 1)),
    (op.PadAxes(((0, 1), (2, -1), (-1, 0)), value=3.5), [X]),
    *((op.PadAxes(((1, 0), (0, 2), (1, -1)), mode), [X]) for mode in ("edge", "reflect", "wrap")),
]


def test_every_operation_is_tried():
    assert {type(layer).__name__ for layer, _ in CASES} == set(op.__all__)


@pytest.mark.parametrize(
    ("layer", "inputs"), CASES, ids=lambda value: repr(value) if isinstance(value, mn.Layer) else ""
)
def test_it_computes_the_same(layer, inputs):
    layer = layer.astype(np.float64).train()
    module = mn.torch.to_torch(layer)
    tensors = [torch.tensor(x, requires_grad=x.dtype.kind == "f") for x in inputs]
    y, theirs = layer.forward(*inputs), module(*tensors)
    assert y.dtype == theirs.detach().numpy().dtype
    np.testing.assert_allclose(y, theirs.detach(), rtol=1e-12, atol=1e-12)
    if not theirs.requires_grad:
        return
    dy = np.random.default_rng(1).normal(size=y.shape)
    theirs.backward(torch.tensor(dy))
    gradients = layer.backward(dy)
    for ours, tensor in zip(gradients if isinstance(gradients, tuple) else (gradients,), tensors, strict=False):
        if tensor.requires_grad and ours is not None:  # the slope of a remainder is left out
            np.testing.assert_allclose(ours, tensor.grad, rtol=1e-10, atol=1e-10)
    if isinstance(layer, op.Weight):
        np.testing.assert_allclose(layer.value.grad, module.value.grad)
