"""A Parameter is an array that a network learns, with its gradient beside it."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from minnet.core.arrays import Array, column_sums
from minnet.core.blueprint import new_gradient
from minnet.core.buffer import LayerArray
from minnet.core.words import OF_PARAMETERS, answer


class Parameter(LayerArray):
    """An array of weights and its gradient, both allocated once and then written in place.

    Optimizers, tied layers and views hold on to the two arrays, so a Parameter never replaces them: ``p.grad += g`` and
    ``p.data -= step`` write into them, and assigning to ``p.data`` copies the values in. Assigning to ``p.grad`` is an
    error, because backward must add to a gradient. A Parameter is not an array itself: formulas use its ``data``, and
    NumPy's functions refuse it.

    Parameters
    ----------
    data
        The first values, copied; any shape.
    dtype
        float32 (the default) or float64; anything else is a TypeError.
    trainable
        False while it is frozen: optimizers leave it as it is. It is an attribute, too; `Layer.freeze` sets it. (For
        an array that is never learned there is `Buffer`.)

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

    __slots__ = ("_grad", "_held", "_stale", "trainable")

    def __init__(self, data: ArrayLike, dtype: DTypeLike = np.float32, trainable: bool = True) -> None:
        super().__init__(data, dtype)
        self._grad: Array = new_gradient(self._data)
        self._held = False  # whether a caller was given the array of the gradient, and may still read it
        self._stale = False  # whether the gradient is zero, although the array still holds old numbers
        self.trainable = trainable

    @property
    def grad(self) -> Array:
        """dL/d data, summed over every backward since it was last set to zero; the shape of `data`."""
        self._held = True
        return self.read_grad()

    @grad.setter
    def grad(self, values: object) -> None:
        if values is not self._grad:
            raise AttributeError(
                "a Parameter's grad is never re-bound: add to it in place (p.grad += ...), "
                "and set it to zero with optimizer.zero_grad() or p.zero_grad()"
            )

    def zero_grad(self) -> None:
        """Set the gradient to zero."""
        # If no caller holds the array, the next backward may overwrite it instead of adding to zeros. That saves
        # three passes over the weights' memory, a tenth of the training step of a wide network.
        self._stale = not self._held
        if self._held:
            self._grad.fill(0)

    def add_product(self, a: Array, b: Array) -> None:
        """Add a product of matrices (I, N) and (N, O) to the gradient (I, O) of the same dtype: ``grad += a @ b``.

        If the gradient is zero, it is overwritten. Shapes that do not fit are a ValueError.
        """
        if self._stale:
            a.dot(b, out=self._grad)
            self._stale = False
        else:
            self._grad += a.dot(b)  # not @, which takes five times as long for a batch of one

    def add_rows(self, rows: Array) -> None:
        """Add a sum of rows (N, O) to the gradient (O,) of the same dtype: ``grad += rows.sum(axis=0)``.

        If the gradient is zero, it is overwritten. Shapes that do not fit are a ValueError.
        """
        if self._stale:
            column_sums(rows, out=self._grad)
            self._stale = False
        else:
            self._grad += column_sums(rows)

    def read_grad(self) -> Array:
        """Return the gradient to a caller that does not keep the array, such as an optimizer: see `zero_grad`."""
        if self._stale:
            self._grad.fill(0)
            self._stale = False
        return self._grad

    def share(self, other: "Parameter") -> None:
        """Use the array of another Parameter's values as its own, so that both always have the same values."""
        self._data = other._data

    def adopt(self, data: Array) -> None:
        """Use the values of this array, and zeros for the gradient."""
        super().adopt(data)
        self._grad = np.zeros_like(self._data)

    def astype(self, dtype: DTypeLike) -> None:
        """Convert to float32 or float64. Only this replaces the two arrays."""
        super().astype(dtype)
        self._grad = self._grad.astype(dtype, copy=False)

    def __repr__(self) -> str:
        return super().__repr__() if self.trainable else super().__repr__()[:-1] + ", trainable=False)"

    def __getstate__(self) -> tuple[Array, Array, bool]:
        return self._data, self.read_grad(), self.trainable

    def __setstate__(self, state: tuple[Array, Array, bool]) -> None:
        self._data, self._grad, self.trainable = state
        self._held = self._stale = False

    def __deepcopy__(self, memo: dict[int, Any]) -> "Parameter":
        # copy.deepcopy needs four calls for an object with slots, and a gradient check copies thousands.
        copied = object.__new__(type(self))
        copied.__setstate__((self._data.copy(), self.read_grad().copy(), self.trainable))
        memo[id(self)] = copied
        return copied


answer(Parameter, OF_PARAMETERS)
