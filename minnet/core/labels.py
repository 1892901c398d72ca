"""A label is the number of a class, 0 … C − 1. Every loss and metric of classes makes the two checks here."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from minnet.core.arrays import Array, Labels


def check_labels(owner: str, prediction: Array, labels: NDArray[Any]) -> None:
    """Check that labels (...) are integers, one for each row of the prediction (..., C): a ValueError or TypeError."""
    shape = prediction.shape
    if not shape or shape[-1] == 0:
        raise ValueError(f"{owner} expected a prediction of scores (..., classes), got {shape}: no class axis")
    if labels.shape != shape[:-1]:
        if labels.shape[:-1] == shape:
            cure = "are they swapped? pass (prediction, target)"
        elif labels.shape == shape and prediction.dtype.kind in "iu":
            cure = "pass the model's output, before argmax; of class numbers, the accuracy is np.mean(prediction == y)"
        elif labels.shape == shape:
            cure = "one-hot labels? pass the class numbers, y.argmax(axis=-1)"
        elif labels.shape == (*shape[:-1], 1):
            cure = "labels in a column? pass y.squeeze(-1), one axis less"
        elif labels.shape[:-1] == shape[:-1] and labels.ndim == len(shape):
            cure = (
                f"one-hot labels of width {labels.shape[-1]} for {shape[-1]} classes? Give the model's last layer "
                "as many outputs as there are classes, and pass the class numbers, y.argmax(axis=-1)"
            )
        else:
            cure = "prediction and labels must come from the same samples"
        raise ValueError(
            f"{owner} expected labels of shape {shape[:-1]} for predictions of shape {shape}, got {labels.shape}: "
            f"{cure}"
        )
    check_integers(owner, labels, f", 0 to {shape[-1] - 1}")


def check_integers(owner: str, labels: NDArray[Any], which: str = "") -> None:
    """Check that labels (...) are integers: a TypeError, which says `which`."""
    if labels.size and labels.dtype.kind not in "iu":  # an empty list arrives as float64
        if labels.dtype.kind in "fb":
            cure = "class numbers? pass y.astype(np.int64). Quantities to predict? Use MSELoss"
        else:
            cure = "number the classes from 0: names, y = np.unique(y, return_inverse=True)"
        raise TypeError(f"{owner} expected labels that are integers{which}, got {labels.dtype}: {cure}")


def check_range(owner: object, labels: Labels, classes: int, ignore_index: int | None = None) -> None:
    """Check that labels (N,), of any integer dtype, are in 0 … C − 1, or `ignore_index`: a ValueError.

    The owner is the name of a metric, or the loss itself, whose name is read only if a label is wrong.
    """
    if labels.size <= 8:  # for so few, Python is faster than NumPy
        values = labels.tolist()
        fine = not values or (min(values) >= 0 and max(values) < classes)
    elif labels.dtype == np.intp:  # viewed as unsigned, a negative number is very large: one look is enough
        fine = bool(np.maximum.reduce(labels.view(np.uintp)) < classes)
    else:
        fine = labels.min() >= 0 and labels.max() < classes
    if fine:
        return
    wrong = (labels < 0) | (labels >= classes)
    if ignore_index is not None:
        wrong &= labels != ignore_index
    if not wrong.any():
        return
    first = int(wrong.argmax())
    cure = "count classes from 0, and give the model's last layer one output a class"
    if labels.min() >= 1 and labels.max() == classes:
        cure = "count classes from 0: pass y - 1, if the first class is 1"
    elif labels[first] < 0:
        cure += f"; to leave such samples out, ignore_index={labels[first]} in a cross-entropy"
    name = owner if isinstance(owner, str) else type(owner).__name__
    raise ValueError(
        f"{name} expected labels from 0 to {classes - 1} for {classes} classes, got {labels[first]} "
        f"(at {first}): {cure} ({np.count_nonzero(wrong):,} of {labels.size:,} are outside)"
    )
