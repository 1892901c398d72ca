"""Kernels are the formulas of activations and losses, and a dense network's prediction, as loops that Numba compiles.

The formulas are those of the layers and losses, whose pages explain them. They are not imported from there, because
Numba would not notice an edit, and because Numba's code for them is slower than the loops here. In float32, for 10 to
128 numbers a row, it takes these times as long: softmax 1.0 to 1.3, sigmoid 1.4 to 3.1, the slopes of ReLU 1.0, those
of Tanh and Sigmoid 1.1 to 1.8.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from minnet.compiled.foundation.numba_code import compiled
from minnet.compiled.foundation.products import add, forward_few
from minnet.core.arrays import Array

NOTHING, RELU, TANH, SIGMOID = range(4)
ACTIVATIONS = {"NoneType": NOTHING, "ReLU": RELU, "Tanh": TANH, "Sigmoid": SIGMOID}


@compiled
def predict(x: Array, parameters: Array, layout: NDArray[np.int64], probabilities: bool) -> Array:
    """Return a network's outputs (N, O) for samples (N, I); as probabilities, if they are asked for.

    `parameters` is one array: for each layer the weights, transposed, (O, I), and the biases. `layout` has a row for
    each layer: the number of inputs, of outputs, and the activation.
    """
    begin = 0
    for i in range(len(layout)):
        inputs, outputs, activation = layout[i]
        middle, end = begin + inputs * outputs, begin + inputs * outputs + outputs
        y = np.empty((len(x), outputs), x.dtype)
        forward_few(x, parameters[begin:middle].reshape((outputs, inputs)), y)
        activate(y, parameters[middle:end], activation)
        x, begin = y, end
    if probabilities:
        tiny = np.finfo(x.dtype).tiny
        for n in range(len(x)):
            softmax(x[n], x[n])
            for o in range(x.shape[1]):
                x[n, o] = tiny if x[n, o] < tiny else x[n, o]  # NaN stays NaN
    return x


@compiled
def softmax(z: Array, p: Array) -> Any:
    """Write e^z / Σ e^z for one sample's scores z, and return max z and Σ e^(z − max z)."""
    top, s = z[0], z.dtype.type(0)
    for o in range(1, len(z)):
        top = z[o] if z[o] > top else top  # a NaN that is passed over makes s NaN
    for o in range(len(z)):
        p[o] = np.exp(z[o] - top)
        s += p[o]
    for o in range(len(z)):
        p[o] /= s
    return top, s


@compiled
def activate(y: Array, bias: Array, activation: int) -> None:
    """Add the bias to rows, and apply an activation."""
    zero, one = y.dtype.type(0), y.dtype.type(1)
    for n in range(len(y)):
        row = y[n]
        add(row, bias, one)
        if activation == RELU:
            for o in range(len(row)):
                row[o] = zero if row[o] < zero else row[o]  # NaN stays NaN
        elif activation == TANH:
            for o in range(len(row)):
                row[o] = np.tanh(row[o])
        elif activation == SIGMOID:
            for o in range(len(row)):
                row[o] = one / (one + np.exp(-row[o]))


@compiled
def deactivate(dy: Array, y: Array, activation: int) -> None:
    """Multiply dL/dy by the derivative of an activation, which is computed from its output y."""
    zero, one = y.dtype.type(0), y.dtype.type(1)
    for n in range(len(y)):
        row, d = y[n], dy[n]
        if activation == RELU:
            for o in range(len(row)):
                d[o] = d[o] if row[o] > zero else zero
        elif activation == TANH:
            for o in range(len(row)):
                d[o] *= one - row[o] * row[o]
        elif activation == SIGMOID:
            for o in range(len(row)):
                d[o] *= row[o] * (one - row[o])


@compiled
def cross_entropy(z: Array, labels: NDArray[np.int64], size: int, dz: Array, probabilities: bool) -> Any:
    """Return what scores z (N, C) add to a mean loss of `size` samples, NaN if a label is out of range; write dL/dz.

    If probabilities are asked for, they replace z, and -log of the smallest normal number limits the loss, as in
    CrossEntropyLoss.
    """
    tiny = np.finfo(z.dtype).tiny
    limit = -np.log(tiny)
    total, share = 0.0, z.dtype.type(1 / size)
    for n in range(len(z)):
        label, row, d = labels[n], z[n], dz[n]
        if not 0 <= label < z.shape[1]:
            return np.nan
        top, s = softmax(row, d)
        loss = np.log(s) - (row[label] - top)
        total += min(loss, limit) if probabilities else loss
        for o in range(len(row)):
            if probabilities:
                row[o] = max(d[o], tiny)
            d[o] *= share
        d[label] -= share
    return total / size


@compiled
def mean_square(y: Array, targets: Array, size: int, dy: Array) -> Any:
    """Return what predictions y (N, O) add to the mean square error of `size` samples; write dL/dy."""
    numbers = size * y.shape[1]
    total, share = 0.0, y.dtype.type(2 / numbers)
    for n in range(len(y)):
        row, target, d = y[n], targets[n], dy[n]
        for o in range(len(row)):
            difference = row[o] - target[o]
            total += difference * difference
            d[o] = difference * share
    return total / numbers
