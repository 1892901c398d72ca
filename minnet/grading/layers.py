"""A student's layer is checked by `minnet.gradcheck.findings`; a notebook shows what they say, without a traceback."""

import copy
from collections.abc import Callable

from minnet.core.layer import Layer
from minnet.grading.answers import WrongAnswer, answered, check
from minnet.grading.exercise import shared
from minnet.grading.questions import worth_of
from minnet.inspection import gradcheck
from minnet.inspection.gradcheck import Findings
from minnet.losses.base import Loss

__all__ = ["check_layer", "score_layer"]


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
    with check(_name(layer)):
        _raise(*_found(layer, inputs))


def score_layer(layer: Layer | Callable[[], Layer], *inputs: object, points: float) -> float:
    """Check a student's layer as `check_layer` does; return the points for what is right, and print what is wrong.

    At the end of a check cell, it gives partial marks in nbgrader, which takes a cell's value for its points. The
    gradients are worth 60 %, and the other requirements 40 %. Whether forward computes what was asked for is not among
    them: check that first, in a block of `check`, because ``return x`` with ``return dy`` is a right layer, too.

    Parameters
    ----------
    layer, *inputs
        As for `check_layer`.
    points
        What a right layer gets: the points of the cell.

    Returns
    -------
    float
        The points, from 0 to `points`.

    Raises
    ------
    NotAnswered, WrongAnswer
        If a method is not written yet, or the layer cannot be made.

    Examples
    --------
    >>> import numpy as np
    >>> import minnet as mn
    >>> class Double(mn.Layer):
    ...     def forward(self, x):
    ...         return 2 * x
    ...
    ...     def backward(self, dy):
    ...         return 3 * dy
    >>> score_layer(Double, np.array([[1.0, 2.0]]), points=5)  # doctest: +ELLIPSIS
    ✗ Double: dL/dx[0, 0] is wrong...
    1.89
    """
    earned = None
    try:
        with check(_name(layer)):
            made, found = _found(layer, inputs)
            worth = worth_of(shared(points, knows_values=False), list(found.checks))
            earned = sum(worth[name] for name, passed in found.checks.items() if passed and found.checks["forward"])
            _raise(made, found)
    except WrongAnswer as error:
        if earned is None:
            raise
        print(f"✗ {error}")
    return min(points, round(earned, 2))


def _name(layer: Layer | Callable[[], Layer]) -> str:
    name = layer.describe() if isinstance(layer, Layer) else getattr(layer, "__name__", "the layer")
    return name.replace("<lambda>", "the layer")


def _found(layer: Layer | Callable[[], Layer], inputs: tuple[object, ...]) -> tuple[Layer, Findings]:
    """Return the layer and what is wrong with it."""
    made = layer if isinstance(layer, Layer) else answered(layer())
    _run(made, inputs)
    return made, gradcheck.findings(made, *inputs)


def _raise(layer: Layer, found: Findings) -> None:
    """Raise what is wrong, unless nothing is."""
    # Some faults are seen in two checks: each is said once.
    messages = list(dict.fromkeys(finding.fault.removeprefix(f"{layer.describe()}: ") for finding in found))
    if len(messages) == 1:
        raise WrongAnswer(messages[0])
    if messages:
        lines = [f"  - {message}" for message in messages]
        raise WrongAnswer("\n".join([f"{len(messages)} things are wrong.", *lines]))


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
