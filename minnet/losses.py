"""A loss is the layer that ends the chain: it turns a prediction and its target into one number to make small.

``forward(prediction, target)`` returns a float, the mean over the batch, so that the learning rate
need not know the batch's size; ``backward()`` returns dL/d prediction. The mean over an empty batch
is taken as 0. There are three ways to learn classes, equal in value and gradient:

=========================  ============================  ===================================
loss                       it takes                      so the model ends with
=========================  ============================  ===================================
`CrossEntropyLoss`         probabilities p               `Softmax`
`NLLLoss`                  log-probabilities log p       `LogSoftmax`
`SoftmaxCrossEntropyLoss`  scores z                      neither: the fastest, exact everywhere
=========================  ============================  ===================================
"""

import numpy as np
from numpy.typing import ArrayLike

from minnet.arrays import Array, Labels, check_floats, check_scores
from minnet.layer import Layer

_DIVERGED = "NaN: the model diverged (lower the learning rate, scale the inputs to 0..1)"


class Loss(Layer):
    """The base of every loss: `forward(prediction, target)` and `backward()`.

    Attributes
    ----------
    classifies : bool
        Whether the target is class labels; the Trainer then reports the accuracy, too.
    """

    classifies: bool = False

    def forward(self, prediction: Array, target: ArrayLike) -> float:
        """Return the mean loss of the batch."""
        raise NotImplementedError(f"{type(self).__name__} has no forward: define forward(self, prediction, target)")

    def backward(self) -> Array:
        """Return dL/d prediction, for the last forward."""
        raise NotImplementedError(f"{type(self).__name__} has no backward: define backward(self)")


class CrossEntropyLoss(Loss):
    """L = −(1/N) Σ_n log p_{n, y_n}, of probabilities: what `Softmax` returns.

    Backward: only the probability of the true class matters, ∂L/∂p_{n, y_n} = −1/(N · p_{n, y_n}).
    Nothing is added to p and nothing clipped: an epsilon here would silence the samples that are
    predicted worst. A p of 0, which `Softmax` never returns, counts as the smallest normal number.

    Raises
    ------
    ValueError
        In `forward`, if the rows are not probabilities, or the labels not in 0 … C − 1.
    TypeError
        In `forward`, if the labels are not integers.

    Examples
    --------
    >>> loss = CrossEntropyLoss()
    >>> round(loss.forward(np.array([[0.25, 0.75]]), [1]), 4)
    0.2877
    >>> loss.backward()
    array([[ 0.        , -1.33333333]])
    """

    classifies = True

    def forward(self, prediction: Array, target: ArrayLike) -> float:
        """Return the mean loss of probabilities p (..., C) for the labels y (...)."""
        check_floats(self, prediction)
        rows, labels = _rows_and_labels(self, prediction, target)
        self._check_probabilities(rows)
        p = rows[np.arange(labels.size), labels]  # (N,), those of the true classes
        p = np.maximum(p, np.finfo(p.dtype).tiny)
        self.cache = (prediction.shape, labels, p)
        return _mean(-np.log(p))

    def backward(self) -> Array:
        """Return dL/dp, of the shape of p."""
        shape, labels, p = self.cache
        return _at_labels(shape, labels, -1 / (max(p.size, 1) * p))

    def _check_probabilities(self, rows: Array) -> None:
        if rows.size == 0 or (rows.min() >= 0 and np.abs(rows.sum(axis=1) - 1).max() <= 1e-3):
            return
        name = type(self).__name__
        if np.isnan(rows).any():
            raise ValueError(f"{name} got {_DIVERGED}")
        if rows.max() <= 0 and np.abs(np.exp(rows).sum(axis=1) - 1).max() <= 1e-3:
            raise ValueError(f"{name} expected probabilities, got log-probabilities: use NLLLoss after LogSoftmax")
        raise ValueError(
            f"{name} expected probabilities (rows of numbers >= 0 that sum to 1), got values from "
            f"{rows.min():.4g} to {rows.max():.4g} and row sums from {rows.sum(axis=1).min():.4g} to "
            f"{rows.sum(axis=1).max():.4g}: end the model with Softmax(), or give scores to SoftmaxCrossEntropyLoss"
        )


