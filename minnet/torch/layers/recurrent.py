"""Recurrent layers: the modules are PyTorch's, but return y alone, and take a mask."""

from typing import Any

from minnet.layers.recurrent import GRU, LSTM, RNN
from minnet.torch.entries import Making, Tensor, entry
from minnet.torch.layouts import SAME, SWAPPED

WEIGHTS = {"weight_ih": SWAPPED, "weight_hh": SWAPPED}


def _tensors(layer: Any) -> list[Tensor]:
    """Return the tensors of all layers and directions, which PyTorch numbers in their names: weight_ih_l1_reverse."""
    names = layer.layers.names or ("l0",)
    beginnings = [f'layers["{name}"].' for name in layer.layers.names] or [""]
    return [
        Tensor(f"{array}_{name}", (beginning + array,), WEIGHTS.get(array, SAME))
        for name, beginning in zip(names, beginnings, strict=True)
        for array in (*WEIGHTS, "bias_ih", "bias_hh")
    ]


def _recurrent(layer: Any, to: Making) -> Any:
    for inner in layer.layers:
        if type(inner) is not type(layer) or inner.hidden_size != layer.hidden_size or inner.layers:
            raise TypeError(f"{layer.describe()} has {inner.describe()} inside: in PyTorch's, all layers are alike")
    return getattr(to.own, type(layer).__name__)(**layer.arguments(), batch_first=True)


for _kind in (RNN, GRU, LSTM):
    entry(_kind, _recurrent, tensors=_tensors, parts=lambda layer: {})
