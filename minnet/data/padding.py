"""Padding makes sequences of several lengths one array; buckets put those of similar lengths into one batch."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minnet.core.checks import check_number, named
from minnet.core.trees import joined

SPREAD = 0.1  # by how much the lengths in a batch may differ more than they must, as a share of them


class Pad:
    """Make a batch of sequences of several lengths: a `collate` of `DataLoader`.

    Sequences (T_n, ...) become x = (padded, mask): padded (N, T, ...), with T the length of the longest in the batch,
    and the mask (N, T), True where a place is real. So the Trainer calls ``model.forward(padded, mask)``, and a
    `Sequential` hands the mask to the layers that take one.

    Parameters
    ----------
    value
        What stands behind the end of a sequence. With a mask, no layer uses it, but `Embedding` looks it up: it is one
        of its indices.
    target_value
        What pads targets that are sequences, such as a label for each place: what the loss has as `ignore_index`. None:
        the targets of all samples have one shape.

    Raises
    ------
    TypeError, ValueError
        If what pads is no number. When it is called, if samples are no arrays of numbers, or differ in more than their
        first axis; if targets differ in length and there is no `target_value`; if a dtype cannot hold what is to pad
        it.

    Examples
    --------
    >>> pad = Pad()
    >>> (x, mask), y = pad([np.array([5, 6, 7]), np.array([8])], [1, 0])
    >>> x
    array([[5, 6, 7],
           [8, 0, 0]])
    >>> mask
    array([[ True,  True,  True],
           [ True, False, False]])
    """

    def __init__(self, value: float = 0, target_value: float | None = None) -> None:
        check_number("Pad", "value", value)
        if target_value is not None:
            check_number("Pad", "target_value", target_value)
        self.value, self.target_value = value, target_value

    def __repr__(self) -> str:
        return f"Pad({self.value!r}{'' if self.target_value is None else f', target_value={self.target_value!r}'})"

    def __call__(self, xs: list[Any], ys: list[Any]) -> tuple[tuple[NDArray[Any], NDArray[np.bool_]], Any]:
        """Return the batch ((padded, mask), y) of a list of samples and a list of targets."""
        for x in xs[:1]:
            if isinstance(x, tuple | dict):
                raise TypeError(
                    f"Pad expected samples that are one sequence each, got {named(x)}: for several inputs, write a "
                    "function collate(xs, ys) that calls Pad() for the one that is a sequence"
                )
        padded, mask = _padded("value", xs, self.value)
        return (padded, mask), joined(self._targets, ys)

    def _targets(self, targets: list[Any]) -> NDArray[Any]:
        """Return the targets of a batch as one array, padded if they are sequences."""
        if self.target_value is not None:
            return _padded("target_value", targets, self.target_value)[0]
        arrays = [np.asarray(target) for target in targets]
        if len({array.shape for array in arrays}) > 1:
            raise ValueError(
                f"Pad got targets of several shapes, {arrays[0].shape} and others: if there is one for each place of a "
                "sequence, say what pads them, Pad(target_value=-100), and leave it out in the loss, ignore_index=-100"
            )
        return np.stack(arrays)


def bucketed_order(lengths: ArrayLike, batch_size: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return a random order of rows in which the rows of a batch have similar lengths, so that little is padded.

    The rows are sorted by their length times a random number from 0.9 to 1.1, cut into batches, and the batches are
    shuffled. Each row comes once. If the number of rows is no multiple of `batch_size`, the short batch is the last.

    Parameters
    ----------
    lengths
        (N,) numbers >= 0.
    batch_size
        How many rows a batch has.
    rng
        Where the order is drawn from.

    Examples
    --------
    >>> lengths = np.array([3, 90, 4, 80, 5, 85])
    >>> order = bucketed_order(lengths, 3, np.random.default_rng(0))
    >>> [sorted(lengths[batch].tolist()) for batch in order.reshape(2, 3)]
    [[3, 4, 5], [80, 85, 90]]
    """
    given = np.asarray(lengths, np.float64)
    rows, short = len(given), len(given) % batch_size
    noisy = given * rng.uniform(1 - SPREAD, 1 + SPREAD, rows)
    order = np.lexsort((rng.random(rows), noisy))  # equal ones, such as lengths of 0, in a random order
    full = rows // batch_size
    # The short batch is cut out somewhere, so that its rows are not always the longest.
    start = int(rng.integers(full + 1)) * batch_size
    last, rest = order[start : start + short], np.delete(order, slice(start, start + short))
    return np.concatenate([rest.reshape(full, batch_size)[rng.permutation(full)].reshape(-1), last])


def lengths_of(X: Any, padded: bool = True) -> NDArray[np.intp]:
    """Return the lengths of the sequences that a DataLoader has as X; ValueError if they are no sequences to pad."""
    if padded and isinstance(X, np.ndarray) and X.ndim > 1:  # a list of sequences that happen to have one length
        return np.full(len(X), X.shape[1])
    if not padded or not isinstance(X, list):
        raise ValueError(
            'DataLoader expected X to be a list of sequences of several lengths for shuffle="bucketed", got '
            f"{named(X)}{'' if padded else ' and no collate'}: pass such a list with collate=mn.data.Pad(), or "
            "shuffle=True"
        )
    return np.array([len(sample) for sample in X])


def _padded(what: str, sequences: Sequence[Any], value: float) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return sequences (T_n, ...) as one array (N, T, ...), and which places are real, (N, T)."""
    kind = "sequences" if what == "value" else "targets"
    arrays = [np.asarray(sequence) for sequence in sequences]
    for array in arrays:
        if array.dtype.kind not in "biuf":
            cure = "number the words first" if array.dtype.kind in "OSU" else "pass numbers"
            raise TypeError(f"Pad expected {kind} of numbers, got {array.dtype}: {cure}")
        if not array.ndim:
            cure = "leave out target_value" if what == "target_value" else "a sample is an array (T, ...)"
            raise ValueError(f"Pad expected {kind} with an axis of time, got the single number {array}: {cure}")
        if array.shape[1:] != arrays[0].shape[1:]:
            raise ValueError(
                f"Pad expected {kind} that differ in their first axis only, got the shapes {arrays[0].shape} and "
                f"{array.shape}: time is the first axis of a sample"
            )
    lengths = np.array([len(array) for array in arrays])
    # An empty list is an array of float64, whatever the others hold: the texts without a word.
    some = [array for array in arrays if len(array) or array.ndim > 1 or array.dtype != np.float64]
    dtype = np.result_type(*some) if some else np.asarray(value).dtype
    filler = np.array(value).astype(dtype)
    if filler != value and value == value:
        raise ValueError(
            f"Pad cannot put the {what} {value} into {kind} of {dtype}: pass them as another dtype, such as np.int64"
        )
    padded = np.full((len(arrays), lengths.max(initial=0), *arrays[0].shape[1:]), filler)
    for row, array in zip(padded, arrays, strict=True):
        row[: len(array)] = array
    return padded, np.arange(padded.shape[1]) < lengths[:, None]
