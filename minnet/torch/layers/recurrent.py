"""Recurrent layers: the modules are PyTorch's, but return y alone, and take a mask."""

from typing import Any

from minnet.layers.recurrent import GRU, LSTM, RNN
from minnet.torch.entries import Making, Tensor, entry
from minnet.torch.layouts import SWAPPED

WEIGHTS = {"weight_ih": SWAPPED, "weight_hh": SWAPPED}


def _tensors(layer: Any) -> list[Tensor]:
    tensors = [Tensor(f"{name}_l0", (name,), layout) for name, layout in WEIGHTS.items()]
    return tensors + [Tensor(f"{name}_l0", (name,)) for name in ("bias_ih", "bias_hh")]


def _recurrent(layer: Any, to: Making) -> Any:
    return getattr(to.own, type(layer).__name__)(**layer.arguments(), batch_first=True)


for _kind in (RNN, GRU, LSTM):
    entry(_kind, _recurrent, tensors=_tensors)
