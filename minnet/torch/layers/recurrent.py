"""Recurrent layers: the modules are PyTorch's, but return y alone, and take a mask."""

from typing import Any

from minnet.layers.sequences.recurrent import GRU, LSTM, RNN
from minnet.layers.sequences.stacked import Stacked
from minnet.torch.entries import Making, Tensor, entry
from minnet.torch.layouts import SAME, SWAPPED

WEIGHTS = {"weight_ih": SWAPPED, "weight_hh": SWAPPED, "bias_ih": SAME, "bias_hh": SAME}


def _tensors(layer: Stacked) -> list[Tensor]:
    """Return the tensors of all layers and directions, which are l0, l0_reverse, l1, … in both."""
    ends = {name: f'layers["{name}"].' for name in layer.layers.names} or {"l0": ""}
    return [
        Tensor(f"{name}_{end}", (path + name,), layout)
        for end, path in ends.items()
        for name, layout in WEIGHTS.items()
    ]


def _recurrent(layer: Stacked, to: Making) -> Any:
    for inner in layer.layers:
        if type(inner) is not type(layer) or inner.hidden_size != layer.hidden_size or inner.layers:
            raise TypeError(f"{layer.describe()} has {inner.describe()} inside: in PyTorch's, all layers are alike")
    return getattr(to.own, type(layer).__name__)(**layer.arguments(), batch_first=True)


for _kind in (RNN, GRU, LSTM):
    entry(_kind, _recurrent, tensors=_tensors, parts=lambda layer: {})
