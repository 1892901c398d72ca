"""Containers: in a state_dict, the layers inside have their names, or their numbers where they have none."""

from typing import Any

from minnet.layers.containers.branches import Add, Concat, Heads, Inputs
from minnet.layers.containers.container import Container
from minnet.layers.containers.sequential import Residual, Sequential, takes_several
from minnet.layers.sequences.encoder_decoder import Decoder, EncoderDecoder
from minnet.torch.entries import Making, entry


def _users(layer: Container, in_sequence: bool) -> list[bool]:
    """Return of each layer whether it is given the mask; none of them, if a mask is refused."""
    try:
        return layer.mask_users(in_sequence)
    except (TypeError, ValueError):
        return [False] * len(layer)


def _sequential(layer: Sequential, to: Making) -> Any:
    """Make PyTorch's, unless there is a mask to be passed on, or the first layer takes several inputs."""
    if layer.takes_mask or takes_several(layer):
        return to.own.Sequential(to.parts, _users(layer, in_sequence=True), takes_several(layer))
    return to.nn.Sequential(to.parts)


def _branches(layer: Any, to: Making) -> Any:
    names = [name for name in layer.layers.names if name is not None]
    users = _users(layer, in_sequence=False)
    return getattr(to.own, type(layer).__name__)(to.parts, users, names, getattr(layer, "axis", -1))


def _decoder(layer: Decoder, to: Making) -> Any:
    return to.own.Decoder(to.parts, _users(layer, in_sequence=True), [part.takes_memory for part in layer])


entry(Sequential, _sequential)
entry(Decoder, _decoder)
entry(EncoderDecoder, lambda layer, to: to.own.EncoderDecoder(**to.parts))
entry(Residual, lambda layer, to: to.own.Residual(to.parts, _users(layer, in_sequence=True)))
for _kind in (Add, Concat, Heads, Inputs):
    entry(_kind, _branches)
