"""Whole steps: the training steps of a network of Linear layers as one loop that Numba compiles.

A step of one sample is twenty calls of NumPy, each of which takes longer than its arithmetic. A step of a batch reads
the same memory in call after call. Here, one call does many steps. The formulas are those of the layers, losses and
optimizers, whose pages explain them.

With plain SGD on one thread, no gradient is made: W ← (1 − lr λ) W + xᵀ (−lr dy) is one product.

Several threads may do a step together, if all layers have few outputs. Each computes forward and backward for its share
of the batch. They wait for each other, and then each updates its share of the weights. The shares depend on sizes only,
so results do not depend on which thread is faster, nor on whether one thread does all shares, one after the other.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from minnet.compiled.foundation.kernels import activate, cross_entropy, deactivate, mean_square
from minnet.compiled.foundation.memory import flattened, matrix, vector
from minnet.compiled.foundation.numba_code import compiled
from minnet.compiled.foundation.products import add, backward, column_sums, forward, gradient, shrink, square_of
from minnet.compiled.steps.barrier import share_of, wait_at
from minnet.compiled.steps.gathering import copy, gather
from minnet.compiled.twins.updates import adam, descend, sgd
from minnet.core.arrays import Array
from minnet.optimizers.base import LARGE_EPS, RISKY, TEND_EVERY

Table = NDArray[np.int64]

SOFTMAX_CROSS_ENTROPY, CROSS_ENTROPY, MEAN_SQUARE = range(3)
LOSSES = {"SoftmaxCrossEntropyLoss": SOFTMAX_CROSS_ENTROPY, "CrossEntropyLoss": CROSS_ENTROPY, "MSELoss": MEAN_SQUARE}
SGD, ADAM = range(2)
INPUTS, OUTPUTS, FEW, ACTIVATION = range(4)  # the columns of `Network.layers`
SIZE, VALUES, FIRST, SECOND, GRADIENTS = range(5)  # and of `Network.places`, where other shares' gradients follow
# The columns of a table with a row for each Parameter: whether it is trained, how many steps it was trained, whether
# its velocity has yet to begin, whether no gradient of it is made, and its options. The last three are SGD's or Adam's.
TRAINED, STEP, BEGINS, DIRECT, LR, DECAY, DECOUPLED, MOMENTUM, DAMPENING, NESTEROV = range(10)
BETA1, BETA2, EPS = MOMENTUM, DAMPENING, NESTEROV
COLUMNS = 10


class Data(NamedTuple):
    """The samples to train on: batch after batch of `rows` of the data set, of which the last may be shorter."""

    source: Table  # of the data set: its address, how many rows and columns, and how many bytes a number takes
    scale: float  # what bytes are multiplied by
    rows: Table
    labels: Table  # (len(rows),) classes; empty for the mean square error
    targets: Array  # (len(rows), O); empty for the cross-entropies
    batch_size: int
    weight: float  # what a sample counts in a mean of losses


class Network(NamedTuple):
    """The Linear layers, the activations after them, and the loss."""

    layers: Table  # a row for each: inputs, outputs, whether these are few (see `products`), activation
    places: Table  # a row for each Parameter, weights before biases: its size, and the addresses of its arrays
    loss: int
    blas: int  # the address of `gemm`


class Rule(NamedTuple):
    """How the optimizer updates Parameters."""

    kind: int
    tables: NDArray[np.float64]  # for each share its own copy: a row for each Parameter, weights before biases


class Shared(NamedTuple):
    """What threads tell each other, and where each share is computed."""

    barrier: Table  # (2,), zeros at first: see `wait_at`
    sums: NDArray[np.float64]  # for each share: its part of the loss, and two squared norms for each layer
    # (shares, 2, layers + 1, 2): address and width of each layer's input, then of the output; and of their gradients
    buffers: NDArray[np.int64]


@compiled
def train(
    first: int, last: int, data: Data, network: Network, rule: Rule, shared: Shared, total: float, out: Array
) -> tuple[int, float, float]:
    """Do a training step for each batch, in order: the shares of it from `first` to before `last`.

    One thread calls this with all shares, or several threads call it at the same time, each with a share of its own.

    The loop ends before a step that needs the layers' own checks: a label is out of range, the loss is not finite, or
    the step may be longer than `RISKY`. Such a step changes nothing. Predictions are written to `out` (len(data.rows),
    O).

    Returns the number of samples trained on; `total`, a sum of losses times weights, with these samples added; and the
    loss of the last step.
    """
    shares, tables = len(rule.tables), rule.tables
    alone = last - first == shares
    samples, value, arrivals = 0, np.nan, 0
    while samples < len(data.rows):
        size = min(data.batch_size, len(data.rows) - samples)
        for share in range(first, last):
            begin, end = share_of(size, share, shares)
            learn(share, data, network, shared, samples + begin, samples + end, size, out)
            if shares > 1:
                write_gradients(share, network, tables[share], shared, end - begin, out)
        arrivals += shares
        if not (alone or wait_at(shared.barrier, arrivals)):
            break
        next_value = sum_of(shared.sums, 0)
        if not (abs(next_value) < np.inf and is_short(shared.sums, tables[first], out.dtype)):
            break
        for share in range(first, last):
            if shares == 1:
                write_gradients(share, network, tables[share], shared, size, out)
            for i in range(len(network.places)):
                update(share, shares, network.places[i], rule.kind, tables[share, i], out)
        arrivals += shares
        if not (alone or wait_at(shared.barrier, arrivals)):
            break
        value, samples = next_value, samples + size
        total += value * (size * data.weight)
    return samples, total, value


@compiled
def learn(
    share: int, data: Data, network: Network, shared: Shared, begin: int, end: int, size: int, out: Array
) -> None:
    """Do the forward and backward of a share of a batch of `size` samples: of those from begin to end."""
    layers, places, blas, count, n = network.layers, network.places, network.blas, len(network.layers), end - begin
    inputs, slopes, sums, z = shared.buffers[share, 0], shared.buffers[share, 1], shared.sums[share], out[begin:end]
    gather(data.source, data.scale, data.rows[begin:end], rows_of(inputs[0], n, out))
    for i in range(count):
        y = rows_of(inputs[i + 1], n, out)
        forward(rows_of(inputs[i], n, out), weight_at(places[i, VALUES], layers[i], out), layers[i, FEW], y, blas)
        activate(y, vector(places[count + i, VALUES], 0, layers[i, OUTPUTS], out), layers[i, ACTIVATION])
    copy(rows_of(inputs[count], n, out), z)
    dz = rows_of(slopes[count], n, out)
    if network.loss == MEAN_SQUARE:
        sums[0] = mean_square(z, data.targets[begin:end], size, dz)
    else:
        sums[0] = cross_entropy(z, data.labels[begin:end], size, dz, network.loss == CROSS_ENTROPY)
    for i in range(count - 1, -1, -1):
        dy = rows_of(slopes[i + 1], n, out)
        deactivate(dy, rows_of(inputs[i + 1], n, out), layers[i, ACTIVATION])
        sums[1 + 2 * i], sums[2 + 2 * i] = square_of(rows_of(inputs[i], n, out)) + n, square_of(dy)
        if i:
            backward(dy, weight_at(places[i, VALUES], layers[i], out), layers[i, FEW], rows_of(slopes[i], n, out), blas)


@compiled
def write_gradients(share: int, network: Network, table: Any, shared: Shared, n: int, out: Array) -> None:
    """Write the gradients of a share's n samples, or the new weights where no gradient is needed for these."""
    layers, places, count = network.layers, network.places, len(network.layers)
    inputs, slopes, own = shared.buffers[share, 0], shared.buffers[share, 1], GRADIENTS + share
    for i in range(count):
        x, dy, row = rows_of(inputs[i], n, out), rows_of(slopes[i + 1], n, out), table[i]
        if table[count + i, TRAINED]:
            column_sums(dy, vector(places[count + i, own], 0, layers[i, OUTPUTS], out))
        if row[TRAINED]:
            shrink(flattened(dy), -row[LR] if row[DIRECT] else 1.0)
            to, keep = (places[i, VALUES], 1 - row[LR] * row[DECAY]) if row[DIRECT] else (places[i, own], 0.0)
            gradient(x, dy, layers[i, FEW], weight_at(to, layers[i], out), keep, network.blas)


