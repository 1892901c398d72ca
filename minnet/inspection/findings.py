"""Findings are what is wrong with a layer: all checks run, each by itself, and each that fails is one finding."""

import copy
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from minnet.core.layer import Layer
from minnet.inspection import batches, gradients, large_numbers, modes, requirements
from minnet.inspection.finding import Finding
from minnet.inspection.flattened import Flattened, flattened
from minnet.inspection.layer_checks import LayerError, Trial, is_ours
from minnet.inspection.ownership import arrays_found
from minnet.inspection.shape_of_dx import shape_of_dx

CHECKS = {
    "forward": "forward(x) runs, and returns an array; that of a loss returns a number",
    "backward": "backward(dy) runs, and returns dL/dx",
    "shape of dx": "dL/dx has the shape of x",
    "arguments stay": "forward does not write into x, and backward does not write into dy",
    "Parameters": "each array of floats that the layer keeps is a Parameter or a Buffer",
    "repeatable": "the same input gives the same result: random numbers come from a Generator of the layer's own",
    "Parameters stay": "forward and backward leave the Parameters as they are: only the optimizer changes them",
    "gradient": "the gradient of each array is the slope that finite differences measure",
    "adds up": "backward adds to the gradients of the Parameters, so that those of two batches add up",
    "last forward": "backward belongs to the last forward of the same layer",
    "results stay": "an array that was returned does not change later",
    "dtypes": "float32 gives float32, and float64 gives float64",
    "strided arrays": "slices and transposed arrays give the same as their copies",
    "batch of one": "a batch of one sample works",
    "empty batch": "a batch without samples works",
    "large numbers": "large inputs give no NaN",
    "eval mode": "in eval mode nothing is random, nothing is kept, and each sample counts for itself",
    "copies": "copies and pickles of the layer compute the same",
    "containers": "the layer computes the same inside Sequential and Residual",
    "gradients in eval mode": "a layer that behaves as in eval mode while it trains has the right gradients, too",
}
"""The names of the checks, in their order, with what each asks.

"gradient" is one check for each array: "gradient of x", "gradient of weight".
"""

_RUNS, _RETURNS = ("forward", "backward"), ("forward", "backward", "shape of dx")
_STEPS: dict[str, tuple[Callable[[Trial], None], tuple[str, ...]]] = {  # what asks, and what must have passed before
    "forward": (Trial.begin, ()),
    "backward": (requirements.backward_runs, ("forward",)),
    "shape of dx": (shape_of_dx, _RUNS),
    "arguments stay": (requirements.arguments_stay, ("forward",)),
    "Parameters": (arrays_found, ()),
    "repeatable": (requirements.repeatable, ("forward",)),
    "Parameters stay": (requirements.parameters_stay, ("forward",)),
    "adds up": (requirements.gradients_add_up, (*_RUNS, "repeatable")),
    "last forward": (requirements.last_forward_counts, (*_RUNS, "repeatable")),
    "results stay": (requirements.results_stay, _RETURNS),
    "dtypes": (requirements.dtypes, (*_RETURNS, "Parameters")),
    "strided arrays": (requirements.strided_arrays, (*_RUNS, "repeatable")),
    "batch of one": (batches.batch_of_one, _RETURNS),
    "empty batch": (batches.empty_batch, (*_RETURNS, "batch of one")),
    "large numbers": (large_numbers.large_numbers, ("forward",)),
    "eval mode": (modes.eval_mode, ("forward",)),
    "copies": (modes.copies_compute_the_same, ("forward", "repeatable")),
    "containers": (modes.containers, (*_RETURNS, "arguments stay", "repeatable")),
    "gradients in eval mode": (gradients.check_in_eval_mode, (*_RETURNS, "repeatable", "gradient")),
}


class Findings(list[Finding]):
    """A list of findings, which is empty if nothing is wrong. At the prompt, it shows one finding on each line.

    Attributes
    ----------
    checks : dict of str to (bool or None)
        The names of all checks, in their order: whether each passed, or None if it could not run because another had
        failed before.
    """

    checks: dict[str, bool | None]

    def __repr__(self) -> str:
        if not self:
            return f"no findings: {len(self.checks)} checks passed"
        return "\n".join(f"{i}. {finding.check}: {finding}" for i, finding in enumerate(self, 1))


@dataclass(frozen=True)
class Outcome:
    """What one check found: `passed` is None if it did not run; `error` is what the layer raised, if it did."""

    check: str
    passed: bool | None
    message: str = ""
    error: Exception | None = None


