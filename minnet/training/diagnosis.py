"""A diagnosis says where numbers stopped being numbers: in the data, in which layer, on the way there or back."""

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from minnet.core.arrays import cast, not_finite
from minnet.core.layer import Layer
from minnet.errors import NonFiniteError

if TYPE_CHECKING:
    from minnet.training.trainer import Trainer

LARGE_INPUT = 20.0  # standardized data stay within 5 or so, pixels within 1
THE_LOSS = "the loss"  # in the place of a layer's path
SHOWN = 8  # of the rows of a batch


def explain(
    error: NonFiniteError, trainer: "Trainer", x: NDArray[Any], y: NDArray[Any], rows: Any, updated: bool
) -> NonFiniteError:
    """Return an error that says what is not finite, where it began, in which batch, and why that may be.

    Parameters
    ----------
    error
        What was found.
    trainer
        Whose step it was; its model is as it was before the step, if it could be put back.
    x, y
        The batch.
    rows
        Which rows of the data set it is: a slice or an array, or None.
    updated
        Whether the step has changed the weights, and they were not put back.
    """
    bad = next((name for name, p in trainer.model.named_parameters() if not np.isfinite(p.data).all()), None)
    if bad and updated:
        place = "the optimizer's update: weights and gradients were finite before"
        cause = f"the learning rate ({trainer.optimizer.lr:g}), or a division by 0 in the optimizer or a callback"
    else:
        place, cause = find(trainer, x, y)
    weights = f"The model has its weights of {'after' if updated else 'before'} this step, which are finite."
    if bad:
        weights = f"{bad} is no longer good: load the weights of a checkpoint, see fit(..., checkpoint=...)."
    lines = [
        f"training diverged in step {trainer.step + 1} of epoch {trainer.epoch + 1}: {error}",
        f"Where: {place}",
        f"Batch: {_rows(rows, len(x))}",
        f"Likely cause: {cause}",
        f'{weights} To pass over such steps: Trainer(..., nonfinite="skip")',
    ]
    return NonFiniteError("\n  ".join(lines))


def find(trainer: "Trainer", x: NDArray[Any], y: NDArray[Any]) -> tuple[str, str]:
    """Return where numbers stop being finite, and the likely cause: do the step again, with a copy of the model."""
    if x.dtype.kind == "f" and (bad := _bad_rows(x)).size:
        return f"the data: {not_finite(x)} in the batch's rows {_listed(bad)}", (
            "NaN or infinity in the data, or made by the transform: remove those rows, or fill the gaps"
        )
    y = np.asarray(y)
    if y.dtype.kind == "f" and (bad := _bad_rows(y)).size:
        return f"the targets: {not_finite(y)} in the batch's rows {_listed(bad)}", "remove those rows"
    for name, parameter in trainer.model.named_parameters():
        if not np.isfinite(parameter.data).all():
            return f"{name}: {not_finite(parameter.data)}, before the step", (
                "the weights were set, or loaded, or changed by a callback; make or load them anew"
            )
    model, loss = copy.deepcopy(trainer.model), copy.deepcopy(trainer.loss)
    trace: list[str] = []
    _watch(model, "", trace)
    _watch(loss, THE_LOSS, trace)
    with np.errstate(all="ignore"):
        try:
            loss.forward(model.forward(cast(x, model.dtype)), y)
            if not trace:
                for parameter in model.parameters():
                    parameter.zero_grad()
                model.backward(loss.backward())
        except Exception as error:  # it is looked for what is wrong
            trace.append(f"{type(error).__name__}: {str(error).splitlines()[0]}")
    if not trace:
        for name, parameter in model.named_parameters():
            if not np.isfinite(parameter.read_grad()).all():
                trace.append(f"the gradient of {name}: {not_finite(parameter.read_grad())}, of finite numbers")
                break
    if not trace:
        largest = {name: float(np.abs(p.read_grad()).max(initial=0)) for name, p in model.named_parameters()}
        name = max(largest, key=largest.__getitem__)
        trace.append(
            f"in no layer, when the step is done again; the largest gradient is {name}'s, up to {largest[name]:.1e}"
        )
    place = trace[0]
    return place, _cause(trainer, x, place)


def _watch(owner: Layer, name: str, trace: list[str]) -> None:
    """Let the layers of a copy note the first of them whose output is not finite, while its input is."""

    def watch(path: str, layer: Layer, method: str) -> None:
        original = getattr(layer, method)

        def watching(*arguments: Any, **options: Any) -> Any:
            result = original(*arguments, **options)
            if not trace and not _finite(result) and all(map(_finite, arguments)):
                what = "returned" if method == "forward" else "passed back"
                trace.append(f"{path or 'the model'} = {layer.describe()} {what} {not_finite(np.asarray(result))}")
            return result

        vars(layer)[method] = watching

    for path, layer in owner.named_layers():
        for method in ("forward", "backward"):
            watch(path or name, layer, method)


def _cause(trainer: "Trainer", x: NDArray[Any], place: str) -> str:
    """Guess, from what is large."""
    size = max((float(np.abs(p.data).max(initial=0)) for p in trainer.optimizer.parameters), default=0.0)
    largest = float(np.abs(x).max(initial=0)) if x.dtype.kind in "iuf" else 0.0
    lr = trainer.optimizer.lr
    causes = []
    if size > 1e3:
        causes.append(
            f"the learning rate, {lr:g}: weights grew to {size:.1e}; try a tenth of it, or clip the gradients"
        )
    if largest > LARGE_INPUT:
        causes.append(f"the scale of the inputs, up to {largest:g}: bring them to 0..1, or to mean 0 and deviation 1")
    if not causes and place.startswith(THE_LOSS):
        causes.append("log of 0, of a probability that is 0 (SoftmaxCrossEntropyLoss on scores has none), or a square")
    if not causes:
        causes.append(
            f"the learning rate ({lr:g}): try a tenth of it; or a logarithm, division or root of 0 in a layer or loss"
        )
    return "; ".join(causes)


def _finite(value: Any) -> bool:
    try:
        return bool(np.isfinite(np.asarray(value)).all())
    except TypeError:  # no numbers
        return True


def _bad_rows(x: NDArray[Any]) -> NDArray[np.intp]:
    return np.flatnonzero(~np.isfinite(x).reshape(len(x), -1).all(axis=1))


def _listed(rows: NDArray[Any]) -> str:
    return ", ".join(map(str, rows[:SHOWN].tolist())) + (f", … ({len(rows)} in all)" if len(rows) > SHOWN else "")


def _rows(rows: Any, size: int) -> str:
    """Name the rows of the data set."""
    if isinstance(rows, slice):
        return f"rows {rows.start} to {rows.start + size - 1} of the data set"
    if isinstance(rows, np.ndarray):
        return f"rows {_listed(rows)} of the data set"
    return f"{size} samples"