class NLLLoss(Loss):
    """L = −(1/N) Σ_n (log p)_{n, y_n}, of log-probabilities: what `LogSoftmax` returns.

    Backward: ∂L/∂(log p)_{n, y_n} = −1/N, and 0 elsewhere.

    Raises
    ------
    ValueError
        In `forward`, if the rows are not log-probabilities, or the labels not in 0 … C − 1.
    TypeError
        In `forward`, if the labels are not integers.
    """

    classifies = True

    def forward(self, prediction: Array, target: ArrayLike) -> float:
        """Return the mean loss of log-probabilities (..., C) for the labels y (...)."""
        check_floats(self, prediction)
        rows, labels = _rows_and_labels(self, prediction, target)
        self._check_log_probabilities(rows)
        self.cache = (prediction.shape, prediction.dtype, labels)
        return _mean(-rows[np.arange(labels.size), labels])

    def backward(self) -> Array:
        """Return dL/d log p, of the shape of log p."""
        shape, dtype, labels = self.cache
        return _at_labels(shape, labels, np.full(labels.size, -1 / max(labels.size, 1), dtype))

    def _check_log_probabilities(self, rows: Array) -> None:
        # e^x overflows only for x > 88, and then the maximum has settled the question.
        if rows.size == 0 or (rows.max() <= 1e-3 and np.abs(np.exp(rows).sum(axis=1) - 1).max() <= 1e-3):
            return
        if np.isnan(rows).any():
            raise ValueError(f"NLLLoss got {_DIVERGED}")
        is_p = rows.min() >= 0 and np.abs(rows.sum(axis=1) - 1).max() <= 1e-3
        raise ValueError(
            f"NLLLoss expected log-probabilities (numbers <= 0 whose exponentials sum to 1), got "
            f"{'probabilities: use CrossEntropyLoss' if is_p else 'scores: end the model with LogSoftmax()'}, "
            "or remove the last layer and use SoftmaxCrossEntropyLoss"
        )


class SoftmaxCrossEntropyLoss(Loss):
    """L = (1/N) Σ_n (log Σ_j e^{z_nj} − z_{n, y_n}), of scores z: softmax and cross-entropy in one.

    Backward: with p = softmax(z), ∂L/∂z_nj = (p_nj − [j = y_n]) / N. No probability is ever
    divided by, so value and gradient are exact at any gap between the scores.

    Raises
    ------
    ValueError
        In `forward`, if the rows are probabilities already, or the labels not in 0 … C − 1.
    TypeError
        In `forward`, if the labels are not integers.
    """

    classifies = True

    def forward(self, prediction: Array, target: ArrayLike) -> float:
        """Return the mean loss of scores z (..., C) for the labels y (...)."""
        check_floats(self, prediction)
        check_scores(self, prediction, "remove the model's Softmax, or use CrossEntropyLoss")
        z, labels = _rows_and_labels(self, prediction, target)
        top = z.max(axis=1, keepdims=True)
        if not np.isfinite(top).all():
            raise ValueError(f"{type(self).__name__} got {_DIVERGED}")
        z = z - top  # changes nothing but that no exponential overflows
        p = np.exp(z)
        total = p.sum(axis=1, keepdims=True)  # (N, 1)
        p /= total
        self.cache = (prediction.shape, labels, p)
        return _mean(np.log(total[:, 0]) - z[np.arange(labels.size), labels])

    def backward(self) -> Array:
        """Return dL/dz, of the shape of z."""
        shape, labels, p = self.cache
        dz: Array = p / max(labels.size, 1)
        dz[np.arange(labels.size), labels] -= p.dtype.type(1 / max(labels.size, 1))
        return dz.reshape(shape)


