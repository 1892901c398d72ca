"""The shape of dL/dx is that of x; if it is not, the other shape tells what was forgotten."""

import numpy as np

from minnet.core.arrays import Array
from minnet.inspection.layer_checks import Trial


def shape_of_dx(trial: Trial) -> None:
    """Backward returns an array of the shape of x."""
    dx = trial.clean.dx
    if trial.varied and len(dx) > len(trial.inputs):
        shape = trial.inputs[min(trial.varied)].shape
        name = next((name for name, _ in trial.layer.named_parameters()), "")
        added = f". The gradients of Parameters are not returned, but added: self.{name}.grad += ..., and so on"
        trial.fail(
            f"backward returned {len(dx)} values: it must return dL/dx alone, of shape {shape}{added if name else ''}"
        )
    for name, x, d in trial.gradients(trial.inputs, trial.clean):
        if not isinstance(d, np.ndarray) or d.dtype.kind not in "fiub":
            trial.clean.dx = []
            cure = ", such as np.array(...)" if isinstance(d, list) else ""
            trial.fail(
                f"backward returned a {type(d).__name__} for dL/d{name}: it must be an array of floats, of {name}'s "
                f"shape{cure}"
            )
        if d.shape != x.shape:
            trial.fail(f"dL/d{name} has shape {d.shape}, but {name} has shape {x.shape}{_why_shape(trial, x, d)}")


def _why_shape(trial: Trial, x: Array, d: Array) -> str:
    """Say why dx may have another shape than x, and what to do."""
    for name, parameter in trial.layer.named_parameters():
        if parameter.data.shape == d.shape:
            return (
                f": this is the shape of self.{name}. The gradient of self.{name} is added to self.{name}.grad; what "
                "backward returns is the gradient of x"
            )
    if d.shape == x.shape[1:]:
        return (
            ": this is the shape of one sample, and backward must return a row for each. Does a loop over the samples "
            "write dx = ..., which forgets the sample before, where a part of dx is meant, dx[n] = ...?"
        )
    if d.ndim > 2 and sorted(d.shape) == sorted(x.shape) == sorted(np.shape(trial.clean.y)):
        return (
            ": forward exchanges axes, and backward must exchange them back, which another order of the axes does "
            "(np.argsort of forward's order). A reshape does not exchange axes"
        )
    if d.size == x.size:
        turned = "transpose it, or " if d.shape == x.shape[::-1] and d.ndim > 1 else ""
        return (
            f": {turned}bring it back into the shape of x, dx.reshape(shape), with shape = x.shape kept in self.cache"
        )
    if d.shape == np.shape(trial.clean.y):
        return ": this is the shape of y, forward's output. Backward goes the way back, to the shape of the input"
    return ": each number of the input needs one derivative, so the two shapes must be equal"
