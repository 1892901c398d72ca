"""A trial runs new copies of a layer on one input, and keeps the results of one run, with which the checks compare.

`minnet.inspection.gradcheck` has the functions to call; docs/design.md gives the reasons for each requirement.
"""

import copy
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from minnet.core.arrays import Array
from minnet.core.layer import Layer
from minnet.inspection.flattened import Flattened


class LayerError(AssertionError):
    """A layer does not meet a requirement; the message says which, and how to mend the layer."""


@dataclass
class Run:
    """The results of one forward and one backward."""

    y: Any
    dx: list[Any]
    grads: dict[str, Array]


class Trial:
    """A layer and its inputs. What the first checks find out is kept here, and the others build on it.

    Attributes
    ----------
    seeded
        Whether the random numbers that all code shares, of np.random and random, are the same in each call.
    protected
        Whether the layer is given read-only views. Else it is given copies, because it writes into them.
    backward_works, repeats
        Whether backward runs, else only forward is tried; and whether two runs give the same.
    is_loss, varied, dy
        Whether forward returns a number; the inputs that have a gradient, with their names; a random dL/dy.
    clean
        The results of a run.
    of_output
        The copy that gave the first output.
    errors
        The largest relative error of each gradient that was compared.
    """

    is_loss: bool
    varied: dict[int, str]
    of_output: Layer
    dy: Array
    clean: Run

    def __init__(self, layer: Layer, inputs: list[Any], rng: np.random.Generator) -> None:
        self.layer, self.inputs, self.rng = layer, inputs, rng
        try:
            self.name = layer.describe()
        except Exception:
            self.name = f"{type(layer).__name__}(...)"
        self.errors: dict[str, float] = {}
        self.protected = self.backward_works = self.seeded = False
        self.repeats = True

    def begin(self) -> None:
        """Run forward, and find out what the layer is."""
        self.of_output = self.new()
        y = self.forward(self.of_output, self.inputs)
        self._check_output(y)
        self.is_loss = np.ndim(y) == 0 and not isinstance(y, np.ndarray)
        self.dy = self.rng.normal(size=np.shape(y))
        # Of the inputs of a loss, only the prediction needs a gradient.
        self.clean = Run(y, [], {})
        one = len(self.inputs) == 1
        self.varied = {i: "x" if one else f"input{i}" for i, x in enumerate(self.inputs) if x.dtype.kind == "f"}
        if self.is_loss:
            self.varied = dict.fromkeys(list(self.varied)[:1], "prediction")

    def _check_output(self, y: Any) -> None:
        """Fail if it is no array of numbers, and no number."""
        if not isinstance(y, (np.ndarray, float, np.floating)) or isinstance(y, (np.matrix, np.ma.MaskedArray)):
            what, cure = _RETURNED.get(type(y), (f"a {type(y).__name__}", "Return y, an array such as np.array(...)"))
            self.fail(f"forward returned {what}: a layer returns an array, a loss a float. {cure}")
        if np.asarray(y).dtype.kind not in "fiub":
            self.fail(f"forward returned an array of {np.asarray(y).dtype}: it must be one of floats, as x is")
        if not np.isfinite(y).all() and all(np.isfinite(x).all() for x in self.inputs):
            self.fail(
                "forward gives NaN or infinity for numbers as ordinary as these: does it divide by 0, take the log or "
                "the root of a negative number, or read an array of np.empty before it is filled? If the formula is "
                "for some numbers only, such as those above 0, check it with such an x"
            )

    def fail(self, what: str, cause: BaseException | None = None) -> NoReturn:
        """Raise LayerError."""
        raise LayerError(f"{self.name}: {what}") from cause

    def new(self, dtype: type = np.float64) -> Layer:
        """Return a copy in training mode with gradients of zero, and with its Generators in their present state."""
        try:
            layer = copy.deepcopy(self.layer)
        except (Exception, SystemExit) as error:
            self.fail(
                f"it cannot be copied ({type(error).__name__}: {error}), and all checks run on copies: a layer keeps "
                "numbers, arrays, Parameters, Buffers and layers, and no open file, lock or generator",
                error,
            )
        for method, arguments in (("astype", [dtype]), ("eval", []), ("train", [])):
            if getattr(layer, method)(*arguments) is not layer:
                self.fail(f"{method} must return the layer itself: end it with return self, or leave it to mn.Layer")
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
        """Run forward; fail if it fails, or writes into read-only inputs."""
        return self._call(layer, "forward", inputs)

    def backward(self, layer: Layer, dy: Any, method: str = "backward") -> list[Any]:
        """Run backward, or accumulate_grad, and return the input gradients as a list."""
        dx = self._call(layer, method, [] if self.is_loss else [dy])
        return list(dx) if isinstance(dx, tuple) else [dx]

    def run(self, layer: Layer, inputs: list[Any], dy: Any = None) -> Run:
        """Run forward once, and backward, if it works."""
        y = self.forward(layer, inputs)
        if not self.backward_works:
            return Run(y, [], {})
        dx = self.backward(layer, self.dy if dy is None else dy)
        return Run(y, dx, {name: p.grad.copy() for name, p in layer.named_parameters()})

    def objective(self, layer: Layer, inputs: list[Any]) -> float:
        """Return L = Σ dy · y, because dL/dx is then what backward(dy) returns; or the loss itself."""
        with self._chance():
            y = layer.forward(*self._given(inputs))
        return float(y) if self.is_loss else float((self.dy * y).sum())

    def gradients(self, inputs: list[Any], run: Run) -> list[tuple[str, Any, Any]]:
        """Return (name, x, dL/dx) of each input that has a gradient."""
        return [(name, inputs[i], d) for (i, name), d in zip(self.varied.items(), run.dx, strict=False)]

    @contextmanager
    def _chance(self) -> Iterator[None]:
        """Draw the same shared random numbers as in the call before, if `seeded`, and leave them as they were."""
        if not self.seeded:
            yield
            return
        states = np.random.get_state(), random.getstate()  # noqa: NPY002
        np.random.seed(0)  # noqa: NPY002
        random.seed(0)
        try:
            yield
        finally:
            np.random.set_state(states[0])  # noqa: NPY002
            random.setstate(states[1])

    def _given(self, arguments: list[Any]) -> list[Any]:
        if not self.protected:
            return [x.copy() for x in arguments]
        arguments = [x.view() for x in arguments]
        for x in arguments:
            x.flags.writeable = False
        return arguments

    def _call(self, layer: Layer, method: str, arguments: list[Any]) -> Any:
        try:
            with self._chance():
                return getattr(layer, method)(*self._given(arguments))
        except (Exception, SystemExit) as error:
            from minnet.inspection.crashes import of_error  # here, because import minnet does not need it

            raise LayerError(f"{self.name}: {of_error(error, layer, method, arguments)}") from error


_RETURNED: dict[type, tuple[str, str]] = {
    type(None): ("None, which is nothing", "End forward with return y"),
    list: ("a list", "Make it an array, np.array(...)"),
    int: ("an int", "Make the value of a loss a float, float(...)"),
    str: ("a str, which is text", "Return the number itself, such as the mean, not its printed form"),
}


def is_ours(layer: Layer) -> bool:
    """Whether it is a layer or a loss of minnet itself."""
    kind = type(layer.layer if isinstance(layer, Flattened) else layer)
    return kind.__module__.startswith(("minnet.layers.", "minnet.losses."))


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


def same(trial: Trial, run: Run, what: str) -> None:
    """Fail if the results of a run differ from `trial.clean`."""
    if name := difference(trial, run):
        trial.fail(f"{name} is different {what}")


def other(inputs: list[Any]) -> list[Any]:
    """Return other valid inputs: the same samples in reverse order."""
    return [x[::-1] if x.ndim else x for x in inputs]
