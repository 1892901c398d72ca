"""Requirements that a layer meets in training: what its methods leave alone, return, and add up.

Each function asks one of them of a trial, and raises LayerError if it is not met. docs/design.md gives the reasons.
"""

import copy
import warnings

import numpy as np

from minnet.core.arrays import Array, cast
from minnet.core.buffer import Buffer
from minnet.core.parameter import Parameter
from minnet.core.state import update_in_place
from minnet.inspection.layer_checks import LayerError, Run, Trial, other, same
from minnet.inspection.ownership import not_found


def arrays_found(trial: Trial) -> None:
    """Every array of floats, and every Parameter, is found as the layer's own."""
    if hidden := not_found(trial.layer):
        trial.fail(hidden)


def backward_runs(trial: Trial) -> None:
    """Backward runs, and returns something."""
    trial.backward_works = True
    try:
        trial.clean = trial.run(trial.new(), trial.inputs)
    except BaseException:
        trial.backward_works = False
        raise
    if trial.varied and trial.clean.dx[0] is None:
        trial.fail("backward returned None: it must return dL/dx")


def shape_of_dx(trial: Trial) -> None:
    """Backward returns an array of the shape of x."""
    dx = trial.clean.dx
    if trial.varied and len(dx) > len(trial.inputs):
        trial.fail(f"backward returned {len(dx)}: it must return dL/dx")
    for name, x, d in trial.gradients(trial.inputs, trial.clean):
        if not isinstance(d, np.ndarray):
            trial.fail(f"backward returned a {type(d).__name__} for dL/d{name}: it must be an array of {name}'s shape")
        if d.shape != x.shape:
            trial.fail(f"dL/d{name} has shape {d.shape}, but {name} has shape {x.shape}")


def arguments_stay(trial: Trial) -> None:
    """Neither method writes into what it is given."""
    trial.protected = True
    try:
        trial.run(trial.new(), trial.inputs)
    except BaseException:
        trial.protected = False  # the other checks go on with copies
        raise


def repeatable(trial: Trial) -> None:
    """A copy of the layer computes the same from the same input."""
    same(
        trial,
        trial.run(trial.new(), trial.inputs),
        "when a copy of the layer is given the same input: draw random numbers from a Generator that the layer owns "
        "(self.rng = np.random.default_rng(rng)), and share nothing between layers",
    )


def parameters_stay(trial: Trial) -> None:
    """Neither method changes, replaces or adds a Parameter."""
    layer = trial.new()
    before = [(n, a, held(a), a.data.copy()) for n, a in layer.named_arrays()]
    trial.run(layer, trial.inputs)
    if [(n, id(a)) for n, a in layer.named_arrays()] != [(n, id(a)) for n, a, *_ in before]:
        trial.fail("forward or backward adds or replaces a Parameter or Buffer: make all of them in __init__")
    for name, array, arrays, values in before:
        if any(now is not then for now, then in zip(held(array), arrays, strict=True)):
            trial.fail(f"forward or backward re-binds {name}.data or .grad: write into them in place")
        if isinstance(array, Parameter) and not np.array_equal(array.data, values, equal_nan=True):
            trial.fail(f"forward or backward changes {name}.data: only the optimizer changes it (else: mn.Buffer)")


def held(array: Parameter | Buffer) -> list[Array]:
    """Return the arrays of a Parameter or a Buffer."""
    return [array.data, array.grad] if isinstance(array, Parameter) else [array.data]


def gradients_add_up(trial: Trial) -> None:
    """Backward and accumulate_grad add to grad."""
    for method in ("backward",) if trial.is_loss else ("backward", "accumulate_grad"):
        layer, start = trial.new(), {}
        trial.forward(layer, trial.inputs)
        for name, parameter in layer.named_parameters():
            parameter.grad[...] = start[name] = trial.rng.normal(size=parameter.grad.shape)
        trial.backward(layer, trial.dy, method)
        for name, parameter in layer.named_parameters():
            right = trial.clean.grads[name]
            if parameter.trainable and not np.allclose(parameter.grad - start[name], right, rtol=1e-7, atol=1e-9):
                if np.allclose(parameter.grad, right, rtol=1e-7, atol=1e-9):
                    trial.fail(f"{method} overwrites {name}.grad: add to it, {name}.grad += ...")
                trial.fail(f"{method} does not add dL/d{name} to {name}.grad: what it adds depends on the old values")


