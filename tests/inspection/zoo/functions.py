"""Functions element by element, and of rows, as students write them."""

import math
import random

import numpy as np
from zoo_cases import mistake

import minnet as mn


@mistake("forward", "has no forward", "exactly this name")
class CapitalMethods(mn.Layer):
    def Forward(self, x):
        return x * x

    def Backward(self, dy):
        return dy


@mistake("gradient of x", "dy * (dy > 0)", "dy * (x > 0)")
class FunctionsInPlaceOfMethods(mn.Layer):
    def __init__(self):
        self.forward = lambda x: np.maximum(x, 0)
        self.backward = lambda dy: dy * (dy > 0)


@mistake("forward", "lacks self")
class MissingSelfBoth(mn.Layer):
    def forward(x):
        return x * x

    def backward(dy):
        return 2 * dy


@mistake("gradient of x", "dy * (dy > 0)", "dy * (x > 0)")
class StaticMethods(mn.Layer):
    @staticmethod
    def forward(x):
        return np.maximum(x, 0)

    @staticmethod
    def backward(dy):
        return dy * (dy > 0)


@mistake("backward", "is given one input, not more", "forward keeps in self.cache")
class BackwardTakesXToo(mn.Layer):
    def forward(self, x):
        return np.maximum(x, 0)

    def backward(self, x, dy):
        return dy * (x > 0)


@mistake("gradient of x", "the derivative of y", "backward multiplies dy by")
class PrintsInForward(mn.Layer):
    def forward(self, x):
        print("forward", x.shape)
        self.cache = x
        return x**3

    def backward(self, dy):
        print("backward")
        return 3 * self.cache * dy


@mistake("shape of dx", "Forward returned a tuple of 2", "return it alone")
class WrongReturnOrder(mn.Layer):
    def forward(self, x):
        mask = x > 0
        return mask, x * mask

    def backward(self, dy):
        return dy


@mistake("forward", "returned None", "return y")
class ReturnsPrint(mn.Layer):
    def forward(self, x):
        self.cache = x
        return print(x**2)

    def backward(self, dy):
        return 2 * self.cache * dy


@mistake("backward", "gets no dy", "def backward(self)")
class ForwardReturnsLoss(mn.Layer):
    def forward(self, x):
        self.cache = x
        return (x**2).sum()

    def backward(self, dy):
        return 2 * self.cache


@mistake("backward", "gets no dy", "def backward(self)")
class ForwardReturnsMeanPyFloat(mn.Layer):
    def forward(self, x):
        self.cache = x
        return float((x**2).mean())

    def backward(self, dy):
        return 2 * self.cache / self.cache.size


@mistake("forward", "one input, not more", "findings(loss, prediction, target)")
class ForwardTakesTarget(mn.Layer):
    def forward(self, x, y):
        self.cache = x - y
        return ((x - y) ** 2).mean()

    def backward(self):
        return 2 * self.cache


@mistake("gradient of x", "(dy * y).sum())", "axis=1")
class SoftmaxBackOfVector(mn.Layer):
    def forward(self, x):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        y = e / e.sum(axis=1, keepdims=True)
        self.cache = y
        return y

    def backward(self, dy):
        y = self.cache
        return y * (dy - (dy * y).sum())


@mistake("backward", "is for vectors", "batch")
class SoftmaxJacobianOfVector(SoftmaxBackOfVector):
    def backward(self, dy):
        y = self.cache
        J = np.diag(y) - np.outer(y, y)
        return J @ dy


@mistake("gradient of x", "does not grow with dy")
class SoftmaxNotebook(mn.Layer):
    def forward(self, x):
        Pr = np.exp(x)
        Pr = Pr / Pr.sum()
        self.cache = Pr
        return Pr

    def backward(self, dy):
        return self.cache - dy


@mistake("gradient of x", "the derivative of y[0, 2] with respect to x[0, 1]")
class SoftmaxMaxLoopRow(SoftmaxBackOfVector):
    def backward(self, dy):
        y = self.cache
        dx = np.zeros_like(y)
        for n in range(y.shape[0]):
            for i in range(y.shape[1]):
                for j in range(y.shape[1]):
                    if i == j:
                        dx[n, i] += dy[n, j] * y[n, i] * (1 - y[n, i])
                    else:
                        dx[n, i] += dy[n, j] * y[n, i] * y[n, j]
        return dx


@mistake("shape of dx", "the shape of one sample", "dx[n] = ...")
class SoftmaxLoopAssign(SoftmaxBackOfVector):
    def backward(self, dy):
        y = self.cache
        dx = np.zeros_like(y)
        for n in range(y.shape[0]):
            J = np.diag(y[n]) - np.outer(y[n], y[n])
            dx = J @ dy[n]
        return dx


@mistake("gradient of x", "forward is flat", "argmax")
class ArgmaxLayer(mn.Layer):
    def forward(self, x):
        self.cache = x.shape
        return x.argmax(axis=1)

    def backward(self, dy):
        return np.ones(self.cache)


@mistake("gradient of x", "forward is flat", "argmax")
class OneHotOfArgmax(mn.Layer):
    def forward(self, x):
        return np.eye(x.shape[1])[x.argmax(axis=1)]

    def backward(self, dy):
        return dy


