"""Twins of updates of SGD, Adam and their kin: one pass over memory, where NumPy makes one for each operation.

They round each operation as NumPy does, so weights and states have the same bits with and without them.
"""

import math
from typing import Any

import numpy as np

from minnet.compiled.foundation.flat import flat, is_dense
from minnet.compiled.foundation.numba_code import as_numpy
from minnet.core.arrays import Array
from minnet.optimizers import SGD, Adagrad, Adam, NAdam, Optimizer, RMSprop

Number = Any  # a float that is given, and then a number of the arrays' dtype

LEAST = 8192  # numbers; for fewer, NumPy's calls for SGD take no longer than a call of compiled code


@as_numpy
def descend(p: Array, g: Array, rate: Number) -> None:
    """Subtract a gradient times a rate."""
    number = p.dtype.type
    rate = number(rate)
    for j in range(len(p)):
        p[j] -= g[j] * rate


@as_numpy
def sgd(p: Array, g: Array, v: Array, rate: Number, momentum: Number, new: Number, nesterov: bool) -> None:
    """See `SGD.update`; `new` is what the gradient counts in the velocity v."""
    number = p.dtype.type
    look, rate, momentum, new = number(rate * momentum), number(rate), number(momentum), number(new)
    if nesterov:
        for j in range(len(p)):
            v[j] = v[j] * momentum + g[j]
            p[j] = p[j] - g[j] * rate - v[j] * look
    else:
        for j in range(len(p)):
            v[j] = v[j] * momentum + g[j] * new
            p[j] -= v[j] * rate


@as_numpy
def adam(p: Array, g: Array, m: Array, v: Array, beta1: Number, beta2: Number, eps: Number, rate: Number) -> None:
    """See `Adam.update`; ε and the rate are those of this step."""
    number = p.dtype.type
    new1, new2, eps, rate = number(1 - beta1), number(1 - beta2), number(eps), number(rate)
    beta1, beta2 = number(beta1), number(beta2)
    for j in range(len(p)):
        m[j] = m[j] * beta1 + g[j] * new1
        v[j] = v[j] * beta2 + g[j] * g[j] * new2
        p[j] -= m[j] / (np.sqrt(v[j]) + eps) * rate


@as_numpy
def amsgrad(
    p: Array, g: Array, m: Array, v: Array, largest: Array, beta1: Number, beta2: Number, eps: Number, rate: Number
) -> None:
    """See `Adam.update`, with the largest v so far."""
    number = p.dtype.type
    new1, new2, eps, rate = number(1 - beta1), number(1 - beta2), number(eps), number(rate)
    beta1, beta2 = number(beta1), number(beta2)
    for j in range(len(p)):
        m[j] = m[j] * beta1 + g[j] * new1
        v[j] = v[j] * beta2 + g[j] * g[j] * new2
        largest[j] = largest[j] if v[j] <= largest[j] else v[j]
        p[j] -= m[j] / (np.sqrt(largest[j]) + eps) * rate


@as_numpy
def nadam(
    p: Array, g: Array, m: Array, v: Array, beta1: Number, beta2: Number, eps: Number, rate: Number, ahead: Number
) -> None:
    """See `NAdam.update`; ε and the rates of the gradient, and of its average, are those of this step."""
    number = p.dtype.type
    new1, new2, eps, rate, ahead = number(1 - beta1), number(1 - beta2), number(eps), number(rate), number(ahead)
    beta1, beta2 = number(beta1), number(beta2)
    for j in range(len(p)):
        m[j] = m[j] * beta1 + g[j] * new1
        v[j] = v[j] * beta2 + g[j] * g[j] * new2
        root = np.sqrt(v[j]) + eps
        p[j] = p[j] - g[j] / root * rate - m[j] / root * ahead


@as_numpy
def rmsprop(p: Array, g: Array, v: Array, u: Array, alpha: Number, eps: Number, momentum: Number, rate: Number) -> None:
    """See `RMSprop.update`; u is the velocity, which is not touched without momentum."""
    number = p.dtype.type
    new, eps, rate = number(1 - alpha), number(eps), number(rate)
    alpha, share = number(alpha), number(momentum)
    if momentum:
        for j in range(len(p)):
            v[j] = v[j] * alpha + g[j] * g[j] * new
            u[j] = u[j] * share + g[j] / (np.sqrt(v[j]) + eps)
            p[j] -= u[j] * rate
    else:
        for j in range(len(p)):
            v[j] = v[j] * alpha + g[j] * g[j] * new
            p[j] -= g[j] / (np.sqrt(v[j]) + eps) * rate


