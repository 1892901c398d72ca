"""Kernels are the training steps and predictions of small networks as loops that Numba compiles.

A step of one sample is ten calls of NumPy, each of which takes longer than its arithmetic. A step of a batch reads the
same memory in call after call. Here, one call does many steps. The formulas are those of the layers, losses and
optimizers, whose pages explain them. The loops run along the longest axis, because the compiler turns such loops into
vector instructions: see `forward_few`. Products of larger matrices use the BLAS that SciPy brings. `fastmath` only
allows sums to be taken in any order.

Arrays are handed to inner functions one by one: with tuples of arrays, Numba counts references for 10 % of a step.

Several threads may do a step together. Each computes forward and backward for its share of the batch. They wait for
each other, and then each updates its share of the weights. The shares depend on sizes only, so results do not depend on
which thread is faster.

The formulas are not imported from the layers, because Numba would not notice an edit there. Nor are those that NumPy
runs fast, when Numba compiles them (time divided by that of the loops here, in float32, 10 to 128 numbers a row): Adam
15 to 20, SGD 1.4 to 2.0, softmax 1.0 to 1.3, sigmoid 1.4 to 3.1, slopes of ReLU 1.0, of Tanh and Sigmoid 1.1 to 1.8.
"""

import sys
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from minnet.compiled.numba_code import compiled, numba
from minnet.core.arrays import Array
from minnet.optimizers.base import LARGE_EPS, RISKY, TEND_EVERY

Rows = NDArray[np.int64]

NOTHING, RELU, TANH, SIGMOID = range(4)
ACTIVATIONS = {"NoneType": NOTHING, "ReLU": RELU, "Tanh": TANH, "Sigmoid": SIGMOID}
SOFTMAX_CROSS_ENTROPY, CROSS_ENTROPY, MEAN_SQUARE = range(3)
LOSSES = {"SoftmaxCrossEntropyLoss": SOFTMAX_CROSS_ENTROPY, "CrossEntropyLoss": CROSS_ENTROPY, "MSELoss": MEAN_SQUARE}
SGD, ADAM = range(2)
# The columns of a table with a row for each Parameter: whether it is trained, how many steps it was trained, whether
# its velocity has yet to begin, and its options. The last three columns are SGD's or Adam's.
TRAINED, STEP, BEGINS, LR, DECAY, DECOUPLED, MOMENTUM, DAMPENING, NESTEROV = range(9)
BETA1, BETA2, EPS = MOMENTUM, DAMPENING, NESTEROV
COLUMNS = 9


class Data(NamedTuple):
    """The data set, and the samples to train on: batch after batch of `rows`, of which the last may be shorter."""

    X: NDArray[Any]  # (n, I)
    scale: np.float32 | None  # what bytes are multiplied by; None for floats
    labels: NDArray[Any]  # (n,) classes; empty for the mean square error
    targets: Array  # (n, O); empty for the cross-entropies
    rows: Rows
    batch_size: int
    weight: float  # what a sample counts in a mean of losses


class Slots(NamedTuple):
    """The weights, or the biases, of all layers, and what belongs to them: an array for each layer."""

    values: tuple[Array, ...]
    first: tuple[Array, ...]  # the optimizer's state, as `second`; empty if it needs none
    second: tuple[Array, ...]
    gradients: tuple[Array, ...]  # each thread's in a row


class Network(NamedTuple):
    """The Linear layers, the activations after them, and the loss."""

    weights: Slots
    biases: Slots
    layout: NDArray[np.int64]  # for each layer: whether weights are transposed, (O, I), see `forward_few`; activation
    loss: int


class Rule(NamedTuple):
    """How the optimizer updates Parameters."""

    kind: int
    tables: NDArray[np.float64]  # for each thread its own copy: a row for each Parameter, weights before biases


class Shared(NamedTuple):
    """What threads tell each other."""

    barrier: Rows  # (2,), zeros at first: see `wait_at`
    sums: NDArray[np.float64]  # for each thread: its part of the loss, and two squared norms for each layer


class Buffers(NamedTuple):
    """The arrays of one thread, each with a row for each sample."""

    values: tuple[Array, ...]  # the input of each layer, and the output of the last one
    slopes: tuple[Array, ...]  # the gradients with respect to these


# What the operating system offers to let another thread have the processor.
yield_processor = numba.types.ExternalFunction(
    "SwitchToThread" if sys.platform == "win32" else "sched_yield", numba.int32()
)


