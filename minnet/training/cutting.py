"""A Cutting says for which batches several threads pay: those whose calls of NumPy take long enough."""

import copy
import math
from typing import Any

import numpy as np

from minnet.core.layer import Layer
from minnet.core.trees import call, leaves, taken
from minnet.core.twins import twins
from minnet.layers.sequences.unrolling import Recurrent

ENOUGH = 2**16  # numbers in an output of a layer, in the part of one thread; measured, see docs/design.md
KINDS = 64  # of batches that are remembered


class Cutting:
    """For which batches of a model it pays that each thread takes a part.

    Threads hand Python's lock to each other between two calls of NumPy, and a thread that waits for it wakes up some
    50 µs after it is free. So the calls must take longer than that. Where the layers' outputs are small, or a recurrent
    layer takes its steps in Python, one thread is faster, whose matrix products use BLAS's threads. One thread is also
    faster where there are more weights than numbers that go through the layers, because the threads' gradients have to
    be added up.

    The answer depends on the model and on the batch's shape only, never on a clock, so that a run can be repeated to
    the last bit.
    """

    def __init__(self, model: Layer) -> None:
        self._model = model
        layers = [layer for _, layer in model.named_layers()]
        self._walks = any(isinstance(layer, Recurrent) and not _is_compiled(layer) for layer in layers)
        self._weights = sum(parameter.data.size for parameter in model.parameters())
        self._known: dict[object, tuple[int, float]] = {}

    def pays(self, x: Any, samples: int, threads: int) -> bool:
        """Whether to cut a batch of so many samples x for so many threads."""
        if self._walks:
            return False
        kind = tuple((np.shape(leaf)[1:], getattr(leaf, "dtype", None)) for leaf in leaves(x))
        if kind not in self._known:
            if len(self._known) == KINDS:
                self._known.clear()
            self._known[kind] = self._outputs(taken(x, slice(1)))
        outputs, numbers = self._known[kind]
        return samples * numbers >= max(ENOUGH * threads * outputs, self._weights)

    def _outputs(self, x: Any) -> tuple[int, float]:
        """Return how many outputs the layers have for a sample x, and how many numbers are in them."""
        probe = copy.deepcopy(self._model, {id(p): p for p in self._model.parameters()})
        sizes = list[int]()
        for _, layer in probe.named_layers():
            layer.training = layer.recording = False
            _count(layer, sizes)
        with np.errstate(all="ignore"):
            try:
                call(probe.forward, x)
            except Exception:  # a layer takes no single sample: the batches are cut, because nothing is known of them
                return 1, math.inf
        return len(sizes), sum(sizes)


def _count(layer: Layer, sizes: list[int]) -> None:
    """Let a layer of a copy note the sizes of its outputs."""
    forward = layer.forward

    def counting(*inputs: Any, **options: Any) -> Any:
        output = forward(*inputs, **options)
        sizes.extend(np.size(leaf) for leaf in leaves(output))
        return output

    vars(layer)["forward"] = counting


def _is_compiled(layer: Recurrent) -> bool:
    """Whether a recurrent layer takes its steps by compiled code, without Python's lock."""
    return getattr(type(layer)._walk, "formula", None) in twins.get()
