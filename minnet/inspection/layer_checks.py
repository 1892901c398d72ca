"""Layer checks find out whether a layer meets the requirements that hold for every layer.

Call them by `minnet.inspection.gradcheck.check_layer`; docs/design.md gives the reasons for each requirement.
"""

import copy
import operator
import pickle
import sys
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

from minnet.core.arrays import Array, cast
from minnet.core.buffer import Buffer
from minnet.core.layer import TRANSIENT, Layer
from minnet.core.parameter import Parameter
from minnet.core.state import update_in_place
from minnet.inspection import mistakes
from minnet.inspection.ownership import not_found
from minnet.layers import Residual, Sequential


class LayerError(AssertionError):
    """A layer does not meet a requirement; the message says which, and how to mend the layer."""


@dataclass
class Run:
    """The results of one forward and one backward."""

    y: Any
    dx: list[Array]
    grads: dict[str, Array]


class Trial:
    """A layer and its inputs: it runs new copies of the layer, and keeps the results of one run to compare with."""

    def __init__(self, layer: Layer, inputs: list[Any], rng: np.random.Generator) -> None:
        self.layer, self.inputs, self.rng = layer, inputs, rng
        self.name = layer.describe()
        y = self.forward(self.new(), inputs)
        if not isinstance(y, (np.ndarray, float, np.floating)):
            self.fail(f"forward returned a {type(y).__name__}: a layer returns an array, a loss a float")
        self.is_loss = np.ndim(y) == 0 and not isinstance(y, np.ndarray)
        self.dy = rng.normal(size=np.shape(y))
        self.clean = self.run(self.new(), inputs)
        # The inputs that have a gradient, with their names. Of those of a loss, only the prediction needs one.
        self.varied = {i: "x" if len(inputs) == 1 else f"input{i}" for i, x in enumerate(inputs) if x.dtype.kind == "f"}
        if self.is_loss:
            self.varied = dict.fromkeys(list(self.varied)[:1], "prediction")

    def fail(self, what: str) -> None:
        """Raise LayerError."""
        raise LayerError(f"{self.name}: {what}")

    def new(self, dtype: type = np.float64) -> Layer:
        """Return a copy in training mode with gradients of zero, and with its Generators in their present state."""
        layer = copy.deepcopy(self.layer).astype(dtype).train()
        for parameter in layer.parameters():
            parameter.grad[...] = 0
        return layer

    def new_as_in_eval_mode(self) -> Layer:
        """Return a copy that behaves as in eval mode, and records for backward: see `Layer.freeze`."""
        layer = self.new().eval()
        for _, inner in layer.named_layers():
            inner.recording = True
        return layer

    def forward(self, layer: Layer, inputs: list[Any]) -> Any:
        """Run forward on read-only views of the inputs; fail if it writes into them."""
        return self._call(layer, "forward", "its input", inputs)

    def backward(self, layer: Layer, dy: Any, method: str = "backward") -> list[Array]:
        """Run backward, or accumulate_grad, on a read-only view of dy and return the input gradients as a list."""
        dx = self._call(layer, method, "dy", [] if self.is_loss else [dy])
        return list(dx) if isinstance(dx, tuple) else [dx]

    def run(self, layer: Layer, inputs: list[Any], dy: Any = None) -> Run:
        """Run forward and backward once."""
        y = self.forward(layer, inputs)
        dx = self.backward(layer, self.dy if dy is None else dy)
        return Run(y, dx, {name: p.grad.copy() for name, p in layer.named_parameters()})

    def objective(self, y: Any) -> float:
        """Return L = Σ dy · y, or the loss itself."""
        return float(y) if self.is_loss else float((self.dy * y).sum())

    def gradients(self, inputs: list[Any], run: Run) -> list[tuple[str, Any, Any]]:
        """Return (name, x, dL/dx) of each input that has a gradient."""
        return [(name, inputs[i], d) for (i, name), d in zip(self.varied.items(), run.dx, strict=False)]

    def _call(self, layer: Layer, method: str, argument: str, arguments: list[Any]) -> Any:
        arguments = [x.view() for x in arguments]
        for x in arguments:
            x.flags.writeable = False
        try:
            return getattr(layer, method)(*arguments)
        except (ValueError, RuntimeError, AttributeError) as error:
            if mistake := mistakes.of_error(error, method, argument):
                raise LayerError(f"{self.name}: {mistake}") from error
            raise


