"""Connectionist temporal classification learns the labels of a sequence, without being told where they stand."""

from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minnet.core.arrays import Array, Labels, as_rows
from minnet.core.checked import checked
from minnet.core.checks import check_flag, check_floats, check_int, named
from minnet.core.labels import check_integers, check_range
from minnet.core.masks import refuse_mask
from minnet.core.trees import first, refuse_tree
from minnet.losses.alignment import Alignments
from minnet.losses.base import Loss
from minnet.losses.probabilities import check_log_probabilities


class CTCLoss(Loss):
    """L = mean of −log P(labels) / S over the samples: P is the sum over all alignments of S labels to T frames.

    A model says for each frame how probable each class is, and one class more, the blank: "no new label here". An
    alignment gives each frame a class; read without repetitions, and then without blanks, it says the labels. So a
    label may last for several frames, and between two equal labels there is a blank. P(labels) = Σ over alignments
    Π_t p_t(class of frame t).

    Backward: ∂(−log P)/∂(log p_tk) = −γ_tk, with γ_tk the probability of class k at frame t, given that the labels are
    right. P and all γ take two passes over the frames, forward and backward: see
    docs/derivations/embeddings-and-likelihoods.md.

    A. Graves et al., "Connectionist temporal classification: labelling unsegmented sequence data with recurrent neural
    networks", ICML 2006, sections 3 and 4.

    **The prediction** is log-probabilities (N, T, C), what `LogSoftmax` returns; PyTorch's order is (T, N, C). **The
    target** is a dict, or a tuple in this order, and what it leaves out has its default:

    - "targets": the labels, integers (N, S), none of which is the blank. It may be all of the target.
    - "input_lengths": (N,), how many frames of each sample count; by default all T.
    - "target_lengths": (N,), how many labels each sample has; by default they end at the first negative number.

    Parameters
    ----------
    blank
        The class that is the blank.
    zero_infinity
        What the loss of a sample is that has no alignment, because it has fewer frames than it needs: S, and one for
        each label that equals the one before. False: infinite, which ends a training. True: 0, so the sample does not
        count. Its gradient is 0 either way (PyTorch: NaN, if the loss is infinite).
    reduction
        - ``"mean"``: the mean over the samples of each loss *divided by its number of labels*, as PyTorch's.
        - "sum" and "none" (one number a sample): not divided. See `Loss`, also for the errors.

    Raises
    ------
    TypeError, ValueError
        In `forward`, if the prediction is not log-probabilities, if labels or lengths are no integers or out of
        range, or if a label is the blank.

    Examples
    --------
    Two frames and two classes beside the blank, 0. Label 1 is the sum of three alignments: 11, 01 and 10.

    >>> log_p = np.log([[[0.5, 0.25, 0.25], [0.25, 0.5, 0.25]]])
    >>> loss = CTCLoss()
    >>> value = loss.forward(log_p, [[1]])
    >>> round(float(np.exp(-value)), 6), 0.25 * 0.5 + 0.5 * 0.5 + 0.25 * 0.25
    (0.4375, 0.4375)
    >>> loss.backward().round(3)  # label 1 has one alignment that ends with a blank, of 0.0625 in 0.4375
    array([[[-0.571, -0.429, -0.   ],
            [-0.143, -0.857, -0.   ]]])

    Padded sequences in a Trainer: y is a dict with the number of frames of each sample.

    >>> import minnet as mn
    >>> random = np.random.default_rng(0)
    >>> words = random.integers(1, 4, (200, 3))
    >>> words[np.arange(3) > random.integers(0, 3, (200, 1))] = -1  # of one to three labels, padded
    >>> X = [np.eye(4, dtype=np.float32)[[c for k in word if k > 0 for c in (0, k, k)]] for word in words]
    >>> y = {"targets": words, "input_lengths": [len(x) for x in X]}
    >>> model = mn.Sequential(mn.GRU(4, 12, rng=0), mn.Linear(12, 4, rng=1), mn.LogSoftmax())
    >>> trainer = mn.Trainer(model, CTCLoss(), mn.Adam(model.parameters(), lr=0.02))
    >>> loader = mn.DataLoader(X, y, batch_size=20, collate=mn.data.Pad())
    >>> history = trainer.fit(loader, epochs=10, progress=False)
    >>> history[-1]["loss"] < 0.2 * history[0]["loss"]
    True
    """

    takes = "log-probabilities"
    NAMES: ClassVar[tuple[str, ...]] = ("targets", "input_lengths", "target_lengths")

    def __init__(self, blank: int = 0, *, zero_infinity: bool = False, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.blank = check_int("CTCLoss", "blank", blank, 0, "it is the number of a class")
        self.zero_infinity = check_flag(type(self).__name__, "zero_infinity", zero_infinity)

    def check(self, prediction: Any, target: Any) -> None:
        """Check that the prediction is log-probabilities (N, T, C), one class of which is the blank."""
        refuse_tree("CTCLoss", "prediction", prediction, "lengths belong to the target")
        check_floats(self, prediction)
        shape = prediction.shape
        if prediction.ndim != 3:
            cure = (
                "a single sequence is x[None]" if prediction.ndim == 2 else "there is a row of classes for each frame"
            )
            raise ValueError(f"CTCLoss expected log-probabilities of shape (N, T, classes), got {shape}: {cure}")
        if self.blank >= shape[-1]:
            why = f"class {self.blank} is the blank"
            raise ValueError(f"{self.describe()} expected more classes, got a prediction of shape {shape}: {why}")
        cure = "end the model with LogSoftmax()"
        check_log_probabilities(self, as_rows(prediction), "pass their logarithm", cure)

    def total_weight(self, target: Any, sample_weight: ArrayLike | None = None) -> float:
        """Return how many samples there are, or the sum of their weights."""
        return super().total_weight(first(self._read(target)), sample_weight)

    @checked
    def forward(self, prediction: Array, target: Any, sample_weight: ArrayLike | None = None) -> Any:
        """Return the mean loss of log-probabilities (N, T, C) and the labels, weighted if there are weights."""
        labels, frames, lengths = self._labels(prediction, target)
        alignments = Alignments(prediction, labels, frames, lengths, self.blank)
        losses = -alignments.log_likelihood
        if self.zero_infinity:
            losses[np.isinf(losses)] = 0
        per_label = 1 / np.maximum(lengths, 1) if self.reduction == "mean" else np.ones(len(lengths))
        shares = None if sample_weight is None else self._weighed(sample_weight, losses.shape, losses.dtype)
        value = self._reduce((losses * per_label).astype(prediction.dtype), shares)
        self.cache = alignments, per_label, shares, prediction.dtype
        return value

    def backward(self, dy: Any = None) -> Array:
        """Return dL/d log p, (N, T, C)."""
        alignments, per_label, shares, dtype = self.cache
        slopes = alignments.posteriors()
        slopes *= -per_label[:, None, None]
        share = self._share(dy, per_label.shape, dtype, shares)
        return self._passed_on(slopes.astype(dtype), share[:, None, None] if isinstance(share, np.ndarray) else share)

    def _read(self, target: Any) -> tuple[Any, Any, Any]:
        """Return the labels and the two lengths, or None for those that the target leaves out."""
        if isinstance(target, dict) and "targets" in target and set(target) <= set(self.NAMES):
            return target["targets"], target.get("input_lengths"), target.get("target_lengths")
        if type(target) is tuple and 0 < len(target) <= 3:
            return (*target, None, None)[:3]
        if isinstance(target, dict | tuple):
            got = f"a dict of {', '.join(map(repr, target))}" if isinstance(target, dict) else named(target)
            names = ", ".join(map(repr, self.NAMES))
            raise ValueError(f"CTCLoss expected the target to be labels (N, S), or a dict of {names}, got {got}")
        return target, None, None

    def _labels(self, prediction: Array, target: Any) -> tuple[Labels, Labels, Labels]:
        """Return the labels (N, S) and both lengths (N,), after a look at each."""
        given, input_lengths, target_lengths = self._read(target)
        refuse_mask(self, "target", given)
        labels = np.asarray(given)
        n, time, classes = prediction.shape
        if labels.ndim != 2 or len(labels) != n:
            cure = "the labels of a sample are a row, padded with -1"
            if labels.ndim == 2 and len(labels) == time:
                cure = "is the prediction (T, N, classes), as PyTorch's? Pass prediction.swapaxes(0, 1)"
            raise ValueError(f"CTCLoss expected labels of shape (N, S) for {n} samples, got {labels.shape}: {cure}")
        check_integers("CTCLoss", labels, f", 0 to {classes - 1}")
        labels = labels.astype(np.intp)
        frames = self._lengths("input_lengths", input_lengths, n, time, "frames, as the prediction has")
        if target_lengths is None:
            lengths = np.logical_and.accumulate(labels >= 0, axis=1).sum(axis=1)
        else:
            lengths = self._lengths("target_lengths", target_lengths, n, labels.shape[1], "labels, as the targets have")
        counts = np.arange(labels.shape[1]) < lengths[:, None]
        if target_lengths is None and (labels[~counts] >= 0).any():
            raise ValueError("CTCLoss expected labels that end at the first negative number, got others behind it")
        self._check_classes(labels[counts], classes)
        return labels, frames, lengths

    def _lengths(self, name: str, value: Any, n: int, most: int, what: str) -> Labels:
        """Return lengths (N,), each of them 0 to the most."""
        if value is None:
            return np.full(n, most)
        lengths: NDArray[Any] = np.asarray(value)
        if lengths.shape != (n,) or (n and lengths.dtype.kind not in "iu"):
            raise ValueError(
                f"CTCLoss expected {name} to be {n} integers, one a sample, got {lengths.dtype} of shape "
                f"{lengths.shape}"
            )
        if n and not 0 <= lengths.min() <= lengths.max() <= most:
            raise ValueError(
                f"CTCLoss expected {name} of 0 to {most} {what}, got {lengths.min()} to {lengths.max()}: how many count"
            )
        return lengths.astype(np.intp)

    def _check_classes(self, used: Labels, classes: int) -> None:
        """Check that labels (M,) are classes, and not the blank."""
        if (used == self.blank).any():
            cure = "count labels from 1" if self.blank == 0 else "choose another blank"
            raise ValueError(
                f"{self.describe()} expected labels other than the blank, got {self.blank}: {cure}; pad with -1, or "
                "pass target_lengths"
            )
        check_range(self, used, classes)
