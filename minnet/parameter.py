"""A Parameter is an array that a network learns, with its gradient beside it."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from minnet.arrays import FLOATS, Array


class Parameter:
    """An array of weights and its gradient, both allocated once and only ever written in place.

    Optimizers, tied layers and views hold on to the two arrays, so they stay the same objects for
    the Parameter's whole life: ``p.grad += g`` and ``p.data -= step`` write into them, assigning
    to ``p.data`` copies the values in, and assigning to ``p.grad`` is refused, for a gradient is
    added to, never replaced.

    Parameters
    ----------
    data
        The first values, copied; any shape.
    dtype
        float32 (the default) or float64.
    trainable
        False for an array that belongs to the model but is not learned: an optimizer passes it by.

    Attributes
    ----------
    trainable : bool
        Whether optimizers update the Parameter.

    Raises
    ------
    TypeError
        If `dtype` is neither float32 nor float64.

    Examples
    --------
    >>> p = Parameter([1.0, 2.0])
    >>> p.grad += 0.5
    >>> p.data -= p.grad
    >>> p
    Parameter(shape=(2,), dtype=float32)
    >>> p.data
    array([0.5, 1.5], dtype=float32)
    """

    __slots__ = ("_data", "_grad", "trainable")

    def __init__(self, data: ArrayLike, dtype: DTypeLike = np.float32, trainable: bool = True) -> None:
        if np.dtype(dtype) not in FLOATS:
            raise TypeError(f"a Parameter is float32 or float64, not {np.dtype(dtype)}")
        self._data: Array = np.array(data, dtype=dtype, order="C")
        self._grad: Array = np.zeros_like(self._data)
        self.trainable = trainable

    @property
    def data(self) -> Array:
        """The values."""
        return self._data

    @data.setter
    def data(self, values: ArrayLike) -> None:
        if values is self._data:  # what `p.data -= step` assigns back after its work is done
            return
        values = np.asarray(values)
        if values.shape != self._data.shape:
            raise ValueError(f"this Parameter has shape {self._data.shape}, the new values have {values.shape}")
        np.copyto(self._data, values, casting="same_kind")

    @property
    def grad(self) -> Array:
        """dL/d data, summed over every backward since it was last set to zero; the shape of `data`."""
        return self._grad

    @grad.setter
    def grad(self, values: object) -> None:
        if values is not self._grad:
            raise AttributeError(
                "a Parameter's grad is never re-bound: add to it in place (p.grad += ...), "
                "and set it to zero with optimizer.zero_grad() or p.grad[...] = 0"
            )

    def astype(self, dtype: DTypeLike) -> None:
        """Convert to float32 or float64: the one moment at which the two arrays are replaced."""
        if np.dtype(dtype) not in FLOATS:
            raise TypeError(f"a Parameter is float32 or float64, not {np.dtype(dtype)}")
        self._data = self._data.astype(dtype, copy=False)
        self._grad = self._grad.astype(dtype, copy=False)

    def __repr__(self) -> str:
        frozen = "" if self.trainable else ", trainable=False"
        return f"Parameter(shape={self._data.shape}, dtype={self._data.dtype}{frozen})"

    def __deepcopy__(self, memo: dict[int, Any]) -> "Parameter":
        # The general way takes four calls for an object with slots, and a gradient check copies thousands.
        copied = object.__new__(Parameter)
        copied._data, copied._grad, copied.trainable = self._data.copy(), self._grad.copy(), self.trainable
        memo[id(self)] = copied
        return copied