@compiled
def rows_of(buffer: Table, n: int, out: Array) -> Any:
    """Return the first n rows of a buffer, of which the address and the width are given."""
    return matrix(buffer[0], n, buffer[1], out.dtype)


@compiled
def weight_at(address: int, layer: Table, out: Array) -> Any:
    """Return the weights of a layer, or an array of their shape; transposed if outputs are few."""
    few = layer[FEW]
    return matrix(
        address, layer[OUTPUTS] if few else layer[INPUTS], layer[INPUTS] if few else layer[OUTPUTS], out.dtype
    )


@compiled
def is_short(sums: NDArray[np.float64], table: NDArray[np.float64], dtype: Any) -> Any:
    """Whether a step is surely shorter than `RISKY`, because |xᵀ dy|² <= |x|² |dy|² holds for each layer."""
    square = 1.0
    for column in range(1, sums.shape[1], 2):
        bound = sum_of(sums, column) * sum_of(sums, column + 1)
        if not bound < np.finfo(dtype).max:  # NaN, too: infinity times 0
            return False
        square = max(square, bound)
    rates = 0.0
    for i in range(len(table)):
        rates += table[i, LR] * table[i, LR]
    return rates * square <= RISKY * RISKY


@compiled
def sum_of(sums: NDArray[np.float64], column: int) -> Any:
    """Return the sum of what the shares have, in a loop because `sums[:, column].sum()` takes longer."""
    total = 0.0
    for share in range(len(sums)):
        total += sums[share, column]
    return total


