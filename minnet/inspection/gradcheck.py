"""A gradient check compares the gradients that `backward` returns with the slopes of `forward`.

With them, it checks all that a layer must do. `check_layer` stops at the first mistake, and `findings` lists all.
"""

from contextlib import redirect_stdout
from io import StringIO
from threading import RLock
from typing import Any

import numpy as np

from minnet.core.arrays import cast
from minnet.core.layer import Layer
from minnet.core.trees import as_tree
from minnet.inspection.finding import Finding
from minnet.inspection.findings import CHECKS, Findings, of_inner_layers, outcomes
from minnet.inspection.flattened import flattened
from minnet.inspection.layer_checks import LayerError, Trial, is_ours

_SILENCE = RLock()  # because all threads have one stdout

__all__ = ["CHECKS", "Finding", "Findings", "LayerError", "check_layer", "findings"]


def check_layer(layer: Layer, *inputs: object, rng: int | np.random.Generator | None = 0) -> str:
    """Check a layer, loss or container: its gradients, and every requirement that a minnet layer meets.

    It works on copies, in float64, and leaves `layer` as it was. In a test, write
    ``assert check_layer(MyLayer(), x)``.

    It compares dL/dx and dL/dp of every trainable Parameter with central differences. The requirements are:

    - backward adds to grad, in place, and returns the gradient of the last forward;
    - neither method writes into its arguments, or changes what it returned before;
    - float32 gives float32, and float64 gives float64;
    - a batch of one, an empty batch and arrays that are not contiguous work;
    - large inputs give no NaN by an overflow;
    - in eval mode, forward is deterministic, keeps nothing, and computes each sample by itself;
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
        An AssertionError, if a gradient is wrong or a requirement is not met; it says which, and names the array. It
        is about the first that is not met: `findings` lists all.
    TypeError, ValueError
        If `layer` is not a Layer, or there is nothing to check.

    Examples
    --------
    >>> import minnet as mn
    >>> x = np.random.default_rng(0).normal(size=(4, 3))
    >>> check_layer(mn.Tanh(), x)  # doctest: +ELLIPSIS
    'Tanh(): gradients right to ...e-... (x), every requirement met'
    """
    trial, inner_rng = _trial("check_layer", layer, inputs, rng)
    for outcome in outcomes(trial):
        if outcome.passed is False:
            inside = next(of_inner_layers(trial.layer, trial.inputs, inner_rng), None)
            culprit = dict(trial.layer.named_layers())[inside.where if inside else ""]
            if outcome.check == "forward" and outcome.error and is_ours(culprit):
                raise outcome.error  # what is wrong is the input, and the message says so
            if inside:
                raise LayerError(f"{trial.name}: {inside}") from outcome.error
            raise LayerError(outcome.message) from outcome.error
    largest = max(trial.errors.values())
    return f"{trial.name}: gradients right to {largest:.1e} ({', '.join(trial.errors)}), every requirement met"


def findings(layer: Layer, *inputs: object, rng: int | np.random.Generator | None = 0) -> Findings:
    """List all that is wrong with a layer, loss or container, where `check_layer` stops at the first.

    Each check of `CHECKS` runs by itself. Nothing is printed, not by the layer either, and an error that the layer
    raises is a finding. If layers inside a container are wrong, the findings are theirs, and say where they are.

    Parameters
    ----------
    layer, *inputs, rng
        As for `check_layer`.

    Returns
    -------
    Findings
        A list of `Finding`, which is empty if nothing is wrong. Its attribute ``checks`` says of each check whether
        the layer as a whole passed it, failed it, or could not be asked.

    Raises
    ------
    TypeError, ValueError
        If `layer` is not a Layer, or there is nothing to check.

    Examples
    --------
    >>> import minnet as mn
    >>> class Double(mn.Layer):
    ...     def forward(self, x):
    ...         return 2 * x
    ...
    ...     def backward(self, dy):
    ...         return dy * np.ones(3)
    >>> found = findings(Double(), np.random.default_rng(0).normal(size=(4, 3)))
    >>> [finding.check for finding in found]
    ['gradient of x', 'dtypes']
    >>> found.checks["batch of one"]
    True
    """
    found = Findings()
    with _SILENCE, redirect_stdout(StringIO()):  # a print in forward would appear hundreds of times
        trial, inner_rng = _trial("findings", layer, inputs, rng)
        results = list(outcomes(trial))
        wrong = [Finding(outcome.check, outcome.message) for outcome in results if outcome.passed is False]
        if wrong:
            found += list(of_inner_layers(trial.layer, trial.inputs, inner_rng)) or wrong
    found.checks = {outcome.check: outcome.passed for outcome in results}
    return found


def _trial(
    name: str, layer: Layer, inputs: tuple[object, ...], rng: int | np.random.Generator | None
) -> tuple[Trial, np.random.Generator]:
    """Return a trial of what one of the functions was given, and a Generator for the trials of the layers inside.

    TypeError or ValueError if it cannot be checked.
    """
    if isinstance(layer, type):
        raise TypeError(f"{name} expected a layer, got the class {layer.__name__}: pass {layer.__name__}(...)")
    if not isinstance(layer, Layer):
        raise TypeError(f"{name} expected a Layer, got {type(layer).__name__}: derive the class from mn.Layer")
    if not inputs:
        raise ValueError(f"{name} got no input: pass what forward takes, an array x or a prediction and a target")
    given = [as_tree(name, f"input {i}", x, _as_float64) for i, x in enumerate(inputs)]
    layer, arrays = flattened(layer, given)
    if not any(x.dtype.kind == "f" for x in arrays) and not _learns(layer):
        why = f"{layer.describe()} has no Parameters, and no input is float"
        raise ValueError(f"{name} has nothing to vary: {why}")
    # A stream of its own: x is often default_rng(0).normal(...), and dy = x would hide a missing transpose.
    rng, inner_rng = np.random.default_rng(rng).spawn(2)
    return Trial(layer, arrays, rng), inner_rng


def _learns(layer: Layer) -> bool:
    """Whether a layer has a Parameter to train; or cannot be walked through, of which the checks say why."""
    try:
        return any(parameter.trainable for parameter in layer.parameters())
    except Exception:
        return True


def _as_float64(owner: str, name: str, x: Any) -> Any:
    return cast(np.array(x), np.dtype(np.float64))