def check_basics(trial: Trial) -> None:
    """Check what must hold before gradients can be compared; LayerError at the first requirement that is not met."""
    if hidden := not_found(trial.layer):
        trial.fail(hidden)
    for check in (_backward_shapes, _owns_its_generator, _parameters_stay):
        check(trial)


def check_requirements(trial: Trial) -> None:
    """Check every other requirement; LayerError at the first that is not met."""
    training = (_gradients_add_up, _last_forward_counts, _results_stay, _dtypes, _contiguity, _batch_sizes)
    for check in (*training, _evaluation, _copies, _containers):
        check(trial)


def difference(trial: Trial, run: Run) -> str:
    """Return the first of a run's results that differs from that of `trial.clean`, such as "the output"; or ""."""
    clean = trial.clean
    pairs = [("the output", run.y, clean.y)]
    pairs += [(f"dL/d{n}", a, b) for n, a, b in zip(trial.varied.values(), run.dx, clean.dx, strict=False)]
    pairs += [(f"{n}.grad", run.grads[n], clean.grads[n]) for n in clean.grads]
    for name, got, expected in pairs:
        if np.shape(got) != np.shape(expected) or not np.allclose(got, expected, 1e-7, 1e-10, equal_nan=True):
            return name
    return ""


def _same(trial: Trial, run: Run, what: str) -> None:
    """Fail if the results of a run differ from `trial.clean`."""
    if name := difference(trial, run):
        trial.fail(f"{name} is different {what}")


def _owns_its_generator(trial: Trial) -> None:
    _same(
        trial,
        trial.run(trial.new(), trial.inputs),
        "when a copy of the layer is given the same input: draw random numbers from a Generator that the layer owns "
        "(self.rng = np.random.default_rng(rng)), and share nothing between layers",
    )


def _backward_shapes(trial: Trial) -> None:
    dx = trial.clean.dx
    if trial.varied and (len(dx) > len(trial.inputs) or dx[0] is None):
        trial.fail(f"backward returned {'None' if dx[0] is None else len(dx)}: it must return dL/dx")
    for name, x, d in trial.gradients(trial.inputs, trial.clean):
        if not isinstance(d, np.ndarray):
            trial.fail(f"backward returned a {type(d).__name__} for dL/d{name}: it must be an array of {name}'s shape")
        if d.shape != x.shape:
            trial.fail(f"dL/d{name} has shape {d.shape}, but {name} has shape {x.shape}")


def _parameters_stay(trial: Trial) -> None:
    layer = trial.new()
    before = [(n, a, _held(a), a.data.copy()) for n, a in layer.named_arrays()]
    trial.run(layer, trial.inputs)
    if [(n, id(a)) for n, a in layer.named_arrays()] != [(n, id(a)) for n, a, *_ in before]:
        trial.fail("forward or backward adds or replaces a Parameter or Buffer: make all of them in __init__")
    for name, array, held, values in before:
        if any(now is not then for now, then in zip(_held(array), held, strict=True)):
            trial.fail(f"forward or backward re-binds {name}.data or .grad: write into them in place")
        if isinstance(array, Parameter) and not np.array_equal(array.data, values, equal_nan=True):
            trial.fail(f"forward or backward changes {name}.data: only the optimizer changes it (else: mn.Buffer)")


def _held(array: Parameter | Buffer) -> list[Array]:
    """Return the arrays of a Parameter or a Buffer."""
    return [array.data, array.grad] if isinstance(array, Parameter) else [array.data]


