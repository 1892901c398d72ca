"""Dependencies: which outputs depend on which inputs in forward, and which of them backward takes into account."""

import numpy as np

from minnet.core.arrays import Array
from minnet.inspection.evidence import Evidence, alike


def of_dependencies(e: Evidence) -> str:
    """Compare the derivatives that backward uses with the measured ones, output by output."""
    if e.derivatives is None:
        return ""
    used, right = e.derivatives
    if not alike(used.T @ e.dy.reshape(-1), e.claimed.reshape(-1)):
        return (
            "it does not grow with dy: if dy is doubled, dL/dx must be doubled, too. Multiply by dy, and use neither "
            "the sign of dy nor a comparison with it"
        )
    scale = float(np.abs(right).max(initial=0))
    depends, counts = np.abs(right) > 1e-6 * scale, np.abs(used) > 1e-6 * scale
    missing, extra = depends & ~counts, counts & ~depends
    if missing.any():
        return _missing(e, np.where(missing, np.abs(right), 0))
    if extra.any():
        return _extra(e, np.where(extra, np.abs(used), 0))
    i, j = _largest(np.abs(used - right))
    y, x = _names(e, i, j)
    return (
        f"the derivative of {y} with respect to {x} is {right[i, j]:.4g}, and backward multiplies dy by "
        f"{used[i, j]:.4g}"
    )


def _missing(e: Evidence, size: Array) -> str:
    y, x = _names(e, *_largest(size))
    dx, dy = x.replace("x", "dL/dx", 1), y.replace("y", "dy", 1)
    return (
        f"{y} depends on {x}, but the {dx} that backward returns does not depend on {dy}: a term is missing. dL/dx is "
        f"the sum of dy times the derivative over all outputs that depend on this x, {_which(e, *_largest(size))}. "
        "Does a sum run over the wrong axis, or does = overwrite what += should add?"
    )


def _extra(e: Evidence, size: Array) -> str:
    y, x = _names(e, *_largest(size))
    dx, dy = x.replace("x", "dL/dx", 1), y.replace("y", "dy", 1)
    return (
        f"{dx} as backward returns it depends on {dy}, but in forward {y} does not depend on {x}, "
        f"{_which(e, *_largest(size))}: only what an output was computed from gets a part of its dy. Does a sum run "
        "over the wrong axis, or is a mask missing?"
    )


def _which(e: Evidence, i: int, j: int) -> str:
    """Say how the places of an output and an input differ."""
    a, b = _places(e, i, j)
    if a[:1] != b[:1]:
        return "which here belongs to another sample (axis 0 is the batch)"
    if len(a) == len(b):
        axis = next((k for k, (p, q) in enumerate(zip(a, b, strict=True)) if p != q), 0)
        return f"which here is another one of the same sample, along axis {axis}" if a != b else "at the same place"
    return "which here belongs to the same sample"


def _places(e: Evidence, i: int, j: int) -> tuple[list[int], list[int]]:
    shapes = (e.dy.shape, i), (e.x.shape, j)
    y, x = ([int(k) for k in np.unravel_index(place, shape)] for shape, place in shapes)
    return y, x


def _names(e: Evidence, i: int, j: int) -> tuple[str, str]:
    y, x = _places(e, i, j)
    return f"y{y}", f"x{x}"


def _largest(size: Array) -> tuple[int, int]:
    i, j = np.unravel_index(int(size.argmax()), size.shape)
    return int(i), int(j)