def last_forward_counts(trial: Trial) -> None:
    """Backward returns the gradient of the last forward of this very layer."""
    layer = trial.new()
    start = copy.deepcopy(layer)
    trial.forward(layer, other(trial.inputs))
    for (_, inner), (_, saved) in zip(layer.named_layers(), start.named_layers(), strict=True):
        for name, value in vars(inner).items():
            if isinstance(value, np.random.Generator):
                update_in_place(value, vars(saved).get(name))
    for (_, buffer), (_, before) in zip(layer.named_buffers(), start.named_buffers(), strict=True):
        buffer.data[...] = before.data
    what = "after an earlier forward: backward must return the gradient of the last forward"
    same(trial, trial.run(layer, trial.inputs), what)
    first, second = trial.new(), trial.new()
    y = trial.forward(first, trial.inputs)
    trial.forward(second, other(trial.inputs))
    run = Run(y, trial.backward(first, trial.dy), {n: p.grad for n, p in first.named_parameters()})
    same(trial, run, "if another layer of the class runs in between: keep the cache in self, not in the class")


def results_stay(trial: Trial) -> None:
    """A returned array does not change later."""
    layer = trial.new()
    run = trial.run(layer, trial.inputs)
    results = [("output", run.y), *(("dL/dx", d) for d in run.dx)]
    saved = [(name, array, array.copy()) for name, array in results if isinstance(array, np.ndarray)]
    for name, array, _ in saved:
        for path, owned in layer.named_arrays():
            for part, own in zip(("data", "grad"), held(owned), strict=False):
                if np.may_share_memory(array, own):
                    trial.fail(f"the {name} is a view of {path}.{part} and changes with it: return a copy")
    trial.run(layer, other(trial.inputs))
    for name, array, values in saved:
        if not np.array_equal(array, values, equal_nan=True):
            trial.fail(f"the next call changes the {name} of the last one: return a new array each time")


def dtypes(trial: Trial) -> None:
    """float32 gives float32, and float64 gives float64."""
    for dtype in (np.float64, np.float32):
        inputs = [cast(x, np.dtype(dtype)) for x in trial.inputs]
        run = trial.run(trial.new(dtype), inputs, None if trial.is_loss else trial.dy.astype(dtype))
        results = [("backward", d) for d in run.dx[: sum(x.dtype.kind == "f" for x in inputs)]]
        if not trial.is_loss:
            evaluated = trial.forward(trial.new(dtype).eval(), inputs)
            results = [("forward", run.y), *results, ("forward in eval mode", evaluated)]
        for method, array in results:
            if array.dtype != dtype:
                trial.fail(
                    f"{method} turns {np.dtype(dtype)} into {array.dtype}: make constants and masks with x.dtype, and "
                    "keep arrays as Parameters or Buffers, because astype converts these"
                )


def strided_arrays(trial: Trial) -> None:
    """Arrays that are not contiguous give the same."""
    strided = [np.repeat(x[..., None], 2, axis=-1)[..., 0] if x.ndim else x for x in trial.inputs]
    dy = np.repeat(trial.dy[..., None], 2, axis=-1)[..., 0]
    same(trial, trial.run(trial.new(), strided, dy), "when the arrays are not contiguous")


def batch_of_one(trial: Trial) -> None:
    """A batch of one works."""
    _batch(trial, 1, "a batch of one")


def empty_batch(trial: Trial) -> None:
    """An empty batch works."""
    _batch(trial, 0, "an empty batch")


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
    except LayerError:
        raise
    except Exception as error:
        raise LayerError(f"{trial.name}: {what} fails: {type(error).__name__}: {error}") from error
    if not trial.is_loss and run.y.shape != (n, *y.shape[1:]) and len(y) == len(x):
        trial.fail(f"{what} of shape {batch[0].shape} gives an output of shape {run.y.shape}")
    for name, part, d in trial.gradients(batch, run):
        if d.shape != part.shape:
            trial.fail(f"{what} of shape {part.shape} gives a dL/d{name} of shape {d.shape}")
    if not all(np.isfinite(a).all() for a in (run.y, *run.dx, *run.grads.values()) if a is not None):
        trial.fail(f"{what} gives infinite numbers or NaN")
