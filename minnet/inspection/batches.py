"""Batches of any size are computed alike: of one sample, and of none."""

import warnings

import numpy as np

from minnet.inspection.layer_checks import LayerError, Trial


def batch_of_one(trial: Trial) -> None:
    """A batch of one works."""
    _batch(trial, 1, "a batch of one")


def empty_batch(trial: Trial) -> None:
    """An empty batch works."""
    _batch(trial, 0, "an empty batch")


def _why_batch(trial: Trial, y: object) -> str:
    """Say how the size of the batch got into the layer, if that is so."""
    N = len(trial.inputs[0])
    for name, parameter in trial.layer.named_parameters():
        shape = parameter.data.shape
        if shape[:1] == (N,) and len(shape) > 1 and shape == np.shape(trial.clean.y):
            per = shape[1] if len(shape) == 2 else shape[1:]
            return (
                f"; self.{name} has shape {shape}, one row for each of the {N} samples. But all samples share a "
                f"Parameter, and the next batch has another size: give it one row for all, np.zeros({per})"
            )
    if isinstance(y, np.ndarray) and y.shape[:1] == (N,) != (1,):
        return f": the size {N} of another batch is written into the code. Take it from the array, len(x) or x.shape[0]"
    return ""


def _batch(trial: Trial, n: int, what: str) -> None:
    """Check the results of the first n samples."""
    inputs, y = trial.inputs, trial.clean.y
    x = inputs[0]
    # Inputs without a batch axis have no smaller batches: one sample, or scores (C,) and a label.
    if x.ndim < 2 or any(a.ndim < 1 or len(a) != len(x) for a in inputs):
        return
    dy = trial.dy if trial.is_loss else trial.dy[:n]
    batch = [a[:n] for a in inputs]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            run = trial.run(trial.new(), batch, dy)
    except LayerError as error:
        said = str(error).removeprefix(f"{trial.name}: ")
        raise LayerError(f"{trial.name}: {what} fails: {said}{_why_batch(trial, None)}") from error.__cause__
    if not trial.is_loss and run.y.shape != (n, *y.shape[1:]) and len(y) == len(x):
        trial.fail(f"{what} of shape {batch[0].shape} gives an output of shape {run.y.shape}{_why_batch(trial, run.y)}")
    for name, part, d in trial.gradients(batch, run):
        if d.shape != part.shape:
            trial.fail(f"{what} of shape {part.shape} gives a dL/d{name} of shape {d.shape}")
    if not all(np.isfinite(a).all() for a in (run.y, *run.dx, *run.grads.values()) if a is not None):
        trial.fail(f"{what} gives infinite numbers or NaN")