@mistake("gradient of x", "forward is flat", "np.round")
class Rounds(mn.Layer):
    def forward(self, x):
        return np.round(x)

    def backward(self, dy):
        return dy


@mistake("gradient of x", "forward is flat", "comparisons")
class StepFunction(mn.Layer):
    def forward(self, x):
        return (x > 0).astype(x.dtype)

    def backward(self, dy):
        return dy


@mistake("gradient of x", "forward is flat")
class BoolForward(mn.Layer):
    def forward(self, x):
        return x > 0

    def backward(self, dy):
        return dy


@mistake("gradient of x", "forward is flat", "//")
class IntegerDivision(mn.Layer):
    def forward(self, x):
        return x // 2

    def backward(self, dy):
        return dy // 2


@mistake("shape of dx", "returned a list", "np.array")
class MathExp(mn.Layer):
    def forward(self, x):
        y = np.array([[1 / (1 + math.exp(-v)) for v in row] for row in x])
        self.cache = y
        return y

    def backward(self, dy):
        y = self.cache
        return [[d * a * (1 - a) for d, a in zip(dr, r)] for dr, r in zip(dy, y)]


@mistake("backward", "round brackets", "self.cache * (...)")
class MathExpOfArray(mn.Layer):
    def forward(self, x):
        y = 1 / (1 + math.e**-x)
        self.cache = y
        return y

    def backward(self, dy):
        return dy * self.cache(1 - self.cache)


@mistake("forward", "is no power", "x ** 2")
class PowerCaret(mn.Layer):
    def forward(self, x):
        self.cache = x
        return x ^ 2

    def backward(self, dy):
        return 2 * self.cache * dy


@mistake("backward", "Write & in place of and", "brackets")
class AndOfArrays(mn.Layer):
    def forward(self, x):
        self.cache = x
        return np.clip(x, -1, 1)

    def backward(self, dy):
        x = self.cache
        return dy * (x > -1 and x < 1)


@mistake("backward", "brackets around each comparison")
class AmpersandPrecedence(mn.Layer):
    def forward(self, x):
        self.cache = x
        return np.clip(x, -1, 1)

    def backward(self, dy):
        x = self.cache
        return dy * (x > -1 & x < 1)


@mistake("gradient of x", "one output of shape (3,) of all 4 samples", "np.maximum")
class ReluMaxMistake(mn.Layer):
    def forward(self, x):
        self.cache = x
        return np.max(x, 0)

    def backward(self, dy):
        return dy * (self.cache > 0)


@mistake("forward", "Python's max", "np.maximum")
class ReluBuiltinMax(mn.Layer):
    def forward(self, x):
        self.cache = x
        return max(0, x)

    def backward(self, dy):
        return dy * (self.cache > 0)


@mistake("arguments stay", "writes into x", "x = x.copy()")
class ReluIfLoop(mn.Layer):
    def forward(self, x):
        for i in range(len(x)):
            for j in range(len(x[0])):
                if x[i][j] < 0:
                    x[i][j] = 0
        self.cache = x
        return x

    def backward(self, dy):
        return dy * (self.cache > 0)


@mistake("arguments stay", "writes into y", "y = y * 2")
class CacheAliasInPlace(mn.Layer):
    def forward(self, x):
        y = x
        y *= 2
        self.cache = x
        return y

    def backward(self, dy):
        return 2 * dy


@mistake("dtypes", "float32 into float64", "mask.astype(x.dtype)")
class DropoutEvalScaled(mn.Layer):
    def __init__(self):
        self.p = 0.3
        self.rng = np.random.default_rng(0)

    def forward(self, x):
        if self.training:
            self.cache = self.rng.binomial(1, 1 - self.p, x.shape)
            return x * self.cache
        return x * (1 - self.p)

    def backward(self, dy):
        return dy * self.cache


@mistake("repeatable", "Generator", "self.rng")
class PyRandomDropout(mn.Layer):
    def forward(self, x):
        mask = np.array([[random.random() > 0.5 for _ in r] for r in x])
        self.cache = mask
        return x * mask

    def backward(self, dy):
        return dy * self.cache


@mistake("gradient of x", "another sample", "a term is missing")
class BatchNormBackwardSimple(mn.Layer):
    def __init__(self):
        self.gamma = mn.Parameter(np.ones(3))
        self.beta = mn.Parameter(np.zeros(3))

    def forward(self, x):
        mu = x.mean(axis=0)
        var = x.var(axis=0)
        xhat = (x - mu) / np.sqrt(var + 1e-5)
        self.cache = xhat, var
        return self.gamma.data * xhat + self.beta.data

    def backward(self, dy):
        xhat, var = self.cache
        self.gamma.grad += (dy * xhat).sum(axis=0)
        self.beta.grad += dy.sum(axis=0)
        return dy * self.gamma.data / np.sqrt(var + 1e-5)


@mistake("gradient of x", "what forward divides by")
class LayerNormWrongMean(mn.Layer):
    def forward(self, x):
        mu = x.mean(axis=1, keepdims=True)
        s = np.sqrt(x.var(axis=1, keepdims=True) + 1e-5)
        xh = (x - mu) / s
        self.cache = xh, s
        return xh

    def backward(self, dy):
        xh, s = self.cache
        return (dy - dy.mean(axis=1, keepdims=True) - xh * dy.mean(axis=1, keepdims=True)) / s
