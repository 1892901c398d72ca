"""A Graph, and the arithmetic of several arrays at its nodes."""

from typing import Any

from minnet.core.layer import Layer
from minnet.layers.containers.graph import Graph
from minnet.layers.containers.wiring import as_names, plan_of
from minnet.layers.operations.arithmetic import Divide, MatMul, Multiply, Subtract, Sum
from minnet.torch.entries import Making, entry


def _graph(layer: Graph, to: Making) -> Any:
    plan = plan_of(layer.layers, layer.inputs, layer.wires, layer.outputs)
    steps = [(step.name, step.reads) for step in plan.steps]
    outputs = plan.outputs if isinstance(layer.outputs, tuple) else plan.outputs[0]
    return to.own.Graph(to.parts, as_names("inputs", layer.inputs), steps, outputs)


entry(Graph, _graph)
_KINDS: list[type[Layer]] = [Sum, Subtract, Multiply, Divide, MatMul]
for _kind in _KINDS:
    entry(_kind, lambda layer, to: getattr(to.own, type(layer).__name__)())
