"""Pads, upsampling and shuffles of images."""

from typing import Any

import numpy as np

from minnet.layers import ChannelShuffle, PixelShuffle, PixelUnshuffle, Upsample
from minnet.layers.images import pads
from minnet.layers.images.borders import Borders
from minnet.onnx.writing.graph import Graph
from minnet.onnx.writing.table import exports
from minnet.onnx.writing.value import Value

PADS = [getattr(pads, f"{mode}Pad{axes}d") for mode in ("Constant", "Zero", "Reflection", "Replication", "Circular")
        for axes in "123"]  # fmt: skip


@exports(*PADS)
def pad(graph: Graph, layer: Any, x: Value) -> Value:
    """Write images with their borders."""
    return bordered(graph, x, layer._borders)


def bordered(graph: Graph, x: Value, borders: Borders) -> Value:
    """Write images with their borders; what is cut off, is cut off afterwards, because it may be copied before."""
    added = [(max(before, 0), max(after, 0)) for before, after in borders.sizes]
    if borders.mode == "circular":  # ONNX's operator has "wrap" from opset 19 on
        for axis, (before, after) in enumerate(added, 2):
            parts = [_cut(graph, x, axis, -before, None)] * (before > 0) + [x]
            parts += [_cut(graph, x, axis, 0, after)] * (after > 0)
            x = graph.op("Concat", *parts, axis=axis) if len(parts) > 1 else x
    elif any(map(any, added)):
        numbers = [0, 0, *(before for before, _ in added), 0, 0, *(after for _, after in added)]
        value = graph.constant(borders.value) if borders.mode == "constant" else None
        x = graph.op("Pad", x, numbers, value, mode="edge" if borders.mode == "replicate" else borders.mode)
    for axis, (before, after) in enumerate(borders.sizes, 2):
        if min(before, after) < 0:
            x = _cut(graph, x, axis, max(-before, 0), after if after < 0 else None)
    return x


def _cut(graph: Graph, x: Value, axis: int, start: int, end: int | None) -> Value:
    """Write the places of an axis from one to before another; negative numbers count from the end, None is the end."""
    return graph.op("Slice", x, [start], [np.iinfo(np.int64).max if end is None else end], [axis])


@exports(Upsample)
def upsample(graph: Graph, layer: Upsample, x: Value) -> Value:
    """Write a Resize of the axes after the channels."""
    axes = list(range(2, x.ndim))
    old = [n for n in x.shape[2:] if isinstance(n, int)]
    known = len(old) == len(axes)
    options: dict[str, Any] = {"mode": "linear", "coordinate_transformation_mode": "half_pixel", "axes": axes}
    if layer.align_corners:
        options["coordinate_transformation_mode"] = "align_corners"
    if layer.mode == "nearest":
        if known and (y := _nearest(graph, layer, x, tuple(old))) is not None:
            return y
        if not known and (layer.scale_factor is None or any(factor % 1 for factor in layer._factors(len(axes)))):
            return _nearest_of_any_size(graph, layer, x)
        options |= {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    elif not known and not layer.align_corners and any(1 < factor < 1.5 for factor in layer._factors(len(axes))):
        raise ValueError(  # PyTorch copies a small image, of which ⌊H·scale_factor⌋ is H
            f"mn.onnx.export cannot write {layer.describe()} for images of any size: give their size in input_shape"
        )
    if layer.scale_factor is None:
        return graph.op("Resize", x, None, None, list(layer._new((1,) * len(axes))), **options)
    factors = layer._factors(len(axes))
    if known:
        factors = tuple(1 / step for step in layer._steps(tuple(old), layer._new(tuple(old))))
    return graph.op("Resize", x, None, graph.constant(factors, "scales", np.float32), None, **options)


def _nearest(graph: Graph, layer: Upsample, x: Value, old: tuple[int, ...]) -> Value | None:
    """Write the pixels by their numbers, if a Resize would round to others; None, if it would not."""
    new = layer._new(old)
    taps = [pixels for ((pixels, _),) in layer._taps(old)]
    for pixels, n, out, step in zip(taps, old, new, layer._steps(old, new), strict=True):
        scale = np.float32(out) / np.float32(n) if layer.scale_factor is None else np.float32(1 / step)
        same = np.minimum(np.floor(np.arange(out, dtype=np.float32) / scale), n - 1)
        if not np.array_equal(same, pixels) or int(np.float32(n) * scale) != out:
            break
    else:
        return None
    for axis, pixels in enumerate(taps, 2):
        x = graph.op("Gather", x, graph.constant(pixels, "pixels"), axis=axis)
    return x


def _nearest_of_any_size(graph: Graph, layer: Upsample, x: Value) -> Value:
    """Write the pixels by numbers that the graph computes as `Upsample` does, because a Resize may round to others."""
    axes = x.ndim - 2
    for axis, (out, factor) in enumerate(zip(layer._new((1,) * axes), layer._factors(axes), strict=True), 2):
        last = graph.op("Sub", graph.size(x, axis), 1)
        n = graph.cast(graph.size(x, axis), np.float64)
        if layer.scale_factor is None:
            places: Value = graph.constant(np.arange(out), "places")
            step = graph.op("Div", n, graph.constant(out, dtype=np.float64))
        else:
            new = graph.op("Floor", graph.op("Mul", n, graph.constant(factor, dtype=np.float64)))
            places = graph.op("Range", 0, graph.op("Squeeze", graph.cast(new, np.int64), [0]), 1)
            step = graph.constant(1 / factor, dtype=np.float64)
            for exact in (1.0, 0.5) if axes == 2 else ():
                fits = graph.op("Equal", new, graph.op("Div", n, graph.constant(exact, dtype=np.float64)))
                step = graph.op("Where", fits, graph.constant(exact, dtype=np.float64), step)
        pixels = graph.op("Mul", graph.cast(places, np.float32), graph.cast(step, np.float32))
        x = graph.op("Gather", x, graph.op("Min", graph.cast(graph.op("Floor", pixels), np.int64), last), axis=axis)
    return x


@exports(PixelShuffle)
def pixel_shuffle(graph: Graph, layer: PixelShuffle, x: Value) -> Value:
    """Write channels as pixels; CRD says that a channel's r² come one after another."""
    return graph.op("DepthToSpace", x, blocksize=layer.upscale_factor, mode="CRD")


@exports(PixelUnshuffle)
def pixel_unshuffle(graph: Graph, layer: PixelUnshuffle, x: Value) -> Value:
    """Write pixels as channels; ONNX has all channels of a place one after another, so they change their order."""
    r, channels = layer.downscale_factor, _channels(x, layer)
    y = graph.op("SpaceToDepth", x, blocksize=r)
    order = np.arange(r * r * channels).reshape(r * r, channels).T.ravel()
    return graph.op("Gather", y, graph.constant(order, "order"), axis=1)


@exports(ChannelShuffle)
def channel_shuffle(graph: Graph, layer: ChannelShuffle, x: Value) -> Value:
    """Write the channels in another order."""
    order = np.arange(_channels(x, layer)).reshape(layer.groups, -1).T.ravel()
    return graph.op("Gather", x, graph.constant(order, "order"), axis=1)


def _channels(x: Value, layer: Any) -> int:
    """Return the number of channels, which the order of them needs."""
    channels = x.shape[1]
    if not isinstance(channels, int):
        raise ValueError(
            f"mn.onnx.export cannot write {layer.describe()} for any number of channels: give it in input_shape"
        )
    return channels
