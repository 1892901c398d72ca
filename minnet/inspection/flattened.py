"""A flattened layer is one with dicts or tuples of arrays, which is checked as one with plain arrays."""

import copy
import math
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np

from minnet.core.layer import Layer
from minnet.core.trees import call, leaves, mapped
from minnet.losses import Loss


class Flattened(Layer):
    """A layer whose inputs are given array by array, and whose outputs are returned side by side, in one array (N, M).

    A loss is given its prediction so, in one array, and then the arrays of its target.
    """

    def __init__(self, layer: Layer, *inputs: Any) -> None:
        self.layer = layer
        self._forms = [_form(x) for x in inputs]

    def named_layers(self, path: str = "") -> Iterator[tuple[str, Layer]]:
        """Walk this layer, and those inside the other with the paths that they have there."""
        yield path, self
        yield from self.layer.named_layers(path)

    def describe(self) -> str:
        """Say what the layer is."""
        return self.layer.describe()

    def forward(self, *arrays: Any) -> Any:
        """Compute the output, in one array."""
        given = list(arrays)
        if isinstance(self.layer, Loss):
            given = [*_split(given[0], self._forms[0]), *given[1:]]
        rest = iter(given)
        inputs = [mapped(lambda _: next(rest), form) for form in self._forms]
        y = _output(self.layer, inputs)
        if isinstance(y, tuple | dict):
            self.cache = _form(y)
            return _joined(y)
        return y

    def backward(self, *dy: Any) -> Any:
        """Return dL/dx of each input, or the gradient of a loss in its prediction."""
        if isinstance(self.layer, Loss):
            return _joined(self._filled(self.layer.backward()))
        dx = self.layer.backward(self._as_returned(*dy))
        return tuple(dx[name] for name in self._forms[0]) if isinstance(dx, dict) else dx

    def accumulate_grad(self, dy: Any) -> None:
        """Add up the gradients."""
        self.layer.accumulate_grad(self._as_returned(dy))

    def _filled(self, gradient: Any) -> Any:
        """Return the gradient of a loss, with zeros for the outputs that it has no share in."""
        form = self._forms[0]
        if type(form) not in (tuple, dict):
            return gradient
        parts = gradient if isinstance(gradient, dict) else dict(enumerate(gradient))
        known = next(part for part in parts.values() if part is not None)
        shapes = form.items() if isinstance(form, dict) else enumerate(form)
        return {
            key: np.zeros((len(known), *shape), known.dtype) if parts.get(key) is None else parts[key]
            for key, shape in shapes
        }

    def _as_returned(self, dy: Any) -> Any:
        """Return dy in the form of the layer's output."""
        if "_cache" not in vars(self):
            return dy
        parts = iter(_split(dy, self.cache))
        return mapped(lambda _: next(parts), self.cache)


def flattened(layer: Layer, inputs: list[Any]) -> tuple[Layer, list[Any]]:
    """Return a layer that takes and returns arrays, and these; the layer itself, if it does so already."""
    output = None
    with suppress(Exception, SystemExit):  # what is wrong is said later
        output = _output(copy.deepcopy(layer).astype(np.float64), copy.deepcopy(inputs))
    if not any(isinstance(x, tuple | dict) for x in [*inputs, output]):
        return layer, inputs
    first = [_joined(inputs[0])] if isinstance(layer, Loss) else leaves(inputs[0])
    return Flattened(layer, *inputs), [*first, *(leaf for x in inputs[1:] for leaf in leaves(x))]


def _output(layer: Layer, inputs: list[Any]) -> Any:
    return layer.forward(*inputs) if len(inputs) > 1 else call(layer.forward, inputs[0])


def _form(tree: Any) -> Any:
    """Return the shapes of a tree's samples, as lists."""
    return mapped(lambda leaf: list(leaf.shape[1:]), tree)


def _joined(tree: Any) -> Any:
    """Return the arrays (N, ...) of a tree side by side, as (N, M)."""
    return np.concatenate([leaf.reshape(len(leaf), math.prod(leaf.shape[1:])) for leaf in leaves(tree)], axis=1)


def _split(array: Any, form: Any) -> list[Any]:
    """Return the arrays that were joined."""
    shapes = leaves(form)
    cuts = np.cumsum([math.prod(shape) for shape in shapes])[:-1]
    parts = np.split(array, cuts, axis=1)
    return [part.reshape(len(array), *shape) for part, shape in zip(parts, shapes, strict=True)]
