"""Right layers in unusual styles. None of them has a finding."""

import math
from collections import namedtuple
from itertools import pairwise

import numpy as np
from zoo_cases import IMAGES, LABELS, SIGNALS, P, X, right, weights

import minnet as mn


@right(args=(3, 2))
class Einsum(mn.Layer):
    def __init__(self, i, o):
        super().__init__()
        self.weights = mn.Parameter(weights(i, o))
        self.bias = mn.Parameter(np.zeros((1, o)))

    def forward(self, inputs):
        self.cache = {"inputs": inputs}
        return np.einsum("ni,io->no", inputs, self.weights.data) + self.bias.data

    def backward(self, grad_output):
        inputs = self.cache["inputs"]
        np.add(self.weights.grad, np.einsum("ni,no->io", inputs, grad_output), out=self.weights.grad)
        self.bias.grad += grad_output.sum(axis=0, keepdims=True)
        return np.einsum("no,io->ni", grad_output, self.weights.data)


@right(args=(3, 2))
class Dot(mn.Layer):
    def __init__(self, nIn, nOut):
        self.W = mn.Parameter(weights(nOut, nIn))
        self.b = mn.Parameter(np.zeros(nOut))

    def forward(self, X):
        self.cache = (X,)
        return np.dot(X, self.W.data.T) + self.b.data[None, :]

    def backward(self, dY):
        (X,) = self.cache
        self.W.grad[...] += np.dot(dY.T, X)
        self.b.grad[:] = self.b.grad + np.ones(len(dY), dtype=dY.dtype) @ dY
        return np.dot(dY, self.W.data)


@right(args=(3, 2))
class AccumulateInLoop(mn.Layer):
    def __init__(self, i, o):
        self.params = {"W": mn.Parameter(weights(i, o)), "b": mn.Parameter(np.zeros(o))}

    def forward(self, x):
        self.cache = x
        y = np.zeros((x.shape[0], self.params["W"].data.shape[1]), dtype=x.dtype)
        for n in range(x.shape[0]):
            y[n] = x[n] @ self.params["W"].data + self.params["b"].data
        return y

    def backward(self, dy):
        x = self.cache
        dx = np.empty_like(x)
        for n, (row, d) in enumerate(zip(x, dy)):
            self.params["W"].grad += np.outer(row, d)
            self.params["b"].grad += d
            dx[n] = self.params["W"].data.dot(d)
        return dx


@right(args=(3, 2))
class Homogeneous(mn.Layer):
    def __init__(self, i, o):
        self.A = mn.Parameter(weights(i + 1, o))

    def forward(self, x):
        ones = np.ones((len(x), 1), dtype=x.dtype)
        self.cache = z = np.hstack([x, ones])
        return z @ self.A.data

    def backward(self, dy):
        self.A.grad += self.cache.T @ dy
        return (dy @ self.A.data.T)[:, :-1]


@right()
class ScalarParameter(mn.Layer):
    def __init__(self):
        self.a = mn.Parameter(2.0)
        self.calls = 0

    def forward(self, x):
        self.cache = x
        return self.a.data * x

    def backward(self, dy):
        self.a.grad += np.sum(dy * self.cache)
        return self.a.data * dy


@right()
class PolyCoefs(mn.Layer):
    def __init__(self, c=(0.5, -1.0, 0.25)):
        self.c = list(c)

    def forward(self, x):
        self.cache = x
        return sum(c * x**k for k, c in enumerate(self.c))

    def backward(self, dy):
        return dy * sum(k * c * self.cache ** (k - 1) for k, c in enumerate(self.c) if k)


@right()
class Horner(mn.Layer):
    def __init__(self):
        self.c = mn.Parameter(np.array([0.3, -1.0, 2.0]))

    def forward(self, x):
        self.cache = x
        return self.c.data[0] + x * (self.c.data[1] + x * self.c.data[2])

    def backward(self, dy):
        x = self.cache
        for k in range(3):
            self.c.grad[k] += (dy * x**k).sum()
        return dy * (self.c.data[1] + 2 * x * self.c.data[2])


@right()
class ReluCopy(mn.Layer):
    def forward(self, x):
        out = x.copy()
        out[x <= 0] = 0
        self.cache = x
        return out

    def backward(self, dy):
        dx = np.array(dy, copy=True)
        dx[self.cache <= 0] = 0
        return dx


