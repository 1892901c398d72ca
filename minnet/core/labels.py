"""A label is the number of a class, 0 … C − 1. Every loss and metric of classes makes its checks here."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from minnet.core.arrays import Array, Labels
from minnet.core.checks import check_int

ONE_OUTPUT = "a yes or no? For one output use BCEWithLogitsLoss, or give the model's last layer two"


def classes_at_axis_1(shape: tuple[int, ...]) -> str:
    """Say how classes along axis 1, as in a convolution's scores (N, C, H, W), come to be along the last one."""
    axes = ", ".join(map(str, (0, *range(2, len(shape)), 1)))
    return (
        f"are the classes axis 1? Here they are the last axis: end the model with Permute({axes}), "
        "or pass np.moveaxis(prediction, 1, -1)"
    )


def check_ignore_index(owner: str, value: object) -> int | None:
    """Return the label that does not count as an int, or None; a TypeError, if it is something else."""
    return None if value is None else check_int(owner, "ignore_index", value, None)


def check_labels(owner: str, prediction: Array, labels: NDArray[Any]) -> None:
    """Check that labels (...) are integers, one for each row of the prediction (..., C): a ValueError or TypeError."""
    shape = prediction.shape
    if not shape or shape[-1] == 0:
        raise ValueError(f"{owner} expected a prediction of scores (..., classes), got {shape}: no class axis")
    if labels.shape != shape[:-1]:
        raise ValueError(
            f"{owner} expected labels of shape {shape[:-1]} for predictions of shape {shape}, got {labels.shape}: "
            f"{_cure_of_shape(prediction, labels)}"
        )
    check_integers(owner, labels, f", 0 to {shape[-1] - 1}")


def check_integers(owner: str, labels: NDArray[Any], which: str = "") -> None:
    """Check that labels (...) are integers: a TypeError, which says `which`; without, their shape was not checked."""
    if labels.size and labels.dtype.kind not in "iu":  # an empty list arrives as float64
        if not which and labels.ndim > 1:
            cure = _cure_of_rows(labels, labels.shape[-1])
        elif labels.dtype.kind in "fb":
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
    if classes == 1 == labels.max() and labels.min() >= 0:
        cure = ONE_OUTPUT
    elif labels.min() >= 1 and labels.max() == classes:
        cure = "count classes from 0: pass y - 1, if the first class is 1"
    elif labels[first] < 0:
        cure += f"; to leave such samples out, ignore_index={labels[first]} in a cross-entropy"
    name = owner if isinstance(owner, str) else type(owner).__name__
    raise ValueError(
        f"{name} expected labels from 0 to {classes - 1} for {classes} classes, got {labels[first]} "
        f"(at {first}): {cure} ({np.count_nonzero(wrong):,} of {labels.size:,} are outside)"
    )


def _cure_of_shape(prediction: Array, labels: NDArray[Any]) -> str:
    """Say what labels of a wrong shape probably are, and what to do."""
    shape = prediction.shape
    if labels.shape[:-1] == shape:
        return "are they swapped? pass (prediction, target)"
    if labels.shape == shape and prediction.dtype.kind in "iu":
        return "pass the model's output, before argmax; of class numbers, the accuracy is np.mean(prediction == y)"
    if labels.shape == (*shape[:-1], 1) and shape[-1] > 1:
        return "labels in a column? pass y.squeeze(-1), one axis less"
    if labels.shape[:-1] == shape[:-1] and labels.ndim == len(shape):
        return _cure_of_rows(labels, shape[-1])
    if len(shape) > 2 and labels.shape == (shape[0], *shape[2:]):
        return classes_at_axis_1(shape)
    return "prediction and labels must come from the same samples"


def _cure_of_rows(rows: NDArray[Any], classes: int) -> str:
    """Say what a target with a row (..., C) of numbers for each sample probably is."""
    width = rows.shape[-1]
    if rows.dtype.kind not in "biuf":
        return "pass the number of one class a sample"
    zeros_and_ones, sums = bool(((rows == 0) | (rows == 1)).all()), rows.sum(axis=-1)
    if zeros_and_ones and width == classes == 1:
        return ONE_OUTPUT
    if zeros_and_ones and (sums == 1).all():
        if width == classes:
            return "one-hot labels? pass the class numbers, y.argmax(axis=-1)"
        return (
            f"one-hot labels of width {width} for {classes} classes? Give the model's last layer "
            "as many outputs as there are classes, and pass the class numbers, y.argmax(axis=-1)"
        )
    if zeros_and_ones and rows.ndim > 2 and (rows.sum(axis=1) == 1).all():
        return f"one-hot labels? pass the class numbers, y.argmax(axis=1); and {classes_at_axis_1(rows.shape)}"
    if zeros_and_ones:
        return "several labels a sample? Each is a yes or no: use BCEWithLogitsLoss, or BCELoss after Sigmoid"
    if rows.min() >= 0 and np.abs(sums - 1).max() <= 1e-3:
        return "probabilities of the classes? Use KLDivLoss after LogSoftmax"
    return "quantities to predict? Use MSELoss; class numbers? pass one a sample"