class MSELoss(Loss):
    """L = mean of (prediction − target)², over all numbers of the batch.

    Backward: dL/d prediction = 2 (prediction − target) / (how many numbers there are).

    Raises
    ------
    ValueError
        In `forward`, if the shapes differ: a (N,) target against a (N, 1) prediction would otherwise
        be compared each with each. If there is NaN.
    TypeError
        In `forward`, if the target is not numeric.
    """

    def forward(self, prediction: Array, target: ArrayLike) -> float:
        """Return the mean square error of prediction and target, of the same shape (any)."""
        check_floats(self, prediction)
        target = np.asarray(target)
        if target.dtype.kind not in "iuf":
            raise TypeError(f"MSELoss expected a target of numbers, got {target.dtype}")
        if prediction.shape != target.shape:
            raise ValueError(
                f"MSELoss expected prediction and target of one shape, got {prediction.shape} and {target.shape}"
                + (f": reshape the target, as y.reshape({prediction.shape})" if prediction.size == target.size else "")
            )
        difference = prediction - target.astype(prediction.dtype, copy=False)
        self.cache = difference
        value = _mean(difference * difference)
        if np.isnan(value):
            raise ValueError(f"MSELoss got {_DIVERGED}")
        return value

    def backward(self) -> Array:
        """Return dL/d prediction, of its shape."""
        difference: Array = self.cache
        return difference * (2 / max(difference.size, 1))


def _mean(values: Array) -> float:
    """Average in float64, so that the loss of a large batch does not depend on its order."""
    return float(values.sum(dtype=np.float64)) / max(values.size, 1)


def _at_labels(shape: tuple[int, ...], labels: Labels, values: Array) -> Array:
    """Return zeros of `shape` (..., C), with `values` (N,) at each row's label."""
    result = np.zeros((labels.size, shape[-1]), values.dtype)
    result[np.arange(labels.size), labels] = values
    return result.reshape(shape)


def _rows_and_labels(loss: Loss, prediction: Array, target: ArrayLike) -> tuple[Array, Labels]:
    """View the prediction as (N, C) and the labels as (N,), or say what is wrong with the labels."""
    name, labels, shape = type(loss).__name__, np.asarray(target), prediction.shape
    if prediction.ndim == 0 or shape[-1] == 0:
        raise ValueError(f"{name} expected a prediction of shape (..., classes), got {shape}: no class axis")
    classes = shape[-1]
    if labels.shape != shape[:-1]:
        if labels.shape == shape:
            cure = "one-hot labels? pass the class numbers, y.argmax(axis=-1)"
        elif labels.shape == (*shape[:-1], 1):
            cure = "labels in a column? pass y.squeeze(-1), one axis less"
        elif labels.shape[:-1] == shape[:-1] and labels.ndim == prediction.ndim:
            cure = (
                f"one-hot labels of width {labels.shape[-1]} for {classes} classes? Give the model's last layer "
                "as many outputs as there are classes, and pass the class numbers, y.argmax(axis=-1)"
            )
        else:
            cure = "prediction and labels must come from the same samples"
        raise ValueError(
            f"{name} expected labels of shape {shape[:-1]} for predictions of shape {shape}, got {labels.shape}: {cure}"
        )
    if labels.size == 0:
        labels = labels.astype(np.int64)  # an empty list arrives as float64
    if labels.dtype.kind not in "iu":
        if labels.dtype.kind in "fb":
            cure = "class numbers? pass y.astype(np.int64). Quantities to predict? Use MSELoss"
        else:
            cure = "number the classes from 0: names, y = np.unique(y, return_inverse=True)"
        raise TypeError(f"{name} expected labels that are integers, 0 to {classes - 1}, got {labels.dtype}: {cure}")
    rows, labels = prediction.reshape(labels.size, classes), labels.reshape(-1)
    if labels.size and (labels.min() < 0 or labels.max() >= classes):
        worst = int(np.flatnonzero((labels < 0) | (labels >= classes))[0])
        raise ValueError(
            f"{name} expected labels from 0 to {classes - 1} for {classes} classes, got {labels[worst]} "
            f"(at {worst}): count classes from 0, and give the model's last layer one output a class"
        )
    return rows, labels
