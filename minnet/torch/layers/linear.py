"""Linear, and Tied, which uses the transpose of another layer's weight."""

from typing import Any

from minnet.layers.linear import Linear
from minnet.layers.tied import Tied
from minnet.torch.entries import Making, entry
from minnet.torch.layouts import AS_ITS_OWNER, SWAPPED


def _tied(layer: Tied, to: Making) -> Any:
    """Make a Linear, whose weight is that of an Embedding; if it is that of a Linear, it is transposed here."""
    rows, columns = layer.weight.data.shape
    if to.layouts["weight"] is SWAPPED:
        return to.own.Transposed(rows, columns, bias=layer.bias is not None)
    return to.nn.Linear(columns, rows, bias=layer.bias is not None)


entry(Linear, weight=SWAPPED)
entry(Tied, _tied, weight=AS_ITS_OWNER)
