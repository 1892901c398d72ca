"""The formula of a layer is the first line of its docstring."""

from dataclasses import is_dataclass

from minnet.core.layer import Layer
from minnet.losses import Loss


def formula_of(layer: Layer) -> str:
    """Return the first line of a layer's docstring, without the full stop at its end; "" if it has none.

    A subclass without a docstring has its parent's formula, unless it has another forward.
    """
    for kind in type(layer).__mro__:
        if kind in (Layer, Loss):
            break
        lines = (vars(kind).get("__doc__") or "").strip().splitlines()
        if lines and not (is_dataclass(kind) and lines[0].startswith(f"{kind.__name__}(")):  # which Python wrote
            return str(lines[0]).strip().removesuffix(".")
        if "forward" in vars(kind):
            break
    return ""