@compiled
def update(share: int, shares: int, places: Table, kind: int, row: Any, out: Array) -> None:
    """Add up all shares' gradients of a share of a Parameter, and update it: see `Optimizer.step`."""
    if not row[TRAINED]:
        return
    row[STEP] += 1
    if row[DIRECT]:
        return
    begin, end = share_of(places[SIZE], share, shares)
    p, g = vector(places[VALUES], begin, end, out), vector(places[GRADIENTS], begin, end, out)
    for other in range(1, shares):
        add(g, vector(places[GRADIENTS + other], begin, end, out), g.dtype.type(1))
    lr, decay, number = row[LR], row[DECAY], p.dtype.type
    if decay and row[DECOUPLED]:
        shrink(p, 1 - lr * decay)
    elif decay:
        add(g, p, number(decay))
    if kind == SGD and row[MOMENTUM] == 0:
        descend(p, g, lr)
        return
    first = vector(places[FIRST], begin, end, out)
    if kind == SGD:
        sgd(p, g, first, lr, row[MOMENTUM], 1.0 if row[BEGINS] else 1 - row[DAMPENING], row[NESTEROV] != 0)
        row[BEGINS] = 0
    else:
        second, c = vector(places[SECOND], begin, end, out), np.sqrt(1 - row[BETA2] ** row[STEP])
        rate = lr * c / (1 - row[BETA1] ** row[STEP])
        adam(p, g, first, second, row[BETA1], row[BETA2], row[EPS] * c, rate)
    if row[STEP] % TEND_EVERY == 0:
        zero_subnormals(first, g)
        if kind != SGD and row[EPS] >= LARGE_EPS:
            zero_subnormals(second, g)


@compiled
def zero_subnormals(array: Array, g: Array) -> None:
    """See `minnet.optimizers.base.Optimizer.zero_subnormals`."""
    tiny = np.finfo(array.dtype).tiny
    for j in range(len(array)):
        if abs(array[j]) < tiny and g[j] == 0:
            array[j] = array.dtype.type(0)
