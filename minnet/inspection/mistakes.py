"""A mistake is one of the frequent ones in a backward: here its traces in errors and wrong gradients are recognized."""

import math
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minnet.core.arrays import Array


def of_error(error: Exception, method: str, argument: str) -> str | None:
    """Return which mistake an error raised by `forward` or `backward` suggests; None if none is known.

    `argument` says what the method was given: "its input" or "dy".
    """
    text = str(error)
    transposes = "with y = x @ W, dL/dx is dy @ W.T and dL/dW is x.T @ dy; is a transpose missing, or misplaced?"
    for phrase, mistake in (
        ("read-only", f"{method} writes into {argument}, which belongs to the caller: make a new array"),
        (
            "non-broadcastable output operand with shape ()",
            f"{method} adds an array to the grad of a Parameter that is a single number: add its sum over all axes, or "
            f"give the Parameter a shape, such as np.zeros(out_features) ({text})",
        ),
        ("non-broadcastable", f"{method} adds an array of another shape: sum over the batch, axis=0 ({text})"),
        ("matmul", f"{method} multiplies matrices whose sizes do not fit; {transposes} ({text})"),
        ("not aligned", f"{method} multiplies matrices whose sizes do not fit; {transposes} ({text})"),
        (
            "could not be broadcast",
            f"{method} combines arrays whose shapes do not fit: does a sum run over the wrong axis (the batch is axis "
            f"0), or is keepdims=True missing? ({text})",
        ),
        ("even if not self.training", f"backward fails while the layer behaves as in eval mode: {text}"),
        ("before forward()", "forward kept nothing for backward: set self.cache in every branch of it"),
        ("cache is empty", f"{method} reads an empty cache: {text}"),
        ("re-bound", f"{method} re-binds grad: {text}"),
    ):
        if phrase in text:
            return mistake
    return None


def of_gradient(
    claimed: Array, right: Array, dy: Array, x: Array | None, weights: dict[str, Array], places: NDArray[Any]
) -> str:
    """Return which mistake a wrong gradient suggests; an empty string if none is known.

    Parameters
    ----------
    claimed
        What `backward` returned or added.
    right
        The right values, at the flat indices `places`.
    dy, x, weights
        dL/dy, the input, and the Parameters' values by name.
    places
        Which elements of `claimed` were checked.
    """
    values = claimed.reshape(-1)[places]
    if not values.any():
        return "it is zero everywhere, so backward does not compute it"
    if claimed.shape == dy.shape and _alike(values * dy.reshape(-1)[places], right):
        return "it lacks the factor dy"
    if len(places) == claimed.size:
        whole = np.empty(claimed.size)
        whole[places] = right
        if hint := _of_axes(claimed, whole.reshape(claimed.shape), dy, weights):
            return hint
    apart = np.abs(right) > 1e-3 * np.abs(right).max()
    ratios = values[apart] / right[apart]
    if apart.any() and np.ptp(ratios) < 1e-3 * abs(ratios.mean()):
        return _of_ratio(float(ratios.mean()), () if x is None else x.shape)
    return ""


def _of_axes(claimed: Array, right: Array, dy: Array, weights: dict[str, Array]) -> str:
    """Recognize a missing transpose, and a sum along the wrong axis."""
    if claimed.ndim == 2 and claimed.shape[0] == claimed.shape[1] and _alike(claimed.T, right):
        return "it is the transpose of the right gradient: with y = x @ W, dL/dW is x.T @ dy"
    for name, weight in weights.items():
        fits = weight.ndim == 2 and dy.ndim and dy.shape[-1] == weight.shape[0] and claimed.shape == dy.shape
        if fits and _alike(claimed, dy @ weight):
            return f"it is dy @ {name}.data: the right one is dy @ {name}.data.T"
    sums = {
        axes: np.broadcast_to(total, claimed.shape)
        for count in range(1, dy.ndim + 1)
        for axes in combinations(range(dy.ndim), count)
        if (total := dy.sum(axis=axes)).shape in (claimed.shape, ())
    }
    wrong = next((axes for axes, total in sums.items() if _alike(claimed, total)), None)
    better = next((axes for axes, total in sums.items() if _alike(right, total)), None)
    if wrong and better:
        return f"it is dy.sum(axis={_shown(wrong)}): the right one is dy.sum(axis={_shown(better)})"
    return ""


def _of_ratio(ratio: float, sizes: tuple[int, ...]) -> str:
    """Say what a factor suggests by which all elements are wrong."""
    hint = f"every element is {ratio:.6g} times the right value"
    for size in sizes:
        if size > 1 and (math.isclose(ratio, size, rel_tol=1e-3) or math.isclose(ratio, 1 / size, rel_tol=1e-3)):
            return f"{hint}; {size} is a size of the input: is there a mean in one method, and a sum in the other?"
    return f"{hint}; " + ("is a sign wrong?" if math.isclose(ratio, -1, rel_tol=1e-3) else "is a factor missing?")


def _alike(a: Array, b: Array) -> bool:
    return np.shape(a) == np.shape(b) and np.allclose(a, b, rtol=1e-5, atol=1e-7)


def _shown(axes: tuple[int, ...]) -> str:
    return str(axes[0]) if len(axes) == 1 else str(axes)
