"""Operators of each number by itself: activations, functions, arithmetic, comparisons."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from minnet.core.layer import Layer
from minnet.layers import (
    CELU,
    ELU,
    GELU,
    SELU,
    Divide,
    Hardsigmoid,
    Hardswish,
    Hardtanh,
    LeakyReLU,
    Mish,
    Multiply,
    PReLU,
    ReLU,
    ReLU6,
    Sigmoid,
    SiLU,
    Softplus,
    Subtract,
    Sum,
    Tanh,
)
from minnet.layers.operations import Cast, Compare, Extreme, Function, Power, Where
from minnet.onnx.reading.network import Network
from minnet.onnx.reading.shapes import together
from minnet.onnx.reading.tensors import kind_of
from minnet.onnx.reading.values import Node, Value, constant

Reader = Callable[[Network, Node], Value]


def alone(layer: Callable[[Node], Layer]) -> Reader:
    """Return the reader of an operator that is a layer of one input."""

    def read(net: Network, node: Node) -> Value:
        x = node.value(0)
        return net.add(node, layer(node), x, shape=x.shape)

    return read


def several(layer: Callable[[], Layer], kind: str | None = None) -> Reader:
    """Return the reader of an operator that is a layer of several inputs, number by number."""

    def read(net: Network, node: Node) -> Value:
        values = [node.value(i) for i in range(len(node.inputs))]
        return net.add(node, layer(), *values, kind=kind, shape=together(*(value.shape for value in values)))

    return read


def multiply(net: Network, node: Node) -> Value:
    """The product, number by number; whole numbers that are known stay so."""
    return _sized(net, node, Multiply(), lambda a, b: a * b)


def subtract(net: Network, node: Node) -> Value:
    """The difference."""
    return _sized(net, node, Subtract(), lambda a, b: a - b)


def divide(net: Network, node: Node) -> Value:
    """The quotient."""
    return _sized(net, node, Divide(), lambda a, b: a // b if b > 0 and a >= 0 else None)


def _sized(net: Network, node: Node, layer: Layer, of_sizes: Callable[[int, int], int | None]) -> Value:
    a, b = node.value(0), node.value(1)
    sizes = None
    if a.kind == "i" and a.sizes is not None and b.sizes is not None and 1 in (len(a.sizes), len(b.sizes)):
        longest = max(len(a.sizes), len(b.sizes))
        pairs = zip(a.sizes * (longest // len(a.sizes)), b.sizes * (longest // len(b.sizes)), strict=True)
        sizes = tuple(of_sizes(n, m) if isinstance(n, int) and isinstance(m, int) else None for n, m in pairs)
    return net.add(node, layer, a, b, shape=together(a.shape, b.shape), sizes=sizes)


def power(net: Network, node: Node) -> Value:
    """Powers; the exponent may be of another kind of numbers."""
    a, b = node.value(0), node.value(1)
    if b.kind != a.kind:
        b = cast_to(net, node, b, a.kind)
    return net.add(node, Power(), a, b, shape=together(a.shape, b.shape))


def cast_to(net: Network, node: Node, x: Value, kind: str, name: str = "") -> Value:
    """Return a value as numbers of another kind."""
    layer = Cast({"f": "float", "b": "bool"}.get(kind, name or "int64"))
    sizes = x.sizes if kind == "i" and x.kind == "i" else None
    return net.add(node, layer, x, kind=kind, shape=x.shape, sizes=sizes, filled=x.filled if kind == "f" else None)


def cast(net: Network, node: Node) -> Value:
    """Numbers of another kind; all floats are of the model's dtype."""
    x, kind = node.value(0), kind_of(node.attribute("to", 0))
    if kind is None:
        raise node.refused(f"it makes numbers of data type {node.attribute('to', 0)}, which are not there in minnet")
    if kind == x.kind:
        return replace(x, name=node.outputs[0]) if x.array is None else x
    return cast_to(net, node, x, kind)


def cast_like(net: Network, node: Node) -> Value:
    """Numbers of the kind of the second input."""
    x, kind = node.value(0), node.value(1).kind
    return replace(x, name=node.outputs[0]) if kind == x.kind else cast_to(net, node, x, kind)


def clip(net: Network, node: Node) -> Value:
    """Numbers below the least become that, and above the most that."""
    x = node.value(0)
    if node.version < 11:
        low: Any = node.attribute("min", -np.inf) if "min" in node.attributes else -np.inf
        high: Any = node.attribute("max", np.inf) if "max" in node.attributes else np.inf
    elif all(value is None or value.array is not None for value in (node.get(1), node.get(2))) and x.kind == "f":
        low, high = node.number(1, -np.inf), node.number(2, np.inf)
    else:
        for i, kind in ((1, "max"), (2, "min")):
            if node.get(i) is not None:
                x = net.add(node, Extreme(kind), x, node.value(i), shape=x.shape)
        return x
    if (low, high) == (0, 6):
        return net.add(node, ReLU6(), x, shape=x.shape)
    if (low, high) == (0, np.inf):
        return net.add(node, ReLU(), x, shape=x.shape)
    if np.isfinite(low) and np.isfinite(high) and low < high:
        return net.add(node, Hardtanh(low, high), x, shape=x.shape)
    for kind, bound in (("max", low), ("min", high)):
        if np.isfinite(bound):
            x = net.add(node, Extreme(kind), x, constant("", np.asarray(bound, net.dtype)), shape=x.shape)
    return x


