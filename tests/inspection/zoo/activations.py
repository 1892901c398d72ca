"""Activations and softmax as students write them."""

import numpy as np
from zoo_cases import RNG, mistake

import minnet as mn


class Sigmoid(mn.Layer):
    """y = 1 / (1 + exp(-x))."""

    def forward(self, x):
        y = 1 / (1 + np.exp(-x))
        self.cache = y
        return y

    def backward(self, dy):
        y = self.cache
        return dy * y * (1 - y)


class Tanh(mn.Layer):
    """y = tanh(x)."""

    def forward(self, x):
        y = np.tanh(x)
        self.cache = y
        return y

    def backward(self, dy):
        return dy * (1 - self.cache**2)


class Softmax(mn.Layer):
    """y = exp(x) / sum(exp(x)), row by row."""

    def forward(self, x):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        y = e / e.sum(axis=1, keepdims=True)
        self.cache = y
        return y

    def backward(self, dy):
        y = self.cache
        return y * (dy - (dy * y).sum(axis=1, keepdims=True))


@mistake("gradient of x", "dy is missing", "dy *")
class ForgetsDy(Sigmoid):
    def backward(self, dy):
        y = self.cache
        return y * (1 - y)


@mistake("gradient of x", "dy unchanged", "dy * (1 - y**2)")
class ForgetsTheDerivative(Tanh):
    def backward(self, dy):
        return dy.copy()


@mistake("gradient of x", "dy * x * (1 - x)", "dy * y * (1 - y)")
class SigmoidOfX(Sigmoid):
    """Keeps x, and uses the formula for y."""

    def forward(self, x):
        self.cache = x
        return 1 / (1 + np.exp(-x))


@mistake("gradient of x", "dy * (1 - x**2)", "dy * (1 - y**2)")
class TanhOfX(Tanh):
    def forward(self, x):
        self.cache = x
        return np.tanh(x)


@mistake("gradient of x", "derivative", "at y", "at x")
class SigmoidOfSigmoid(Sigmoid):
    """Computes the sigmoid of y once more."""

    def backward(self, dy):
        s = 1 / (1 + np.exp(-self.cache))
        return dy * s * (1 - s)


@mistake("gradient of x", "np.exp(-y)", "np.exp(-x)")
class SoftplusOfY(mn.Layer):
    def forward(self, x):
        y = np.log1p(np.exp(x))
        self.cache = y
        return y

    def backward(self, dy):
        return dy / (1 + np.exp(-self.cache))


@mistake("gradient of x", "dy * 2 * y", "dy * 2 * x")
class SquareOfY(mn.Layer):
    def forward(self, x):
        y = x * x
        self.cache = y
        return y

    def backward(self, dy):
        return dy * 2 * self.cache


@mistake("gradient of x", "it is dy * x", "dy * 2 * x")
class ForgetsTwo(mn.Layer):
    def forward(self, x):
        self.cache = x
        return x * x

    def backward(self, dy):
        return dy * self.cache


@mistake("gradient of x", "dy * (1 + y**2)", "dy * (1 - y**2)")
class PlusForMinus(Tanh):
    def backward(self, dy):
        return dy * (1 + self.cache**2)


@mistake("gradient of x", "dy * (1 - y)", "dy * y * (1 - y)")
class ForgetsY(Sigmoid):
    def backward(self, dy):
        return dy * (1 - self.cache)


@mistake("gradient of x", "-1 times", "sign")
class MinusSigmoid(Sigmoid):
    def backward(self, dy):
        y = self.cache
        return dy * y * (y - 1)


@mistake("gradient of x", "x is negative", "0", "forward")
class LeakyForgotten(mn.Layer):
    """The slope for negative x is in forward only."""

    def forward(self, x):
        self.cache = x > 0
        return np.where(x > 0, x, 0.1 * x)

    def backward(self, dy):
        return dy * self.cache


@mistake("gradient of x", "x is negative")
class EluWithoutExp(mn.Layer):
    def forward(self, x):
        self.cache = x
        return np.where(x > 0, x, np.expm1(x))

    def backward(self, dy):
        return dy * np.where(self.cache > 0, 1.0, self.cache)


@mistake("gradient of x", "(x < 0)", "(x > 0)")
class MaskTurnedRound(mn.Layer):
    def forward(self, x):
        self.cache = x
        return np.maximum(x, 0)

    def backward(self, dy):
        return dy * (self.cache < 0)


