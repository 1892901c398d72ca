"""An EncoderDecoder maps a source sequence to a target sequence; a Decoder is a chain of layers that share a memory."""

from typing import Any

from minnet.core.arrays import Array
from minnet.core.checks import named
from minnet.core.layer import Layer
from minnet.layers.containers.container import Container
from minnet.layers.sequences.masks import Mask


class Decoder(Container):
    """y = f_n(… f_2(f_1(x, m), m) …, m): a chain of layers, of which those that take a memory m are given it, too.

    PyTorch's TransformerDecoder is ``Decoder(TransformerDecoderBlock(...), ..., LayerNorm(D))``. Other layers, such as
    an `Embedding` before the blocks and a `Linear` behind them, are given only what the one before them returns. The
    layers that take a memory are `TransformerDecoderBlock`, and your own with ``takes_memory = True``,
    ``forward(x, memory, mask=None, memory_mask=None)`` and a ``backward`` that returns (dx, dL/dm).

    Backward: from the last layer to the first, as in `Sequential`. All these layers have the same m, so dL/dm is the
    sum of what they return for it.

    Parameters
    ----------
    *layers, **named
        The layers, as for `Sequential`; at least one takes a memory.

    Examples
    --------
    >>> import numpy as np
    >>> from minnet import LayerNorm, TransformerDecoderBlock
    >>> decoder = Decoder(TransformerDecoderBlock(8, 2, 32), TransformerDecoderBlock(8, 2, 32), LayerNorm(8))
    >>> decoder.forward(np.ones((3, 5, 8), np.float32), np.ones((3, 9, 8), np.float32)).shape
    (3, 5, 8)
    """

    takes_memory = True

    def forward(self, x: Any, memory: Array, mask: Mask | None = None, memory_mask: Mask | None = None) -> Array:
        """Map x and the memory (N, S, D) to y.

        The masks, (N, T) of x and (N, S) of the memory, are True where a place is real.
        """
        users = [False] * len(self.layers) if mask is None else self.mask_users(in_sequence=True)
        for i, layer in enumerate(self.layers):
            given: dict[str, Any] = {"mask": mask} if users[i] else {}
            if layer.takes_memory:
                given |= {"memory": memory, "memory_mask": memory_mask}
            try:
                x = layer.forward(x, **given)
            except Exception as error:
                self._say_where(error, i, "input", x, i - 1 if i else None)
                raise
        y: Array = x
        return y

    def backward(self, dy: Array) -> tuple[Any, Array]:
        """Map dy to (dx, dL/d memory); the layers add up their Parameters' gradients."""
        d_memory: Any = None
        for i in reversed(range(len(self.layers))):
            layer = self.layers[i]
            try:
                dx = layer.backward(dy)
            except Exception as error:
                self._say_where(error, i, "gradient", dy, i + 1 if i + 1 < len(self.layers) else None)
                raise
            if layer.takes_memory:
                dx, own = dx
                d_memory = own if d_memory is None else d_memory + own
            dy = dx
        return dy, d_memory

    def _check_layers(self, layers: Any) -> None:
        super()._check_layers(layers)
        if not any(layer.takes_memory for layer in layers):
            raise ValueError(
                f"{type(self).__name__} needs a layer that takes a memory: TransformerDecoderBlock, or your own with "
                "takes_memory = True; a chain without a memory is a Sequential"
            )


class EncoderDecoder(Layer):
    """y = decoder(target, encoder(source)), for a model that makes one sequence of another, such as a translation.

    The encoder maps the source to the memory (N, S, D), and the decoder is a `Decoder`, or a layer with such a
    ``forward(x, memory, mask, memory_mask)``. PyTorch's Transformer has a stack of `TransformerBlock` as the encoder,
    and one of `TransformerDecoderBlock` as the decoder, each with a `LayerNorm` behind it. With an `Embedding` before
    each, the source and the target are integers.

    Backward: the decoder maps dy to dL/d target and dL/d memory, and the encoder the latter to dL/d source.

    I. Sutskever, O. Vinyals and Q. Le, "Sequence to sequence learning with neural networks", NeurIPS 2014; with
    attention: A. Vaswani et al., "Attention is all you need", NeurIPS 2017.

    In training, the target that is given is the one to be predicted, moved by one place (teacher forcing). A DataLoader
    has X as the tuple (source, target), or (source, target, source_mask, target_mask), or a dict with these names.

    Parameters
    ----------
    encoder, decoder
        Layers; the decoder takes a memory.

    Examples
    --------
    >>> import numpy as np
    >>> from minnet import TransformerBlock, TransformerDecoderBlock
    >>> model = EncoderDecoder(TransformerBlock(8, 2, 32), TransformerDecoderBlock(8, 2, 32))
    >>> model.forward(np.ones((3, 9, 8), np.float32), np.ones((3, 5, 8), np.float32)).shape
    (3, 5, 8)
    """

    def __init__(self, encoder: Layer, decoder: Layer) -> None:
        for name, layer in (("encoder", encoder), ("decoder", decoder)):
            if not isinstance(layer, Layer):
                raise TypeError(f"EncoderDecoder expected the {name} to be a layer, got {named(layer)}")
        if not decoder.takes_memory:
            raise ValueError(
                f"EncoderDecoder needs a decoder that takes a memory, got {decoder.describe()}: such as "
                "mn.Decoder(...) with a TransformerDecoderBlock among its layers"
            )
        self.encoder, self.decoder = encoder, decoder

    def forward(
        self, source: Array, target: Array, source_mask: Mask | None = None, target_mask: Mask | None = None
    ) -> Array:
        """Map a source (N, S, ...) and a target (N, T, ...) to y (N, T, ...).

        The masks, (N, S) and (N, T), are True where a place is real. That of the source is the memory's, too.
        """
        memory = self.encoder.forward(source) if source_mask is None else self.encoder.forward(source, mask=source_mask)
        y: Array = self.decoder.forward(target, memory, mask=target_mask, memory_mask=source_mask)
        return y

    def backward(self, dy: Array) -> tuple[Any, Any]:
        """Add the weights' gradients, and map dy to (dL/d source, dL/d target)."""
        d_target, d_memory = self.decoder.backward(dy)
        return self.encoder.backward(d_memory), d_target

    def accumulate_grad(self, dy: Array) -> None:
        """Add the weights' gradients only."""
        _, d_memory = self.decoder.backward(dy)
        self.encoder.accumulate_grad(d_memory)
