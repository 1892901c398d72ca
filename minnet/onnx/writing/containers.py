"""Containers write the layers inside them, and what joins these."""

from functools import reduce
from typing import Any

from minnet.layers import Add, Concat, Decoder, EncoderDecoder, Heads, Inputs, Residual, Sequential
from minnet.layers.containers.container import Container
from minnet.layers.containers.sequential import takes_several
from minnet.onnx.writing.graph import Graph
from minnet.onnx.writing.table import exports
from minnet.onnx.writing.value import Value


@exports(Sequential)
def sequential(graph: Graph, layer: Sequential, *inputs: Any, **named: Any) -> Any:
    """Write the layers one after another; a mask goes to those that take one."""
    layers = list(layer.layers)
    if takes_several(layer):
        x, mask = graph.layer(layers.pop(0), *inputs, **named), None
    else:
        x, mask = _masked(*inputs, **named)
    users = [False] * len(layers) if mask is None else layer.mask_users(in_sequence=True)
    for part, takes in zip(layers, users, strict=True):
        x = graph.layer(part, x, mask=mask) if takes else graph.layer(part, x)
    return x


@exports(Decoder)
def decoder(
    graph: Graph,
    layer: Decoder,
    x: Value,
    memory: Value,
    mask: Value | None = None,
    memory_mask: Value | None = None,
) -> Any:
    """Write the layers one after another; the memory and the masks go to those that take them."""
    users = [False] * len(layer) if mask is None else layer.mask_users(in_sequence=True)
    for part, takes in zip(layer.layers, users, strict=True):
        given: dict[str, Any] = {"mask": mask} if takes else {}
        if part.takes_memory:
            given |= {"memory": memory, "memory_mask": memory_mask}
        x = graph.layer(part, x, **given)
    return x


@exports(EncoderDecoder)
def encoder_decoder(
    graph: Graph,
    layer: EncoderDecoder,
    source: Value,
    target: Value,
    source_mask: Value | None = None,
    target_mask: Value | None = None,
) -> Any:
    """Write the encoder, and the decoder with what it returns."""
    given = {} if source_mask is None else {"mask": source_mask}
    memory = graph.layer(layer.encoder, source, **given)
    return graph.layer(layer.decoder, target, memory, mask=target_mask, memory_mask=source_mask)


@exports(Residual)
def residual(graph: Graph, layer: Residual, x: Value, mask: Value | None = None) -> Value:
    """Write x + f(x)."""
    return graph.op("Add", x, sequential(graph, layer, x, mask))


@exports(Add)
def add(graph: Graph, layer: Add, x: Value, mask: Value | None = None) -> Value:
    """Write the sum of the branches' outputs."""
    outputs = _outputs(graph, layer, x, mask)
    return reduce(lambda total, y: graph.op("Add", total, y), outputs)


@exports(Concat)
def concat(graph: Graph, layer: Concat, x: Value, mask: Value | None = None) -> Value:
    """Write the branches' outputs, joined."""
    return graph.op("Concat", *_outputs(graph, layer, x, mask), axis=layer.axis)


@exports(Heads)
def heads(graph: Graph, layer: Heads, x: Value, mask: Value | None = None) -> Any:
    """Write the outputs of all heads."""
    outputs = _outputs(graph, layer, x, mask)
    return dict(zip(layer.keys, outputs, strict=True)) if any(layer.layers.names) else tuple(outputs)


@exports(Inputs)
def inputs(graph: Graph, layer: Inputs, *inputs: Value, mask: Value | None = None, **named: Value) -> Value:
    """Write each branch with its own input, joined along the last axis."""
    xs = [named[str(name)] for name in layer.layers.names] if named else inputs
    users = [mask is not None and part.takes_mask for part in layer.layers]
    outputs = [_branch(graph, part, x, mask, takes) for part, x, takes in zip(layer.layers, xs, users, strict=True)]
    return graph.op("Concat", *outputs, axis=-1)


def _masked(x: Value, mask: Value | None = None) -> tuple[Value, Value | None]:
    """Return the arguments of a Sequential's forward."""
    return x, mask


def _outputs(graph: Graph, layer: Container, x: Value, mask: Value | None) -> list[Value]:
    """Write the branches, which all have the same x; the mask goes to those that take one."""
    users = [False] * len(layer) if mask is None else layer.mask_users(in_sequence=False)
    return [_branch(graph, part, x, mask, takes) for part, takes in zip(layer.layers, users, strict=True)]


def _branch(graph: Graph, layer: Any, x: Value, mask: Value | None, takes: bool) -> Value:
    y: Value = graph.layer(layer, x, mask=mask) if takes else graph.layer(layer, x)
    return y
