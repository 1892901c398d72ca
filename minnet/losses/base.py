"""The base of every loss: how the losses of a batch become one number, and what all losses check."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from minnet.core.arrays import Array, add_up
from minnet.core.checks import check_choice, check_floats, check_gradient
from minnet.core.described import describe
from minnet.core.layer import Layer
from minnet.core.masks import refuse_mask
from minnet.core.trees import first, refuse_tree
from minnet.core.weights import Weights, check_weights, sample_weights
from minnet.errors import NonFiniteError
from minnet.losses.targets import check_one_shape
from minnet.losses.value import LossValue

DIVERGED = "NaN: the model diverged (lower the learning rate, scale the inputs to 0..1)"
SEVERAL = "several outputs, each with a loss of its own, are for mn.MultiLoss({name: loss, ...})"


class Loss(Layer):
    """The base of every loss: `forward(prediction, target)` and `backward()`.

    A loss of your own needs these two methods and nothing else; `reduction` is an offer. If its mean is over something
    else than the samples, such as those that a mask leaves, say so in `total_weight`. If it is to be used with sample
    weights, its forward takes them: ``forward(prediction, target, sample_weight=None)``.

    **Sample weights** v say how much each sample counts: L = Σ_n v_n ℓ_n / Σ_n v_n, where ℓ_n is the mean over the
    numbers of sample n; ``"sum"`` leaves out the division, and ``"none"`` returns v_n ℓ_n. A weight of 2 is the sample
    twice, a weight of 0 leaves it out, even if its loss is infinite. If all are 0, L and its gradient are 0. There is
    one weight a sample, (N,), or one for each place of its first axes, such as (N, T) for the places of sequences.

    Parameters
    ----------
    reduction
        What becomes of the losses of a batch, M of them, one a number or one a row of classes:

        - ``"mean"``: L is their mean; of none at all, 0 (PyTorch: NaN).
        - ``"sum"``: L is their sum.
        - ``"none"``: `forward` returns all of them as an array, and it is yours to make L of them. `backward` then
          needs to know how: ``backward(dy)``, with dy = dL/d losses, of their shape.

    Attributes
    ----------
    classifies : bool
        Whether the target is class labels; the Trainer then reports the accuracy, too.
    takes : str or None
        What the prediction is: "probabilities", "scores" or "log-probabilities". Metrics of the Trainer go by it.
    threshold : float or None
        Above which number a prediction is a yes, if the target is yes or no. Metrics of the Trainer go by it.

    Raises
    ------
    TypeError, ValueError
        If an option is of the wrong type, or out of range; in `forward`, if prediction or target are not numbers, if
        their shapes do not belong together, or if there is NaN (a `NonFiniteError`); if sample weights are negative,
        not finite, or of another shape.
    """

    classifies: bool = False
    several: bool = False  # whether prediction and target are of several outputs, as in MultiLoss
    takes: str | None = None
    threshold: float | None = None
    reduction: str = "mean"
    REDUCTIONS: ClassVar[tuple[str, ...]] = ("mean", "sum", "none")

    def __init__(self, *, reduction: str = "mean") -> None:
        self.reduction = check_choice(type(self).__name__, "reduction", reduction, self.REDUCTIONS)

    def forward(self, prediction: Array, target: ArrayLike, *sample_weight: Any, **named: Any) -> float:
        """Return the mean loss of the batch, weighted if there are weights of samples."""
        raise NotImplementedError(f"{type(self).__name__} has no forward: define forward(self, prediction, target)")

    def backward(self) -> Array:
        """Return dL/d prediction, for the last forward."""
        raise NotImplementedError(f"{type(self).__name__} has no backward: define backward(self)")

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        """Do as `forward` does; the float that is returned says where its backward is."""
        if len(inputs) > 3:
            raise TypeError(
                f"{type(self).__name__} expected (prediction, target, sample_weight), got {len(inputs)} arguments: if "
                "the target is several arrays, pass a tuple of them"
            )
        value = self.forward(*inputs, **options)
        return LossValue(value) if type(value) is float else value

    def total_weight(self, target: Any, sample_weight: ArrayLike | None = None) -> float:
        """Return what the mean over a batch is divided by: here the number of samples, or the sum of their weights.

        Means of several batches, or of parts of one, are averaged with these weights: by ``accumulate`` and
        ``threads`` of a Trainer, by `Trainer.evaluate`, and in the history. 0 says that nothing counts; `forward` then
        returns 0. In a loop of your own, the share of a part in a batch's mean is ``loss.total_weight(y[part]) /
        loss.total_weight(y)``.

        Examples
        --------
        >>> import minnet as mn
        >>> mn.SoftmaxCrossEntropyLoss([1, 10, 0.5], ignore_index=0).total_weight([0, 1, 1, 2])
        20.5
        >>> mn.MSELoss().total_weight(np.zeros((4, 3)))
        12.0
        >>> mn.MSELoss().total_weight(np.zeros((4, 3)), [1, 1, 0, 0.5])
        7.5
        """
        if sample_weight is None:
            return float(len(target))
        return float(check_weights(type(self).__name__, "sample_weight", sample_weight).sum())

    def as_part(self, weight: float) -> tuple["Loss", float]:
        """Return the loss to use for a part of a set, and the factor that turns its mean into the part's sum.

        The weight is the part's `total_weight`.
        """
        return self, weight

    def check(self, prediction: Any, target: Any) -> None:
        """Check that prediction and target are numbers of one shape; losses of classes have another check.

        Otherwise a (N,) target against a (N, 1) prediction would be compared each with each.
        """
        refuse_tree(type(self).__name__, "prediction", prediction, SEVERAL)
        check_floats(self, prediction)
        refuse_mask(self, "target", target)
        refuse_tree(type(self).__name__, "target", target, SEVERAL)
        target, name = np.asarray(target), type(self).__name__
        if target.dtype.kind not in "iuf":
            cure = f"pass y.astype(np.{prediction.dtype})"
            if target.dtype.kind in "OSU":
                cure += " if that can be read as numbers; number the names of classes, and use a loss for classes"
            raise TypeError(f"{name} expected a target of numbers, got {target.dtype}: {cure}")
        check_one_shape(name, prediction, target)

    @contextmanager
    def checking_once(self) -> Iterator[None]:
        """Check predictions and targets only if their shapes and dtypes are new: for the steps of a training run.

        What can be wrong in any batch (a label out of range, NaN) is still looked at in each.
        """
        outside, self.__dict__["_asked"] = self.__dict__.get("_asked"), set()
        try:
            yield
        finally:
            self.__dict__["_asked"] = outside

    def describe(self) -> str:
        """Say in one line what this loss is, such as ``HuberLoss(delta=2.0)``: only what is not the default."""
        return describe(self)

    def _reduce(self, losses: Array, shares: "float | Array | None" = None) -> Any:
        """Return Σ share · loss as a float, added in float64 so that the order does not matter; or each by itself.

        Without shares, the losses count the same. A loss whose share is 0 counts as 0 even if it is infinite.
        """
        if isinstance(shares, np.ndarray):
            losses, shares = times(losses, shares), 1.0
        if self.reduction == "none":
            value: Any = losses
            valid = not np.isnan(losses).any()
        else:
            value = add_up(losses)
            value = value / self._divisor(losses.shape) if shares is None else value * shares
            valid = not math.isnan(value)
        if not valid:
            where = "" if self.classifies else ", or there is NaN in the target"
            raise NonFiniteError(f"{type(self).__name__} got {DIVERGED}{where}")
        return value

    def _weighed(self, sample_weight: ArrayLike, shape: tuple[int, ...], dtype: "np.dtype[Any]") -> Array:
        """Return the shares of weighted losses of that shape in L, which broadcast to it."""
        v, total = self._weights(sample_weight, shape)
        if self.reduction not in ("sum", "none") and total:
            v /= total
        return v.astype(dtype)

    def _weights(self, sample_weight: ArrayLike, shape: tuple[int, ...]) -> tuple[Weights, float]:
        """Return the weights of losses of that shape, which broadcast to it, and what a mean is divided by."""
        v = sample_weights(type(self).__name__, sample_weight, shape)
        return v, float(v.sum()) * (self._count(shape) / max(v.size, 1))

    def _total(self, sample_weight: ArrayLike | None, shape: tuple[int, ...]) -> float:
        """Return what a mean of losses of that shape is divided by, if it is not 0."""
        return float(self._count(shape)) if sample_weight is None else self._weights(sample_weight, shape)[1]

    def _share(
        self, dy: Any, shape: tuple[int, ...], dtype: "np.dtype[Any]", shares: Array | None = None
    ) -> float | Array:
        """Return dL/d losses, the share of each of them in L: 1/M in a mean, 1 in a sum, or the caller's dy.

        With `shares`, which `_weighed` returned, it is these, times dy.
        """
        share: float | Array = self._incoming(dy, shape, dtype)
        if shares is not None:
            return times(share, shares) if isinstance(share, np.ndarray) else shares * share
        return share if self.reduction == "none" else share / self._divisor(shape)

    def _divisor(self, shape: tuple[int, ...]) -> int:
        """Return what the sum of losses of that shape is divided by."""
        return 1 if self.reduction in ("sum", "none") else max(self._count(shape), 1)

    def _passed_on(self, slopes: Array, share: Any) -> Array:
        """Return slopes · share; where one of them is 0, 0, even if the other is infinite."""
        return times(slopes, share) if isinstance(share, np.ndarray) else slopes * float(share)

    def _count(self, shape: tuple[int, ...]) -> int:
        """Return how many losses of that shape a mean counts."""
        return math.prod(shape)

    def _incoming(self, dy: Any, shape: tuple[int, ...], dtype: "np.dtype[Any]") -> Any:
        """Return dy, which is 1 if this loss is all of L, or say what is wrong with it."""
        if self.reduction == "none":
            if dy is None:
                raise ValueError(
                    f"{self.describe()}.backward expected dy, of shape {shape}, for forward returned all losses: "
                    'pass dL/d losses (np.full_like(losses, 1 / losses.size) for their mean), or use reduction="mean"'
                )
            if not shape and isinstance(dy, (int, float, np.number)):
                dy = np.asarray(dy, dtype)  # the loss of one sample is a number, not an array
            check_gradient(self, dy, shape, dtype)
            return dy
        if dy is None:
            return 1.0
        if np.ndim(dy) or np.asarray(dy).dtype.kind not in "iuf":
            raise TypeError(f"{self.describe()}.backward expected no dy, or a number, for its loss is one; got {dy!r}")
        return float(dy)


def weight_of(loss: Loss, x: Any, target: Any, sample_weight: Any = None) -> Any:
    """Return what the mean over a batch counts in a mean over several: `Loss.total_weight`, or the number of samples.

    The samples are counted in x if the loss is one of a user's that does not say, or one of minnet's that cannot,
    because the target is no array, but something that a `train_step` of the user's own understands. With weights of
    samples, their sum is taken instead.
    """
    method = loss.total_weight
    says = getattr(method, "__func__", None) is not Loss.total_weight
    if says and (isinstance(target, (np.ndarray, list)) or loss.several or not method.__module__.startswith("minnet.")):
        weight = method(target) if sample_weight is None else method(target, sample_weight=sample_weight)
        if loss.several or (type(weight) is float and 0 <= weight < math.inf):
            return weight
        if not (isinstance(weight, (int, float, np.number)) and 0 <= weight < math.inf):
            raise ValueError(
                f"{type(loss).__name__}.total_weight must return a finite number >= 0, got {weight!r}: return what "
                "forward divides its sum by"
            )
        return float(weight)
    return float(len(first(x))) if sample_weight is None else Loss.total_weight(loss, first(x), sample_weight)


def times(values: Array, shares: Array) -> Array:
    """Return values · shares, of the shape of the values; where one of them is 0, 0, even if the other is infinite."""
    return np.multiply(values, shares, out=np.zeros_like(values), where=(shares != 0) & (values != 0))
