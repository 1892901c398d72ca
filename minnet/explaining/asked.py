"""Which number `why` asks about."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from minnet.explaining.explanation import Explanation, Index, Quantity


def asked_in(path: str, quantity: "Quantity", explanation: "Explanation") -> "Index":
    """Return the index of the number that `why` asks about, if it is one of this array of the layer at a path."""
    if explanation.why is None:
        return ()
    name, _, index = explanation.why.entry.rpartition("[")
    mine = f"{path}.{quantity.name}" if path else quantity.name
    read = [given for given in explanation.inputs if given.name == name]
    if name != mine and not any(_are_equal(quantity, given) for given in read):
        return ()
    return tuple(int(i) for i in index.rstrip("]").split(",") if i.strip())


def _are_equal(one: "Quantity", other: "Quantity") -> bool:
    """Whether two arrays are the same in two layers: that of the model, and that of the first layer that reads it."""
    gradients = one.gradient is not None and other.gradient is not None
    return gradients and np.array_equal(one.values, other.values) and np.array_equal(one.gradient, other.gradient)  # type: ignore[arg-type]
