"""A student's layer is checked by `minnet.gradcheck.findings`; a notebook shows what they say, without a traceback."""

import copy
from collections.abc import Callable

from minnet.core.layer import Layer
from minnet.grading.answers import WrongAnswer, answered, check
from minnet.inspection import gradcheck
from minnet.losses.base import Loss

__all__ = ["check_layer"]


def check_layer(layer: Layer | Callable[[], Layer], *inputs: object) -> None:
    """Check a student's layer, and say all that is wrong with it, without a traceback.

    Parameters
    ----------
    layer
        The layer; or its class or a function that makes it, if making it may fail, too: ``lambda: Scale(3)``.
    *inputs
        What its `forward` takes, as for `minnet.gradcheck.findings`.

    Raises
    ------
    NotAnswered, WrongAnswer
        If a method is not written yet, or the layer does not meet a requirement.

    Examples
    --------
    >>> import numpy as np
    >>> import minnet as mn
    >>> class Double(mn.Layer):
    ...     def forward(self, x):
    ...         return 2 * x
    ...
    ...     def backward(self, dy):
    ...         return 2 * dy
    >>> check_layer(Double, np.array([[1.0, 2.0]]))
    ✓ Double
    """
    name = layer.describe() if isinstance(layer, Layer) else getattr(layer, "__name__", "the layer")
    with check(name.replace("<lambda>", "the layer")):
        made = layer if isinstance(layer, Layer) else answered(layer())
        _run(made, inputs)
        found = [finding.fault.removeprefix(f"{made.describe()}: ") for finding in gradcheck.findings(made, *inputs)]
        if len(found) == 1:
            raise WrongAnswer(found[0])
        if found:
            raise WrongAnswer("\n".join([f"{len(found)} things are wrong.", *(f"  - {message}" for message in found)]))


def _run(layer: Layer, inputs: tuple[object, ...]) -> None:
    """Run both methods, for the NotImplementedError of one that is not written; what else fails is checked later."""
    copied = copy.deepcopy(layer)
    try:
        y = copied.forward(*copy.deepcopy(inputs))
        copied.backward(*(() if isinstance(layer, Loss) else (y,)))
    except NotImplementedError:
        raise
    except Exception:
        return