@mistake("gradient of x", "(dy > 0)", "(x > 0)")
class MaskOfDy(mn.Layer):
    def forward(self, x):
        return np.maximum(x, 0)

    def backward(self, dy):
        return dy * (dy > 0)


@mistake("gradient of x", "only where x is 0", "multiplies dy by 2", x=np.array([[0.0, 1.0, -1.0], [0.5, 0.0, -2.0]]))
class GreaterOrEqualOfTheSlope(mn.Layer):
    """Takes the wrong side, and doubles it: y = max(x, 0), with a slope of 2 at 0."""

    def forward(self, x):
        self.cache = x
        return np.maximum(x, 0)

    def backward(self, dy):
        return dy * ((self.cache > 0) * 1.0 + (self.cache == 0) * 2)


@mistake("gradient of x", "each output depends on the whole row", "dy * y * (1 - y)")
class SoftmaxAsSigmoid(Softmax):
    def backward(self, dy):
        y = self.cache
        return dy * y * (1 - y)


@mistake("gradient of x", "dy unchanged")
class SoftmaxPassesThrough(Softmax):
    def backward(self, dy):
        return dy * 1


@mistake("gradient of x", "dy * y", "sum")
class SoftmaxForgetsTheSum(Softmax):
    def backward(self, dy):
        return dy * self.cache


@mistake("gradient of x", "axis=0", "axis=1")
class SoftmaxJacobianOverTheBatch(Softmax):
    def backward(self, dy):
        y = self.cache
        return y * (dy - (dy * y).sum(axis=0, keepdims=True))


@mistake("backward", "keepdims=True", "(4, 3)", "(4,)")
class SoftmaxWithoutKeepdims(Softmax):
    def backward(self, dy):
        y = self.cache
        return y * (dy - (dy * y).sum(axis=1))


@mistake("forward", "keepdims=True", "(4, 3)", "(4,)")
class ForwardWithoutKeepdims(Softmax):
    def forward(self, x):
        e = np.exp(x)
        y = e / e.sum(axis=1)
        self.cache = y
        return y


@mistake("eval mode", "axis=0", "axis=1", "other samples")
class SoftmaxOverTheBatch(mn.Layer):
    """Normalizes columns, where rows are samples."""

    def forward(self, x):
        e = np.exp(x - x.max(axis=0, keepdims=True, initial=-1e3))
        y = e / e.sum(axis=0)
        self.cache = y
        return y

    def backward(self, dy):
        y = self.cache
        return y * (dy - (dy * y).sum(axis=0))


@mistake("large numbers", "NaN", "np.exp", "x.max(axis=1, keepdims=True)")
class SoftmaxOverflows(Softmax):
    def forward(self, x):
        e = np.exp(x)
        y = e / e.sum(axis=1, keepdims=True)
        self.cache = y
        return y


@mistake("large numbers", "NaN", "np.exp")
class SigmoidOverflows(Sigmoid):
    def forward(self, x):
        y = np.exp(x) / (1 + np.exp(x))
        self.cache = y
        return y


@mistake("large numbers", "backward", "NaN", "np.exp")
class SigmoidOverflowsInBackward(Sigmoid):
    def forward(self, x):
        self.cache = x
        return 1 / (1 + np.exp(-x))

    def backward(self, dy):
        x = self.cache
        return dy * np.exp(-x) / (1 + np.exp(-x)) ** 2


@mistake("gradient of x", "zero everywhere")
class RoundsBeforeTheDerivative(Sigmoid):
    def backward(self, dy):
        y = self.cache.round()
        return dy * y * (1 - y)


@mistake("gradient of x", "reverse", "axis")
class FlipsTheRows(Tanh):
    """Reads its samples from the end."""

    def backward(self, dy):
        return (dy * (1 - self.cache**2))[::-1].copy()


@mistake("gradient of x", "columns", x=RNG.normal(size=(3, 3)))
class TransposesTwiceButOnce(Tanh):
    def backward(self, dy):
        return (dy.T * (1 - self.cache**2).T).copy()


@mistake("gradient of slope", "(dy * x).sum(axis=0)", "(dy * x * (x < 0)).sum(axis=0)")
class PReluSumsAll(mn.Layer):
    """y = x, or slope * x where x is negative."""

    def __init__(self):
        self.slope = mn.Parameter([0.1, 0.2, 0.3])

    def forward(self, x):
        self.cache = x
        return np.where(x > 0, x, self.slope.data * x)

    def backward(self, dy):
        x = self.cache
        self.slope.grad += (dy * x).sum(axis=0)
        return dy * np.where(x > 0, 1, self.slope.data).astype(dy.dtype)