@compiled
def train(
    thread: int, data: Data, network: Network, rule: Rule, shared: Shared, buffers: Buffers, total: float, out: Array
) -> tuple[int, float, float]:
    """Do a training step for each batch, in order; each thread calls this at the same time, with its own number.

    The loop ends before a step that needs the layers' own checks: a label is out of range, the loss is not finite, or
    the step may be longer than `RISKY`. Such a step changes nothing. Only the buffers differ between threads.
    Predictions are written to `out` (len(data.rows), O).

    Returns the number of samples trained on; `total`, a sum of losses times weights, with these samples added; and the
    loss of the last step.
    """
    threads, table, (weights, biases, layout, loss) = len(rule.tables), rule.tables[thread], network
    W, b, dW, db, layers = weights.values, biases.values, weights.gradients, biases.gradients, len(layout)
    values, slopes, sums = buffers.values, buffers.slopes, shared.sums
    samples, value, arrivals = 0, np.nan, 0
    while samples < len(data.rows):
        size = min(data.batch_size, len(data.rows) - samples)
        begin, end = share_of(size, thread, threads)
        batch, y, n = data.rows[samples + begin : samples + end], out[samples + begin : samples + end], end - begin
        gather(data.X, batch, data.scale, values[0])
        for i in range(layers):
            forward(values[i][:n], W[i], layout[i, 0], values[i + 1][:n])
            activate(values[i + 1][:n], b[i], layout[i, 1])
        y[:] = values[layers][:n]
        sums[thread, 0] = loss_of(loss, y, data.labels, data.targets, batch, size, slopes[layers][:n])
        for i in range(layers - 1, -1, -1):
            x, dy = values[i][:n], slopes[i + 1][:n]
            deactivate(dy, values[i + 1][:n], layout[i, 1])
            sums[thread, 1 + 2 * i], sums[thread, 2 + 2 * i] = square_of(x) + n, square_of(dy)
            if i:
                backward(dy, W[i], layout[i, 0], slopes[i][:n])
            if table[i, TRAINED]:
                gradient(x, dy, layout[i, 0], dW[i][thread].reshape(W[i].shape))
            if table[layers + i, TRAINED]:
                column_sums(dy, db[i][thread])
        arrivals += threads
        if threads > 1 and not wait_at(shared.barrier, arrivals):
            break
        next_value = sum_of(sums, 0)
        if not (abs(next_value) < np.inf and is_short(sums, table, out.dtype)):
            break
        for i in range(layers):
            update(thread, W[i], weights.first[i], weights.second[i], dW[i], rule.kind, table[i])
            update(thread, b[i], biases.first[i], biases.second[i], db[i], rule.kind, table[layers + i])
        arrivals += threads
        if threads > 1 and not wait_at(shared.barrier, arrivals):
            break
        value, samples = next_value, samples + size
        total += value * (size * data.weight)
    return samples, total, value


@compiled
def loss_of(loss: int, y: Array, labels: NDArray[Any], targets: Array, batch: Rows, size: int, dy: Array) -> Any:
    """Return what outputs y add to the mean loss of `size` samples; write dL/dy."""
    if loss == MEAN_SQUARE:
        return mean_square(y, targets, batch, size, dy)
    return cross_entropy(y, labels, batch, size, dy, loss == CROSS_ENTROPY)


@compiled
def is_short(sums: NDArray[np.float64], table: NDArray[np.float64], dtype: Any) -> Any:
    """Whether a step is surely shorter than `RISKY`, because |xᵀ dy|² <= |x|² |dy|² holds for each layer."""
    square = 1.0
    for column in range(1, sums.shape[1], 2):
        bound = sum_of(sums, column) * sum_of(sums, column + 1)
        square = square if bound <= square else bound  # NaN stays NaN
    lr = table[:, LR].max()
    return square < np.finfo(dtype).max and lr * lr * square <= RISKY * RISKY


@numba.extending.intrinsic  # type: ignore[untyped-decorator]
def atomic_add(context: Any, array: Any, i: Any, number: Any) -> Any:
    """Add a number to array[i], of int64, and return what it was before, as one operation that no thread interrupts.

    Numba has no such operation for the threads of a CPU; this is LLVM's.
    """

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array, i, number = arguments
        data = context.make_array(signature.args[0])(context, builder, array).data
        return builder.atomic_rmw("add", builder.gep(data, [i]), number, "seq_cst")

    return numba.int64(array, numba.int64, numba.int64), code


@compiled
def wait_at(barrier: Rows, arrivals: int) -> bool:
    """Wait until threads have arrived at a barrier so many times, in all; return False if one of them has failed.

    The barrier is (2,): the number of arrivals, and whether a thread has failed.
    """
    tries = 1000
    atomic_add(barrier, 0, 1)
    while atomic_add(barrier, 0, 0) < arrivals:
        if atomic_add(barrier, 1, 0):
            return False
        tries -= 1
        if tries < 0:  # after some microseconds: the missing thread may have no processor
            yield_processor()
    return True


