"""Patterns of errors: a gradient that is wrong in a region, out of order, off by a constant, or taken elsewhere."""

from typing import Any

import numpy as np

from minnet.core.arrays import Array
from minnet.inspection.evidence import Evidence, alike


def of_place(e: Evidence) -> str:
    """The derivative is evaluated at y."""
    if not e.by_element:
        return ""
    h = 1e-6
    at_y = (e.output_for(np.asarray(e.y) + h) - e.output_for(np.asarray(e.y) - h)) / (2 * h)
    if np.allclose(e.claimed, e.dy * at_y, rtol=1e-4, atol=1e-6):
        return (
            "it is the derivative of forward at y, the output, but the derivative at x, the input, is asked for: keep "
            "x in self.cache, or use a formula that has y in it"
        )
    return ""


def of_regions(e: Evidence) -> str:
    """It is wrong in some region of x only."""
    if not e.is_input or e.claimed.shape != e.x.shape or not e.whole:
        return ""
    wrong = ~np.isclose(e.claimed, e.right, rtol=1e-5, atol=1e-7)
    x = e.x
    regions: list[tuple[str, Any]] = [("x is negative", x < 0), ("x is positive", x > 0), ("x is 0", x == 0)]
    regions += [("x is above 1", x > 1), ("x is below -1", x < -1), ("x is between -1 and 1", np.abs(x) <= 1)]
    if e.trial.is_loss and len(e.trial.inputs) > 1:
        regions += _of_targets(e, e.trial.inputs[1])
    for words, region in regions:
        if not wrong.any() or region.all() or (wrong & ~region).any() or 2 * wrong.sum() < region.sum():
            continue
        i = tuple(int(k) for k in np.argwhere(wrong)[0])
        here = f"it is wrong only where {words}. At {list(i)}"
        if e.by_element and e.dy[i]:
            return (
                f"{here}, x is {x[i]:.3g}: there, forward has the slope {e.right[i] / e.dy[i]:.4g}, and backward "
                f"multiplies dy by {e.claimed[i] / e.dy[i]:.4g}"
            )
        return f"{here}, the right value is {e.right[i]:.4g}, and backward says {e.claimed[i]:.4g}"
    return ""


def _of_targets(e: Evidence, target: Array) -> list[tuple[str, Any]]:
    """Return the regions that a target makes."""
    x = e.x
    if target.dtype.kind in "iu" and x.ndim == 2 and target.shape == x.shape[:1]:
        hot = np.eye(x.shape[1], dtype=bool)[target]
        return [("the class is that of the target", hot), ("the class is not that of the target", ~hot)]
    if target.shape == x.shape:
        return [("the prediction is below the target", x < target), ("the prediction is above the target", x > target)]
    return []


def of_order(e: Evidence) -> str:
    """It has the right numbers in other places."""
    if not e.whole or e.claimed.size < 2:
        return ""
    where = f"self.{e.name}.grad" if not e.is_input else "dL/dx"
    for axis in range(e.claimed.ndim):
        which = f"axis {axis}"
        if alike(np.flip(e.claimed, axis), e.right):
            return f"it is the right gradient in reverse order along {which}: does an index run backwards there?"
        for step in (1, -1):
            if alike(np.roll(e.claimed, step, axis), e.right):
                return f"it is the right gradient, shifted by one place along {which}: is an index off by one?"
    if alike(np.sort(e.claimed.reshape(-1)), np.sort(e.right.reshape(-1))):
        return (
            f"{where} has the right numbers in the wrong order: undo forward's steps in reverse order, a transpose by "
            "a transpose, a reshape by a reshape (reshape alone does not exchange axes), repeat and not np.tile"
        )
    return ""


def of_offset(e: Evidence) -> str:
    """It differs from the right one by what is the same in a row."""
    if not e.by_element or not e.whole:
        return ""
    off = e.claimed - e.right
    names = {0: "for all samples (along axis 0)"}
    for axis in range(off.ndim):
        where = names.get(axis, f"for all elements of a row (along axis {axis})")
        if off.shape[axis] > 1 and np.ptp(off, axis=axis).max() < 1e-6 * np.abs(off).max():
            return (
                f"the error is the same {where}: a term with the mean, or the sum, over axis {axis} is missing or "
                "wrong, because a mean in forward depends on each of these elements"
            )
        with_y = off / np.asarray(e.y)
        if off.shape[axis] > 1 and np.ptp(with_y, axis=axis).max() < 1e-6 * np.abs(with_y).max():
            return (
                f"the error is y times a number that is the same {where}: the term of what forward divides by (a "
                "deviation, or a norm) is missing or wrong, because that depends on each of these elements, too"
            )
    return ""
