"""A Graph of layers, and the operations that are its nodes."""

from functools import reduce as fold
from typing import Any

import numpy as np

from minnet import layers
from minnet.layers import Divide, MatMul, Multiply, Subtract, Sum
from minnet.layers import operations as own
from minnet.layers.containers.wiring import as_names, plan_of
from minnet.onnx.writing.graph import Graph
from minnet.onnx.writing.table import exports
from minnet.onnx.writing.value import Value

FUNCTIONS = {"negative": "Neg"}  # those whose names differ
COMPARISONS = {"less_equal": "LessOrEqual", "greater_equal": "GreaterOrEqual", "is_nan": "IsNaN", "is_inf": "IsInf"}
REDUCTIONS = {"sum_square": "SumSquare", "log_sum": "LogSum", "log_sum_exp": "LogSumExp"}
SINGLE = frozenset(("less", "less_equal", "greater", "greater_equal"))


@exports(layers.Graph)
def network(graph: Graph, layer: layers.Graph, *inputs: Value, **named: Value) -> Any:
    """Write the layers in their order, each with what it reads."""
    values = dict(zip(as_names("inputs", layer.inputs), inputs, strict=False)) | named
    plan = plan_of(layer.layers, layer.inputs, layer.wires, layer.outputs)
    for step in plan.steps:
        values[step.name] = graph.layer(step.layer, *[values[name] for name in step.reads])
    outputs = tuple(values[name] for name in plan.outputs)
    return outputs if isinstance(layer.outputs, tuple) else outputs[0]


@exports(Sum)
def total(graph: Graph, layer: Sum, *xs: Value) -> Value:
    """Write the sum of all inputs."""
    return fold(lambda one, other: graph.op("Add", one, other), xs)


@exports(Subtract, Multiply, Divide, MatMul, own.Power)
def two(graph: Graph, layer: Any, a: Value, b: Value) -> Value:
    """Write an operator of two inputs."""
    return graph.op({"Subtract": "Sub", "Multiply": "Mul", "Divide": "Div", "Power": "Pow"}.get(
        type(layer).__name__, type(layer).__name__), a, b)  # fmt: skip


@exports(own.Function)
def function(graph: Graph, layer: own.Function, x: Value) -> Value:
    """Write a function of each number."""
    return graph.op(FUNCTIONS.get(layer.name, layer.name.capitalize()), x)


@exports(own.Extreme)
def extreme(graph: Graph, layer: own.Extreme, *xs: Value) -> Value:
    """Write the largest or smallest of the inputs."""
    return graph.op(layer.kind.capitalize(), *xs)


@exports(own.Compare)
def compare(graph: Graph, layer: own.Compare, *xs: Value) -> Value:
    """Write a comparison."""
    if layer.name in ("mod", "fmod"):
        return graph.op("Mod", *xs, fmod=int(layer.name == "fmod"))
    return graph.op(COMPARISONS.get(layer.name, layer.name.capitalize()), *xs)


@exports(own.Where)
def where(graph: Graph, layer: own.Where, condition: Value, a: Value, b: Value) -> Value:
    """Write a choice."""
    return graph.op("Where", condition, a, b)


@exports(own.Cast)
def cast(graph: Graph, layer: own.Cast, x: Value) -> Value:
    """Write other kinds of numbers."""
    return graph.cast(x, graph.dtype if layer.kind == "float" else layer.kind)


@exports(own.Constant, own.Fill)
def constant(graph: Graph, layer: Any, shape: Value | None = None) -> Value:
    """Write a constant array, or one number in all places."""
    data = layer.value.data
    value = graph.constant(data) if layer.kind == "float" else graph.constant(data.astype(layer.kind), "value",
                                                                                  np.dtype(layer.kind))  # fmt: skip
    return value if shape is None else graph.op("Expand", value, graph.cast(shape, np.int64))


@exports(own.Weight)
def weight(graph: Graph, layer: own.Weight) -> Value:
    """Write the array."""
    return graph.array(layer.value)


@exports(own.Range)
def numbers(graph: Graph, layer: own.Range, start: Value, end: Value, step: Value) -> Value:
    """Write start, start + step and so on."""
    return graph.op(
        "Range", *(graph.op("Reshape", x, graph.constant(np.zeros(0, np.int64))) for x in (start, end, step))
    )


@exports(own.ShapeOf)
def shape_of(graph: Graph, layer: own.ShapeOf, x: Value) -> Value:
    """Write the shape of an array."""
    return graph.op("Shape", x, start=layer.start, end=layer.end)