@right()
class ReluAbs(mn.Layer):
    def forward(self, x):
        self.cache = x
        return (x + abs(x)) / 2

    def backward(self, dy):
        return dy * (1 + np.sign(self.cache)) / 2


@right()
class SigmoidTanh(mn.Layer):
    def forward(self, x):
        self.cache = s = 0.5 * (1 + np.tanh(0.5 * x))
        return s.copy()

    def backward(self, dy):
        return self.cache * (1 - self.cache) * dy


@right()
class SoftmaxKeepAxis(mn.Layer):
    def forward(self, x):
        z = x - np.max(x, axis=-1)[..., np.newaxis]
        s = np.exp(z)
        s /= np.sum(s, axis=-1)[..., None]
        self.cache = s
        return s.copy()

    def backward(self, dy):
        s = self.cache
        return np.stack([(np.diag(p) - np.outer(p, p)) @ g for p, g in zip(s, dy)]) if len(s) else dy.copy()


@right()
class SoftmaxBatchedJacobian(mn.Layer):
    def forward(self, x):
        e = np.exp(x.T - x.T.max(0))
        self.cache = (e / e.sum(0)).T
        return self.cache.copy() if False else (e / e.sum(0)).T

    def backward(self, dy):
        s = self.cache
        J = -s[:, :, None] * s[:, None, :]
        J[:, range(s.shape[1]), range(s.shape[1])] += s
        return np.matmul(J, dy[:, :, None])[:, :, 0]


@right()
class Residual2(mn.Layer):
    def __init__(self):
        self.inner = mn.Sequential(mn.Linear(3, 3, rng=0), mn.Tanh())

    def forward(self, x):
        return x + self.inner.forward(x)

    def backward(self, dy):
        return dy + self.inner.backward(dy)


@right()
class PlusCall(mn.Layer):
    def __init__(self):
        self.a, self.b = mn.Linear(3, 2, rng=0), mn.Linear(3, 2, rng=1)

    def forward(self, x):
        return self.a.forward(x) * 2 - self.b.forward(x)

    def backward(self, dy):
        return self.a.backward(2 * dy) + self.b.backward(-dy)


@right(x=IMAGES)
class FlattenNp(mn.Layer):
    def forward(self, x):
        self.cache = x.shape
        return np.reshape(x, (x.shape[0], int(np.prod(x.shape[1:]))))

    def backward(self, dy):
        return np.reshape(dy, self.cache)


@right(x=IMAGES)
class ChannelsLast(mn.Layer):
    def forward(self, x):
        return np.moveaxis(x, 1, -1)

    def backward(self, dy):
        return np.moveaxis(dy, -1, 1)


@right(x=IMAGES)
class PadOne(mn.Layer):
    def forward(self, x):
        return np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))

    def backward(self, dy):
        return dy[:, :, 1:-1, 1:-1].copy()


@right(x=IMAGES)
class PadView(mn.Layer):
    def forward(self, x):
        return np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))

    def backward(self, dy):
        return dy[..., 1:-1, 1:-1]


@right(x=IMAGES)
class AvgPool(mn.Layer):
    def forward(self, x):
        self.cache = x.shape
        return x.mean((2, 3))

    def backward(self, dy):
        n, c, h, w = self.cache
        return np.broadcast_to(dy[:, :, None, None] / (h * w), self.cache)


@right(x=SIGNALS)
class Cumsum(mn.Layer):
    def forward(self, x):
        return np.cumsum(x, axis=1)

    def backward(self, dy):
        return np.cumsum(dy[:, ::-1], axis=1)[:, ::-1]


@right(x=SIGNALS)
class SortLayer(mn.Layer):
    def forward(self, x):
        self.cache = order = np.argsort(x, axis=1)
        return np.take_along_axis(x, order, axis=1)

    def backward(self, dy):
        dx = np.empty_like(dy)
        np.put_along_axis(dx, self.cache, dy, axis=1)
        return dx


@right(x=SIGNALS)
class MaxRow(mn.Layer):
    def forward(self, x):
        best = x.argmax(1)
        self.cache = x.shape, best
        return x[np.arange(len(x)), best]

    def backward(self, dy):
        shape, best = self.cache
        dx = np.zeros(shape, dy.dtype)
        dx[np.arange(shape[0]), best] = dy
        return dx


@right(x=SIGNALS)
class SumRow(mn.Layer):
    def forward(self, x):
        self.cache = x.shape[1]
        return x.sum(1, keepdims=True)

    def backward(self, dy):
        return np.tile(dy, self.cache)


