"""A gradient check compares the gradients that `backward` returns with the slopes of `forward`.

A slope is measured by finite differences in float64: move one number a little to either side, and see how the output
changes.
"""

import copy
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minnet.core.arrays import Array, cast
from minnet.core.layer import Layer
from minnet.core.trees import as_tree
from minnet.inspection import mistakes
from minnet.inspection.flattened import flattened
from minnet.inspection.layer_checks import LayerError, Run, Trial, check_basics, check_requirements, difference

__all__ = ["LayerError", "check_layer"]

EVAL_MODE = "while it behaves as in eval mode, as after freeze(statistics=True), "
MOST_ELEMENTS = 300  # a larger array is checked at so many random elements, and along one random direction


def check_layer(layer: Layer, *inputs: object, rng: int | np.random.Generator | None = 0) -> str:
    """Check a layer, loss or container: its gradients, and every requirement that a minnet layer meets.

    It works on copies, in float64, and leaves `layer` as it was. In a test, write
    ``assert check_layer(MyLayer(), x)``.

    It compares dL/dx and dL/dp of every trainable Parameter with central differences (Baydin et al., "Automatic
    differentiation in machine learning: a survey", JMLR 18, 2018, section 2.1). The requirements are:

    - backward adds to grad, in place, and returns the gradient of the last forward;
    - neither method writes into its arguments, or changes what it returned before;
    - float32 gives float32, and float64 gives float64;
    - a batch of one, an empty batch and arrays that are not contiguous work;
    - in eval mode, forward is deterministic and keeps nothing;
    - a layer that behaves as in eval mode while it trains (`Layer.freeze`) has the right gradients, too;
    - every array of floats that the layer keeps is a Parameter or a Buffer, and found as its own;
    - copies and pickles compute the same;
    - the layer works inside `Sequential` and `Residual`.

    Parameters
    ----------
    layer
        What to check, ready to be used.
    *inputs
        What its `forward` takes: x for a layer, prediction and target for a loss. The first axis is the batch. A
        dict of arrays is for ``forward(**x)``; predictions and targets of a `MultiLoss` are dicts or tuples as there.
        Floats are varied, integers (labels, indices) are not. A batch of 2 to 5 with few features is enough.
    rng
        The Generator, or its seed, for the random dL/dy and the choice of elements of large arrays.

    Returns
    -------
    str
        One line with the largest relative error, and what was compared.

    Raises
    ------
    LayerError
        An AssertionError, if a gradient is wrong or a requirement is not met; it says which, and names the array.
    TypeError, ValueError
        If `layer` is not a Layer, or there is nothing to check.

    Examples
    --------
    >>> import minnet as mn
    >>> x = np.random.default_rng(0).normal(size=(4, 3))
    >>> check_layer(mn.Tanh(), x)  # doctest: +ELLIPSIS
    'Tanh(): gradients right to ...e-... (x), every requirement met'
    """
    if isinstance(layer, type):
        raise TypeError(f"check_layer expected a layer, got the class {layer.__name__}: pass {layer.__name__}(...)")
    if not isinstance(layer, Layer):
        raise TypeError(f"check_layer expected a Layer, got {type(layer).__name__}: derive the class from mn.Layer")
    if not inputs:
        raise ValueError("check_layer got no input: pass what forward takes, an array x or a prediction and a target")
    given = [as_tree("check_layer", f"input {i}", x, _as_float64) for i, x in enumerate(inputs)]
    layer, arrays = flattened(layer, given)
    if not any(x.dtype.kind == "f" for x in arrays) and not any(p.trainable for p in layer.parameters()):
        why = f"{layer.describe()} has no Parameters, and no input is float"
        raise ValueError(f"check_layer has nothing to vary: {why}")
    # A stream of its own: x is often default_rng(0).normal(...), and dy = x would hide a missing transpose.
    (rng,) = np.random.default_rng(rng).spawn(1)
    try:
        checked = _check(layer, arrays, rng)
    except LayerError as error:
        if inside := _in_one_of(layer, arrays, rng):
            raise LayerError(f"{layer.describe()}: {inside}") from error
        raise
    largest = max(checked.values())
    return f"{layer.describe()}: gradients right to {largest:.1e} ({', '.join(checked)}), every requirement met"


def _as_float64(owner: str, name: str, x: Any) -> Any:
    return cast(np.array(x), np.dtype(np.float64))


def _check(layer: Layer, inputs: list[Any], rng: np.random.Generator) -> dict[str, float]:
    """Check a layer as a whole; return the largest relative error of each gradient."""
    trial = Trial(layer, inputs, rng)
    check_basics(trial)
    checked = _check_gradients(trial, trial.new(), trial.clean)
    check_requirements(trial)
    if not trial.is_loss:
        run = trial.run(trial.new_as_in_eval_mode(), trial.inputs)
        if difference(trial, run):  # else its gradients are right
            _check_gradients(trial, trial.new_as_in_eval_mode(), run, EVAL_MODE)
    return checked


def _check_gradients(trial: Trial, base: Layer, run: Run, mode: str = "") -> dict[str, float]:
    """Compare the gradients of a run of `base` with finite differences; return the largest relative error of each."""
    inputs = [x.copy() for x in trial.inputs]

    def objective() -> float:
        """Return L = Σ dy · y, because dL/dx is then what backward(dy) returns."""
        return trial.objective(copy.deepcopy(base).forward(*inputs))

    checked = {}
    for name, x, dx in trial.gradients(inputs, run):
        checked[name] = _compare(trial, f"{mode}dL/d{name}", dx, x, objective)
    for name, parameter in base.named_parameters():
        if parameter.trainable:
            checked[name] = _compare(trial, f"{mode}{name}.grad", run.grads[name], parameter.data, objective)
    return checked


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
        f"{trial.name}: {name}{where} is wrong: backward says {values[worst]:.6g}, finite differences say "
        f"{slopes[worst]:.6g} ({wrong.sum()} of {len(places)} elements are wrong)"
    )
    x = trial.inputs[min(trial.varied)] if trial.varied else None
    weights = {name: parameter.data for name, parameter in trial.new().named_parameters()}
    hint = mistakes.of_gradient(claimed, slopes, trial.dy, x, weights, places)
    return f"{message}: {hint}" if hint else message


def _in_one_of(layer: Layer, inputs: list[Any], rng: np.random.Generator) -> str:
    """Return which layer inside another one does not pass by itself, and why; "" if all do. The innermost come first.

    Each is given what it gets when the whole is given `inputs`.
    """
    model = copy.deepcopy(layer).astype(np.float64).train()
    inner = [(path, layer) for path, layer in model.named_layers() if path]
    given: dict[str, tuple[Any, ...]] = {}
    for path, layer in inner:

        def forward(*inputs: Any, path: str = path, original: Any = layer.forward, **named: Any) -> Any:
            given.setdefault(path, (named,) if named else inputs)
            return original(*inputs, **named)

        vars(layer)["forward"] = forward
    with suppress(Exception):
        model.forward(*inputs)
    for _, layer in inner:
        del vars(layer)["forward"]
    for path, layer in sorted(inner, key=lambda found: -found[0].count(".")):
        with suppress(TypeError, ValueError):  # it has nothing to vary, or was not called
            try:
                _check(*flattened(layer, list(given[path]) if path in given else []), rng)
            except LayerError as error:
                return f"in {path} = {error}"
    return ""
