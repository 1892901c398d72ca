"""Kernels for the steps of recurrent layers with few rows: products and cell in one call, for one step or for many.

The formulas are those of `minnet.layers.sequences.recurrent`. A row at a time, the products are sums of the rows of the
weights, which are read from the cache; for many rows at once, BLAS takes less time.
"""

import numpy as np

from minnet.compiled.foundation.numba_code import compiled
from minnet.compiled.foundation.vector_math import sigmoid, tanh
from minnet.core.arrays import Array


@compiled
def add_product(x: Array, weight: Array, s: Array) -> None:
    """Add x @ W to s; eight rows of W at a time, so that s is read and written less often."""
    whole = len(x) // 8 * 8
    for i in range(0, whole, 8):
        a, b, c, d, e, f, g, h = x[i], x[i + 1], x[i + 2], x[i + 3], x[i + 4], x[i + 5], x[i + 6], x[i + 7]
        p, q, r, t = weight[i], weight[i + 1], weight[i + 2], weight[i + 3]
        u, v, w, z = weight[i + 4], weight[i + 5], weight[i + 6], weight[i + 7]
        for j in range(len(s)):
            s[j] += a * p[j] + b * q[j] + c * r[j] + d * t[j] + e * u[j] + f * v[j] + g * w[j] + h * z[j]
    for i in range(whole, len(x)):
        a, p = x[i], weight[i]
        for j in range(len(s)):
            s[j] += a * p[j]


@compiled
def lstm(x: Array, w_ih: Array, w_hh: Array, b_ih: Array, b_hh: Array, h: Array, c: Array, y: Array) -> None:
    """Take the steps of sequences (N, T, I): write y (N, T, H), and change the state, h and c (N, H)."""
    H, s = h.shape[1], np.empty(len(b_ih), x.dtype)
    for n in range(len(x)):
        row, memory = h[n], c[n]
        for t in range(x.shape[1]):
            for j in range(len(s)):
                s[j] = b_ih[j] + b_hh[j]
            add_product(x[n, t], w_ih, s)
            add_product(row, w_hh, s)
            i, f, g, o = s[:H], s[H : 2 * H], s[2 * H : 3 * H], s[3 * H :]
            for j in range(H):
                memory[j] = sigmoid(f[j]) * memory[j] + sigmoid(i[j]) * tanh(g[j])
                row[j] = sigmoid(o[j]) * tanh(memory[j])
            y[n, t] = row


@compiled
def gru(x: Array, w_ih: Array, w_hh: Array, b_ih: Array, b_hh: Array, h: Array, y: Array) -> None:
    """Do the same for a GRU, whose state is h."""
    H, a, u = h.shape[1], np.empty(len(b_ih), x.dtype), np.empty(len(b_ih), x.dtype)
    for n in range(len(x)):
        row = h[n]
        for t in range(x.shape[1]):
            a[:] = b_ih
            u[:] = b_hh
            add_product(x[n, t], w_ih, a)
            add_product(row, w_hh, u)
            a_r, a_z, a_n, u_r, u_z, u_n = a[:H], a[H : 2 * H], a[2 * H :], u[:H], u[H : 2 * H], u[2 * H :]
            for j in range(H):
                r, z = sigmoid(a_r[j] + u_r[j]), sigmoid(a_z[j] + u_z[j])
                row[j] = (np.float32(1) - z) * tanh(a_n[j] + r * u_n[j]) + z * row[j]
            y[n, t] = row


@compiled
def rnn(x: Array, w_ih: Array, w_hh: Array, b_ih: Array, b_hh: Array, is_tanh: bool, h: Array, y: Array) -> None:
    """Do the same for an RNN, with tanh or ReLU."""
    s, zero = np.empty(len(b_ih), x.dtype), np.float32(0)
    for n in range(len(x)):
        row = h[n]
        for t in range(x.shape[1]):
            for j in range(len(s)):
                s[j] = b_ih[j] + b_hh[j]
            add_product(x[n, t], w_ih, s)
            add_product(row, w_hh, s)
            if is_tanh:
                for j in range(len(s)):
                    row[j] = tanh(s[j])
            else:
                for j in range(len(s)):
                    row[j] = zero if s[j] < zero else s[j]  # NaN stays NaN
            y[n, t] = row
