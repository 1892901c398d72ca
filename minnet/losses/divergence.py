"""A divergence compares two distributions: how many more nats a code for one needs if the other is true."""

from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike

from minnet.core.arrays import Array, as_rows
from minnet.core.checks import check_flag
from minnet.core.probabilities import is_log_probabilities, is_probabilities
from minnet.losses.elementwise import ElementwiseLoss
from minnet.losses.probabilities import check_log_probabilities


class KLDivLoss(ElementwiseLoss):
    """L = mean of t (log t − log p), of log-probabilities log p, what `LogSoftmax` returns, and probabilities t.

    Backward: ∂L/∂(log p) = −t / (what the mean divides by). Where t = 0, the loss is 0.

    The sum of one row, Σ_c t_c (log t_c − log p_c), is the Kullback–Leibler divergence of p from t (S. Kullback and R.
    Leibler, "On information and sufficiency", Annals of Mathematical Statistics 22, 1951).

    Parameters
    ----------
    log_target
        Whether the target is log t.
    reduction
        - "mean", the default because it is PyTorch's: over all N·C numbers. That is the divergence's mean over the
          samples, *divided by C*.
        - "batchmean": the sum divided by N, the length of the first axis (a single row counts as one sample): the mean
          divergence, and what is meant nearly always.
        - "sum" and "none" (one number for each of the prediction): see `Loss`, also for the errors.

    Raises
    ------
    ValueError
        In `forward`, if the rows of the prediction are not log-probabilities, or those of the target not probabilities
        (their logarithms with log_target).

    Examples
    --------
    >>> loss = KLDivLoss(reduction="batchmean")
    >>> round(loss.forward(np.log([[0.5, 0.5]]), [[0.75, 0.25]]), 4)
    0.1308
    >>> loss.backward()
    array([[-0.75, -0.25]])
    """

    REDUCTIONS: ClassVar[tuple[str, ...]] = ("mean", "batchmean", "sum", "none")

    def __init__(self, *, log_target: bool = False, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.log_target = check_flag(type(self).__name__, "log_target", log_target)

    def check(self, prediction: Array, target: ArrayLike) -> None:
        """Check that the prediction is log-probabilities (..., C), and the target of its shape."""
        super().check(prediction, target)
        if prediction.shape[-1] == 0:
            raise ValueError(f"KLDivLoss expected shape (..., classes), got {prediction.shape}: there is no class axis")
        check_log_probabilities(self, as_rows(prediction), "pass their logarithm", "end the model with LogSoftmax()")

    def compare(self, prediction: Array, target: Array) -> tuple[Array, Array]:
        """Return t (log t − log p), and the slope −t."""
        self._check_target(as_rows(target))
        if self.log_target:
            t, log_t = np.exp(target), target
        else:
            t, log_t = target, np.log(target, out=np.zeros_like(target), where=target > 0)
        # Where t = 0 the loss is 0, even if a logarithm is infinite.
        return np.multiply(t, np.subtract(log_t, prediction, out=np.zeros_like(t), where=t > 0)), -t

    def _count(self, shape: tuple[int, ...]) -> int:
        if self.reduction == "batchmean":
            return shape[0] if len(shape) > 1 else 1
        return super()._count(shape)

    def _check_target(self, rows: Array) -> None:
        p, log_p = is_probabilities(rows), is_log_probabilities(rows)
        if log_p if self.log_target else p:
            return
        if np.isnan(rows).any():
            raise ValueError("KLDivLoss got NaN in the target")
        what = "log-probabilities, for log_target=True" if self.log_target else "probabilities"
        if self.log_target and p:
            cure = "got probabilities: leave out log_target"
        elif log_p:
            cure = "got log-probabilities: KLDivLoss(log_target=True)"
        else:
            cure = "got rows that are neither probabilities nor their logarithms. For class numbers use NLLLoss"
        raise ValueError(f"{self.describe()} expected a target of {what}, {cure}")