def prelu(net: Network, node: Node) -> Value:
    """PReLU, of one slope or of one for each channel; other slopes by arithmetic."""
    x, slope = node.value(0), node.value(1)
    shape = slope.array.shape if slope.array is not None else None
    if (
        shape is not None
        and slope.array is not None
        and (slope.array.size == 1 or (x.ndim == len(shape) + 1 and shape[:1] == (slope.array.size,)))
    ):
        layer = net.make(node, PReLU, slope.array.size)
        net.give(node, layer, weight=(slope, slope.array.reshape(-1)))
        return net.add(node, layer, x, shape=x.shape, own_name=True)
    zero = constant("", np.zeros((), net.dtype))
    above = net.add(node, Extreme("max"), x, zero, shape=x.shape)
    below = net.add(node, Extreme("min"), x, zero, shape=x.shape)
    together_shape = together(x.shape, slope.shape)
    product = net.add(node, Multiply(), below, slope, shape=together_shape)
    return net.add(node, Sum(), above, product, shape=together_shape)


def hard_sigmoid(net: Network, node: Node) -> Value:
    """Hardsigmoid, if its slope is that of PyTorch, 1/6; else clip(alpha · x + beta, 0, 1)."""
    x, alpha, beta = node.value(0), node.attribute("alpha", 0.2), node.attribute("beta", 0.5)
    if abs(alpha - 1 / 6) < 1e-6 and beta == 0.5:
        return net.add(node, Hardsigmoid(), x, shape=x.shape)
    y = net.add(node, Multiply(), x, constant("", np.asarray(alpha, net.dtype)), shape=x.shape)
    y = net.add(node, Sum(), y, constant("", np.asarray(beta, net.dtype)), shape=x.shape)
    return net.add(node, Hardtanh(0, 1), y, shape=x.shape)


def identity(net: Network, node: Node) -> Value:
    """The same array. PyTorch's older exporter writes it for Parameters with equal numbers, which it stores once."""
    x = node.value(0)
    return replace(x, name=node.outputs[0])


def where(net: Network, node: Node) -> Value:
    """One array where a condition is true, and another elsewhere."""
    values = [node.value(i) for i in range(3)]
    return net.add(node, Where(), *values, kind=values[1].kind, shape=together(*(value.shape for value in values)))


def mod(net: Network, node: Node) -> Value:
    """The remainder of a division."""
    return several(lambda: Compare("fmod" if node.attribute("fmod", 0) else "mod"))(net, node)


def _elu(node: Node) -> Layer:
    return ELU(node.attribute("alpha", 1.0))


def _selu(node: Node) -> Layer:
    alpha, gamma = node.attribute("alpha", 1.67326319), node.attribute("gamma", 1.05070098)
    if abs(alpha - 1.67326319) > 1e-5 or abs(gamma - 1.05070098) > 1e-5:
        raise node.refused("its alpha and gamma are not those of SELU")
    return SELU()


def _swish(node: Node) -> Layer:
    node.only(alpha=1.0)
    return SiLU()


def _function(name: str) -> Reader:
    return alone(lambda node: Function(name))


FUNCTIONS = "Abs Reciprocal Exp Log Sqrt Erf Softsign Sin Cos Tan Asin Acos Atan Sinh Cosh Asinh Acosh Atanh Sign Floor"
COMPARISONS = {"Equal": "equal", "Less": "less", "LessOrEqual": "less_equal", "Greater": "greater", "And": "and"}
COMPARISONS |= {"GreaterOrEqual": "greater_equal", "Or": "or", "Xor": "xor", "Not": "not", "IsNaN": "is_nan"}

OPERATORS: dict[str, Reader] = {
    "Relu": alone(lambda node: ReLU()),
    "LeakyRelu": alone(lambda node: LeakyReLU(node.attribute("alpha", 0.01))),
    "Elu": alone(_elu),
    "Selu": alone(_selu),
    "Gelu": alone(lambda node: GELU(node.attribute("approximate", "none"))),
    "Sigmoid": alone(lambda node: Sigmoid()),
    "Tanh": alone(lambda node: Tanh()),
    "Softplus": alone(lambda node: Softplus(threshold=1e30)),
    "Swish": alone(_swish),
    "Mish": alone(lambda node: Mish()),
    "PRelu": prelu,
    "HardSigmoid": hard_sigmoid,
    "HardSwish": alone(lambda node: Hardswish()),
    "Celu": alone(lambda node: CELU(node.attribute("alpha", 1.0))),
    "Clip": clip,
    "Neg": _function("negative"),
    "Ceil": _function("ceil"),
    "Round": _function("round"),
    **{name: _function(name.lower()) for name in FUNCTIONS.split()},
    **{name: several(partial(Compare, f), "b") for name, f in COMPARISONS.items()},
    "IsInf": several(lambda: Compare("is_inf"), "b"),
    "Sub": subtract,
    "Mul": multiply,
    "Div": divide,
    "Pow": power,
    "Mod": mod,
    "Sum": several(Sum),
    "Max": several(lambda: Extreme("max")),
    "Min": several(lambda: Extreme("min")),
    "Where": where,
    "Cast": cast,
    "CastLike": cast_like,
    "Identity": identity,
}