def _gradients_add_up(trial: Trial) -> None:
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


def _other(inputs: list[Any]) -> list[Any]:
    """Return other valid inputs: the same samples in reverse order."""
    return [x[::-1] if x.ndim else x for x in inputs]


def _last_forward_counts(trial: Trial) -> None:
    layer = trial.new()
    start = copy.deepcopy(layer)
    trial.forward(layer, _other(trial.inputs))
    for (_, inner), (_, saved) in zip(layer.named_layers(), start.named_layers(), strict=True):
        for name, value in vars(inner).items():
            if isinstance(value, np.random.Generator):
                update_in_place(value, vars(saved).get(name))
    for (_, buffer), (_, before) in zip(layer.named_buffers(), start.named_buffers(), strict=True):
        buffer.data[...] = before.data
    what = "after an earlier forward: backward must return the gradient of the last forward"
    _same(trial, trial.run(layer, trial.inputs), what)
    first, second = trial.new(), trial.new()
    y = trial.forward(first, trial.inputs)
    trial.forward(second, _other(trial.inputs))
    run = Run(y, trial.backward(first, trial.dy), {n: p.grad for n, p in first.named_parameters()})
    _same(trial, run, "if another layer of the class runs in between: keep the cache in self, not in the class")


def _results_stay(trial: Trial) -> None:
    layer = trial.new()
    run = trial.run(layer, trial.inputs)
    results = [("output", run.y), *(("dL/dx", d) for d in run.dx)]
    saved = [(name, array, array.copy()) for name, array in results if isinstance(array, np.ndarray)]
    for name, array, _ in saved:
        for path, owned in layer.named_arrays():
            for part, own in zip(("data", "grad"), _held(owned), strict=False):
                if np.may_share_memory(array, own):
                    trial.fail(f"the {name} is a view of {path}.{part} and changes with it: return a copy")
    trial.run(layer, _other(trial.inputs))
    for name, array, values in saved:
        if not np.array_equal(array, values, equal_nan=True):
            trial.fail(f"the next call changes the {name} of the last one: return a new array each time")


def _dtypes(trial: Trial) -> None:
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


def _contiguity(trial: Trial) -> None:
    strided = [np.repeat(x[..., None], 2, axis=-1)[..., 0] if x.ndim else x for x in trial.inputs]
    dy = np.repeat(trial.dy[..., None], 2, axis=-1)[..., 0]
    _same(trial, trial.run(trial.new(), strided, dy), "when the arrays are not contiguous")


def _batch_sizes(trial: Trial) -> None:
    inputs, y = trial.inputs, trial.clean.y
    x = inputs[0]
    # Inputs without a batch axis have no smaller batches: one sample, or scores (C,) and a label.
    if x.ndim < 2 or any(a.ndim < 1 or len(a) != len(x) for a in inputs):
        return
    for n in (1, 0):
        dy = trial.dy if trial.is_loss else trial.dy[:n]
        batch = [a[:n] for a in inputs]
        what = "a batch of one" if n else "an empty batch"
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


def _snapshot(value: object, path: str = "self") -> dict[str, Any]:
    """Return everything that an object holds, as path → comparable value."""
    if isinstance(value, (list, tuple, dict)):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        inside = {k: v for key, item in items for k, v in _snapshot(item, f"{path}[{key!r}]").items()}
        return inside | {path: len(value)}
    if isinstance(value, Parameter | Buffer):
        parts = zip(("data", "grad"), _held(value), strict=False)
        return {k: v for part, array in parts for k, v in _snapshot(array, f"{path}.{part}").items()}
    if isinstance(value, np.ndarray):
        return {path: (value.dtype.str, value.shape, value.tobytes())}
    if isinstance(value, np.random.Generator):
        return {f"{path} (a Generator)": repr(value.bit_generator.state)}
    if hasattr(value, "__dict__") and (isinstance(value, Layer) or not callable(value)):
        kept = {name: item for name, item in vars(value).items() if name not in TRANSIENT}
        return {k: v for name, item in kept.items() for k, v in _snapshot(item, f"{path}.{name}").items()}
    return {path: repr(value)}


