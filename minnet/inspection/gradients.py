"""A gradient is compared with the slopes of `forward`, measured by finite differences in float64.

Move one number a little to either side, and see how the output changes: Baydin et al., "Automatic differentiation in
machine learning: a survey", JMLR 18, 2018, section 2.1.
"""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minnet.core.arrays import Array
from minnet.core.layer import Layer
from minnet.inspection.layer_checks import LayerError, Trial, difference

EVAL_MODE = "while it behaves as in eval mode, as after freeze(statistics=True), "
GO_BACK = (
    "go through forward from its last line to its first, and ask of each line: where in backward is its derivative, "
    "and is it multiplied by what the line after it gave?"
)
MOST_ELEMENTS = 300  # a larger array is checked at so many random elements, and along one random direction


def check_input(trial: Trial, i: int) -> None:
    """Compare dL/dx of an input with finite differences."""
    inputs = [x.copy() for x in trial.inputs]
    name, dx = trial.varied[i], trial.clean.dx[list(trial.varied).index(i)]
    trial.errors[name] = _compare(trial, f"dL/d{name}", dx, inputs[i], _objective(trial, trial.new(), inputs))


def check_parameter(trial: Trial, name: str) -> None:
    """Compare the gradient of a Parameter with finite differences."""
    if name not in trial.clean.grads:
        trial.fail(
            f"self.{name} is no Parameter any more after backward: something else was assigned to self.{name}. What "
            f"backward computes is added to self.{name}.grad"
        )
    base = trial.new()
    data, objective = dict(base.named_parameters())[name].data, _objective(trial, base, trial.inputs)
    trial.errors[name] = _compare(trial, f"{name}.grad", trial.clean.grads[name], data, objective)


def check_in_eval_mode(trial: Trial) -> None:
    """Compare all gradients of a layer that behaves as in eval mode, if it then computes something else."""
    if trial.is_loss:
        return
    run = trial.run(trial.new_as_in_eval_mode(), trial.inputs)
    if not difference(trial, run):  # its gradients are compared already
        return
    base, inputs = trial.new_as_in_eval_mode(), [x.copy() for x in trial.inputs]
    objective = _objective(trial, base, inputs)
    for name, x, dx in trial.gradients(inputs, run):
        _compare(trial, f"{EVAL_MODE}dL/d{name}", dx, x, objective)
    for name, parameter in base.named_parameters():
        if parameter.trainable:
            _compare(trial, f"{EVAL_MODE}{name}.grad", run.grads[name], parameter.data, objective)


def _objective(trial: Trial, base: Layer, inputs: list[Array]) -> Callable[[], float]:
    """Return the function of which a slope is measured, as the arrays of `base` and `inputs` are moved."""
    return lambda: trial.objective(copy.deepcopy(base), inputs)


def _compare(trial: Trial, name: str, claimed: Array, array: Array, objective: Callable[[], float]) -> float:
    """Compare the claimed gradient with the slopes of `objective` as `array` is moved; return the relative error."""
    size, rng = array.size, trial.rng
    places = np.arange(size) if size <= MOST_ELEMENTS else rng.choice(size, MOST_ELEMENTS, replace=False)
    scale = float(np.abs(claimed).max(initial=0.0))

    def slope(part: Array, direction: Array | float, claimed: float, scale: float) -> float:
        """Measure the slope as a view of `array` is moved in a direction."""
        start = part.copy()

        def move(distance: float) -> float:
            part[...] = start + distance * direction
            value = objective()
            part[...] = start
            return value

        return _slope(move, claimed, scale)

    flat, values = array.reshape(-1), claimed.reshape(-1)[places]
    slopes = np.array([slope(flat[i : i + 1], 1.0, value, scale) for i, value in zip(places, values, strict=True)])
    if not np.isfinite(claimed).all():
        trial.fail(
            f"{name} has NaN or infinity in it: does backward divide by 0, or take the log or the root of a negative "
            "number?"
        )
    wrong = ~_close(values, slopes, scale)
    if wrong.any():
        raise LayerError(_wrong_gradient(trial, name, claimed, places, slopes, wrong))
    if size > MOST_ELEMENTS:
        direction = rng.normal(size=array.shape)
        along = float((claimed * direction).sum())
        measured = slope(array, direction, along, abs(along))
        if not _close(along, measured, abs(along)):
            raise LayerError(
                f"{trial.name}: {name} is wrong in some elements: along a random direction, backward says "
                f"{along:.6g}, finite differences say {measured:.6g}"
            )
    return float(np.abs(values - slopes).max(initial=0.0) / max(scale, 1e-2))


def _slope(move: Callable[[float], float], claimed: float, scale: float) -> float:
    """Return the slope at distance 0; at a kink, return `claimed` if it is between the slopes of the two sides."""
    # Curvature spoils a long step, and rounding a short one; a right gradient agrees with one of them.
    for step in (1e-5, 1e-4, 1e-6, 1e-7, 1e-8, 1e-9):
        try:
            slope = (move(step) - move(-step)) / (2 * step)
        except ValueError:  # outside the domain: a probability of 1e-6 cannot move further than that
            continue
        if _close(claimed, slope, scale):
            return slope
    middle, step = move(0.0), 1e-6
    left, right = (middle - move(-step)) / step, (move(step) - middle) / step
    low, high = min(left, right), max(left, right)
    margin = 1e-5 * max(abs(low), abs(high), 1e-3)
    if high - low > 100 * margin and low - margin <= claimed <= high + margin:
        return claimed
    return (left + right) / 2


def _close(claimed: Array | float, slope: Array | float, scale: float) -> NDArray[np.bool_]:
    tolerance = 1e-5 * np.maximum(np.abs(claimed), np.abs(slope)) + 1e-7 * max(scale, 1e-2)
    return np.asarray(np.abs(np.asarray(claimed) - slope) <= tolerance)


def _wrong_gradient(
    trial: Trial, name: str, claimed: Array, places: NDArray[Any], slopes: Array, wrong: NDArray[np.bool_]
) -> str:
    """Say which element is most wrong, and which mistake the pattern of errors suggests."""
    values = claimed.reshape(-1)[places]
    worst = int(np.argmax(np.abs(values - slopes)))
    where = [int(i) for i in np.unravel_index(int(places[worst]), claimed.shape)]
    message = (
        f"{trial.name}: {name}{where if where else ''} is wrong: backward says {values[worst]:.6g}, finite differences "
        f"say {slopes[worst]:.6g} ({wrong.sum()} of {len(places)} elements are wrong)"
    )
    right = np.full(claimed.size, np.nan)
    right[places] = slopes
    from minnet.inspection.evidence import Evidence  # here, because import minnet does not need them
    from minnet.inspection.mistakes import of_gradient

    is_input = name.startswith("dL/d")
    bare = name.removeprefix("dL/d") if is_input else name.removesuffix(".grad")
    hint = of_gradient(Evidence(trial, bare, is_input, claimed, right.reshape(claimed.shape)))
    return f"{message}: {hint or GO_BACK}"
