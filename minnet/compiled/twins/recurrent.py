"""Twins of the walk of RNN, GRU and LSTM over time, and of their way back: see `minnet.compiled.twins.walks`."""

from typing import Any, NamedTuple

import numpy as np

from minnet.compiled.foundation.blas import address
from minnet.compiled.twins.walks import Real, gru, gru_back, lstm, lstm_back, rnn, rnn_back
from minnet.core.arrays import Array
from minnet.layers.sequences.masks import Mask
from minnet.layers.sequences.recurrent import GRU, LSTM, RNN
from minnet.layers.sequences.states import States
from minnet.layers.sequences.unrolling import Recurrent


class Kernels(NamedTuple):
    """What computes one kind of cell."""

    forward: Any
    back: Any
    parts: int  # how many arrays `_cell` returns for the way back


CELLS = {RNN: Kernels(rnn, rnn_back, 1), GRU: Kernels(gru, gru_back, 5), LSTM: Kernels(lstm, lstm_back, 6)}
OWN = ("_cell", "_cell_backward", "_sums", "_by_gate")
LEAST_STEPS = 4
MOST_WEIGHTS = 1024  # for each row; with more, the copies took longer than they saved
FORMULAS: Any = {name: getattr(Recurrent, name).formula for name in ("_walk", "_walk_back")}


def walk(self: Recurrent, z: Array, states: States, mask: Mask | None) -> tuple[States, Any]:
    """See `Recurrent._walk`."""
    kernels = kernels_of(self, z[:-1], len(z) - 1)
    if kernels is None:
        result: tuple[States, Any] = FORMULAS["_walk"](self, z, states, mask)
        return result
    steps, *batch, width = z[1:].shape
    rows, H = z.reshape(steps + 1, -1, width), self.hidden_size
    saved = np.empty((steps if self.recording else 1, kernels.parts, rows.shape[1], H), z.dtype)
    others = [s.reshape(-1, H).copy() for s in states[1:]]
    kernels.forward(
        address(z.dtype), rows, weight_of(self), real(mask, *rows[1:].shape[:2]), saved, *others, *options(self)
    )
    last = (z[-1, ..., -H:].copy(), *(s.reshape(*batch, H) for s in others))
    parts = [] if kernels.parts == 1 else [kernels.parts]  # one array is no tuple of one
    return last, saved.reshape(steps, *parts, *batch, H) if self.recording else []


def walk_back(
    self: Recurrent, dy: Array, dstates: States, saved: Any, mask: Mask | None
) -> tuple[Array, Array, States]:
    """See `Recurrent._walk_back`."""
    kernels = kernels_of(self, dy, dy.shape[-2])
    if kernels is None or not isinstance(saved, np.ndarray):  # a list is from the formula
        result: tuple[Array, Array, States] = FORMULAS["_walk_back"](self, dy, dstates, saved, mask)
        return result
    steps, *batch, H = len(saved), *dstates[0].shape
    saved = saved.reshape(steps, kernels.parts, -1, H)
    da = np.empty((steps, saved.shape[2], self.gates * H), dy.dtype)
    du = da if self.only_the_sum else np.empty_like(da)
    before = [d.reshape(-1, H).copy() for d in dstates]
    given = np.require(dy, None, ["C", "W"]).reshape(-1, steps, H), np.ascontiguousarray(self.weight_hh.data.T)
    sums = (da,) if self.only_the_sum else (da, du)
    kernels.back(address(dy.dtype), *given, real(mask, *da.shape[:2]), saved, *sums, *before, *options(self))
    da, du = (s.reshape(steps, *batch, -1) for s in (da, du))
    return da, du, tuple(d.reshape(*batch, H) for d in before)


def kernels_of(layer: Recurrent, numbers: Array, steps: int) -> Kernels | None:
    """Return what computes a layer's steps; None if the layer shall do it. A row of `numbers` is a step of a sequence.

    The layer does it if the cell is a user's own, for other dtypes than float32, and for few steps, because the weights
    are copied once, in another order, which takes longer than a few products with them.
    """
    if numbers.dtype != np.float32 or not numbers.size or steps < LEAST_STEPS:
        return None
    if layer.weight_hh.data.size > MOST_WEIGHTS * (numbers.size // numbers.shape[-1]):
        return None
    for cls, kernels in CELLS.items():
        if all(getattr(getattr(layer, name), "__func__", None) is getattr(cls, name) for name in OWN):
            return kernels
    return None


def options(layer: Recurrent) -> tuple[bool, ...]:
    """Return the options of a layer's kernels."""
    return (layer.nonlinearity == "relu",) if isinstance(layer, RNN) else ()


def real(mask: Mask | None, steps: int, rows: int) -> Real:
    """Return a mask for kernels."""
    return np.ones((rows, steps), np.bool_) if mask is None else np.require(mask, None, ["C", "W"]).reshape(rows, steps)


def weight_of(layer: Recurrent) -> Array:
    """Return [W_ih, b, W_hh] one above the other, so that [x, 1, h] @ it is the sum; of a GRU see `gru`."""
    W_ih, W_hh = layer.weight_ih.data, layer.weight_hh.data
    b_ih, b_hh = (np.zeros_like(W_ih[0]) if b is None else b.data for b in (layer.bias_ih, layer.bias_hh))
    weight = np.concatenate([W_ih, (b_ih + b_hh)[None], W_hh])
    if layer.only_the_sum:
        return weight
    H = layer.hidden_size
    weight[len(W_ih), 2 * H :] = b_ih[2 * H :]
    last = np.concatenate([np.zeros((len(W_ih), H), W_ih.dtype), b_hh[None, 2 * H :], W_hh[:, 2 * H :]])
    return np.concatenate([weight, last], axis=1)


TWINS = {FORMULAS["_walk"]: walk, FORMULAS["_walk_back"]: walk_back}
