"""A pointwise layer computes each number of y from the same place of x: kernels that do so become twins here."""

from collections.abc import Callable
from typing import Any

import numpy as np

from minnet.compiled.foundation.flat import flat, is_dense
from minnet.core.arrays import Array
from minnet.core.layer import Layer

FLOAT, BOOL = np.dtype(np.float32), np.dtype(np.bool_)
FEW = 1024  # numbers: for fewer, a call of NumPy takes no longer than the call of a kernel
Kernel = Callable[..., None]
Kept = tuple["str | np.dtype[Any]", ...]
Options = Callable[[Any], tuple[float, ...]]


def twins_of(
    layer: type[Layer],
    forward: Kernel | None,
    backward: Kernel | None,
    kept: Kept,
    options: Options = lambda _: (),
    least: int = FEW,
) -> dict[Any, Any]:
    """Return the twins of a layer's `forward` and `backward`, of which one may be None, by their formulas.

    Parameters
    ----------
    forward
        Called with flat x, y and the new arrays of the cache, and the options.
    backward
        Called with flat dy, dx and all arrays of the cache, and the options.
    kept
        What the formula puts in the cache: "x", "y", or the dtype of a new array.
    options
        Returns those of the layer, as Python's floats.
    least
        How many numbers `forward` must have, `FEW` or more, because NumPy's own code is faster for fewer.
    """
    found: dict[Any, Any] = {}
    if forward is not None:
        method: Any = layer.forward
        found[method.formula] = _forward_twin(method.formula, forward, kept, options, least)
    if backward is not None:
        method = layer.backward
        found[method.formula] = _backward_twin(method.formula, backward, kept, options)
    return found


def _forward_twin(formula: Any, kernel: Kernel, kept: Kept, options: Options, least: int) -> Any:
    def forward(self: Any, x: Array) -> Array:
        if not fits(x) or x.size < least:
            return formula(self, x)  # type: ignore[no-any-return]
        y = np.empty_like(x)
        parts = [y if kind == "y" else x if kind == "x" else np.empty_like(x, kind) for kind in kept]
        new = [part for part in parts if part is not x and part is not y]
        kernel(*map(flat, (x, y, *new)), *options(self))
        self.cache = parts[0] if len(parts) == 1 else tuple(parts)
        return y

    return forward


def _backward_twin(formula: Any, kernel: Kernel, kept: Kept, options: Options) -> Any:
    dtypes = [FLOAT if isinstance(kind, str) else kind for kind in kept]

    def backward(self: Any, dy: Array) -> Array:
        cache = self.cache
        parts = cache if isinstance(cache, tuple) else (cache,)
        if len(parts) != len(dtypes) or not fits(dy, *zip(parts, dtypes, strict=True)):
            return formula(self, dy)  # type: ignore[no-any-return]
        dx = np.empty_like(dy)
        kernel(*map(flat, (dy, dx, *parts)), *options(self))
        return dx

    return backward


def fits(x: Any, *others: tuple[Any, "np.dtype[Any]"]) -> bool:
    """Whether kernels are made for x and others: enough numbers, of these dtypes, in one order, without gaps."""
    if type(x) is not np.ndarray or x.dtype != FLOAT or x.size < FEW:
        return False
    for other, dtype in others:
        if type(other) is not np.ndarray or other.dtype != dtype or other.shape != x.shape:
            return False
    if x.flags.c_contiguous:
        return all(other.flags.c_contiguous for other, _ in others)
    return is_dense(x) and all(_steps(other) == _steps(x) for other, _ in others)


def _steps(x: Array) -> list[int]:
    """Return how far neighbours lie apart along each axis that has any, in numbers."""
    return [step // x.itemsize for step, n in zip(x.strides, x.shape, strict=True) if n > 1]
