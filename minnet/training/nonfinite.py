"""Non-finite checks stop a training step before NaN or infinity becomes a weight, and find out where it began."""

import copy
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from minnet.core.arrays import Array, not_finite
from minnet.core.buffer import LayerArray
from minnet.core.checks import first_of
from minnet.core.layer import Layer
from minnet.core.parameter import Parameter
from minnet.core.trees import call, cast_tree, first, leaves, named_leaves
from minnet.errors import NonFiniteError
from minnet.losses import Loss
from minnet.losses.totals import loss_of
from minnet.optimizers import Optimizer
from minnet.optimizers.base import RISKY, keeps_finite

LARGE_INPUT = 20.0  # standardized data stay within 5 or so, pixels within 1
THE_LOSS = "the loss"  # in the place of a layer's path
SHOWN = 8  # of the rows of a batch
NOWHERE = "in no layer, when the step is done again"


class NonFiniteChecks:
    """Check the loss, the gradients and the weights of every step.

    The product g · g of a gradient with itself is finite only if each number of g is, and costs one pass. If it is
    infinite because a finite g is too large (beyond 1.8e19 in float32), any optimizer that squares g would fail.
    Below that, minnet's optimizers keep weights finite in a step of ordinary length. Before a longer one the weights
    are copied, so that they can be restored, and checked after it; those of any other optimizer are checked after
    each step.
    """

    def __init__(self, model: Layer, loss: Loss, optimizer: Optimizer, *, stops: bool = True) -> None:
        self.stops = stops  # whether the run is to stop at the first step that is not finite
        self.updated = False  # whether the step has changed the weights
        self._statistics_before: list[tuple[LayerArray, Array]] = []
        self._weights_before: list[tuple[LayerArray, Array]] = []
        self.watch(model, loss, optimizer)

    def watch(self, model: Layer, loss: Loss, optimizer: Optimizer) -> None:
        """Look at these from now on: a callback may have replaced them."""
        self._model, self._loss, self.optimizer = model, loss, optimizer
        self._names = {id(p): name for name, p in model.named_parameters()}
        self._parameters = optimizer.parameters
        self._statistics = [buffer for _, buffer in model.named_buffers()]  # what `forward` itself changes
        self._trusted = keeps_finite(optimizer)

    def before_step(self) -> None:
        """Copy what `forward` changes."""
        self._weights_before, self.updated = [], False
        if self._statistics:
            self._statistics_before = [(b, b.data.copy()) for b in self._statistics]

    def check_gradients(self) -> None:
        """Raise a NonFiniteError, before the update, if a gradient holds NaN or infinity, or is too large."""
        largest = 0.0
        for parameter in self._parameters:
            if not parameter.trainable:
                continue
            g = parameter.read_grad()
            if g.ndim > 1:
                g = g.ravel()  # a view
            square = float(g.dot(g))
            if not square < math.inf:
                raise NonFiniteError(f"the gradient of {self._name(parameter)} {_what_of(g)}")
            if square > largest:
                largest = square
        if self.optimizer.needs_closure:
            return  # its step restores the weights itself, and this may be a trial inside it
        largest = max(largest, 1.0)
        for group in self.optimizer.param_groups:
            if not group["lr"] * group["lr"] * largest <= RISKY**2:  # True for NaN, too
                self._weights_before = [(p, p.data.copy()) for p in self._parameters if p.trainable]
                break
        self.updated = True

    def after_update(self, loss: float) -> None:
        """Raise a NonFiniteError if the loss, or a weight that the update may have spoilt, is NaN or infinite."""
        if not math.isfinite(loss):
            raise NonFiniteError(f"the loss is {loss}")
        if self._trusted and self.updated and not self._weights_before:
            return  # not `updated`: an override of Trainer.update did not check the gradients
        for parameter in self._parameters:
            p = parameter.data.ravel()
            if parameter.trainable and not p.dot(p) < math.inf and not np.isfinite(p).all():
                raise NonFiniteError(f"the update made {self._name(parameter)} hold {not_finite(p)}")

    def undo(self) -> None:
        """Restore what was copied."""
        for array, before in (*self._statistics_before, *self._weights_before):
            array.data = before
        self.updated = self.updated and not self._weights_before

    def explained(self, error: NonFiniteError, batch: Sequence[Any], rows: Any, step: str) -> NonFiniteError:
        """Return an error that says what is not finite, where it began, in which batch, and the likely cause.

        `undo` comes before this. `rows` are the batch's rows in the data set: a slice, an array, or None.
        """
        bad = next((name for name, a in self._model.named_arrays() if not np.isfinite(a.data).all()), None)
        if bad and self.updated:
            place = "the optimizer's update: weights and gradients were finite before"
            cause = f"the learning rate ({self.optimizer.lr:g}), or a division by 0 in the optimizer or a callback"
        else:
            place, cause = self._find(*batch)
        weights = f"The model has its weights of {'after' if self.updated else 'before'} this step, which are finite."
        if bad:
            weights = f"{bad} is no longer good: load the weights of a checkpoint, see fit(..., checkpoint=...)."
        lines = [
            f"training diverged in {step}: {error}",
            f"Where: {place}",
            f"Batch: {_rows(rows, len(first(batch[0])))}",
            f"Likely cause: {cause}",
            f'{weights} To pass over such steps: Trainer(..., nonfinite="skip")',
        ]
        return NonFiniteError("\n  ".join(lines))

    def _find(self, x: Any, y: Any, *weights: Any) -> tuple[str, str]:
        """Return where the first NaN or infinity is, and the likely cause."""
        in_data = "NaN or infinity in the data, or made by the transform: remove those rows, or fill the gaps"
        looked_at = [(name, values, in_data) for name, values in _parts("data", "x", x)]
        looked_at += [(name, np.asarray(values), "remove those rows") for name, values in _parts("targets", "y", y)]
        for what, values, cure in looked_at:
            if values.dtype.kind == "f" and not np.isfinite(values).all():
                rows = np.flatnonzero(~np.isfinite(values).reshape(len(values), -1).all(axis=1))
                return f"the {what}: {not_finite(values)} in the batch's rows {first_of(rows, SHOWN)}", cure
        for name, array in self._model.named_arrays():
            if not np.isfinite(array.data).all():
                return f"{name}: {not_finite(array.data)}, before the step", (
                    "the weights were set, or loaded, or changed by a callback; make or load them anew"
                )
        try:
            place = self._repeat(x, y, *weights)
        except Exception as failure:  # a lock in a layer, or hundreds of layers in one another, cannot be copied
            place = f"not found, because the step cannot be done again with a copy of the model ({_in_short(failure)})"
        return place, self._cause(x, place)

    def _repeat(self, x: Any, y: Any, *weights: Any) -> str:
        """Do the step again with copies of model and loss whose layers are watched; return what was found."""
        model, loss = copy.deepcopy(self._model), copy.deepcopy(self._loss)
        trace: list[str] = []
        _watch(model, "", trace)
        _watch(loss, THE_LOSS, trace)
        with np.errstate(all="ignore"):
            try:
                loss_of(loss, call(model.forward, cast_tree(x, model.dtype)), y, *weights)
                if not trace:
                    for parameter in model.parameters():
                        parameter.zero_grad()
                    model.backward(loss.backward())
            except Exception as error:  # it, too, may say where NaN or infinity began
                trace.append(_in_short(error))
        if trace:
            return trace[0]
        gradients = {name: parameter.read_grad() for name, parameter in model.named_parameters()}
        for name, g in gradients.items():
            if not np.isfinite(g).all():
                return f"the gradient of {name}: {not_finite(g)}, of finite numbers"
        largest = {name: float(np.abs(g).max(initial=0)) for name, g in gradients.items()}
        name = max(largest, key=largest.__getitem__)
        return f"{NOWHERE}; the largest gradient is {name}'s, up to {largest[name]:.1e}"

    def _cause(self, x: Any, place: str) -> str:
        """Guess the cause from what is large."""
        size = max((float(np.abs(p.data).max(initial=0)) for p in self._parameters), default=0.0)
        largest = max(float(np.abs(part).max(initial=0)) if part.dtype.kind in "iuf" else 0.0 for part in leaves(x))
        lr = self.optimizer.lr
        causes = []
        if size > 1e3:
            causes.append(
                f"the learning rate, {lr:g}: weights grew to {size:.1e}; try a tenth of it, or clip the gradients"
            )
        if largest > LARGE_INPUT:
            causes.append(
                f"the scale of the inputs, up to {largest:g}: bring them to 0..1, or to mean 0 and deviation 1"
            )
        if not causes and place.startswith(THE_LOSS):
            causes.append(
                "log of 0, of a probability that is 0 (SoftmaxCrossEntropyLoss on scores has none), or a square"
            )
        return "; ".join(causes) or (
            f"the learning rate ({lr:g}): try a tenth of it; or a logarithm, division or root of 0 in a layer or loss"
        )

    def _name(self, parameter: Parameter) -> str:
        return self._names.get(id(parameter), "a Parameter that is not in the model")


