"""A running accuracy is that of the last samples, while a model learns from them."""

from typing import Any, Self

from numpy.typing import ArrayLike

from minnet.core.checks import check_number
from minnet.metrics.decisions import Decisions


class RunningAccuracy(Decisions):
    """A running average of the accuracy: score ← decay · score + (1 − decay) · [right], sample by sample.

    The class notebook prints it during its online pass. The score starts at 0, so it is too low for about the first
    1/(1 − decay) samples. A sample of weight v counts as v samples: score ← decayᵛ · score + (1 − decayᵛ) · [right].

    Parameters
    ----------
    decay
        The share of the old score that is kept, 0 <= decay < 1, or a ValueError.
    threshold, ignore_index
        See `minnet.metrics.decisions.Decisions`, also for shapes and errors.

    Attributes
    ----------
    score : float
        The running accuracy, 0 to 1.

    Examples
    --------
    >>> import numpy as np
    >>> running = RunningAccuracy(decay=0.5)
    >>> running.update(np.array([[0.1, 0.9], [0.2, 0.8]]), [1, 1])
    0.75
    """

    better = "max"

    def __init__(
        self, decay: float = 0.999, *, threshold: float | None = None, ignore_index: int | None = None
    ) -> None:
        super().__init__(threshold=threshold, ignore_index=ignore_index)
        self.decay = check_number("RunningAccuracy", "decay", decay, 0, below=1)

    def reset(self) -> None:
        """Begin again at 0."""
        self.score = 0.0
        self._kept = 1.0  # the share that is left of a score from before the samples

    def update(self, prediction: ArrayLike, target: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """Count the samples of a batch, in order, and return the score."""
        samples = self.right(prediction, target)
        if sample_weight is None:
            for right in samples.tolist():
                self.score = self.decay * self.score + (1 - self.decay) * right
            self._kept *= self.decay ** len(samples)
            return self.score
        v: Any = self.weights_of(len(samples), target, sample_weight)
        self._kept *= self.decay ** float(v.sum())
        for decay, right in zip((self.decay**v).tolist(), samples.tolist(), strict=True):
            self.score = decay * self.score + (1 - decay) * right
        return self.score

    def merge(self, other: Self) -> None:
        """Count the samples of another metric with the same options, as those that came after this metric's."""
        self.check_merges(other)
        self.score = other._kept * self.score + other.score
        self._kept *= other._kept

    def compute(self) -> float:
        """Return the score."""
        return self.score
