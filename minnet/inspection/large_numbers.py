"""Large numbers overflow in np.exp: a right formula, written carelessly, then gives NaN."""

import warnings

import numpy as np

from minnet.core.arrays import Array
from minnet.inspection.layer_checks import Trial

LARGEST = 1000.0  # np.exp of more than 709 is infinite in float64


def large_numbers(trial: Trial) -> None:
    """Large inputs give no NaN by an overflow."""
    largest = max((float(np.abs(x).max(initial=0)) for x in trial.inputs if x.dtype.kind == "f"), default=0.0)
    if trial.is_loss or not largest:
        return
    inputs = [x * (LARGEST / largest) if x.dtype.kind == "f" else x for x in trial.inputs]
    for method in ("forward", "backward") if trial.backward_works else ("forward",):
        if _overflows(trial, inputs, method):
            trial.fail(
                f"{method} gives NaN (not a number) if x is large, here up to {LARGEST:.0f}: np.exp of more than 709 "
                f"is infinite, and infinity / infinity is NaN. {_cure(trial.clean.y)}"
            )


def _cure(y: Array) -> str:
    """Say how a formula is rewritten; that of a softmax is known by its sums."""
    if np.ndim(y) and np.allclose(y.sum(axis=-1), 1):
        return (
            "Subtract the largest score of each row first, np.exp(x - x.max(axis=1, keepdims=True)): the result is "
            "the same, and no number is too large"
        )
    return (
        "Write the formula so that np.exp is given negative numbers only, such as np.exp(-np.abs(x)), or with np.tanh "
        "or np.logaddexp, which do not overflow; keep y for backward, if the derivative can be computed from it"
    )


def _overflows(trial: Trial, inputs: list[Array], method: str) -> bool:
    """Whether a run has NaN in a result, and an overflow on the way."""
    raised: list[str] = []
    layer = trial.new()
    try:
        with (
            warnings.catch_warnings(),
            np.errstate(all="ignore", over="call", call=lambda kind, _: raised.append(kind)),
        ):
            warnings.simplefilter("ignore")
            y = trial.forward(layer, inputs)
            results = [y] if method == "forward" else trial.backward(layer, trial.dy)
    except AssertionError:  # out of the domain
        return False
    return bool(raised) and any(np.isnan(a).any() for a in results if isinstance(a, np.ndarray))
