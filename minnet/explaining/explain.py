"""`explain` shows one step on one small example."""

from typing import TYPE_CHECKING, Any

from minnet.core.layer import Layer

if TYPE_CHECKING:
    from minnet.explaining.explanation import Explanation


def explain(model: Layer, loss: Layer, x: Any, y: Any, why: str | None = None) -> "Explanation":
    """Run forward and backward once, and return all numbers of this step, layer by layer."""
    raise NotImplementedError