def _watch(owner: Layer, name: str, trace: list[str]) -> None:
    """Let the layers of a copy note the first of them whose output is not finite, while its input is."""

    def watch(path: str, layer: Layer, method: str) -> None:
        original = getattr(layer, method)

        def watching(*arguments: Any, **options: Any) -> Any:
            result = original(*arguments, **options)
            if not trace and not _finite(result) and all(map(_finite, (*arguments, *options.values()))):
                what = "returned" if method == "forward" else "passed back"
                bad, array = next(found for found in named_leaves("", result) if not _finite(found[1]))
                where = f"{not_finite(np.asarray(array))}{f' in {bad}' if bad else ''}"
                trace.append(f"{path or 'the model'} = {layer.describe()} {what} {where}")
            return result

        vars(layer)[method] = watching

    for path, layer in owner.named_layers():
        for method in ("forward", "backward"):
            watch(path or name, layer, method)


def _in_short(error: Exception) -> str:
    first_line, _, _ = str(error).partition("\n")
    return f"{type(error).__name__}: {first_line}"


def _what_of(g: Array) -> str:
    if np.isfinite(g).all():
        return f"is too large (up to {np.abs(g).max():.1e}): its square leaves the range of {g.dtype}"
    return f"holds {not_finite(g)}"


def _parts(what: str, name: str, tree: Any) -> Iterator[tuple[str, Any]]:
    """Walk the arrays of a batch's data or targets, with names for a message."""
    yield from ((what if path == name else f"{what}, {path}", leaf) for path, leaf in named_leaves(name, tree))


def _finite(value: Any) -> bool:
    try:
        return all(bool(np.isfinite(np.asarray(leaf)).all()) for leaf in leaves(value))
    except TypeError:  # no numbers
        return True


def _rows(rows: Any, size: int) -> str:
    """Name the rows of the data set."""
    if isinstance(rows, slice):
        return f"rows {rows.start} to {rows.start + size - 1} of the data set"
    if isinstance(rows, np.ndarray):
        return f"rows {first_of(rows, SHOWN)} of the data set"
    return f"{size} samples"
