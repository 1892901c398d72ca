"""What the comparisons of layers for images with PyTorch's share."""

import numpy as np
from hypothesis import strategies as st
from pytorch import seeds, torch

from minnet.layers.images.transposed import ConvTranspose1d, ConvTranspose2d


def sizes(low, high, axes=2):
    """Draw an int, or one for each axis."""
    number = st.integers(low, high)
    return number | st.tuples(*[number] * axes)


def each(value, axes=2):
    return value if isinstance(value, tuple) else (value,) * axes


@st.composite
def images(draw, channels, axes=2, most=7):
    """Draw images, as they come or as our layers make them (batch last in memory), or a single one."""
    batch, size = draw(st.sampled_from([(), (0,), (1,), (3,)])), draw(st.tuples(*[st.integers(1, most)] * axes))
    x = np.random.default_rng(draw(seeds)).normal(size=(*batch, channels, *size))
    if batch and draw(st.booleans()):
        x = np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 0, -1)), -1, 0)
    return x


def compare(parity, layer, theirs, x, generator):
    """Compare y, dL/dx and, with the first two axes of their weight swapped if need be, dL/dW and dL/db."""
    part = type(layer).__name__
    t = torch.tensor(x, requires_grad=True)
    if getattr(layer, "weight", None) is not None:
        swap = not isinstance(layer, (ConvTranspose1d, ConvTranspose2d))
        layer.astype(np.float64)
        with torch.no_grad():
            theirs.weight.copy_(torch.tensor(layer.weight.data.swapaxes(0, 1) if swap else layer.weight.data))
            if layer.bias is not None:
                theirs.bias.copy_(torch.tensor(layer.bias.data))
    their_y = theirs(t)
    dy = generator.normal(size=their_y.shape)
    their_y.backward(torch.tensor(dy))
    parity(part, "output", layer.forward(x), their_y)
    parity(part, "dL/dx", layer.backward(dy), t.grad)
    if getattr(layer, "weight", None) is not None:
        gradient = theirs.weight.grad
        parity(part, "dL/d weight", layer.weight.grad, gradient.swapaxes(0, 1) if swap else gradient)
        if layer.bias is not None:
            parity(part, "dL/d bias", layer.bias.grad, theirs.bias.grad)
