"""Kernels are the steps and predictions of a small network once more, as code that Numba compiles.

A step of one sample is ten calls of NumPy, which take far longer than what they compute; and of a batch, each call goes
over memory that the next one reads again. Here a loop over many steps is one call, and no number is fetched twice
without need. The layers' own pages say what is computed; this one, how a processor likes it: loops over the longest
axis, which become vector instructions; weights of few outputs with the inputs along it, see `forward_few`; products of
larger matrices by the BLAS that SciPy brings. `fastmath` lets sums be taken in any order, and nothing else.

Several threads may do a step together: each goes forward and backward with its own rows of the batch, adds up what all
found for its own share of the weights, and brings that share forward. What belongs to whom depends on sizes only.

What `minnet.compiled.steps.steps` and `minnet.compiled.steps.predictor` hand over, as Numba wants it: arrays in C order, tuples of one kind of
array. All kernels are in this one file, long as it is: the code that Numba keeps on the disk is renewed when its own
file changes, and no other.
"""

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from minnet.core.arrays import Array
from minnet.core.extras import require
from minnet.optimizers.base import ZERO_EVERY

numba = require("numba", "compiled")

Function = TypeVar("Function", bound=Callable[..., Any])
Rows = NDArray[np.int64]
Slots = tuple[tuple[Array, Array, Array], ...]

NOTHING, RELU, TANH, SIGMOID = range(4)
ACTIVATIONS = {"NoneType": NOTHING, "ReLU": RELU, "Tanh": TANH, "Sigmoid": SIGMOID}
SOFTMAX_CROSS_ENTROPY, CROSS_ENTROPY, MEAN_SQUARE = range(3)
LOSSES = {
    "SoftmaxCrossEntropyLoss": SOFTMAX_CROSS_ENTROPY,
    "CrossEntropyLoss": CROSS_ENTROPY,
    "MSELoss": MEAN_SQUARE,
}
SGD, ADAM = range(2)
# The columns of `table`, a row a Parameter: whether it is trained, how often it was, whether its velocity is still to
# begin, and its options, of which the last three are SGD's or Adam's.
TRAINED, STEP, FRESH, LR, DECAY, DECOUPLED, MOMENTUM, DAMPENING, NESTEROV = range(9)
BETA1, BETA2, EPS = MOMENTUM, DAMPENING, NESTEROV
COLUMNS = 9

# What the system has for letting another thread have the processor.
give_way = numba.types.ExternalFunction("SwitchToThread" if sys.platform == "win32" else "sched_yield", numba.int32())


def compiled(function: Function) -> Function:
    """Have Numba compile a function when it is first called, and keep the code for the next process.

    All is made one function: one that was only called would be another copy of it in the process that compiles than
    in those that read the code from the disk, and sums could round otherwise.
    """
    options = {"nogil": True, "forceinline": True, "fastmath": {"reassoc", "contract", "nsz"}, "error_model": "numpy"}
    try:
        result: Function = numba.njit(cache=True, **options)(function)
    except RuntimeError:  # there is no folder to keep it in
        result = numba.njit(**options)(function)
    return result


