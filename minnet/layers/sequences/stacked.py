"""Recurrent layers on top of each other, each in one direction or in both, are one layer made of plain ones."""

from typing import Any

import numpy as np

from minnet.core.arrays import Array
from minnet.core.checks import check_flag, check_gradient, check_int
from minnet.core.described import describe
from minnet.core.layers import Layers
from minnet.core.words import CPU, refusing
from minnet.layers.dropout import Dropout
from minnet.layers.sequences.masks import Mask
from minnet.layers.sequences.states import State, as_states, public
from minnet.layers.sequences.unrolling import Recurrent

WORDS = {
    "batch_first": "sequences are always (N, T, I), the batch first, leave it out",
    "proj_size": "y is h itself; put a Linear after the layer, which maps it to another size",
    "device": CPU,
    "dtype": "write layer.astype(np.float64)",
}


class Stacked(Recurrent):
    """y = layer number L of … layer number 1 of x, and each of them reads forward, or forward and backward.

    The base of RNN, GRU and LSTM. One layer in one direction is a `Recurrent` and nothing else. Otherwise, `layers` has
    plain layers of one direction. A layer that reads backward is given the steps in reverse order, with their mask, and
    its outputs are put in reverse order again; so it begins at the last real step of each sequence. With both
    directions, the outputs are joined, [y_forward, y_backward], (N, T, 2·H), and this is what the next layer reads.

    Backward: from the last layer to the first; dy is cut into the parts of the two directions, and their dx add up.

    M. Schuster and K. Paliwal, "Bidirectional recurrent neural networks", IEEE Transactions on Signal Processing
    45(11), 1997.
    """

    layers: Layers[Recurrent] = Layers()
    dropouts: tuple[Dropout, ...] = ()

    @refusing(WORDS)
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        bias: bool = True,
        dropout: float = 0.0,
        bidirectional: bool = False,
        rng: int | np.random.Generator | None = None,
    ) -> None:
        self.num_layers = check_int(type(self).__name__, "num_layers", num_layers)
        self.bidirectional = check_flag(type(self).__name__, "bidirectional", bidirectional)
        rng = np.random.default_rng(rng)
        if dropout and num_layers == 1:
            raise ValueError(
                f"{type(self).__name__}'s dropout is between its layers, and with num_layers=1 there is only one, got "
                f"dropout={dropout}: leave it out, or put mn.Dropout({dropout}) before or after the layer"
            )
        if num_layers == 1 and not bidirectional:
            super().__init__(input_size, hidden_size, bias=bias, rng=rng)
            return
        self.input_size = check_int(type(self).__name__, "input_size", input_size)
        self.hidden_size = check_int(type(self).__name__, "hidden_size", hidden_size)
        self.bias = check_flag(type(self).__name__, "bias", bias)
        layers = {}  # one after another, because a file may ask for a billion of them
        for level in range(num_layers):
            for end in ("", "_reverse")[: self._directions]:
                layers[f"l{level}{end}"] = self._plain(self._directions * hidden_size if level else input_size, rng)
        self.layers = Layers(layers.values(), layers)
        if dropout:
            self.dropouts = tuple(Dropout(dropout, rng=rng) for _ in range(num_layers - 1))

    def _plain(self, input_size: int, rng: np.random.Generator) -> Recurrent:
        """Return one layer of one direction. A subclass with other arguments passes them on here."""
        return type(self)(input_size, self.hidden_size, bias=self.bias, rng=rng)

    @property
    def dropout(self) -> float:
        """The probability of dropping a number of what a layer but the first is given."""
        return self.dropouts[0].p if self.dropouts else 0.0

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    @property
    def _dtype(self) -> "np.dtype[Any]":
        return self.layers[0]._dtype if self.layers else super()._dtype

    def describe(self) -> str:
        """Say in one line what this layer is, with the arguments that are not the defaults."""
        return describe(self)

    def forward(self, x: Array, state: State | None = None, mask: Mask | None = None) -> Array:
        """Map the sequences x (N, T, I) to y (N, T, D·H), where D = 2 if the layer is bidirectional, and else 1.

        Without the N in all shapes, a single sequence.

        Parameters
        ----------
        state
            The first state: h, or (h, c) for an LSTM; zeros by default. Of one layer in one direction, each is (N, H).
            Otherwise it is (L·D, N, H), as in PyTorch: for each layer, the state of its forward direction, and then
            that of its backward direction.
        mask
            For sequences of different lengths, padded to the same one with any finite numbers: (N, T), True
            where a step is real, such as ``np.arange(T) < lengths[:, None]``. Where it is False the state stays
            as it was, and y is the h of the step before, in the order of the direction. So ``y[:, -1, :H]`` is each
            sequence's last h, and ``y[:, 0, H:]`` that of the backward direction.
        """
        if not self.layers:
            return super().forward(x, state, mask)
        return self._run(x, state, mask, "forward")[0]

    def unroll(self, x: Array, state: State | None = None, mask: Mask | None = None) -> tuple[Array, State]:
        """Do as `forward` does, but return (y, last state), and a later call can start from that state."""
        if not self.layers:
            return super().unroll(x, state, mask)
        y, last = self._run(x, state, mask, "unroll")
        return y, public(tuple(np.stack(parts) for parts in zip(*last, strict=True)))

    def step(self, x: Array, state: State | None = None) -> tuple[Array, State]:
        """Take one step: map x_t (N, I) or (I,) and a state to (y_t, next state).

        It is for sequences that are made step by step, such as text that is sampled letter by letter. T steps
        compute the same as one `forward`, but no number is dropped between the layers. Nothing is saved for
        `backward`, in either mode. With two directions it is a ValueError: one of them begins at the last step.
        """
        if not self.layers:
            return super().step(x, state)
        if self.bidirectional:
            raise ValueError(
                f"{self.describe()} cannot go step by step, because its backward direction begins at a sequence's last "
                "step: give forward or unroll the whole sequences, or leave out bidirectional=True"
            )
        self._check_input(x, "N", 2)
        states, last = self._states("state", state, x.shape[:-1], x.dtype), []
        for i, layer in enumerate(self.layers):
            x, after = layer.step(x, _state_of(states, i))
            last.append(_arrays(after))
        return x, public(tuple(np.stack(parts) for parts in zip(*last, strict=True)))

    def backward(self, dy: Array, dstate: State | None = None) -> Array | tuple[Array, State]:
        """Add the gradients of weights and biases, and map dy (N, T, D·H) to dx (N, T, I).

        `dstate` is dL/d(last state), if L depends on the state that `unroll` returned. If `forward` was given a state,
        the result is (dx, dL/d(that state)), in its form.
        """
        if not self.layers:
            return super().backward(dy, dstate)
        dx, dfirst = self._run_back(dy, dstate, "backward")
        return (dx, public(tuple(np.stack(parts) for parts in zip(*dfirst, strict=True)))) if dfirst else dx

    def accumulate_grad(self, dy: Array, dstate: State | None = None) -> None:
        """Add the gradients of weights and biases only."""
        if not self.layers:
            super().accumulate_grad(dy, dstate)
        else:
            self._run_back(dy, dstate, "accumulate_grad")

    def _run(self, x: Array, state: State | None, mask: Mask | None, method: str) -> tuple[Array, list[Any]]:
        """Run the layers by `forward` or `unroll`; return y, and what `unroll` returns: the last state of each."""
        self.check(x, state, mask)
        states = None if state is None else self._states("state", state, x.shape[:-2], x.dtype)
        last: list[Any] = []
        for level in range(self.num_layers):
            if level and self.dropouts:
                x = self.dropouts[level - 1].forward(x)
            outputs = []
            for i, turn in self._of(level):
                real = None if mask is None else mask[..., ::turn]
                result = getattr(self.layers[i], method)(x[..., ::turn, :], _state_of(states, i), real)
                y, after = result if method == "unroll" else (result, ())
                outputs.append(y[..., ::turn, :])
                last.append(_arrays(after))
            x = np.concatenate(outputs, axis=-1) if self.bidirectional else outputs[0]
        self.cache = (x.shape, x.dtype, state is not None)
        return x, last

    def _run_back(self, dy: Array, dstate: State | None, method: str) -> tuple[Array, list[Any]]:
        """Run the layers back, the first by `method`; return dx and, if a state was given, dL/d(each first state)."""
        shape, dtype, state_given = self.cache
        check_gradient(self, dy, shape, dtype)
        dstates = None if dstate is None else self._states("dstate", dstate, shape[:-2], dtype)
        dfirst: list[Any] = [None] * len(self.layers)
        for level in reversed(range(self.num_layers)):
            parts, results = np.split(dy, self._directions, axis=-1), []
            for part, (i, turn) in zip(parts, self._of(level), strict=True):
                back = getattr(self.layers[i], "backward" if level else method)
                dx = back(part[..., ::turn, :], _state_of(dstates, i))
                if state_given and dx is not None:
                    dx, dlast = dx
                    dfirst[i] = _arrays(dlast)
                results.append(None if dx is None else dx[..., ::turn, :])
            if results[0] is not None:
                dy = results[0] + results[1] if self.bidirectional else results[0]
            if level and self.dropouts:
                dy = self.dropouts[level - 1].backward(dy)
        return dy, dfirst if state_given else []

    def _of(self, level: int) -> list[tuple[int, int]]:
        """Return the layers of a level: the place of each in `layers`, and the stride with which it reads, 1 or −1."""
        return [(level * self._directions + i, turn) for i, turn in enumerate((1, -1)[: self._directions])]

    def _states(
        self, what: str, state: State | None, batch: tuple[int, ...], dtype: "np.dtype[Any]"
    ) -> tuple[Array, ...]:
        if not self.layers:
            return super()._states(what, state, batch, dtype)
        shape, cure = (len(self.layers), *batch, self.hidden_size), "and a first axis for layers and their directions"
        return as_states(self, what, state, self.state_names, shape, dtype, cure)


def _arrays(state: State) -> tuple[Array, ...]:
    return state if isinstance(state, tuple) else (state,)


def _state_of(states: tuple[Array, ...] | None, i: int) -> State | None:
    """Return the state of layer i, from those of all layers."""
    return None if states is None else public(tuple(array[i] for array in states))
