"""Walks over time, of RNN, GRU and LSTM, in compiled code: all steps are one call, without Python's lock.

The formulas are those of `minnet.layers.sequences.recurrent`, where they are explained. Each gate is a product of its
own, which BLAS writes to where the gate is kept: then one loop, over neighbours in memory, computes that gate for all
sequences. On the way back, each gate is a product of its own, too, because for less than a million multiplications
(32 sequences, 128 inputs, 128 outputs) OpenBLAS has code that takes two thirds of the time, on AVX-512. A loop writes
one array, because the compiler makes vector code only where it can tell few arrays apart.

`real` (N, T) is the mask. Where it is False, h and c stay as they were, and so do their gradients. `saved` has what
`_cell` returns for the way back, of all steps, or of one, if nothing is kept.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from minnet.compiled.foundation.blas import gemm
from minnet.compiled.foundation.numba_code import exactly
from minnet.compiled.foundation.vector_math import ONE, ZERO, sigmoid, tanh
from minnet.core.arrays import Array

Real = NDArray[np.bool_]


@exactly
def rnn(blas: int, z: Array, weight: Array, real: Real, saved: Array, relu: bool) -> None:
    """Take all steps of an RNN: write each h into z, and into `saved` (T, 1, N, H)."""
    N, H = saved.shape[-2:]
    for t in range(len(z) - 1):
        h = saved[t % len(saved), 0]
        gemm(blas, z[t], False, weight, False, h, 0)
        if relu:
            to_positive_part(h.reshape(N * H))
        else:
            to_tanh(h.reshape(N * H))
        for n in range(N):
            copy(h[n] if real[n, t] else z[t, n, -H:], z[t + 1, n, -H:])


@exactly
def rnn_back(blas: int, dy: Array, back: Array, real: Real, saved: Array, ds: Array, dh: Array, relu: bool) -> None:
    """Go back over all steps: write all ds_t, and make dL/d(first h) of dL/d(last h)."""
    T, _, N, H = saved.shape
    for t in range(T - 1, -1, -1):
        for n in range(N):
            h, d, s = saved[t, 0, n], dh[n], ds[t, n]
            add(dy[n, t], d)
            if not real[n, t]:
                fill(s, ZERO)
                continue
            for k in range(H):
                slope = (ONE if h[k] > ZERO else ZERO) if relu else ONE - h[k] * h[k]
                s[k] = d[k] * slope
            fill(d, ZERO)
        gemm(blas, ds[t], False, back, False, dh, 1)


@exactly
def gru(blas: int, z: Array, weight: Array, real: Real, saved: Array) -> None:
    """Take all steps of a GRU: write each h into z, and r, z, n, u_n and h_{t−1} into `saved` (T, 5, N, H).

    The columns of `weight` are for r, z, a_n and u_n; a_n uses the rows of x and 1, and u_n those of 1 and h.
    """
    N, H = saved.shape[-2:]
    one = z.shape[-1] - H - 1
    for t in range(len(z) - 1):
        gates = saved[t % len(saved)]
        gemm(blas, z[t], False, weight[:, :H], False, gates[0], 0)
        gemm(blas, z[t], False, weight[:, H : 2 * H], False, gates[1], 0)
        gemm(blas, z[t, :, : one + 1], False, weight[: one + 1, 2 * H : 3 * H], False, gates[2], 0)
        gemm(blas, z[t, :, one:], False, weight[one:, 3 * H :], False, gates[3], 0)
        for n in range(N):
            copy(z[t, n, -H:], gates[4, n])
        flat = gates.reshape(5, N * H)
        r, update, new, u_n = flat[0], flat[1], flat[2], flat[3]
        to_sigmoid(r)
        to_sigmoid(update)
        for k in range(r.size):
            new[k] += r[k] * u_n[k]
        to_tanh(new)
        for n in range(N):
            h, w, new, before = z[t + 1, n, -H:], gates[1, n], gates[2, n], gates[4, n]
            copy(before, h)
            if real[n, t]:
                for k in range(H):
                    h[k] = (ONE - w[k]) * new[k] + w[k] * before[k]


@exactly
def gru_back(blas: int, dy: Array, back: Array, real: Real, saved: Array, da: Array, du: Array, dh: Array) -> None:
    """Go back over all steps: write all da_t and du_t, and make dL/d(first h) of dL/d(last h)."""
    T, _, N, H = saved.shape
    for t in range(T - 1, -1, -1):
        for n in range(N):
            r, w, new, u_n, before = saved[t, 0, n], saved[t, 1, n], saved[t, 2, n], saved[t, 3, n], saved[t, 4, n]
            d, dr, dw, dn, du_n = dh[n], da[t, n, :H], da[t, n, H : 2 * H], da[t, n, 2 * H :], du[t, n, 2 * H :]
            add(dy[n, t], d)
            if not real[n, t]:
                fill(da[t, n], ZERO)
                fill(du[t, n], ZERO)
                continue
            for k in range(H):
                dw[k] = d[k] * (before[k] - new[k]) * w[k] * (ONE - w[k])
            for k in range(H):
                dn[k] = d[k] * (ONE - w[k]) * (ONE - new[k] * new[k])
            for k in range(H):
                dr[k] = dn[k] * u_n[k] * r[k] * (ONE - r[k])
            for k in range(H):
                du_n[k] = dn[k] * r[k]
            copy(da[t, n, : 2 * H], du[t, n, : 2 * H])
            for k in range(H):
                d[k] *= w[k]
        for gate in range(0, 3 * H, H):
            gemm(blas, du[t, :, gate : gate + H], False, back[gate : gate + H], False, dh, 1)


@exactly
def lstm(blas: int, z: Array, weight: Array, real: Real, saved: Array, c: Array) -> None:
    """Take all steps of an LSTM: write each h into z, and i, f, g, o, c_{t−1} and tanh c_t into `saved` (T, 6, N, H).

    The first c becomes the last.
    """
    N, H = saved.shape[-2:]
    for t in range(len(z) - 1):
        gates = saved[t % len(saved)]
        for gate in range(4):
            gemm(blas, z[t], False, weight[:, gate * H : (gate + 1) * H], False, gates[gate], 0)
        flat = gates.reshape(6, N * H)
        i, f, g, o, before, tanh_c = flat[0], flat[1], flat[2], flat[3], flat[4], flat[5]
        to_sigmoid(i)
        to_sigmoid(f)
        to_tanh(g)
        to_sigmoid(o)
        copy(c.reshape(N * H), before)
        for k in range(i.size):
            tanh_c[k] = f[k] * before[k] + i[k] * g[k]
        for n in range(N):
            if real[n, t]:
                copy(gates[5, n], c[n])
        to_tanh(tanh_c)
        for n in range(N):
            h, o_n, tanh_n = z[t + 1, n, -H:], gates[3, n], gates[5, n]
            if real[n, t]:
                for k in range(H):
                    h[k] = o_n[k] * tanh_n[k]
            else:
                copy(z[t, n, -H:], h)


@exactly
def lstm_back(blas: int, dy: Array, back: Array, real: Real, saved: Array, ds: Array, dh: Array, dc: Array) -> None:
    """Go back over all steps: write all ds_t, and make the gradients of the first h and c of those of the last."""
    T, _, N, H = saved.shape
    for t in range(T - 1, -1, -1):
        for n in range(N):
            i, f, g, o = saved[t, 0, n], saved[t, 1, n], saved[t, 2, n], saved[t, 3, n]
            before, tanh_c, d, e = saved[t, 4, n], saved[t, 5, n], dh[n], dc[n]
            di, df, dg, do = ds[t, n, :H], ds[t, n, H : 2 * H], ds[t, n, 2 * H : 3 * H], ds[t, n, 3 * H :]
            add(dy[n, t], d)
            if not real[n, t]:
                fill(ds[t, n], ZERO)
                continue
            for k in range(H):
                e[k] += d[k] * o[k] * (ONE - tanh_c[k] * tanh_c[k])
            for k in range(H):
                do[k] = d[k] * tanh_c[k] * o[k] * (ONE - o[k])
            for k in range(H):
                di[k] = e[k] * g[k] * i[k] * (ONE - i[k])
            for k in range(H):
                df[k] = e[k] * before[k] * f[k] * (ONE - f[k])
            for k in range(H):
                dg[k] = e[k] * i[k] * (ONE - g[k] * g[k])
            for k in range(H):
                e[k] *= f[k]
            fill(d, ZERO)
        for gate in range(0, 4 * H, H):
            gemm(blas, ds[t, :, gate : gate + H], False, back[gate : gate + H], False, dh, 1)


@exactly
def to_sigmoid(x: Array) -> None:
    """Put the sigmoid of each number into its place."""
    for k in range(x.size):
        x[k] = sigmoid(x[k])


@exactly
def to_tanh(x: Array) -> None:
    """Put the hyperbolic tangent of each number into its place."""
    for k in range(x.size):
        x[k] = tanh(x[k])


@exactly
def to_positive_part(x: Array) -> None:
    """Put max(x, 0) into the place of each number; NaN stays NaN."""
    for k in range(x.size):
        x[k] = ZERO if x[k] <= ZERO else x[k]


@exactly
def add(x: Array, to: Array) -> None:
    """Add one array to another."""
    for k in range(to.size):
        to[k] += x[k]


@exactly
def copy(x: Array, to: Array) -> None:
    """Copy one array to another."""
    for k in range(to.size):
        to[k] = x[k]


@exactly
def fill(x: Array, value: Any) -> None:
    """Write a number to all places of an array."""
    for k in range(x.size):
        x[k] = value
