"""The base of every loss: how many losses become one number, and what they share in checking their input."""

import inspect
import math
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minnet.core.arrays import Array, add_up
from minnet.core.checks import check_floats, check_gradient
from minnet.core.layer import Layer
from minnet.errors import NonFiniteError

DIVERGED = "NaN: the model diverged (lower the learning rate, scale the inputs to 0..1)"


class Loss(Layer):
    """The base of every loss: `forward(prediction, target)` and `backward()`.

    A loss of your own needs these two methods and nothing else; `reduction` is an offer.

    Parameters
    ----------
    reduction
        What becomes of the losses of a batch, M of them, one a number or one a row of classes:

        - ``"mean"``: L is their mean; of none at all, 0 (PyTorch: NaN).
        - ``"sum"``: L is their sum.
        - ``"none"``: `forward` returns all of them as an array, and it is yours to make L of them.
          `backward` then needs to know how: ``backward(dy)``, with dy = dL/d losses, of their shape.

    Attributes
    ----------
    classifies : bool
        Whether the target is class labels; the Trainer then reports the accuracy, too.

    Raises
    ------
    ValueError
        If there is no such reduction.
    """

    classifies: bool = False
    reduction: str = "mean"
    REDUCTIONS: ClassVar[tuple[str, ...]] = ("mean", "sum", "none")

    def __init__(self, *, reduction: str = "mean") -> None:
        if reduction not in self.REDUCTIONS:
            known = ", ".join(map(repr, self.REDUCTIONS))
            raise ValueError(f"{type(self).__name__} expected reduction to be one of {known}, got {reduction!r}")
        self.reduction = reduction

    def forward(self, prediction: Array, target: ArrayLike) -> float:
        """Return the mean loss of the batch."""
        raise NotImplementedError(f"{type(self).__name__} has no forward: define forward(self, prediction, target)")

    def backward(self) -> Array:
        """Return dL/d prediction, for the last forward."""
        raise NotImplementedError(f"{type(self).__name__} has no backward: define backward(self)")

    def describe(self) -> str:
        """Say in one line what this loss is, such as ``HuberLoss(delta=2.0)``: only what is not the default."""
        shown = []
        for name, argument in inspect.signature(type(self).__init__).parameters.items():
            value = getattr(self, name, None)
            if isinstance(value, np.ndarray):
                text = np.array2string(value, separator=", ", threshold=6, edgeitems=2, max_line_width=10_000)
                shown.append(f"{name}={' '.join(text.split())}")
            elif isinstance(value, (bool, int, float, str, tuple)) and value != argument.default:
                shown.append(f"{value!r}" if argument.default is argument.empty else f"{name}={value!r}")
        return f"{type(self).__name__}({', '.join(shown)})"

    def _reduce(self, losses: Array) -> Any:
        """Return the mean or the sum as a float, averaged in float64 so that the order does not matter; or all."""
        if self.reduction == "none":
            value: Any = losses
            valid = not np.isnan(losses).any()
        else:
            value = add_up(losses) / self._divisor(losses.shape)
            valid = not math.isnan(value)
        if not valid:
            raise NonFiniteError(f"{type(self).__name__} got {DIVERGED}, or there is NaN in the target")
        return value

    def _share(self, dy: Any, shape: tuple[int, ...], dtype: "np.dtype[Any]") -> float | Array:
        """Return dL/d losses, the share of each of them in L: 1/M in a mean, 1 in a sum, or the caller's dy."""
        share: float | Array = self._incoming(dy, shape, dtype)
        return share if self.reduction == "none" else share / self._divisor(shape)

    def _divisor(self, shape: tuple[int, ...]) -> int:
        """Return what the sum of losses of that shape is divided by."""
        return max(math.prod(shape), 1) if self.reduction == "mean" else 1

    def _incoming(self, dy: Any, shape: tuple[int, ...], dtype: "np.dtype[Any]") -> Any:
        """Return dy, which is 1 if this loss is all of L, or say what is wrong with it."""
        if self.reduction == "none":
            if dy is None:
                raise ValueError(
                    f"{self.describe()}.backward expected dy, of shape {shape}, for forward returned all losses: "
                    'pass dL/d losses (np.full_like(losses, 1 / losses.size) for their mean), or use reduction="mean"'
                )
            check_gradient(self, dy, shape, dtype)
            return dy
        if dy is None:
            return 1.0
        if np.ndim(dy) or np.asarray(dy).dtype.kind not in "iuf":
            raise TypeError(f"{self.describe()}.backward expected no dy, or a number, for its loss is one; got {dy!r}")
        return float(dy)


def check_pair(loss: Loss, prediction: Array, target: ArrayLike) -> Array:
    """Return the target as an array of the prediction's dtype.

    Raises
    ------
    TypeError, ValueError
        If one of them is not of numbers; if the shapes differ: a (N,) target against a (N, 1)
        prediction would otherwise be compared each with each.
    """
    check_floats(loss, prediction)
    target, name = np.asarray(target), type(loss).__name__
    if target.dtype.kind not in "iuf":
        cure = f"pass y.astype(np.{prediction.dtype})"
        if target.dtype.kind in "OSU":
            cure += " if that can be read as numbers; number the names of classes, and use a loss for classes"
        raise TypeError(f"{name} expected a target of numbers, got {target.dtype}: {cure}")
    if prediction.shape != target.shape:
        if prediction.ndim == 2 and target.shape == prediction.shape[::-1]:
            cure = "samples are along the first axis: y.T"
        elif prediction.size == target.size:
            cure = "reshape the target, as y.reshape" + str((-1, *prediction.shape[1:])).replace(",)", ")")
        elif target.shape == prediction.shape[:-1] and target.dtype.kind in "iu":
            cure = "the numbers of classes? Use a loss for them, such as SoftmaxCrossEntropyLoss or CrossEntropyLoss"
        else:
            cure = "give the model's last layer as many outputs as a sample has targets"
        raise ValueError(
            f"{name} expected prediction and target of one shape, got {prediction.shape} and {target.shape}: {cure}"
        )
    return target.astype(prediction.dtype, copy=False)


def check_number(loss: Loss, name: str, value: object, low: float = -math.inf, high: float = math.inf) -> float:
    """Return an option of a loss as a float.

    Raises
    ------
    TypeError, ValueError
        If it is not a number, not finite, or not between `low` and `high` (inclusive).
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{type(loss).__name__} expected {name} to be a number, got {type(value).__name__}")
    if not (math.isfinite(value) and low <= value <= high):
        needed = f"{low:g} <= {name} <= {high:g}" if high < math.inf else f"{name} >= {low:g}"
        needed = needed if low > -math.inf else f"{name} to be finite"
        cure = f": {value:g} percent are {value / 100:g}" if high == 1 < value <= 100 else ""
        raise ValueError(f"{type(loss).__name__} needs {needed}, got {value}{cure}")
    return float(value)


def check_weights(loss: Loss, name: str, value: ArrayLike) -> NDArray[np.float64]:
    """Return weights as a new float64 array.

    Raises
    ------
    TypeError, ValueError
        If there is a weight that is not a number, negative, or infinite.
    """
    weights = np.asarray(value)
    if weights.size and weights.dtype.kind not in "biuf":
        raise TypeError(f"{type(loss).__name__} expected {name} to be numbers, got {weights.dtype}")
    weights = weights.astype(np.float64)
    if not (np.isfinite(weights).all() and weights.min(initial=0) >= 0):
        raise ValueError(f"{type(loss).__name__} needs {name} >= 0 and finite, got {weights.min()} to {weights.max()}")
    return weights
