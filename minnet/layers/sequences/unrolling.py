"""Unrolling applies the cell of a recurrent layer to each step of a sequence, one after another, and then back.

RNN, GRU and LSTM share this loop. They differ in the cell, which computes one step: see
`minnet.layers.sequences.recurrent`.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from minnet.core.arrays import Array
from minnet.core.checks import check_flag, check_floats, check_gradient, check_int
from minnet.core.layer import Layer
from minnet.core.parameter import Parameter
from minnet.core.twins import twinned
from minnet.initializers import draw, uniform
from minnet.layers.sequences.masks import Mask, check_mask
from minnet.layers.sequences.states import State, States, as_states, public


class Recurrent(Layer):
    """h_t = cell(a_t, u_t, h_{t−1}), where a_t = x_t @ W_ih + b_ih and u_t = h_{t−1} @ W_hh + b_hh.

    Backward is the same loop, from the last step to the first. dL/dh_t is dy_t plus the gradient from step
    t + 1; the cell's backward maps it to da_t and du_t; and step t adds du_t @ W_hh.T to dL/dh_{t−1}. All steps
    share the weights, so with sums over the batch as well

    - dL/dW_ih = Σ_t x_t.T @ da_t, dL/db_ih = Σ_t da_t, and dL/dx_t = da_t @ W_ih.T
    - dL/dW_hh = Σ_t h_{t−1}.T @ du_t, dL/db_hh = Σ_t du_t

    P. Werbos, "Backpropagation through time: what it does and how to do it", Proceedings of the IEEE 78(10), 1990.

    This is the base of the recurrent layers. A subclass defines the cell and its backward, element by element.
    """

    takes_mask = True
    gates: int  # G, of the cell: a_t and u_t are G arrays of H numbers each
    state_names: tuple[str, ...] = ("h",)  # the parts of the state, h first
    only_the_sum: bool = True  # whether the cell uses only s_t = a_t + u_t: then da_t = du_t = ds_t

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        bias: bool = True,
        rng: int | np.random.Generator | None = None,
    ) -> None:
        name = type(self).__name__
        self.input_size = input_size = check_int(name, "input_size", input_size)
        self.hidden_size = hidden_size = check_int(name, "hidden_size", hidden_size)
        self.bias = check_flag(type(self).__name__, "bias", bias)
        rng = np.random.default_rng(rng)
        default = uniform(-1 / math.sqrt(hidden_size), 1 / math.sqrt(hidden_size))
        width = self.gates * hidden_size
        self.weight_ih = Parameter(draw(default, (input_size, width), rng))
        self.weight_hh = Parameter(draw(default, (hidden_size, width), rng))
        self.bias_ih = Parameter(draw(default, (width,), rng)) if bias else None
        self.bias_hh = Parameter(draw(default, (width,), rng)) if bias else None

    def _cell(self, sums: Any, state: States) -> tuple[States, Any]:
        """Map s_t, or (a_t, u_t), each (G, N, H), and a state to the next state, and to what `_cell_backward` needs.

        The next step overwrites s_t, so nothing that is returned may be s_t or a view of it.
        """
        raise NotImplementedError(f"{type(self).__name__} has no _cell")

    def _cell_backward(self, dstate: tuple[Any, ...], saved: Any) -> tuple[Any, tuple[Any, ...]]:
        """Map dL/d(next state) to ds_t, or (da_t, du_t), and to the part of dL/d(state) that bypasses the sums."""
        raise NotImplementedError(f"{type(self).__name__} has no _cell_backward")

    def check(self, x: Array, state: State | None = None, mask: Mask | None = None) -> None:
        """Check sequences, a state and a mask for `forward` and `unroll`."""
        self._check_input(x, "N, T", 3)
        self._states("state", state, x.shape[:-2], x.dtype)
        cure = "from lengths, make it with np.arange(T) < lengths[:, None]"
        check_mask(self, mask, x.shape[:-1], "True where a step is real", cure)

    def forward(self, x: Array, state: State | None = None, mask: Mask | None = None) -> Array:
        """Map the sequences x (N, T, I) to y (N, T, H), y_t = h_t; or a single one, without the N in all shapes.

        Parameters
        ----------
        state
            The first state: h (N, H), or (h, c) for an LSTM; zeros by default.
        mask
            For sequences of different lengths, padded to the same one with any finite numbers: (N, T), True
            where a step is real, such as ``np.arange(T) < lengths[:, None]``. Where it is False the state stays
            as it was, and y is the h of the step before. So ``y[:, -1]`` is each sequence's last h.
        """
        return self.unroll(x, state, mask)[0]

    def unroll(self, x: Array, state: State | None = None, mask: Mask | None = None) -> tuple[Array, State]:
        """Do as `forward` does, but return (y, last state), and a later call can start from that state."""
        self.check(x, state, mask)
        states = self._states("state", state, x.shape[:-2], x.dtype)
        vars(self).pop("_cache", None)  # so that its memory, which is in the processor's cache, is used again at once
        z, h = self._inputs(x, states[0])
        states, saved = self._walk(z, states, mask)
        self.cache = (z, saved, mask, state is not None)
        return h[1:].swapaxes(0, -2).copy(), public(states)

    def step(self, x: Array, state: State | None = None) -> tuple[Array, State]:
        """Take one step: map x_t (N, I) or (I,) and a state to (y_t, next state).

        It is for sequences that are made step by step, such as text that is sampled letter by letter. T steps
        compute the same as one `forward`. Nothing is saved for `backward`, in either mode.
        """
        self._check_input(x, "N", 2)
        states = self._states("state", state, x.shape[:-1], x.dtype)
        a = self._by_gate(_affine(x, self.weight_ih, self.bias_ih))
        u = self._by_gate(_affine(states[0], self.weight_hh, self.bias_hh))
        states, _ = self._cell(a + u if self.only_the_sum else (a, u), states)
        return states[0], public(states)

    def backward(self, dy: Array, dstate: State | None = None) -> Array | tuple[Array, State]:
        """Add the gradients of weights and biases, and map dy (N, T, H) to dx (N, T, I).

        `dstate` is dL/d(last state), if L depends on the state that `unroll` returned. If `forward` was given a state,
        the result is (dx, dL/d(that state)), in its form.
        """
        da, dstates = self._add_gradients(dy, dstate)
        z, *_, state_given = self.cache
        dx = np.dot(da, self.weight_ih.data.T).reshape(*z[1:].shape[:-1], self.input_size)  # (T, N, I)
        dx = np.ascontiguousarray(dx.swapaxes(0, -2))
        return (dx, public(dstates)) if state_given else dx

    def accumulate_grad(self, dy: Array, dstate: State | None = None) -> None:
        """Add the gradients of weights and biases only."""
        self._add_gradients(dy, dstate)

    @twinned
    def _walk(self, z: Array, states: States, mask: Mask | None) -> tuple[States, Any]:
        """Take all steps, each of which writes its h into z; return the last state, and what the way back needs."""
        h, saved = z[..., -self.hidden_size :], []
        for t, sums in enumerate(self._sums(z)):
            after, values = self._cell(sums, states)
            if mask is not None:
                real = mask[..., t, None]
                after = tuple(np.where(real, new, old) for new, old in zip(after, states, strict=True))
            states = after
            h[t + 1] = states[0]
            if self.recording:
                saved.append(values)
        return states, saved

    @twinned
    def _walk_back(self, dy: Array, dstates: States, saved: Any, mask: Mask | None) -> tuple[Array, Array, States]:
        """Go back from the last step to the first; return all da_t and du_t, (T, N, G·H), and dL/d(first state)."""
        da = np.empty((len(saved), *dstates[0].shape[:-1], self.gates * self.hidden_size), dy.dtype)
        du = da if self.only_the_sum else np.empty_like(da)
        for t in reversed(range(len(saved))):
            dstates = (dstates[0] + dy[..., t, :], *dstates[1:])
            if mask is not None:  # where no step was taken, dstate is that of the state before, and 0 for the cell
                real = mask[..., t, None]
                passed = [np.where(real, 0, d) for d in dstates]
                dstates = tuple(np.where(real, d, 0) for d in dstates)
            dsums, dstates = self._cell_backward(dstates, saved[t])
            for array, parts in [(da, dsums)] if self.only_the_sum else zip((da, du), dsums, strict=True):
                np.concatenate(parts, axis=-1, out=array[t])
            dh = np.dot(du[t], self.weight_hh.data.T)
            dh += dstates[0]
            dstates = (dh, *dstates[1:])
            if mask is not None:
                dstates = tuple(d + p for d, p in zip(dstates, passed, strict=True))
        return da, du, dstates

    def _add_gradients(self, dy: Array, dstate: State | None) -> tuple[Array, States]:
        """Add the gradients of weights and biases; return all da_t as rows (T·N, G·H), and dL/d(first state)."""
        z, saved, mask, _ = self.cache
        steps, batch, H = len(z) - 1, z.shape[1:-1], self.hidden_size
        check_gradient(self, dy, (*batch, steps, H), z.dtype)
        da, du, dstates = self._walk_back(dy, self._states("dstate", dstate, batch, z.dtype), saved, mask)

        ones, rows = self.input_size, z[:-1].reshape(-1, z.shape[-1])  # the column of ones comes after those of x
        da, du = da.reshape(-1, da.shape[-1]), du.reshape(-1, du.shape[-1])
        if self.only_the_sum:
            d_ih = d_hh = np.dot(rows.T, da)  # (I + 1 + H, G·H)
        else:
            d_ih, d_hh = np.dot(rows[:, : ones + 1].T, da), np.dot(rows[:, ones:].T, du)
        self.weight_ih.grad += d_ih[:ones]
        self.weight_hh.grad += d_hh[-H:]
        if self.bias_ih is not None and self.bias_hh is not None:
            self.bias_ih.grad += d_ih[ones]
            self.bias_hh.grad += d_hh[-H - 1]
        return da, dstates

    def _inputs(self, x: Array, h: Array) -> tuple[Array, Array]:
        """Return z (T + 1, N, I + 1 + H), where z_t = [x_t, 1, h_{t−1}], and the part of it that is all h, a view.

        Time is the first axis, so that a step is one block of memory. Only the first h is written yet.
        """
        ones = self.input_size
        x = x.swapaxes(0, -2)  # (T, I) stays as it is
        z = np.empty((len(x) + 1, *x.shape[1:-1], ones + 1 + self.hidden_size), x.dtype)
        z[:-1, ..., :ones] = x
        z[..., ones] = 1
        z[0, ..., ones + 1 :] = h
        return z, z[..., ones + 1 :]

    def _sums(self, z: Array) -> Iterator[Any]:
        """Yield s_t, or (a_t, u_t), one step after another; the h of a step must be in z before the step."""
        ones, width = self.input_size, self.gates * self.hidden_size
        W_ih, W_hh = self.weight_ih.data, self.weight_hh.data
        b_ih, b_hh = (np.zeros(width, z.dtype) if b is None else b.data for b in (self.bias_ih, self.bias_hh))
        if self.only_the_sum:
            # One product a step, [x_t, 1, h_{t−1}] @ [W_ih, b, W_hh]. With one product for all x before the loop, as
            # below, a large array is written and read once more: a training step took 5 to 10 % longer.
            weight = np.concatenate([W_ih, (b_ih + b_hh)[None], W_hh])
            s = np.empty((*z.shape[1:-1], width), z.dtype)
            for z_t in z[:-1]:
                yield self._by_gate(np.dot(z_t, weight, out=s))
        else:
            inputs = z[:-1].reshape(-1, z.shape[-1])[:, : ones + 1]
            a = np.dot(inputs, np.concatenate([W_ih, b_ih[None]])).reshape(*z[:-1].shape[:-1], width)
            weight = np.concatenate([b_hh[None], W_hh])
            for a_t, z_t in zip(a, z[:-1], strict=True):
                yield self._by_gate(a_t), self._by_gate(np.dot(z_t[..., ones:], weight))

    def _by_gate(self, a: Array) -> Array:
        """View (N, G·H) as (G, N, H)."""
        return a.reshape(*a.shape[:-1], self.gates, self.hidden_size).swapaxes(0, -2)

    @property
    def _dtype(self) -> "np.dtype[Any]":
        return self.weight_ih.data.dtype

    def _check_input(self, x: Array, leading: str, axes: int) -> None:
        check_floats(self, x, self._dtype)
        if x.ndim not in (axes, axes - 1) or x.shape[-1] != self.input_size:
            raise ValueError(
                f"{self.describe()} expected shape ({leading}, {self.input_size}), batch first and features last, or "
                f"without the N, got {x.shape}: give sequences of single numbers a last axis of one, x[..., None]"
            )

    def _states(
        self, what: str, state: State | None, batch: tuple[int, ...], dtype: "np.dtype[Any]"
    ) -> tuple[Array, ...]:
        """Return a state, or its gradient, as a tuple of arrays (N, H), after a check; None is zeros."""
        cure = "and no first axis for layers, which PyTorch's states have"
        return as_states(self, what, state, self.state_names, (*batch, self.hidden_size), dtype, cure)


def _affine(x: Array, weight: Parameter, bias: Parameter | None) -> Array:
    y: Array = x @ weight.data
    if bias is not None:
        y += bias.data
    return y