@exports(own.Reduce)
def reduce(graph: Graph, layer: own.Reduce, x: Value, axes: Value | None = None) -> Value:
    """Write a reduction."""
    kind = f"Reduce{REDUCTIONS.get(layer.kind, layer.kind.capitalize())}"
    given = axes if layer.axes is None else layer.axes
    chosen = None if given is None else graph.value(given)
    empty = 1 if layer.axes == () else None
    return graph.op(kind, x, chosen, keepdims=int(layer.keepdims), noop_with_empty_axes=empty)


@exports(own.UnitNorm)
def unit_norm(graph: Graph, layer: own.UnitNorm, x: Value) -> Value:
    """Write the division of rows by their norm."""
    size = graph.op("Abs", x)
    size = graph.op("ReduceMax" if layer.norm == "max" else f"Reduce{layer.norm.upper()}", size, [-1], keepdims=1)
    return graph.op("Div", x, graph.op("Where", graph.op("Equal", size, 0.0), 1.0, size))


@exports(own.CumSum)
def cumulative_sum(graph: Graph, layer: own.CumSum, x: Value) -> Value:
    """Write running sums."""
    return graph.op("CumSum", x, layer.axis, exclusive=int(layer.exclusive), reverse=int(layer.reverse))


@exports(own.ArgMax)
def place_of(graph: Graph, layer: own.ArgMax, x: Value) -> Value:
    """Write the place of the largest number."""
    return graph.op("ArgMin" if layer.smallest else "ArgMax", x, axis=layer.axis, keepdims=int(layer.keepdims))


@exports(own.View)
def view(graph: Graph, layer: own.View, x: Value, shape: Value | None = None) -> Value:
    """Write another shape."""
    sizes = graph.value(list(layer.shape)) if shape is None and layer.shape is not None else shape
    return graph.op("Reshape", x, sizes, allowzero=1 if layer.allow_zero else None)


@exports(own.Transpose)
def transpose(graph: Graph, layer: own.Transpose, x: Value) -> Value:
    """Write another order of the axes."""
    return graph.op("Transpose", x, perm=layer.axes)


@exports(own.Squeeze, own.Unsqueeze)
def squeeze(graph: Graph, layer: Any, x: Value) -> Value:
    """Write fewer, or more, axes of size 1."""
    return graph.op(type(layer).__name__, x, None if layer.axes is None else list(layer.axes))


@exports(own.Expand, own.Tile)
def repeat(graph: Graph, layer: Any, x: Value, counts: Value | None = None) -> Value:
    """Write an array repeated."""
    given = layer.shape if isinstance(layer, own.Expand) else layer.repeats
    return graph.op(type(layer).__name__, x, list(given or ()) if counts is None else counts)


@exports(own.Slice)
def part(graph: Graph, layer: own.Slice, x: Value, *given: Value) -> Value:
    """Write a part of an array."""
    numbers: list[Any] = [*given, *(layer.starts, layer.ends, layer.axes, layer.steps)[len(given) :]]
    if numbers[3] is not None and numbers[2] is None:
        numbers[2] = range(len(layer.starts or ()))
    while numbers[-1] is None:
        numbers.pop()
    return graph.op("Slice", x, *(n if n is None or isinstance(n, Value) else list(n) for n in numbers))


@exports(own.Gather)
def gather(graph: Graph, layer: own.Gather, x: Value, index: Value | None = None) -> Value:
    """Write parts with given numbers."""
    return graph.op("Gather", x, layer.index if index is None else index, axis=layer.axis)


@exports(own.Join)
def join(graph: Graph, layer: own.Join, *xs: Value) -> Value:
    """Write arrays one after another."""
    return graph.op("Concat", *xs, axis=layer.axis)


@exports(own.PadAxes)
def pad(graph: Graph, layer: own.PadAxes, x: Value) -> Value:
    """Write numbers added before and behind."""
    pads = [pair[i] for i in (0, 1) for pair in layer.pads]
    if layer.mode == "wrap" and graph.opset < 19:
        raise ValueError("mn.onnx.export: PadAxes(mode='wrap') needs opset 19")
    return graph.op("Pad", x, pads, layer.value if layer.mode == "constant" else None, mode=layer.mode)


@exports(own.Triangle)
def triangle(graph: Graph, layer: own.Triangle, x: Value) -> Value:
    """Write triangles of matrices."""
    return graph.op("Trilu", x, layer.diagonal, upper=int(layer.upper))
