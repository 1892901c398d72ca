"""Requirements that a layer meets in training: what its methods leave alone, return, and add up.

Each function asks one of them of a trial, and raises LayerError if it is not met. docs/design.md gives the reasons.
"""

import copy

import numpy as np

from minnet.core.arrays import Array, cast
from minnet.core.buffer import Buffer
from minnet.core.parameter import Parameter
from minnet.core.state import update_in_place
from minnet.inspection.layer_checks import Run, Trial, difference, other, same


def backward_runs(trial: Trial) -> None:
    """Backward runs, and returns something."""
    trial.backward_works = True
    try:
        trial.clean = trial.run(trial.new(), trial.inputs)
    except BaseException:
        trial.backward_works = False
        raise
    if trial.varied and (not trial.clean.dx or trial.clean.dx[0] is None):
        trial.clean.dx = []
        name, x = next((name, trial.inputs[i]) for i, name in trial.varied.items())
        trial.fail(
            f"backward returned None, which is nothing: it must return dL/d{name}. Its last line must be return dx, "
            f"with the gradient of {name}, an array of shape {x.shape}"
        )


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
    name = difference(trial, trial.run(trial.new(), trial.inputs))
    if not name:
        return
    # If it draws from the generators that all code shares, the other checks go on with the same numbers each time.
    trial.seeded = True
    trial.clean = trial.run(trial.new(), trial.inputs)
    trial.repeats = not difference(trial, trial.run(trial.new(), trial.inputs))
    trial.fail(
        f"{name} is different when a copy of the layer is given the same input: draw random numbers from a Generator "
        "that the layer owns (self.rng = np.random.default_rng(rng)), and share nothing between layers. Make self.rng "
        "in __init__, once, and use neither np.random.rand and its like, which all code shares, nor a new Generator "
        "in forward"
    )


def parameters_stay(trial: Trial) -> None:
    """Neither method changes, replaces or adds a Parameter."""
    layer = trial.new()
    before = [(n, a, held(a), a.data.copy()) for n, a in layer.named_arrays()]
    trial.forward(layer, trial.inputs)
    method = "forward"
    if not _changed(before) and trial.backward_works:
        trial.backward(layer, trial.dy)
        method = "backward"
    if [(n, id(a)) for n, a in layer.named_arrays()] != [(n, id(a)) for n, a, *_ in before]:
        trial.fail(
            "forward or backward adds or replaces a Parameter or Buffer: make all of them in __init__, because the "
            "optimizer is given those that are there at the start"
        )
    for name, array, arrays, _ in before:
        if any(now is not then for now, then in zip(held(array), arrays, strict=True)):
            trial.fail(f"{method} re-binds {name}.data or .grad: write into them in place")
    for name in _changed(before):
        trial.fail(
            f"{method} changes {name}.data: only the optimizer changes it, after backward, with the gradient that "
            "backward "
            f"adds to {name}.grad. (An array that forward changes itself, such as a running mean, is an mn.Buffer.)"
        )


def _changed(before: list[tuple[str, Parameter | Buffer, list[Array], Array]]) -> list[str]:
    """Return the names of the Parameters that have other values now."""
    return [
        name
        for name, array, _, values in before
        if isinstance(array, Parameter) and not np.array_equal(array.data, values, equal_nan=True)
    ]


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
                    trial.fail(
                        f"{method} overwrites {name}.grad: add to it, {name}.grad += ... ({name}.grad[...] = ..., or "
                        "setting "
                        "it to zero first, loses what an earlier backward added; optimizer.zero_grad() sets it to zero)"
                    )
                trial.fail(
                    f"{method} does not add dL/d{name} to {name}.grad: what it adds depends on the old values, or it "
                    "adds "
                    f"another number of times than backward. Write {name}.grad += ..., once, and nothing else to it"
                )


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
    what = (
        "after an earlier forward: backward must return the gradient of the last forward, so each forward must assign "
        "self.cache anew, not only the first"
    )
    same(trial, trial.run(layer, trial.inputs), what)
    first, second = trial.new(), trial.new()
    y = trial.forward(first, trial.inputs)
    trial.forward(second, other(trial.inputs))
    run = Run(y, trial.backward(first, trial.dy), {n: p.grad for n, p in first.named_parameters()})
    same(
        trial,
        run,
        "if another layer of the class runs in between: keep the cache in self, not in the class or a global variable. "
        "Write self.cache = ... in forward; a list, a dict or an array that is made in the class body is shared by all "
        "layers",
    )


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
                    trial.fail(f"the {name} is a view of {path}.{part} and changes with it: return a copy, .copy()")
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
            if array.dtype.kind in "iub":
                trial.fail(
                    f"{method} turns {np.dtype(dtype)} into {array.dtype}: a comparison, argmax or astype(int) gives "
                    "no floats. If it is what you mean, return it as floats, .astype(x.dtype)"
                )
            if array.dtype != dtype:
                trial.fail(
                    f"{method} turns {np.dtype(dtype)} into {array.dtype}: make constants and masks with x.dtype, and "
                    "keep arrays as Parameters or Buffers, because astype converts these. np.zeros(shape), "
                    "np.ones(shape) "
                    "and mask / 0.5 are float64: write np.zeros(shape, x.dtype), or mask.astype(x.dtype)"
                )


def strided_arrays(trial: Trial) -> None:
    """Arrays that are not contiguous give the same."""
    strided = [np.repeat(x[..., None], 2, axis=-1)[..., 0] if x.ndim else x for x in trial.inputs]
    dy = np.repeat(trial.dy[..., None], 2, axis=-1)[..., 0]
    same(
        trial,
        trial.run(trial.new(), strided, dy),
        "when the arrays are not contiguous, so that their numbers do not lie side by side in memory, "
        "as in a slice: use x itself, and not its memory (np.frombuffer, x.base, strides)",
    )