def _changes(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    return sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))


def _evaluation(trial: Trial) -> None:
    layer = trial.new()
    fresh = _snapshot(copy.deepcopy(layer))
    trial.run(layer, _other(trial.inputs))
    layer.eval()
    before = _snapshot(layer)
    y = trial.forward(layer, trial.inputs)
    again = trial.forward(layer, trial.inputs)
    changed = _changes(before, _snapshot(layer))
    if changed and all(path.endswith("(a Generator)") for path in changed):
        trial.fail("forward draws random numbers in eval mode: return x as it is if not self.training")
    if changed:
        trial.fail(
            f"forward in eval mode changes {', '.join(changed)}: keep nothing, because threads may share the layer; "
            "what is assigned to self.cache is kept in training mode only"
        )
    if not np.array_equal(y, again, equal_nan=True):
        trial.fail("forward in eval mode gives two results for one input: it must not be random")
    passing = (".grad", ".training", ".recording", "(a Generator)")
    learned = [path for path in _changes(fresh, before) if not path.endswith(passing)]
    x = trial.inputs[0]
    if learned and not trial.is_loss and len(trial.inputs) == 1 and x.ndim > 1 and np.shape(y)[:1] == x.shape[:1]:
        alone = np.concatenate([layer.forward(x[i : i + 1]) for i in range(len(x))])
        if not np.allclose(alone, y, rtol=1e-7, atol=1e-9):
            trial.fail(
                f"forward in eval mode depends on the rest of the batch, although training updates "
                f"{', '.join(learned)}: use that if not self.training"
            )
    layer = trial.new()
    trial.forward(layer.eval(), _other(trial.inputs))
    _same(trial, trial.run(layer.train(), trial.inputs), "after an eval-mode forward: the modes must share nothing")


def _copies(trial: Trial) -> None:
    layer = trial.new()
    trial.run(layer, trial.inputs)
    layer.eval()
    y = trial.forward(layer, trial.inputs)
    copies = {"copy.deepcopy": copy.deepcopy(layer)}
    originals = dict(trial.layer.named_arrays())
    for name, array in copy.deepcopy(trial.layer).named_arrays():
        if name not in originals or not np.array_equal(array.data, originals[name].data, equal_nan=True):
            trial.fail(f"a copy made by copy.deepcopy has another {name}.data")
    if all(_pickle_finds(type(inner)) for _, inner in layer.named_layers()):
        try:
            copies["pickle"] = pickle.loads(pickle.dumps(layer))
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise LayerError(f"{trial.name}: pickle fails: {error}") from error
    for how, copied in copies.items():
        if not np.array_equal(trial.forward(copied, trial.inputs), y, equal_nan=True):
            trial.fail(f"a copy made by {how} computes something else")


def _pickle_finds(cls: type) -> bool:
    """Whether pickle finds a class by its name: not if the class was made in a function or a session."""
    try:
        return operator.attrgetter(cls.__qualname__)(sys.modules[cls.__module__]) is cls
    except (KeyError, AttributeError):
        return False


def _containers(trial: Trial) -> None:
    if trial.is_loss or len(trial.inputs) > 1 or not trial.varied:
        return
    inside = Sequential(trial.new())
    run = trial.run(inside, trial.inputs)
    _same(trial, Run(run.y, run.dx, _inner_grads(inside)), "inside Sequential")
    if np.shape(run.y) == trial.inputs[0].shape:
        around = Residual(trial.new())
        y = trial.forward(around, trial.inputs) - trial.inputs[0]
        dx = [trial.backward(around, trial.dy)[0] - trial.dy]
        _same(trial, Run(y, dx, _inner_grads(around)), "inside Residual")


def _inner_grads(container: Sequential) -> dict[str, Array]:
    return {name: p.grad for name, p in container.layers[0].named_parameters()}