@compiled
def share_of(n: int, thread: int, threads: int) -> tuple[int, int]:
    """Return where a thread's share of n things begins and ends."""
    return n * thread // threads, n * (thread + 1) // threads


@compiled
def sum_of(sums: NDArray[np.float64], column: int) -> Any:
    """Return the sum of what the threads computed, in a loop because `sums[:, column].sum()` takes longer."""
    total = 0.0
    for thread in range(len(sums)):
        total += sums[thread, column]
    return total


@compiled
def gather(X: NDArray[Any], batch: Rows, scale: Any, x: Array) -> None:
    """Write the samples of a batch in the dtype of x, and multiply bytes by `scale`, which is None for floats."""
    for n in range(len(batch)):
        sample, row = X[batch[n]], x[n]
        for i in range(len(row)):
            if scale is None:
                row[i] = sample[i]
            else:
                row[i] = np.float32(sample[i]) * scale


@compiled
def dot(a: Array, b: Array) -> Any:
    """Return Σ a b."""
    s = a.dtype.type(0)
    for i in range(len(a)):
        s += a[i] * b[i]
    return s


@compiled
def square_of(rows: Array) -> Any:
    """Return the sum of squares."""
    return dot(rows.reshape(-1), rows.reshape(-1))


@compiled
def add(row: Array, a: Array, factor: Any) -> None:
    """Add a row times a factor to another row."""
    for i in range(len(row)):
        row[i] += factor * a[i]


@compiled
def forward_few(x: Array, weight: Array, y: Array) -> None:
    """Write x @ W for few outputs, of which W transposed is given, because then the inputs are the long axis.

    Four samples at a time: each weight is read once for four products.
    """
    blocks, zero = len(x) // 4 * 4, y.dtype.type(0)
    for n in range(0, blocks, 4):
        a, b, c, d = x[n], x[n + 1], x[n + 2], x[n + 3]
        for o in range(len(weight)):
            w = weight[o]
            s = t = u = v = zero
            for i in range(len(w)):
                s += a[i] * w[i]
                t += b[i] * w[i]
                u += c[i] * w[i]
                v += d[i] * w[i]
            y[n, o], y[n + 1, o], y[n + 2, o], y[n + 3, o] = s, t, u, v
    for n in range(blocks, len(x)):
        a = x[n]
        for o in range(len(weight)):
            w, s = weight[o], zero
            for i in range(len(w)):  # not dot(a, w): its slices cost a microsecond for 128 outputs
                s += a[i] * w[i]
            y[n, o] = s


@compiled
def gradient_few(x: Array, dy: Array, g: Array) -> None:
    """Write (x.T @ dy).T, four samples at a time."""
    g[:] = 0
    blocks = len(x) // 4 * 4
    for n in range(0, blocks, 4):
        a, b, c, d = x[n], x[n + 1], x[n + 2], x[n + 3]
        for o in range(len(g)):
            s, t, u, v, row = dy[n, o], dy[n + 1, o], dy[n + 2, o], dy[n + 3, o], g[o]
            for i in range(len(row)):
                row[i] += s * a[i] + t * b[i] + u * c[i] + v * d[i]
    for n in range(blocks, len(x)):
        for o in range(len(g)):
            add(g[o], x[n], dy[n, o])


@compiled
def forward(x: Array, weight: Array, few: bool, y: Array) -> None:
    """Write x @ W; if outputs are few, W is given transposed, here and in what follows."""
    if few:
        forward_few(x, weight, y)
    elif len(x) == 1:
        np.dot(x[0], weight, y[0])
    elif len(x):
        np.dot(x, weight, y)


@compiled
def backward(dy: Array, weight: Array, few: bool, dx: Array) -> None:
    """Write dy @ W.T."""
    if few:
        dx[:] = 0
        for n in range(len(dy)):
            for o in range(len(weight)):
                add(dx[n], weight[o], dy[n, o])
    elif len(dy) == 1:
        np.dot(weight, dy[0], dx[0])
    elif len(dy):
        np.dot(dy, weight.T, dx)


