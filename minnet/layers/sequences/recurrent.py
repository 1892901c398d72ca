"""A recurrent layer reads a sequence step by step; a state h, which each step computes anew, is its memory.

Each class is one cell: a step and its backward, element by element on arrays (N, H). The loop over
time, forward and back, is the same for all, and is in `minnet.layers.sequences.unrolling`. Several layers and both
directions are made of plain layers, and are in `minnet.layers.sequences.stacked`.
"""

from typing import Any

import numpy as np

from minnet.core.arrays import Array
from minnet.core.checks import check_choice
from minnet.core.special import positive_part, sigmoid
from minnet.core.words import refusing
from minnet.layers.sequences.stacked import WORDS, Stacked
from minnet.layers.sequences.unrolling import Recurrent


class RNN(Stacked):
    """h_t = tanh(x_t @ W_ih + b_ih + h_{t−1} @ W_hh + b_hh).

    Backward: with s_t for the sum in brackets, tanh′ = 1 − h_t² gives ds_t = dh_t ∘ (1 − h_t²). All other
    gradients follow from ds_t: see `minnet.layers.sequences.unrolling.Recurrent`.

    J. Elman, "Finding structure in time", Cognitive Science 14, 1990; relu in place of tanh: Q. Le et
    al., "A simple way to initialize recurrent networks of rectified linear units", 2015.

    Parameters
    ----------
    input_size, hidden_size
        I and H, at least 1: x is (N, T, I), and y (N, T, H).
    num_layers
        L: how many layers there are, each of which reads the outputs of the one before.
    nonlinearity
        "tanh" or "relu".
    bias
        False leaves out b_ih and b_hh.
    dropout
        The probability of dropping a number of what a layer gives to the next, in training; there is none after the
        last. It needs two layers.
    bidirectional
        True: each layer reads the steps in both directions, with weights of its own for each. y is (N, T, 2·H), first
        the forward direction, then the backward one.
    rng
        None, an int, or a Generator: where the first values are drawn from, in the order below, and what is dropped.

    Attributes
    ----------
    weight_ih, weight_hh, bias_ih, bias_hh : Parameter
        W_ih (I, H), W_hh (H, H), and b_ih and b_hh, each (H,) or None. At first all are uniform in ±1/√H, which
        is PyTorch's default: a variance of 1/(3·H).
    layers : Layers
        With several layers or both directions, these are what has the weights: plain layers of one direction each,
        with the names l0, l0_reverse, l1, …, so that a weight is ``layer.layers["l0_reverse"].weight_ih``. States
        have them along their first axis. Otherwise, it is empty.
    dropouts : tuple of Dropout
        Between the layers.

    Examples
    --------
    >>> layer = RNN(3, 2, rng=0)
    >>> layer.forward(np.ones((4, 7, 3), np.float32)).shape  # 4 sequences of 7 steps
    (4, 7, 2)
    """

    gates = 1

    @refusing(WORDS)
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        *,
        nonlinearity: str = "tanh",
        bias: bool = True,
        dropout: float = 0.0,
        bidirectional: bool = False,
        rng: int | np.random.Generator | None = None,
    ) -> None:
        self.nonlinearity = check_choice("RNN", "nonlinearity", nonlinearity, ("tanh", "relu"))
        super().__init__(
            input_size, hidden_size, num_layers, bias=bias, dropout=dropout, bidirectional=bidirectional, rng=rng
        )

    def _plain(self, input_size: int, rng: np.random.Generator) -> Recurrent:
        return RNN(input_size, self.hidden_size, nonlinearity=self.nonlinearity, bias=self.bias, rng=rng)

    def _cell(self, sums: Any, state: tuple[Array, ...]) -> tuple[tuple[Array, ...], Any]:
        (s,) = sums
        h = np.tanh(s) if self.nonlinearity == "tanh" else positive_part(s)
        return (h,), h

    def _cell_backward(self, dstate: tuple[Any, ...], saved: Any) -> tuple[Any, tuple[Any, ...]]:
        (dh,), h = dstate, saved
        ds = (dh * (1 - h * h) if self.nonlinearity == "tanh" else dh * (h > 0),)
        return ds, (0.0,)


