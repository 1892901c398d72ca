"""Products of matrices, sums, and rows of tables: Linear, Embedding, and the arithmetic beside."""

from typing import Any

import numpy as np

from minnet.layers import Embedding, Linear, MatMul, Multiply, Sum
from minnet.layers.operations import Gather, Transpose
from minnet.onnx.reading.network import Network
from minnet.onnx.reading.shapes import together
from minnet.onnx.reading.values import Node, Sizes, Value, constant


def gemm(net: Network, node: Node) -> Value:
    """The sum alpha · a @ b + beta · c, a and b perhaps transposed: a Linear layer, if b is a constant."""
    a, b, c = node.value(0), node.value(1), node.get(2)
    alpha, beta = node.attribute("alpha", 1.0), node.attribute("beta", 1.0)
    if node.attribute("transA", 0):
        a = net.add(node, Transpose((1, 0)), a, shape=None if a.shape is None else a.shape[::-1])
    plain = alpha == 1 and (beta == 1 or c is None)
    transposed = bool(node.attribute("transB", 0))
    if plain and b.array is not None and b.array.ndim == 2 and a.array is None and not net.is_tied(b):
        size = b.array.shape[0 if transposed else 1]
        if c is None or (c.array is not None and c.array.size == size and c.array.shape[-1:] == (size,)):
            return linear(net, node, a, b, c, transposed)
    if transposed:
        b = net.add(node, Transpose((1, 0)), b, shape=None if b.shape is None else b.shape[::-1])
    shape = None if a.shape is None or b.shape is None else (*a.shape[:1], *b.shape[-1:])
    y = net.add(node, MatMul(), a, b, shape=shape)
    y = scaled(net, node, y, alpha)
    return y if c is None else net.add(node, Sum(), y, scaled(net, node, c, beta), shape=shape)


def scaled(net: Network, node: Node, x: Value, factor: float) -> Value:
    """Return a value times a number."""
    if factor == 1:
        return x
    return net.add(node, Multiply(), x, constant("", np.asarray(factor, net.dtype)), shape=x.shape)


def linear(net: Network, node: Node, x: Value, w: Value, c: Value | None, transposed: bool) -> Value:
    """Add a Linear layer of the weights w (I, O), or (O, I) if they are transposed, and the bias c."""
    assert w.array is not None
    weight = w.array.T if transposed else w.array
    # The exporter leaves out a bias of zeros, and says so; it is to be learned all the same.
    dropped = c is None and "RemoveOptionalBias" in node.notes
    layer = net.make(node, Linear, *weight.shape, bias=c is not None or dropped)
    arrays: dict[str, Any] = {"weight": (w, weight)}
    if c is not None and c.array is not None:
        arrays["bias"] = (c, c.array.reshape(-1))
    elif dropped:
        arrays["bias"] = (None, np.zeros(weight.shape[1], net.dtype))
    net.give(node, layer, **arrays)
    shape = None if x.shape is None else (*x.shape[:-1], weight.shape[1])
    return net.add(node, layer, x, shape=shape, own_name=True)


def matmul(net: Network, node: Node) -> Value:
    """The product a @ b: a Linear layer without a bias, if b is a constant matrix."""
    a, b = node.value(0), node.value(1)
    is_matrix = b.array is not None and b.array.ndim == 2 and b.array.size > 0 and b.kind == "f"
    if is_matrix and a.array is None and not net.is_tied(b):
        return linear(net, node, a, b, None, False)
    shape: Sizes | None = None
    if a.shape is not None and b.shape is not None and len(a.shape) > 1 and len(b.shape) > 1:
        batch = together(a.shape[:-2], b.shape[:-2])
        shape = None if batch is None else (*batch, a.shape[-2], b.shape[-1])
    return net.add(node, MatMul(), a, b, shape=shape)


def add(net: Network, node: Node) -> Value:
    """The sum a + b; or the bias of a Linear layer, if it is one."""
    a, b = node.value(0), node.value(1)
    for x, bias in ((a, b), (b, a)):
        layer = net.bare_linear(x)
        array = bias.array
        if layer is None or array is None or bias.kind != "f":
            continue
        if array.shape == (layer.out_features,) or (array.shape == (1, layer.out_features) and x.ndim == 2):
            with_bias = net.make(node, Linear, layer.in_features, layer.out_features)
            layer.bias = with_bias.bias
            net.give(node, layer, bias=(bias, array.reshape(-1)))
            return Value(node.outputs[0], "f", x.shape, x.wire)
    return net.add(node, Sum(), a, b, shape=together(a.shape, b.shape))


def gather(net: Network, node: Node) -> Value:
    """Parts of an array with given numbers: rows of an Embedding, if the array is a constant of floats."""
    x, numbers, axis = node.value(0), node.value(1), node.attribute("axis", 0)
    shape: Sizes | None = None
    if x.shape is not None and numbers.shape is not None and -len(x.shape) <= axis < len(x.shape):
        place = axis % len(x.shape)
        shape = (*x.shape[:place], *numbers.shape, *x.shape[place + 1 :])
    sizes = None
    if (
        x.sizes is not None
        and numbers.ints is not None
        and all(-len(x.sizes) <= n < len(x.sizes) for n in numbers.ints)
    ):
        sizes = tuple(x.sizes[n] for n in numbers.ints)
    is_table = x.array is not None and x.learned and x.array.ndim == 2 and axis == 0 and x.array.size > 0
    if is_table and not net.is_tied(x) and x.array is not None:
        layer = net.make(node, Embedding, *x.array.shape)
        net.give(node, layer, weight=(x, x.array))
        return net.add(node, layer, numbers, kind="f", shape=shape, own_name=True)
    if numbers.array is not None and numbers.array.ndim == 0:
        return net.add(node, Gather(axis, int(numbers.array)), x, shape=shape, sizes=sizes)
    return net.add(node, Gather(axis), x, numbers, kind=x.kind, shape=shape, sizes=sizes)


OPERATORS = {"Gemm": gemm, "MatMul": matmul, "Add": add, "Gather": gather}
