"""Mistakes with Python rather than with gradients: no return, no self, names that are not known."""

import math

import numpy as np
from zoo_cases import LABELS, P, X, mistake

import minnet as mn


class Square(mn.Layer):
    """y = x ** 2."""

    def forward(self, x):
        self.cache = x
        return x**2

    def backward(self, dy):
        return 2 * self.cache * dy


@mistake("forward", "return", "None")
class ForwardReturnsNothing(Square):
    def forward(self, x):
        self.cache = x
        y = x**2


@mistake("backward", "return", "None", "dx")
class BackwardReturnsNothing(Square):
    def backward(self, dy):
        dx = 2 * self.cache * dy


@mistake("shape of dx", "tuple of 2", "self.cache", "return it alone")
class ForwardReturnsACache(mn.Layer):
    """Returns its cache beside the output, as in another course."""

    def forward(self, x):
        y = x**2
        return y, x

    def backward(self, dy):
        return 2 * dy


@mistake("shape of dx", "2", "W.grad", "return")
class BackwardReturnsATuple(mn.Layer):
    def __init__(self):
        self.W = mn.Parameter(np.eye(3))

    def forward(self, x):
        self.cache = x
        return x @ self.W.data

    def backward(self, dy):
        return dy @ self.W.data.T, self.cache.T @ dy


@mistake("forward", "self", "def forward(self, x)")
class ForgetsSelf(mn.Layer):
    def forward(x):
        return x**2


@mistake("backward", "self", "def backward(self, dy)")
class ForgetsSelfInBackward(Square):
    def backward(dy):
        return dy


@mistake("backward", "def backward(self, dy)", "has no backward")
class HasNoBackward(mn.Layer):
    def forward(self, x):
        return x**2


@mistake("forward", "def forward(self, x)", "has no forward")
class CallsItPredict(mn.Layer):
    def predict(self, x):
        return x**2


@mistake("backward", "self.cache", "forward")
class ForgetsTheCache(Square):
    def forward(self, x):
        return x**2


@mistake("backward", "x", "self.cache = x", "forward")
class UsesXOfForward(Square):
    def backward(self, dy):
        return 2 * x * dy  # noqa: F821


@mistake("forward", "W", "self.W")
class ForgetsSelfDot(mn.Layer):
    def __init__(self):
        self.W = mn.Parameter(np.eye(3))

    def forward(self, x):
        self.cache = x
        return x @ W.data  # noqa: F821

    def backward(self, dy):
        return dy @ self.W.data.T


@mistake("backward", "self.weights", "self.weight")
class Misspells(mn.Layer):
    def __init__(self):
        self.weight = mn.Parameter(np.eye(3))

    def forward(self, x):
        self.cache = x
        return x @ self.weight.data

    def backward(self, dy):
        self.weight.grad += self.cache.T @ dy
        return dy @ self.weights.data.T


@mistake("forward", "self.W", "__init__")
class NeverMadeW(mn.Layer):
    def __init__(self):
        W = mn.Parameter(np.eye(3))

    def forward(self, x):
        return x @ self.W.data

    def backward(self, dy):
        return dy


@mistake("backward", "tuple", "self.cache", "unpack", "x, y = self.cache")
class ForgetsToUnpack(Square):
    def forward(self, x):
        y = x**2
        self.cache = (x, y)
        return y

    def backward(self, dy):
        return dy * self.cache.sum()


@mistake("backward", "unpack", "2")
class UnpacksTooMany(Square):
    def forward(self, x):
        y = x**2
        self.cache = (x, y)
        return y

    def backward(self, dy):
        x, y, z = self.cache
        return 2 * dy * x * y * z


@mistake("forward", "if x > 0", "np.where", "each")
class IfOfAnArray(mn.Layer):
    def forward(self, x):
        self.cache = x
        if x > 0:
            return x
        return 0 * x

    def backward(self, dy):
        return dy * (self.cache > 0)


@mistake("forward", "math.exp", "np.exp")
class MathOfAnArray(mn.Layer):
    def forward(self, x):
        y = math.exp(x)
        self.cache = y
        return y

    def backward(self, dy):
        return dy * self.cache


@mistake("backward", "round brackets", "x(dy)", "x * (...)")
class CallsAnArray(Square):
    def backward(self, dy):
        x = self.cache
        return 2 * x(dy)


@mistake("forward", "calls itself")
class CallsItself(Square):
    def forward(self, x):
        return self.forward(x) ** 2


@mistake("forward", "x.sort()", "None")
class SortReturnsNone(mn.Layer):
    def forward(self, x):
        y = x.copy().sort()
        return y * 2

    def backward(self, dy):
        return dy * 2


@mistake("forward", "axis 2", "2 axes", "axis=1")
class AxisTwo(mn.Layer):
    def forward(self, x):
        self.cache = x.shape
        return x - x.mean(axis=2, keepdims=True)

    def backward(self, dy):
        return dy - dy.mean(axis=1, keepdims=True)


@mistake("forward", "not written yet", "NotImplementedError")
class NotYet(mn.Layer):
    def forward(self, x):
        raise NotImplementedError

    def backward(self, dy):
        raise NotImplementedError


@mistake("forward", "list", "np.array")
class ReturnsAList(mn.Layer):
    def forward(self, x):
        return [[2 * number for number in row] for row in x]

    def backward(self, dy):
        return 2 * dy


@mistake("shape of dx", "list", "np.array")
class BackwardReturnsAList(Square):
    def backward(self, dy):
        x = self.cache
        return [[2 * a * d for a, d in zip(row, drow, strict=True)] for row, drow in zip(x, dy, strict=True)]


@mistake("forward", "target", "2 inputs", x=P, more=(LABELS,))
class LossWithoutTarget(mn.Layer):
    def forward(self, p):
        return float(-np.log(p).mean())

    def backward(self):
        return 0


@mistake("arguments stay", "x[x < 0] = 0", "copy")
class ReluInPlace(mn.Layer):
    def forward(self, x):
        self.cache = x > 0
        x[x < 0] = 0
        return x

    def backward(self, dy):
        return dy * self.cache


@mistake("arguments stay", "dy[", "copy")
class WritesIntoDy(mn.Layer):
    def forward(self, x):
        self.cache = x
        return np.maximum(x, 0)

    def backward(self, dy):
        dy[self.cache <= 0] = 0
        return dy


@mistake("arguments stay", "x *= 2", "x = x * 2")
class DoublesInPlace(mn.Layer):
    def forward(self, x):
        x *= 2
        return x

    def backward(self, dy):
        return 2 * dy


@mistake("arguments stay", "self.cache", "belongs to the caller", "x *= dy")
class WritesIntoItsCache(Square):
    """The cache is x itself."""

    def backward(self, dy):
        x = self.cache
        x *= dy
        return 2 * x


@mistake("backward", "index", "integers", x=X)
class IndexesWithFloats(mn.Layer):
    def forward(self, x):
        self.cache = (x > 0).astype(x.dtype)
        return x * self.cache

    def backward(self, dy):
        dx = np.zeros_like(dy)
        dx[self.cache] = dy[self.cache]
        return dx