@compiled
def train(
    part: int,
    parts: int,
    meeting: Rows,
    sums: NDArray[np.float64],
    gradients: Array,
    weights: Slots,
    biases: Slots,
    layout: NDArray[np.int64],
    tables: NDArray[np.float64],
    loss: int,
    optimizer: int,
    X: NDArray[Any],
    scale: np.float32 | None,
    labels: NDArray[Any],
    targets: Array,
    rows: Rows,
    batch_size: int,
    longest: float,
    total: float,
    prediction: Array,
) -> tuple[int, float, float]:
    """Do a training step for each batch of `batch_size` rows, in order; the last one may be shorter.

    It is to be called for each part at the same time, in a thread of its own, with the same arrays.

    A step that is out of the ordinary is not done, and none after it: where a label is no class, the loss is not
    finite, or a step is not surely shorter than `longest`. It has changed nothing by then.

    Parameters
    ----------
    part, parts
        Which part of each step to do, of how many.
    meeting
        Zeros (2,), see `meet`.
    sums, gradients
        (parts, 1 + 2 · layers) and (parts, numbers of all Parameters): what the parts found, for all to read.
    weights, biases
        For each Linear layer (p, first, second): values, and what the optimizer remembers. Written into.
    layout
        For each layer, whether its weights are transposed, (O, I), see `forward_few`; and its activation.
    tables
        For each part the same, its own: for each Parameter, weights before biases, what the columns above say. STEP and
        FRESH are written into.
    loss, optimizer
        Which: the constants above.
    X, scale, labels, targets
        The data set (n, I), of which bytes are multiplied by `scale`; the classes (n,), or the targets (n, O).
    rows, batch_size
        The samples to train on, in order.
    longest
        The norm of a step from which on it may leave the range of the numbers.
    total
        A sum of losses times samples, to go on from.
    prediction
        (len(rows), O), to which the predictions are written.

    Returns
    -------
    samples, total, loss
        How many were learned from, the sum, and the last step's loss.
    """
    dtype, layers, table = weights[0][0].dtype, len(weights), tables[part]
    # One array for all that lies between two layers, beginning with the batch: layer l reads starts[l] and writes
    # starts[l + 1]; what is found for y lies likewise.
    widths = np.empty(layers + 1, np.int64)
    widths[0] = X.shape[1]
    for l in range(layers):  # noqa: E741
        widths[l + 1] = biases[l][0].size
    starts = np.zeros(layers + 2, np.int64)
    starts[1:] = np.cumsum(widths) * (batch_size // parts + 1)
    values, slopes = np.empty(starts[-1], dtype), np.empty(starts[-1], dtype)
    places = np.zeros(2 * layers + 1, np.int64)  # of a Parameter's gradient, weights before biases
    for l in range(layers):  # noqa: E741
        places[l + 1], places[layers + l + 1] = weights[l][0].size, biases[l][0].size
    places = np.cumsum(places)
    samples, value, meetings = 0, np.nan, 0
    while samples < len(rows):
        size = min(batch_size, len(rows) - samples)
        begin, end = share_of(size, part, parts)
        batch, n = rows[samples + begin : samples + end], end - begin
        gather(X, batch, scale, rows_of(values, starts[0], n, widths[0]))
        for l in range(layers):  # noqa: E741
            x, y = rows_of(values, starts[l], n, widths[l]), rows_of(values, starts[l + 1], n, widths[l + 1])
            if layout[l, 0]:
                forward_few(x, weights[l][0], y)
            else:
                forward_many(x, weights[l][0], y)
            activate(y, biases[l][0], layout[l, 1])
        y, dy = rows_of(values, starts[layers], n, widths[layers]), rows_of(slopes, starts[layers], n, widths[layers])
        predicted = prediction[samples + begin : samples + end]
        predicted[:] = y
        if loss == MEAN_SQUARE:
            sums[part, 0] = mean_square(y, targets, batch, size, dy)
        else:
            sums[part, 0] = cross_entropy(predicted, labels, batch, size, dy, loss == CROSS_ENTROPY)
        for l in range(layers - 1, -1, -1):  # noqa: E741
            x, y = rows_of(values, starts[l], n, widths[l]), rows_of(values, starts[l + 1], n, widths[l + 1])
            dy = rows_of(slopes, starts[l + 1], n, widths[l + 1])
            deactivate(dy, y, layout[l, 1])
            sums[part, 1 + 2 * l], sums[part, 2 + 2 * l] = square_of(x) + n, square_of(dy)
            if l:
                dx = rows_of(slopes, starts[l], n, widths[l])
                if layout[l, 0]:
                    backward_few(dy, weights[l][0], dx)
                else:
                    backward_many(dy, weights[l][0], dx)
            if table[l, TRAINED]:
                g = gradients[part, places[l] : places[l + 1]]
                if layout[l, 0]:
                    gradient_few(x, dy, g.reshape((dy.shape[1], x.shape[1])))
                else:
                    gradient_many(x, dy, g.reshape((x.shape[1], dy.shape[1])))
            if table[layers + l, TRAINED]:
                column_sums(dy, gradients[part, places[layers + l] : places[layers + l + 1]])
        meetings += 1
        if parts > 1 and not meet(meeting, meetings * parts):
            break
        square = 1.0
        for l in range(layers):  # noqa: E741
            bound = sum_of(sums, 1 + 2 * l) * sum_of(sums, 2 + 2 * l)  # of the norm of their product
            square = square if bound <= square else bound  # NaN is kept
        lr, next_value = table[:, LR].max(), sum_of(sums, 0)
        if not (abs(next_value) < np.inf and square < np.finfo(dtype).max and lr * lr * square <= longest * longest):
            break
        for l in range(layers):  # noqa: E741
            update_share(weights[l], gradients, places[l], part, optimizer, table[l])
            update_share(biases[l], gradients, places[layers + l], part, optimizer, table[layers + l])
        meetings += 1
        if parts > 1 and not meet(meeting, meetings * parts):
            break
        value, samples = next_value, samples + size
        total += value * size
    return samples, total, value


@numba.extending.intrinsic  # type: ignore[untyped-decorator]
def add(context: Any, array: Any, i: Any, number: Any) -> Any:
    """Add a number to array[i], of int64, and return what was there: at once, and in the order in which it is written.

    Numba has no such operation for the threads of a CPU; this is LLVM's.
    """

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array, i, number = arguments
        data = context.make_array(signature.args[0])(context, builder, array).data
        return builder.atomic_rmw("add", builder.gep(data, [i]), number, "seq_cst")

    return numba.int64(array, numba.int64, numba.int64), code


@compiled
def meet(meeting: Rows, arrivals: int) -> bool:
    """Wait until so many have arrived at a meeting since it began: see `ParallelSteps.together`.

    The meeting is (2,): how many came, and whether the others are to go home, which is returned as False.
    """
    patience = 1000
    add(meeting, 0, 1)
    while add(meeting, 0, 0) < arrivals:
        if add(meeting, 1, 0):
            return False
        patience -= 1
        if patience < 0:  # some microseconds; the one that is missing may have no processor
            give_way()
    return True


@compiled
def share_of(n: int, part: int, parts: int) -> tuple[int, int]:
    """Return where a part of n things begins and ends."""
    return n * part // parts, n * (part + 1) // parts


@compiled
def sum_of(sums: NDArray[np.float64], column: int) -> Any:
    """Return what all parts found together."""
    total = 0.0
    for part in range(len(sums)):
        total += sums[part, column]
    return total


@compiled
def rows_of(buffer: Array, start: int, n: int, width: int) -> Array:
    """View a part of a buffer as n rows."""
    return buffer[start : start + n * width].reshape((n, width))


@compiled
def gather(X: NDArray[Any], batch: Rows, scale: Any, x: Array) -> None:
    """Write the samples of a batch in the dtype of x; bytes are multiplied by `scale`, which is else None."""
    for n in range(len(batch)):
        sample, row = X[batch[n]], x[n]
        for i in range(len(row)):
            if scale is None:
                row[i] = sample[i]
            else:
                row[i] = np.float32(sample[i]) * scale


@compiled
def forward_few(x: Array, weight: Array, y: Array) -> None:
    """Write x @ W, of which W transposed is given: where outputs are few, the inputs are the long axis.

    Four samples at a time: each weight is read once for four products.
    """
    n, zero = 0, y.dtype.type(0)
    while n + 4 <= len(x):
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
        n += 4
    while n < len(x):
        a = x[n]
        for o in range(len(weight)):
            w, s = weight[o], zero
            for i in range(len(w)):
                s += a[i] * w[i]
            y[n, o] = s
        n += 1


@compiled
def backward_few(dy: Array, weight: Array, dx: Array) -> None:
    """Write dy @ W.T, of which W transposed is given."""
    for n in range(len(dy)):
        row = dx[n]
        row[:] = 0
        for o in range(len(weight)):
            w, d = weight[o], dy[n, o]
            for i in range(len(w)):
                row[i] += d * w[i]


@compiled
def gradient_few(x: Array, dy: Array, g: Array) -> None:
    """Write (x.T @ dy).T, four samples at a time."""
    g[:] = 0
    n = 0
    while n + 4 <= len(x):
        a, b, c, d = x[n], x[n + 1], x[n + 2], x[n + 3]
        for o in range(len(g)):
            s, t, u, v, row = dy[n, o], dy[n + 1, o], dy[n + 2, o], dy[n + 3, o], g[o]
            for i in range(len(row)):
                row[i] += s * a[i] + t * b[i] + u * c[i] + v * d[i]
        n += 4
    while n < len(x):
        a = x[n]
        for o in range(len(g)):
            s, row = dy[n, o], g[o]
            for i in range(len(row)):
                row[i] += s * a[i]
        n += 1


@compiled
def forward_many(x: Array, weight: Array, y: Array) -> None:
    """Write x @ W."""
    if len(x) == 1:
        np.dot(x[0], weight, y[0])
    elif len(x):
        np.dot(x, weight, y)


@compiled
def backward_many(dy: Array, weight: Array, dx: Array) -> None:
    """Write dy @ W.T."""
    if len(dy) == 1:
        np.dot(weight, dy[0], dx[0])
    elif len(dy):
        np.dot(dy, weight.T, dx)


@compiled
def gradient_many(x: Array, dy: Array, g: Array) -> None:
    """Write x.T @ dy."""
    if len(x) == 1:
        for i in range(len(g)):
            row, a = g[i], x[0, i]
            for o in range(len(row)):
                row[o] = a * dy[0, o]
    elif len(x):
        np.dot(x.T, dy, g)
    else:
        g[:] = 0


@compiled
def predict(x: Array, parameters: Array, layout: NDArray[np.int64], probabilities: bool) -> Array:
    """Return what a network makes of samples (N, I), (N, O).

    Its `parameters` are one array: for each layer the weights, transposed, (O, I), and the biases. `layout` says for
    each how many inputs and outputs it has, and which activation. If probabilities are asked for, softmax comes last.
    """
    begin = 0
    for l in range(len(layout)):  # noqa: E741
        inputs, outputs, activation = layout[l]
        middle, end = begin + inputs * outputs, begin + inputs * outputs + outputs
        y = np.empty((len(x), outputs), x.dtype)
        forward_few(x, parameters[begin:middle].reshape((outputs, inputs)), y)
        activate(y, parameters[middle:end], activation)
        x, begin = y, end
    if probabilities:
        softmax(x)
    return x


@compiled
def softmax(y: Array) -> None:
    """Put probabilities e^y / Σ e^y in the place of scores y (N, C), none below the smallest normal number."""
    tiny = np.finfo(y.dtype).tiny
    for n in range(len(y)):
        row = y[n]
        top, s = row.max(), y.dtype.type(0)
        for o in range(len(row)):
            row[o] = np.exp(row[o] - top)
            s += row[o]
        for o in range(len(row)):
            p = row[o] / s
            row[o] = tiny if p < tiny else p  # NaN stays NaN


@compiled
def activate(y: Array, bias: Array, activation: int) -> None:
    """Add the bias to rows, and apply an activation."""
    zero, one = y.dtype.type(0), y.dtype.type(1)
    for n in range(len(y)):
        row = y[n]
        for o in range(len(row)):
            row[o] += bias[o]
        if activation == RELU:
            for o in range(len(row)):
                row[o] = zero if row[o] < zero else row[o]  # NaN stays NaN
        elif activation == TANH:
            for o in range(len(row)):
                row[o] = np.tanh(row[o])
        elif activation == SIGMOID:
            for o in range(len(row)):
                e = np.exp(-abs(row[o]))
                row[o] = (e if row[o] < zero else one) / (one + e)


@compiled
def deactivate(dy: Array, y: Array, activation: int) -> None:
    """Multiply dL/dy by the derivative of an activation, of which y is what it returned."""
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
    """Return what scores z (N, C) add to a mean loss of `size` samples, NaN if a label is no class; write dL/dz.

    If probabilities are asked for, they take the place of z; and the loss is limited as CrossEntropyLoss limits it, by
    the smallest normal number.
    """
    tiny = np.finfo(z.dtype).tiny
    limit = -np.log(tiny)
    total, share = 0.0, z.dtype.type(1 / size)
    for n in range(len(z)):
        label = np.int64(labels[batch[n]])
        if not 0 <= label < z.shape[1]:
            return np.nan
        row, d = z[n], dz[n]
        top, s = row.max(), z.dtype.type(0)
        for o in range(len(row)):
            d[o] = np.exp(row[o] - top)
            s += d[o]
        loss = np.log(s) - (row[label] - top)
        total += min(loss, limit) if probabilities else loss
        for o in range(len(row)):
            d[o] /= s
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
def square_of(rows: Array) -> Any:
    """Return the sum of squares, in float64."""
    total: Any = 0.0
    for n in range(len(rows)):
        row, s = rows[n], rows.dtype.type(0)
        for i in range(len(row)):
            s += row[i] * row[i]
        total += s
    return total


@compiled
def column_sums(rows: Array, sums: Array) -> None:
    """Write the sum of rows."""
    sums[:] = 0
    for n in range(len(rows)):
        row = rows[n]
        for o in range(len(row)):
            sums[o] += row[o]


@compiled
def update_share(
    slot: tuple[Array, Array, Array], gradients: Array, place: int, part: int, optimizer: int, row: Any
) -> None:
    """Add up what all parts found for a share of a Parameter, and give that share its next values."""
    if row[TRAINED]:
        p, first, second = slot
        begin, end = share_of(p.size, part, len(gradients))
        g = gradients[0, place + begin : place + end]
        for other in range(1, len(gradients)):
            h = gradients[other, place + begin : place + end]
            for j in range(len(g)):
                g[j] += h[j]
        update(p.reshape(-1)[begin:end], g, first.reshape(-1)[begin:end], second.reshape(-1)[begin:end], optimizer, row)


@compiled
def update(p: Array, g: Array, first: Array, second: Array, optimizer: int, row: Any) -> None:
    """Give a Parameter its next values: see `Optimizer.step`, `SGD.update` and `Adam.update`."""
    row[STEP] += 1
    lr, decay, number = row[LR], row[DECAY], p.dtype.type
    if decay and row[DECOUPLED]:
        keep = number(1 - lr * decay)
        for j in range(len(p)):
            p[j] *= keep
    elif decay:
        penalty = number(decay)
        for j in range(len(p)):
            g[j] += penalty * p[j]
    if optimizer == SGD:
        sgd(p, g, first, lr, row[MOMENTUM], row[DAMPENING] * (1 - row[FRESH]), row[NESTEROV])
        row[FRESH] = 0
    else:
        adam(p, g, first, second, lr, row[BETA1], row[BETA2], row[EPS], row[STEP])
    if row[STEP] % ZERO_EVERY == 0:
        flush(first)
        flush(second)


@compiled
def sgd(p: Array, g: Array, v: Array, lr: float, momentum: float, dampening: float, nesterov: float) -> None:
    """See `minnet.optimizers.sgd`."""
    rate, share, new = p.dtype.type(lr), p.dtype.type(momentum), p.dtype.type(1 - dampening)
    if momentum == 0:
        for j in range(len(p)):
            p[j] -= rate * g[j]
    elif nesterov:
        ahead = p.dtype.type(lr * momentum)
        for j in range(len(p)):
            v[j] = share * v[j] + new * g[j]
            p[j] -= rate * g[j] + ahead * v[j]
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
def flush(array: Array) -> None:
    """Set subnormal numbers to zero: see `Optimizer._zero_subnormals`."""
    tiny = np.finfo(array.dtype).tiny
    for j in range(len(array)):
        if abs(array[j]) < tiny:
            array[j] = array.dtype.type(0)