def outcomes(trial: Trial) -> Iterator[Outcome]:
    """Run the checks one after another; yield the outcome of each."""
    passed: dict[str, bool] = {}
    for check, kind, ask, needs in _steps(trial):
        if not all(passed.get(need, True) for need in needs):
            outcome = Outcome(check, None)
        else:
            outcome = _outcome(trial, check, ask)
        passed[kind] = passed.get(kind, True) and bool(outcome.passed)
        if check == "repeatable":  # the others can be asked if it repeats with a seed
            passed[kind] = trial.repeats
        yield outcome


def _outcome(trial: Trial, check: str, ask: Callable[[Trial], None]) -> Outcome:
    try:
        ask(trial)
    except LayerError as error:
        cause = error.__cause__
        return Outcome(
            check, False, f"{error}{_of_tuples(trial, check)}", cause if isinstance(cause, Exception) else None
        )
    except (Exception, SystemExit) as error:
        cause = error if isinstance(error, Exception) else None
        return Outcome(check, False, f"{trial.name}: {type(error).__name__}: {error}", cause)
    return Outcome(check, True)


def _of_tuples(trial: Trial, check: str) -> str:
    """Say that a layer with a tuple as output has several outputs, which may not have been meant."""
    if not isinstance(trial.layer, Flattened) or is_ours(trial.layer) or check not in _RETURNS:
        return ""
    if "_cache" not in vars(trial.of_output) or type(trial.of_output.cache) is not tuple:
        return ""
    return (
        f". Forward returned a tuple of {len(trial.of_output.cache)} arrays, which are as many outputs, and backward "
        "is given a tuple of as many dy. If the layer has one output, return it alone, and keep the rest in self.cache"
    )


def _steps(trial: Trial) -> Iterator[tuple[str, str, Callable[[Trial], None], tuple[str, ...]]]:
    """Yield (check, its name in CHECKS, what asks, what it needs) of each check, with one for each array."""
    for check in CHECKS:
        if check != "gradient":
            yield check, check, *_STEPS[check]
            continue
        for i, name in _compared(trial):
            yield f"gradient of {name}", check, partial(gradients.check_input, i=i), (*_RETURNS, "repeatable")
        for name, trainable in _parameters(trial):
            if trainable:
                ask = partial(gradients.check_parameter, name=name)
                yield f"gradient of {name}", check, ask, (*_RUNS, "repeatable")


def _compared(trial: Trial) -> list[tuple[int, str]]:
    """Return the inputs whose gradients are compared: those of which backward returned one."""
    varied = list(getattr(trial, "varied", {0: "x"}).items())
    returned = getattr(trial, "clean", None)
    return varied[: len(returned.dx)] if returned is not None and returned.dx else varied


def _parameters(trial: Trial) -> list[tuple[str, bool]]:
    """Return the names of the Parameters, and whether they are trained; none if the layer cannot be walked through."""
    try:
        return [(name, parameter.trainable) for name, parameter in trial.layer.named_parameters()]
    except Exception:
        return []


def of_inner_layers(layer: Layer, inputs: list[Any], rng: np.random.Generator) -> Iterator[Finding]:
    """Yield what is wrong with the layers inside another one, the innermost first.

    Each is given what it gets when the whole is given `inputs`. A layer around one with findings is passed over.
    """
    try:
        model = copy.deepcopy(layer).astype(np.float64).train()
        inner = [(path, layer) for path, layer in model.named_layers() if path]
        given = _given_to(model, inner, inputs)
    except (Exception, SystemExit):  # what is wrong with the whole is known
        return
    wrong: list[str] = []
    for path, layer in sorted(inner, key=lambda found: -found[0].count(".")):
        if any(found.startswith(f"{path}.") for found in wrong):
            continue
        with suppress(TypeError, ValueError):  # it has nothing to vary, or was not called
            trial = Trial(*flattened(layer, list(given[path]) if path in given else []), rng)
            for outcome in outcomes(trial):
                if outcome.passed is False and (path in given or outcome.check == "Parameters"):
                    wrong.append(path)
                    yield Finding(outcome.check, f"in {path} = {outcome.message}", path)


def _given_to(model: Layer, inner: list[tuple[str, Layer]], inputs: list[Any]) -> dict[str, tuple[Any, ...]]:
    """Return what each inner layer is given in a forward of the whole, by its path."""
    given: dict[str, tuple[Any, ...]] = {}
    for path, layer in inner:

        def forward(*inputs: Any, path: str = path, original: Any = layer.forward, **named: Any) -> Any:
            given.setdefault(path, copy.deepcopy((named,) if named else inputs))
            return original(*inputs, **named)

        vars(layer)["forward"] = forward
    with suppress(Exception, SystemExit):
        model.forward(*inputs)
    for _, layer in inner:
        del vars(layer)["forward"]
    return given
