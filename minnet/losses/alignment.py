"""An alignment says which label each frame of a sequence stands for; forward variables add up all alignments.

The derivation is in docs/derivations/embeddings-and-likelihoods.md, CTCLoss. All is computed in float64 and in
logarithms: a thousand frames, whose probability is far below 10⁻³⁰⁸, are as precise as ten.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from minnet.core.arrays import Array, Labels


class Alignments:
    """The alignments of N sequences of T frames, log p (N, T, C), with labels (N, S), of which some are shorter.

    There is a state for each label, and one for the blank before, between and behind them: for ab, the five of _a_b_.
    An alignment has one state a frame. It begins in one of the first two, and ends in one of the last two. From frame
    to frame it stays, goes on by one, or by two over a blank between labels that differ.
    """

    def __init__(self, log_p: Array, labels: Labels, frames: Labels, lengths: Labels, blank: int) -> None:
        self._shape, self._blank, self._frames = log_p.shape, blank, frames
        self._last = 2 * lengths  # (N,), the number of the last state
        self._states = np.full((len(labels), 2 * labels.shape[1] + 1), blank)  # (N, S'): the class of each state
        self._states[:, 1::2] = labels
        self._exists = np.arange(self._states.shape[1]) <= self._last[:, None]
        self._states[~self._exists] = blank  # any class will do
        emitted = np.take_along_axis(log_p, self._states[:, None, :], axis=2).transpose(1, 0, 2).astype(np.float64)
        self._log_p = np.where(self._exists, emitted, -np.inf)  # (T, N, S')
        self._before = _arrivals(self._log_p, self._states, blank)
        self.log_likelihood = self._ends()  # (N,), −∞ where there is no alignment

    def posteriors(self) -> Array:
        """Return how probable it is that an alignment has this class at this frame, (N, T, C); 0 if there is none."""
        n, time, classes = self._shape
        reversed_states = np.where(self._exists, np.take_along_axis(self._states, self._mirrored, 1), self._blank)
        after = self._reversed(_arrivals(self._reversed(self._log_p), reversed_states, self._blank))
        log_gamma = self._before + self._log_p + after
        log_gamma -= np.where(np.isfinite(self.log_likelihood), self.log_likelihood, 0)[:, None]
        log_gamma[np.arange(time)[:, None] >= self._frames] = -np.inf
        rows = np.arange(n) * time + np.arange(time)[:, None]  # (T, N)
        cells = rows[:, :, None] * classes + self._states
        sums: NDArray[Any] = np.bincount(cells.ravel(), np.exp(log_gamma).ravel(), n * time * classes)
        return sums.astype(np.float64, copy=False).reshape(n, time, classes)  # of nothing, the sums are integers

    def _ends(self) -> Array:
        """Return the logarithm of the sum of all alignments, (N,)."""
        n = np.arange(len(self._last))
        if not self._shape[1]:
            return np.where(self._last == 0, 0.0, -np.inf)
        at = np.maximum(self._frames - 1, 0)
        ends = (self._before + self._log_p)[at, n]  # (N, S'), at the last frame of each
        last, other = ends[n, self._last], ends[n, np.maximum(self._last - 1, 0)]
        total = np.logaddexp(last, np.where(self._last > 0, other, -np.inf))
        return np.where(self._frames > 0, total, np.where(self._last == 0, 0.0, -np.inf))

    @property
    def _mirrored(self) -> Labels:
        """The number that each state has from the end, (N, S')."""
        return np.maximum(self._last[:, None] - np.arange(self._states.shape[1]), 0)

    def _reversed(self, values: Array) -> Array:
        """Return values (T, N, S') from the last frame and state of each sequence to its first."""
        time = np.maximum(self._frames - 1 - np.arange(self._shape[1])[:, None], 0)  # (T, N)
        n = np.arange(len(self._last))
        return np.where(self._exists, values[time[:, :, None], n[:, None], self._mirrored], -np.inf)


def _arrivals(log_p: Array, states: Labels, blank: int) -> NDArray[np.float64]:
    """Return log Σ of the probabilities of all ways to arrive at a state, without that of its own frame: (T, N, S')."""
    arrivals = np.full(log_p.shape, -np.inf)
    arrivals[:1, :, :2] = 0
    over = (states[:, 2:] != blank) & (states[:, 2:] != states[:, :-2])
    jump = np.where(over, 0, -np.inf)
    for t in range(1, len(log_p)):
        last = arrivals[t - 1] + log_p[t - 1]
        arrivals[t] = last
        arrivals[t, :, 1:] = np.logaddexp(last[:, 1:], last[:, :-1])
        arrivals[t, :, 2:] = np.logaddexp(arrivals[t, :, 2:], last[:, :-2] + jump)
    return arrivals
