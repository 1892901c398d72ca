"""Habits of Python, of other libraries and of the class notebook that go wrong in a layer."""

import numpy as np
from zoo_cases import IMAGES, LABELS, P, X, mistake, weights

import minnet as mn


@mistake("shape of dx", "bring it back into the shape of x", x=IMAGES)
class FlattenWrongBackward(mn.Layer):
    def forward(self, x):
        return x.reshape(x.shape[0], -1)

    def backward(self, dy):
        return dy


@mistake("gradient of x", "20 = 4 * 5", "a mean in one method", x=IMAGES)
class GlobalMean(mn.Layer):
    def forward(self, x):
        self.cache = x.shape
        return x.mean(axis=(2, 3))

    def backward(self, dy):
        return np.ones(self.cache) * dy[:, :, None, None]


@mistake("shape of dx", "forward exchanges axes", "does not exchange axes", x=IMAGES)
class SwapAxesBack(mn.Layer):
    def forward(self, x):
        return x.transpose(0, 2, 3, 1)

    def backward(self, dy):
        return dy.transpose(0, 2, 3, 1)


@mistake("shape of dx", "(2, 2, 5, 6)", "must be equal", x=IMAGES)
class PaddingBack(mn.Layer):
    def forward(self, x):
        return np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))

    def backward(self, dy):
        return dy[:, :, 1:, 1:]


@mistake("gradient of prediction", "-onehot / p / len(p)", x=P, more=(LABELS,))
class CELossSum(mn.Loss):
    def forward(self, p, y):
        self.cache = p, y
        return -np.log(p[range(len(y)), y]).sum()

    def backward(self):
        p, y = self.cache
        g = np.zeros_like(p)
        g[range(len(y)), y] = -1 / p[range(len(y)), y]
        return g / len(y)


@mistake("gradient of prediction", "p[y] picks whole rows", x=P, more=(LABELS,))
class CELossNotebook(mn.Loss):
    def forward(self, Pr, y):
        self.cache = Pr, y
        return -np.log(Pr[y]).mean()

    def backward(self):
        Pr, y = self.cache
        gradb = Pr.copy()
        gradb[y] -= 1
        return gradb


@mistake("gradient of prediction", "changes all rows", x=P, more=(LABELS,))
class CELossAllColumns(mn.Loss):
    def forward(self, Pr, y):
        self.cache = Pr, y
        return -np.log(Pr[np.arange(len(y)), y]).mean()

    def backward(self):
        Pr, y = self.cache
        g = Pr.copy()
        g[:, y] -= 1
        return g / len(y)


@mistake("backward", "one loss for each sample", "one number", x=P, more=(LABELS,))
class LossOfEachSample(mn.Loss):
    def forward(self, Pr, y):
        self.cache = Pr, y
        return -np.log(Pr[np.arange(len(y)), y])

    def backward(self):
        Pr, y = self.cache
        g = np.zeros_like(Pr)
        g[np.arange(len(y)), y] = -1 / Pr[np.arange(len(y)), y]
        return g


@mistake("gradient of prediction", "forward is flat", x=P, more=(LABELS,))
class LossIsAccuracy(mn.Loss):
    def forward(self, Pr, y):
        self.cache = Pr, y
        return (Pr.argmax(axis=1) != y).mean()

    def backward(self):
        Pr, y = self.cache
        g = Pr.copy()
        g[np.arange(len(y)), y] -= 1
        return g / len(y)


@mistake("shape of dx", "of prediction's shape", x=X, more=(X * 0.5,))
class MSEReturnsMeanGrad(mn.Loss):
    def forward(self, p, t):
        self.cache = p - t
        return (self.cache**2).mean()

    def backward(self):
        return (2 * self.cache).mean()


@mistake("backward", "gets no dy", x=X, more=(X * 0.5,))
class LossLayerBase(mn.Layer):
    def forward(self, p, t):
        self.cache = p - t
        return (self.cache**2).mean()

    def backward(self, dy):
        return 2 * self.cache / self.cache.size


@mistake("backward", "'X'", "only 'x'")
class DictCacheTypo(mn.Layer):
    def forward(self, x):
        self.cache = {"x": x}
        return np.sin(x)

    def backward(self, dy):
        return np.cos(self.cache["X"]) * dy


@mistake("last forward", "a global variable")
class GlobalCache(mn.Layer):
    def forward(self, x):
        global kept
        kept = x
        return np.sin(x)

    def backward(self, dy):
        return np.cos(kept) * dy