@compiled
def gradient(x: Array, dy: Array, few: bool, g: Array) -> None:
    """Write x.T @ dy, or its transpose if outputs are few."""
    if few:
        gradient_few(x, dy, g)
    elif len(x) > 1:
        np.dot(x.T, dy, g)
    else:
        g[:] = 0
        for n in range(len(x)):
            for i in range(len(g)):
                add(g[i], dy[n], x[n, i])


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
    top, s = z.max(), z.dtype.type(0)
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
def cross_entropy(z: Array, labels: NDArray[Any], batch: Rows, size: int, dz: Array, probabilities: bool) -> Any:
    """Return what scores z (N, C) add to a mean loss of `size` samples, NaN if a label is out of range; write dL/dz.

    If probabilities are asked for, they replace z, and -log of the smallest normal number limits the loss, as in
    CrossEntropyLoss.
    """
    tiny = np.finfo(z.dtype).tiny
    limit = -np.log(tiny)
    total, share = 0.0, z.dtype.type(1 / size)
    for n in range(len(z)):
        label, row, d = np.int64(labels[batch[n]]), z[n], dz[n]
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
def mean_square(y: Array, targets: Array, batch: Rows, size: int, dy: Array) -> Any:
    """Return what predictions y (N, O) add to the mean square error of `size` samples; write dL/dy."""
    numbers = size * y.shape[1]
    total, share = 0.0, y.dtype.type(2 / numbers)
    for n in range(len(y)):
        row, target, d = y[n], targets[batch[n]], dy[n]
        for o in range(len(row)):
            difference = row[o] - y.dtype.type(target[o])
            total += difference * difference
            d[o] = difference * share
    return total / numbers


@compiled
def column_sums(rows: Array, sums: Array) -> None:
    """Write the sum of rows."""
    sums[:] = 0
    for n in range(len(rows)):
        add(sums, rows[n], sums.dtype.type(1))


@compiled
def update(thread: int, values: Array, m: Array, v: Array, gradients: Array, kind: int, row: Any) -> None:
    """Add up all threads' gradients of this thread's share of a Parameter, and update it: see `Optimizer.step`."""
    if not row[TRAINED]:
        return
    begin, end = share_of(values.size, thread, len(gradients))
    p, g = values.reshape(-1)[begin:end], gradients[0, begin:end]
    first, second = m.reshape(-1)[begin:end], v.reshape(-1)[begin:end]
    for other in range(1, len(gradients)):
        add(g, gradients[other, begin:end], g.dtype.type(1))
    row[STEP] += 1
    lr, decay, number = row[LR], row[DECAY], p.dtype.type
    if decay and row[DECOUPLED]:
        keep = number(1 - lr * decay)
        for j in range(len(p)):
            p[j] *= keep
    elif decay:
        add(g, p, number(decay))
    if kind == SGD:
        sgd(p, g, first, lr, row[MOMENTUM], row[DAMPENING] * (1 - row[BEGINS]), row[NESTEROV])
        row[BEGINS] = 0
    else:
        adam(p, g, first, second, lr, row[BETA1], row[BETA2], row[EPS], row[STEP])
    if row[STEP] % TEND_EVERY == 0:
        zero_subnormals(first, g)
        if kind != SGD and row[EPS] >= LARGE_EPS:
            zero_subnormals(second, g)


@compiled
def sgd(p: Array, g: Array, v: Array, lr: float, momentum: float, dampening: float, nesterov: float) -> None:
    """See `minnet.optimizers.sgd`."""
    rate, share, new = p.dtype.type(lr), p.dtype.type(momentum), p.dtype.type(1 - dampening)
    if momentum == 0:
        add(p, g, -rate)
    elif nesterov:
        look = p.dtype.type(lr * momentum)
        for j in range(len(p)):
            v[j] = share * v[j] + new * g[j]
            p[j] -= rate * g[j] + look * v[j]
    else:
        for j in range(len(p)):
            v[j] = share * v[j] + new * g[j]
            p[j] -= rate * v[j]


@compiled
def adam(p: Array, g: Array, m: Array, v: Array, lr: float, beta1: float, beta2: float, eps: float, t: float) -> None:
    """See `minnet.optimizers.adam`."""
    c = np.sqrt(1 - beta2**t)
    number = p.dtype.type
    rate, small = number(lr * c / (1 - beta1**t)), number(eps * c)
    keep1, new1, keep2, new2 = number(beta1), number(1 - beta1), number(beta2), number(1 - beta2)
    for j in range(len(p)):
        m[j] = keep1 * m[j] + new1 * g[j]
        v[j] = keep2 * v[j] + new2 * (g[j] * g[j])
        p[j] -= rate * (m[j] / (np.sqrt(v[j]) + small))


@compiled
def zero_subnormals(array: Array, g: Array) -> None:
    """See `minnet.optimizers.base.Optimizer.zero_subnormals`."""
    tiny = np.finfo(array.dtype).tiny
    for j in range(len(array)):
        if abs(array[j]) < tiny and g[j] == 0:
            array[j] = array.dtype.type(0)
