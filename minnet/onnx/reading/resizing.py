"""Images made larger or smaller: Resize, the older Upsample, and channels that become pixels."""

from typing import Any

import numpy as np

from minnet.layers import ChannelShuffle, PixelShuffle, PixelUnshuffle, Upsample
from minnet.onnx.reading.network import Network
from minnet.onnx.reading.values import Node, Value

LINES = {1: "linear", 2: "bilinear", 3: "trilinear"}  # by the number of axes


def resize(net: Network, node: Node) -> Value:
    """Upsample, for the modes that PyTorch has."""
    x, axes = node.value(0), (node.value(0).ndim or 0) - 2
    if axes not in LINES:
        raise node.refused("the file does not say how many axes its input has, or there are others than 1 to 3")
    node.only(antialias=0, exclude_outside=0, keep_aspect_ratio_policy="stretch")
    own = node.attribute("axes", None)
    if own is not None and own != tuple(range(2, axes + 2)):
        raise node.refused(f"its axes are {own[:8]}, and not those behind the channels")
    skipped = 2 if own is None else 0  # the batch and the channels
    how: dict[str, Any] = {}
    sizes, scales = node.get(3), node.get(2)
    if sizes is not None:
        fits = sizes.sizes is not None and len(sizes.sizes) == axes + skipped
        wanted = sizes.sizes[skipped:] if fits and sizes.sizes is not None else (None,)
        if not all(isinstance(n, int) and 0 < n < 1 << 20 for n in wanted):
            raise node.refused("its sizes are computed, and must be constants here")
        how["size"] = tuple(wanted)
    elif scales is not None:
        how["scale_factor"] = _scales(node, scales, axes, skipped)
    else:
        raise node.refused("it has neither sizes nor scales")
    return _upsampled(net, node, x, axes, how)


def _scales(node: Node, scales: Value, axes: int, skipped: int = 2) -> tuple[float, ...]:
    """Return the factors of the axes behind the channels."""
    array = scales.array
    if array is None or array.shape != (axes + skipped,) or (array[:skipped] != 1).any() or not (array > 0).all():
        raise node.refused("its scales are computed, or make other axes larger than those of the image")
    return tuple(float(str(np.float32(n))) for n in array[skipped:])


def _upsampled(net: Network, node: Node, x: Value, axes: int, how: dict[str, Any]) -> Value:
    mode, places = node.attribute("mode", "nearest"), node.attribute("coordinate_transformation_mode", "half_pixel")
    if mode == "nearest":
        rounding = node.attribute("nearest_mode", "round_prefer_floor")
        whole = "scale_factor" in how and all(n == int(n) for n in how["scale_factor"])
        plain = (places, rounding) == ("asymmetric", "floor")
        if not plain and not (whole and (places, rounding) == ("half_pixel", "round_prefer_floor")):
            raise node.refused(f"{places} with {rounding} is not there in minnet for these sizes")
    elif mode == "linear" and places in ("half_pixel", "pytorch_half_pixel", "align_corners"):
        how |= {"mode": LINES[axes], "align_corners": places == "align_corners"}
    else:
        raise node.refused(f"mode {mode} with {places} is not there in minnet")
    shape = None if x.shape is None else (*x.shape[:2], *(how.get("size") or [None] * axes))
    return net.add(node, net.make(node, Upsample, **how), x, shape=shape)


def upsample(net: Network, node: Node) -> Value:
    """The older operator, of which only nearest is PyTorch's."""
    x, axes = node.value(0), (node.value(0).ndim or 0) - 2
    if axes not in LINES or node.attribute("mode", "nearest") != "nearest":
        raise node.refused("only its mode nearest is there in minnet, for inputs whose axes the file says")
    factors = _scales(node, node.value(1), axes)
    return net.add(node, net.make(node, Upsample, None, factors), x, shape=(*(x.shape or ())[:2], *[None] * axes))


def depth_to_space(net: Network, node: Node) -> Value:
    """Channels as pixels. By default a place's channels are (r², C); PixelShuffle, the mode CRD, has (C, r²)."""
    x, r = node.value(0), node.attribute("blocksize", 1)
    shape = None if x.shape is None else (x.shape[0], *[None] * (len(x.shape) - 1))
    shuffle = net.make(node, PixelShuffle, r)
    if node.attribute("mode", "DCR") != "CRD":
        x = net.add(node, net.make(node, ChannelShuffle, r * r), x, shape=x.shape)
    return net.add(node, shuffle, x, shape=shape)


def space_to_depth(net: Network, node: Node) -> Value:
    """Pixels as channels (r², C), where PixelUnshuffle has (C, r²)."""
    x, r = node.value(0), node.attribute("blocksize", 1)
    channels = x.shape[1] if x.shape is not None and len(x.shape) == 4 else None
    if not isinstance(channels, int):
        raise node.refused("the file does not say how many channels its images have")
    shape = (x.shape[0] if x.shape else None, channels * r * r, None, None)
    y = net.add(node, net.make(node, PixelUnshuffle, r), x, shape=shape)
    return net.add(node, net.make(node, ChannelShuffle, channels), y, shape=shape)


OPERATORS = {
    "Resize": resize,
    "Upsample": upsample,
    "DepthToSpace": depth_to_space,
    "SpaceToDepth": space_to_depth,
}