@mistake("last forward", "the last forward")
class AppendsCaches(mn.Layer):
    def __init__(self):
        self.xs = []

    def forward(self, x):
        self.xs.append(x)
        return np.sin(x)

    def backward(self, dy):
        return np.cos(self.xs[0]) * dy


@mistake("eval mode", "self.xs")
class AppendsCachesLast(mn.Layer):
    def __init__(self):
        self.xs = []

    def forward(self, x):
        self.xs.append(x)
        return np.sin(x)

    def backward(self, dy):
        return np.cos(self.xs[-1]) * dy


@mistake("gradient of x", "57.2958 times")
class DegreesSin(mn.Layer):
    def forward(self, x):
        self.cache = x
        return np.sin(np.deg2rad(x))

    def backward(self, dy):
        return np.cos(np.deg2rad(self.cache)) * dy


@mistake("backward", "asks for axis 1", "1 axis")
class SumLoop(mn.Layer):
    def forward(self, x):
        self.cache = x.shape
        return x.sum(axis=1)

    def backward(self, dy):
        n, d = self.cache
        return np.repeat(dy, d, axis=1)


@mistake("gradient of x", "repeat and not np.tile")
class SumLoopTile(mn.Layer):
    def forward(self, x):
        self.cache = x.shape
        return x.sum(axis=1)

    def backward(self, dy):
        n, d = self.cache
        return np.tile(dy, d).reshape(n, d)


@mistake("gradient of x", "a term is missing")
class CumsumSame(mn.Layer):
    def forward(self, x):
        return x.cumsum(axis=1)

    def backward(self, dy):
        return dy.cumsum(axis=1)


@mistake("gradient of x", "wrong order")
class SortBack(mn.Layer):
    def forward(self, x):
        return np.sort(x, axis=1)

    def backward(self, dy):
        return np.sort(dy, axis=1)


@mistake("shape of dx", "the shape of y")
class MaxAxis(mn.Layer):
    def forward(self, x):
        self.cache = x
        return x.max(axis=1, keepdims=True)

    def backward(self, dy):
        return dy * self.cache.argmax(axis=1, keepdims=True)


@mistake("backward", "a single number", "(dy * self.cache).sum()")
class ScaleScalar(mn.Layer):
    def __init__(self):
        self.scale = mn.Parameter(2.0)

    def forward(self, x):
        self.cache = x
        return x * self.scale.data

    def backward(self, dy):
        self.scale.grad += dy * self.cache
        return dy * self.scale.data


@mistake("Parameters", "self.grad", "a Parameter")
class ScalePyFloat(mn.Layer):
    def __init__(self):
        self.scale = 2.0
        self.grad = 0.0

    def forward(self, x):
        self.cache = x
        return x * self.scale

    def backward(self, dy):
        self.grad += (dy * self.cache).sum()
        return dy * self.scale


@mistake("forward", "use .data")
class UsesParamNotData(mn.Layer):
    def __init__(self):
        self.b = mn.Parameter(np.zeros(3))

    def forward(self, x):
        return x + self.b

    def backward(self, dy):
        self.b.grad += dy.sum(axis=0)
        return dy


@mistake("backward", "has no gradient", ".grad")
class GradAttributeMissing(mn.Layer):
    def __init__(self):
        self.b = mn.Parameter(np.zeros(3))

    def forward(self, x):
        return x + self.b.data

    def backward(self, dy):
        self.b.gradient += dy.sum(axis=0)
        return dy


@mistake("Parameters stay", "adds or replaces a Parameter")
class AssignsDataToParam(mn.Layer):
    def __init__(self):
        self.b = mn.Parameter(np.zeros(3))

    def forward(self, x):
        return x + self.b.data

    def backward(self, dy):
        self.b = self.b.data - 0.1 * dy.sum(axis=0)
        return dy


@mistake("backward", "forward kept nothing")
class InitReturnsForward(mn.Layer):
    def __init__(self, x=None):
        self.cache = x

    def forward(self, x):
        return x * 3

    def backward(self, dy):
        return 3 * self.cache * dy


@mistake("gradient of x", "backward multiplies dy by")
class TwoLayerByHand(mn.Layer):
    def __init__(self):
        self.W1 = mn.Parameter(weights(3, 4))
        self.W2 = mn.Parameter(weights(4, 2))

    def forward(self, x):
        h = np.maximum(0, x @ self.W1.data)
        self.cache = x, h
        return h @ self.W2.data

    def backward(self, dy):
        x, h = self.cache
        self.W2.grad += h.T @ dy
        dh = dy @ self.W2.data.T
        self.W1.grad += x.T @ dh
        return dh @ self.W1.data.T