@as_numpy
def adagrad(p: Array, g: Array, s: Array, eps: Number, rate: Number) -> None:
    """See `Adagrad.update`; the rate is that of this step."""
    number = p.dtype.type
    eps, rate = number(eps), number(rate)
    for j in range(len(p)):
        s[j] += g[j] * g[j]
        p[j] -= g[j] / (np.sqrt(s[j]) + eps) * rate


def flattened(optimizer: Optimizer, i: int, p: Array, g: Array, *names: str) -> Any:
    """Return p, g and arrays of Parameter i's state along one axis each; None if they do not lie alike."""
    state = [optimizer.state[name][i] for name in names if name in optimizer.state]
    others = [g, *(array for array in state if array is not None)]
    if any(a.strides != p.strides or a.dtype != p.dtype for a in others) or not is_dense(p):
        return None
    return [flat(a) for a in (p, g, *(optimizer.buffer(name, i) for name in names))]


def sgd_update(self: SGD, i: int, p: Array, g: Array, group: dict[str, Any]) -> None:
    """See `SGD.update`."""
    momentum, dampening = group["momentum"], group["dampening"]
    first = "velocity" not in self.state or self.state["velocity"][i] is None
    arrays = flattened(self, i, p, g, *["velocity"] * bool(momentum)) if p.size >= LEAST else None
    if arrays is None:
        SGD.update(self, i, p, g, group)
    elif momentum:
        p, g, v = arrays
        sgd(p, g, v, group["lr"], momentum, 1.0 if first else 1 - dampening, bool(group["nesterov"]))
    else:
        p, g = arrays
        descend(p, g, group["lr"])


def adam_update(self: Adam, i: int, p: Array, g: Array, group: dict[str, Any]) -> None:
    """See `Adam.update`."""
    arrays = flattened(self, i, p, g, "mean", "square", *["largest_square"] * group["amsgrad"])
    if arrays is None:
        Adam.update(self, i, p, g, group)
        return
    (beta1, beta2), t = group["betas"], self.state["step"][i]
    c = math.sqrt(1 - beta2**t)
    p, g, m, v, *largest = arrays
    numbers = beta1, beta2, group["eps"] * c, group["lr"] * c / (1 - beta1**t)
    if largest:
        amsgrad(p, g, m, v, largest[0], *numbers)
    else:
        adam(p, g, m, v, *numbers)


def nadam_update(self: NAdam, i: int, p: Array, g: Array, group: dict[str, Any]) -> None:
    """See `NAdam.update`."""
    arrays = flattened(self, i, p, g, "mean", "square")
    if arrays is None:
        NAdam.update(self, i, p, g, group)
        return
    (beta1, beta2), t = group["betas"], self.state["step"][i]
    mu, mu_next = (beta1 * (1 - 0.96 ** (s * group["momentum_decay"]) / 2) for s in (t, t + 1))
    product = self.state["momentum_product"][i] = self.state["momentum_product"][i] * mu
    c = math.sqrt(1 - beta2**t)
    rate, ahead = (group["lr"] * c * (1 - mu) / (1 - product), group["lr"] * c * mu_next / (1 - product * mu_next))
    p, g, m, v = arrays
    nadam(p, g, m, v, beta1, beta2, group["eps"] * c, rate, ahead)


def rmsprop_update(self: RMSprop, i: int, p: Array, g: Array, group: dict[str, Any]) -> None:
    """See `RMSprop.update`."""
    names = ("square", "velocity") if group["momentum"] else ("square",)
    arrays = None if group["centered"] else flattened(self, i, p, g, *names)
    if arrays is None:
        RMSprop.update(self, i, p, g, group)
        return
    p, g, v, *velocity = arrays
    u = velocity[0] if velocity else p  # any array: it is not touched
    rmsprop(p, g, v, u, group["alpha"], group["eps"], group["momentum"], group["lr"])


def adagrad_update(self: Adagrad, i: int, p: Array, g: Array, group: dict[str, Any]) -> None:
    """See `Adagrad.update`."""
    self.buffer("sum", i, group["initial_accumulator_value"])
    arrays = flattened(self, i, p, g, "sum")
    if arrays is None:
        Adagrad.update(self, i, p, g, group)
        return
    p, g, s = arrays
    adagrad(p, g, s, group["eps"], group["lr"] / (1 + (self.state["step"][i] - 1) * group["lr_decay"]))


TWINS: dict[Any, Any] = {
    SGD.update: sgd_update,
    Adam.update: adam_update,
    NAdam.update: nadam_update,
    RMSprop.update: rmsprop_update,
    Adagrad.update: adagrad_update,
}