@right(x=SIGNALS)
class Difference(mn.Layer):
    def forward(self, x):
        return np.diff(x)

    def backward(self, dy):
        return -np.diff(dy, prepend=dy.dtype.type(0), append=dy.dtype.type(0))


@right(x=SIGNALS)
class Gather(mn.Layer):
    def __init__(self):
        self.index = np.array([5, 0, 0, 3])

    def forward(self, x):
        self.cache = x.shape
        return x[:, self.index]

    def backward(self, dy):
        dx = np.zeros(self.cache, dy.dtype)
        np.add.at(dx, (slice(None), self.index), dy)
        return dx


@right(x=SIGNALS)
class NormalizeL2(mn.Layer):
    def forward(self, x):
        r = np.sqrt((x * x).sum(1, keepdims=True) + 1e-12)
        self.cache = x / r, r
        return x / r

    def backward(self, dy):
        u, r = self.cache
        return (dy - u * (u * dy).sum(1, keepdims=True)) / r


Cache = namedtuple("Cache", "x mask")


@right()
class NamedTupleCache(mn.Layer):
    def forward(self, x):
        self.cache = Cache(x, np.abs(x) < 1)
        return np.clip(x, -1, 1)

    def backward(self, dy):
        return np.where(self.cache.mask, dy, 0)


@right()
class Closure(mn.Layer):
    def forward(self, x):
        y = np.sin(x)

        def back(dy):
            return np.cos(x) * dy

        self.cache = back
        return y

    def backward(self, dy):
        return self.cache(dy)


@right(x=P, more=(LABELS,))
class CELoop(mn.Loss):
    def forward(self, Pr, y):
        self.cache = Pr, y
        total = 0.0
        for p, k in zip(Pr, y):
            total -= math.log(p[k])
        return total / max(len(y), 1)

    def backward(self):
        Pr, y = self.cache
        g = np.zeros_like(Pr)
        for n, k in enumerate(y):
            g[n, k] = -1 / (Pr[n, k] * len(y))
        return g


@right(x=P, more=(LABELS,))
class CETake(mn.Loss):
    def forward(self, Pr, y):
        self.cache = Pr, y
        p = np.take_along_axis(Pr, y[:, None], 1)
        return float(-np.log(p).sum() / len(y)) if len(y) else 0.0

    def backward(self):
        Pr, y = self.cache
        H = np.eye(Pr.shape[1], dtype=Pr.dtype)[y]
        return -H / Pr / len(y)


@right(x=X, more=(X * 0.5,))
class MSESum(mn.Loss):
    def forward(self, a, b):
        d = np.subtract(a, b)
        self.cache = d
        return 0.5 * float(np.vdot(d, d))

    def backward(self):
        return self.cache


@right(x=X, more=(X * 0.5,))
class Huber(mn.Loss):
    def __init__(self, delta=0.5):
        self.delta = delta

    def forward(self, p, t):
        e = p - t
        self.cache = e
        small = np.abs(e) <= self.delta
        return float(np.where(small, e * e / 2, self.delta * (np.abs(e) - self.delta / 2)).sum())

    def backward(self):
        return np.clip(self.cache, -self.delta, self.delta)


@right()
class DropoutEvalScaled(mn.Layer):
    def __init__(self, p=0.4, seed=0):
        self.keep = 1 - p
        self.rng = np.random.default_rng(seed)

    def forward(self, x):
        if self.training:
            m = (self.rng.uniform(size=x.shape) < self.keep).astype(x.dtype)
        else:
            m = np.full(x.shape, self.keep, x.dtype)
        self.cache = m
        return m * x

    def backward(self, dy):
        return self.cache * dy


@right()
class WithProperties(mn.Layer):
    def __init__(self):
        self._w = mn.Parameter(weights(3, 2))

    @property
    def w(self):
        return self._w.data

    @property
    def dw(self):
        return self._w.grad

    def forward(self, x):
        self.cache = x
        return x @ self.w

    def backward(self, dy):
        g = self.dw
        g += self.cache.T @ dy
        return dy @ self.w.T


@right()
class Prints(mn.Layer):
    def forward(self, x):
        print("x", x.shape)
        return 3 * x

    def backward(self, dy):
        print("dy", dy)
        return 3 * dy


@right()
class Mixin(mn.Sequential):
    def __init__(self):
        super().__init__(*[mn.Linear(a, b, rng=a) for a, b in pairwise([3, 5, 2])])