class GRU(Stacked):
    """h_t = (1 − z) ∘ n + z ∘ h_{t−1}: a mean of the old state and a candidate n, weighted by the gate z.

    With a = x_t @ W_ih + b_ih and u = h_{t−1} @ W_hh + b_hh, each in three parts,

    - r = σ(a_r + u_r) and z = σ(a_z + u_z), the reset and the update gate
    - n = tanh(a_n + r ∘ u_n), the candidate

    Backward: dz = dh ∘ (h_{t−1} − n), dn = dh ∘ (1 − z), and z ∘ dh is added to dL/dh_{t−1}. Through
    tanh, da_n = dn ∘ (1 − n²), so du_n = r ∘ da_n and dr = u_n ∘ da_n. Through σ, da_r = du_r =
    dr ∘ r ∘ (1 − r), and z alike.

    K. Cho et al., "Learning phrase representations using RNN encoder–decoder for statistical machine
    translation", EMNLP 2014. As in PyTorch, r is multiplied after the product, u_n = h @ W_hn + b_hn; in
    the paper, before it: (r ∘ h) @ W_hn.

    The parameters (but for `nonlinearity`) and the attributes are those of `RNN`. The weights and biases have 3·H
    columns: for r, z, and n.

    Examples
    --------
    >>> layer = GRU(3, 2, rng=0)
    >>> layer.forward(np.ones((4, 7, 3), np.float32)).shape  # 4 sequences of 7 steps
    (4, 7, 2)
    """

    gates = 3
    only_the_sum = False

    def _cell(self, sums: Any, state: tuple[Array, ...]) -> tuple[tuple[Array, ...], Any]:
        (a, u), (h,) = sums, state
        u_n = u[2]
        r, z = sigmoid(a[0] + u[0]), sigmoid(a[1] + u[1])
        n = np.tanh(a[2] + r * u_n)
        return ((1 - z) * n + z * h,), (r, z, n, u_n, h)

    def _cell_backward(self, dstate: tuple[Any, ...], saved: Any) -> tuple[Any, tuple[Any, ...]]:
        (dh,), (r, z, n, u_n, h) = dstate, saved
        dz = dh * (h - n) * z * (1 - z)  # now at a_z + u_z
        dn = dh * (1 - z) * (1 - n * n)  # now at a_n + r ∘ u_n
        dr = dn * u_n * r * (1 - r)
        return ((dr, dz, dn), (dr, dz, dn * r)), (dh * z,)


class LSTM(Stacked):
    """h_t = o ∘ tanh(c_t), c_t = f ∘ c_{t−1} + i ∘ g: only the gate f lets the memory c decay.

    With s = x_t @ W_ih + b_ih + h_{t−1} @ W_hh + b_hh in four parts: i = σ(s_i), f = σ(s_f), o = σ(s_o)
    are the input, forget and output gate, and g = tanh(s_g) is the candidate.

    Backward: the loss depends on c_t through h_t and through c_{t+1}, so dh ∘ o ∘ (1 − tanh² c_t) is added to
    the dc of step t + 1. Then do = dh ∘ tanh c_t, di = dc ∘ g, df = dc ∘ c_{t−1}, dg = dc ∘ i, and dL/dc_{t−1} is
    f ∘ dc. No matrix is multiplied there, so gradients reach far back. Through σ and tanh, ds_i =
    di ∘ i ∘ (1 − i), f and o alike, ds_g = dg ∘ (1 − g²).

    S. Hochreiter and J. Schmidhuber, "Long short-term memory", Neural Computation 9(8), 1997; the forget gate: F. Gers,
    J. Schmidhuber and F. Cummins, "Learning to forget", Neural Computation 12(10), 2000.

    The parameters (but for `nonlinearity`) and the attributes are those of `RNN`. The weights and biases have 4·H
    columns: for i, f, g, and o.

    Examples
    --------
    A state is the pair (h, c). Three steps, and then one more from the last state:

    >>> layer = LSTM(3, 2, rng=0)
    >>> y, state = layer.unroll(np.ones((4, 3, 3), np.float32))
    >>> y_next, state = layer.step(np.ones((4, 3), np.float32), state)
    >>> y.shape, y_next.shape
    ((4, 3, 2), (4, 2))
    """

    gates = 4
    state_names = ("h", "c")

    def _cell(self, sums: Any, state: tuple[Array, ...]) -> tuple[tuple[Array, ...], Any]:
        (i, f, g, o), (_, c) = sums, state
        i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
        c_next = f * c + i * g
        tanh_c = np.tanh(c_next)
        return (o * tanh_c, c_next), (i, f, g, o, c, tanh_c)

    def _cell_backward(self, dstate: tuple[Any, ...], saved: Any) -> tuple[Any, tuple[Any, ...]]:
        (dh, dc), (i, f, g, o, c, tanh_c) = dstate, saved
        dc = dc + dh * o * (1 - tanh_c * tanh_c)
        di = dc * g * i * (1 - i)
        df = dc * c * f * (1 - f)
        dg = dc * i * (1 - g * g)
        do = dh * tanh_c * o * (1 - o)
        return (di, df, dg, do), (0.0, dc * f)
