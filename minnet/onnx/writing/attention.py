"""Attention as matrix products and a softmax, and the blocks around it."""

import math

import numpy as np

from minnet.layers import MultiHeadAttention, TransformerBlock, TransformerDecoderBlock
from minnet.onnx.writing.graph import Graph
from minnet.onnx.writing.table import exports
from minnet.onnx.writing.value import Value


@exports(MultiHeadAttention)
def attention(
    graph: Graph,
    layer: MultiHeadAttention,
    x: Value,
    mask: Value | None = None,
    context: Value | None = None,
    values: Value | None = None,
) -> Value:
    """Write the attention of x (..., T, D) to itself, or to a context."""
    source = x if context is None else context
    others = source if values is None else values
    q, k, v = (
        split_heads(graph, graph.layer(part, given), layer.num_heads)
        for part, given in ((layer.query, x), (layer.key, source), (layer.value, others))
    )
    heads = attend(graph, q, k, v, allowed(graph, layer.causal, x, mask))
    y: Value = graph.layer(layer.output, join_heads(graph, heads))
    return y


@exports(TransformerBlock)
def transformer_block(graph: Graph, layer: TransformerBlock, x: Value, mask: Value | None = None) -> Value:
    """Write the attention and the network, each added to its own input."""
    if layer.norm_first:
        h = graph.op("Add", x, graph.layer(layer.attention, graph.layer(layer.attention_norm, x), mask))
        return graph.op("Add", h, graph.layer(layer.network, graph.layer(layer.network_norm, h)))
    h = graph.layer(layer.attention_norm, graph.op("Add", x, graph.layer(layer.attention, x, mask)))
    y: Value = graph.layer(layer.network_norm, graph.op("Add", h, graph.layer(layer.network, h)))
    return y


@exports(TransformerDecoderBlock)
def decoder_block(
    graph: Graph,
    layer: TransformerDecoderBlock,
    x: Value,
    memory: Value,
    mask: Value | None = None,
    memory_mask: Value | None = None,
) -> Value:
    """Write the two attentions and the network, each added to its own input."""

    def cross(x: Value) -> Value:
        y: Value = graph.layer(layer.cross_attention, x, memory_mask, memory)
        return y

    if layer.norm_first:
        h = graph.op("Add", x, graph.layer(layer.attention, graph.layer(layer.attention_norm, x), mask))
        h = graph.op("Add", h, cross(graph.layer(layer.cross_norm, h)))
        return graph.op("Add", h, graph.layer(layer.network, graph.layer(layer.network_norm, h)))
    h = graph.layer(layer.attention_norm, graph.op("Add", x, graph.layer(layer.attention, x, mask)))
    h = graph.layer(layer.cross_norm, graph.op("Add", h, cross(h)))
    y: Value = graph.layer(layer.network_norm, graph.op("Add", h, graph.layer(layer.network, h)))
    return y


def split_heads(graph: Graph, x: Value, heads: int) -> Value:
    """Write x (..., T, D) as one array a head, (..., H, T, d)."""
    split = graph.op("Reshape", x, [*[0] * (x.ndim - 1), heads, int(x.shape[-1] or 0) // heads])
    return graph.op("Transpose", split, perm=[*range(x.ndim - 2), x.ndim - 1, x.ndim - 2, x.ndim])


def join_heads(graph: Graph, x: Value) -> Value:
    """Write (..., H, T, d) as (..., T, D)."""
    joined = graph.op("Transpose", x, perm=[*range(x.ndim - 3), x.ndim - 2, x.ndim - 3, x.ndim - 1])
    return graph.op("Reshape", joined, [*[0] * (x.ndim - 2), int(x.shape[-3] or 0) * int(x.shape[-1] or 0)])


def attend(graph: Graph, q: Value, k: Value, v: Value, allowed: Value | None) -> Value:
    """Write softmax(q kᵀ / √d) v, with the weight 0 where nothing is allowed, for q, k and v (..., H, T, d)."""
    scores = graph.op("MatMul", q, graph.op("Transpose", k, perm=[*range(k.ndim - 2), k.ndim - 1, k.ndim - 2]))
    scores = graph.op("Mul", scores, 1 / math.sqrt(int(q.shape[-1] or 1)))
    if allowed is not None:  # the least number, not −∞, because a row of −∞ alone has no softmax
        scores = graph.op("Where", allowed, scores, float(np.finfo(graph.dtype).min))
    weights = graph.op("Softmax", scores, axis=-1)
    if allowed is not None:
        weights = graph.op("Where", allowed, weights, 0.0)
    return graph.op("MatMul", weights, v)


def allowed(graph: Graph, causal: bool, x: Value, mask: Value | None) -> Value | None:
    """Write which places each place may attend to, for scores (..., H, T, S); None for all."""
    places = None if mask is None else graph.op("Unsqueeze", mask, [-3, -2])  # (..., 1, 1, S)
    if not causal:
        return places
    steps = graph.steps(x, -2)
    beyond = graph.op("Unsqueeze", graph.op("Add", steps, 1), [1])
    past = graph.op("Less", graph.op("Unsqueeze", steps, [0]), beyond)  # (T, T)
    return past if places is None else graph.op("And", places, past)
