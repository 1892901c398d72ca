"""A recurrent layer as calls of compiled code, one a direction: for whole sequences, and for one step, of few rows."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minnet.compiled.predicting import cells
from minnet.compiled.predicting.runs import FEW, Call, Shape, dtype_of
from minnet.core.arrays import Array
from minnet.core.checks import replaced
from minnet.core.layer import Layer
from minnet.layers import GRU, LSTM, RNN
from minnet.layers.sequences.states import State, public
from minnet.layers.sequences.unrolling import Recurrent

KERNELS: dict[type[Recurrent], Any] = {RNN: cells.rnn, GRU: cells.gru, LSTM: cells.lstm}


class Cell:
    """One layer of one direction: its weights, and the kernel of its class."""

    def __init__(self, layer: Recurrent) -> None:
        self.inputs, self.hidden = layer.input_size, layer.hidden_size
        self._kernel: Any = KERNELS[type(layer)]
        self._options = (layer.nonlinearity == "tanh",) if isinstance(layer, RNN) else ()
        biases = (layer.bias_ih, layer.bias_hh)
        none = np.zeros(layer.gates * layer.hidden_size, np.float32)
        self._weights: Any = [np.array(weight.data, order="C") for weight in (layer.weight_ih, layer.weight_hh)]
        self._weights += [none if bias is None else bias.data.copy() for bias in biases]
        self.size = sum(array.size for array in self._weights)

    def walk(self, x: Array, states: tuple[Array, ...]) -> Array:
        """Return y (N, T, H) for sequences (N, T, I); the states (N, H) are changed to the last ones."""
        if not x.flags.carray:  # or Numba would compile once more, for arrays of another kind
            x = x.copy()
        y = np.empty((*x.shape[:2], self.hidden), x.dtype)
        self._kernel(x, *self._weights, *self._options, *states, y)
        return y


class RecurrentRun:
    """An `RNN`, `GRU` or `LSTM` of minnet's own, in float32, with its layers and directions."""

    length = 1

    def __init__(self, layer: Any) -> None:
        self._layer = layer
        self._cells = [Cell(part) for part in layer.layers or (layer,)]
        self.size = max(cell.size for cell in self._cells)

    def call_for(self, x: Shape, y: Shape, dtype: "np.dtype[Any]") -> Call | None:
        """Return what maps sequences, or a single one, to y; None for many, which BLAS does faster."""
        sequences = (math.prod(x[:-2]), *x[-2:])
        if sequences[0] * self.size > FEW:
            return None
        return lambda x: self._unroll(x.reshape(sequences)).reshape(y)

    def _unroll(self, x: Array) -> Array:
        names = self._layer.state_names
        turns = (1, -1)[: 1 + self._layer.bidirectional]
        for level in range(0, len(self._cells), len(turns)):
            outputs = []
            for cell, turn in zip(self._cells[level : level + len(turns)], turns, strict=True):
                states = tuple(np.zeros((len(x), cell.hidden), x.dtype) for _ in names)
                outputs.append(cell.walk(x[:, ::turn], states)[:, ::turn])
            x = np.concatenate(outputs, axis=-1) if len(outputs) > 1 else outputs[0]
        return x

    def step(self, x: Array, state: State | None) -> tuple[Array, State]:
        """Do as the layer's `step` does."""
        layer, first = self._layer, self._cells[0]
        fits = type(x) is np.ndarray and x.dtype == np.float32 and x.ndim in (1, 2) and x.shape[-1] == first.inputs
        if not fits or layer.bidirectional or x.size // first.inputs * self.size > FEW:
            result: tuple[Array, State] = layer.step(x, state)  # which says what is wrong, if anything is
            return result
        before = layer._states("state", state, x.shape[:-1], x.dtype)
        rows = x.size // first.inputs
        after = tuple(np.array(part, order="C") for part in before)
        parts = [part.reshape(len(self._cells), rows, first.hidden) for part in after]  # a row for each layer
        y = x.reshape(rows, 1, first.inputs)
        for i, cell in enumerate(self._cells):
            y = cell.walk(y, tuple(part[i] for part in parts))
        return y.reshape(*x.shape[:-1], first.hidden), public(after)

    def warm(self) -> None:
        """Have the code compiled."""
        first = self._cells[0]
        self._unroll(np.zeros((1, 1, first.inputs), np.float32))


def recurrent_run(layers: Sequence[Layer]) -> RecurrentRun | None:
    """Return the run that is the first of these layers, if it is one."""
    layer: Any = layers[0]
    if type(layer) not in KERNELS or dtype_of([layer]) != np.float32:
        return None
    parts = layer.layers or (layer,)
    if any(type(part) is not type(layer) or replaced(part) for part in (layer, *parts)):
        return None
    run = RecurrentRun(layer)
    return run if run.size <= FEW else None
