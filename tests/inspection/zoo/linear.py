"""Linear layers, y = x @ W + b, as students write them."""

import numpy as np
from zoo_cases import RNG, X, mistake

import minnet as mn


class Linear(mn.Layer):
    """The right one, from which some of the others go astray."""

    def __init__(self, inputs=3, outputs=2):
        rng = np.random.default_rng(0)
        self.W = mn.Parameter(rng.normal(size=(inputs, outputs)))
        self.b = mn.Parameter(rng.normal(size=outputs))

    def forward(self, x):
        self.cache = x
        return x @ self.W.data + self.b.data

    def backward(self, dy):
        x = self.cache
        self.W.grad += x.T @ dy
        self.b.grad += dy.sum(axis=0)
        return dy @ self.W.data.T


@mistake("backward", "dy @ self.W.data", "(4, 2)", "(3, 2)", "self.W.data.T")
class MissingTranspose(Linear):
    def backward(self, dy):
        x = self.cache
        self.W.grad += x.T @ dy
        self.b.grad += dy.sum(axis=0)
        return dy @ self.W.data


@mistake("gradient of x", "dy @ self.W.data ", "dy @ self.W.data.T", "transpose", args=(3, 3))
class MissingTransposeOfASquareMatrix(Linear):
    def backward(self, dy):
        x = self.cache
        self.W.grad += x.T @ dy
        self.b.grad += dy.sum(axis=0)
        return dy @ self.W.data


@mistake("backward", "x @ dy", "(4, 3)", "(4, 2)", "x.T @ dy")
class MissingTransposeOfX(Linear):
    def backward(self, dy):
        x = self.cache
        self.W.grad += x @ dy
        self.b.grad += dy.sum(axis=0)
        return dy @ self.W.data.T


@mistake("backward", "dy.T @ x", "(2, 3)", "(3, 2)", "x.T @ dy")
class ProductInTheWrongOrder(Linear):
    def backward(self, dy):
        x = self.cache
        self.W.grad += dy.T @ x
        self.b.grad += dy.sum(axis=0)
        return dy @ self.W.data.T


@mistake("gradient of W", "transpose", "x.T @ dy", args=(3, 3))
class ProductInTheWrongOrderSquare(Linear):
    def backward(self, dy):
        x = self.cache
        self.W.grad += dy.T @ x
        self.b.grad += dy.sum(axis=0)
        return dy @ self.W.data.T


@mistake("forward", "self.W.data @ x", "(3, 2)", "(4, 3)", "x @ self.W.data")
class WTimesX(Linear):
    def forward(self, x):
        self.cache = x
        return self.W.data @ x + self.b.data


@mistake("forward", "(4, 3)", "(2, 3)", "self.W.data.T")
class WeightsAsInPyTorch(mn.Layer):
    def __init__(self):
        self.W = mn.Parameter(np.random.default_rng(0).normal(size=(2, 3)))

    def forward(self, x):
        self.cache = x
        return np.dot(x, self.W.data)

    def backward(self, dy):
        self.W.grad += self.cache.T @ dy
        return dy @ self.W.data.T


@mistake("backward", "self.b.grad += dy.sum(axis=1)", "(4,)", "(2,)", "axis=0")
class BiasSummedOverTheWrongAxis(Linear):
    def backward(self, dy):
        x = self.cache
        self.W.grad += x.T @ dy
        self.b.grad += dy.sum(axis=1)
        return dy @ self.W.data.T


@mistake("gradient of b", "dy.sum(axis=1)", "dy.sum(axis=0)", x=X[:2])
class BiasSummedOverTheWrongAxisOfASquare(Linear):
    def backward(self, dy):
        x = self.cache
        self.W.grad += x.T @ dy
        self.b.grad += dy.sum(axis=1)
        return dy @ self.W.data.T


@mistake("gradient of b", "dy.sum()", "dy.sum(axis=0)")
class BiasSummedOverEverything(Linear):
    def backward(self, dy):
        x = self.cache
        self.W.grad += x.T @ dy
        self.b.grad += dy.sum()
        return dy @ self.W.data.T


@mistake("backward", "self.b.grad += dy", "(4, 2)", "(2,)", "sum(axis=0)")
class BiasNotSummed(Linear):
    def backward(self, dy):
        x = self.cache
        self.W.grad += x.T @ dy
        self.b.grad += dy
        return dy @ self.W.data.T


@mistake("batch of one", "one row for each of the 4 samples", "(4, 2)", "np.zeros(2)")
class BiasForEachSample(mn.Layer):
    def __init__(self):
        self.W = mn.Parameter(np.random.default_rng(0).normal(size=(3, 2)))
        self.b = mn.Parameter(np.zeros((4, 2)))

    def forward(self, x):
        self.cache = x
        return x @ self.W.data + self.b.data

    def backward(self, dy):
        self.W.grad += self.cache.T @ dy
        self.b.grad += dy
        return dy @ self.W.data.T


@mistake("backward", "self.b.grad += dy.sum(axis=0)", "(2,)", "single number", "np.zeros(2)")
class ScalarBias(mn.Layer):
    def __init__(self):
        self.W = mn.Parameter(np.random.default_rng(0).normal(size=(3, 2)))
        self.b = mn.Parameter(0.0)

    def forward(self, x):
        self.cache = x
        return x @ self.W.data + self.b.data

    def backward(self, dy):
        self.W.grad += self.cache.T @ dy
        self.b.grad += dy.sum(axis=0)
        return dy @ self.W.data.T


@mistake("gradient of b", "zero everywhere", "b.grad")
class ForgetsTheBias(Linear):
    def backward(self, dy):
        x = self.cache
        self.W.grad += x.T @ dy
        return dy @ self.W.data.T


@mistake("gradient of W", "x.T @ dy / len(x)", "the right one is x.T @ dy")
class MeanOfTheBatch(Linear):
    def backward(self, dy):
        x = self.cache
        self.W.grad += x.T @ dy / len(x)
        self.b.grad += dy.sum(axis=0)
        return dy @ self.W.data.T


@mistake("gradient of b", "dy.mean(axis=0)", "dy.sum(axis=0)")
class MeanOfTheBias(Linear):
    def backward(self, dy):
        x = self.cache
        self.W.grad += x.T @ dy
        self.b.grad += dy.mean(axis=0)
        return dy @ self.W.data.T


@mistake("gradient of W", "-1 times", "sign")
class Subtracts(Linear):
    def backward(self, dy):
        x = self.cache
        self.W.grad -= x.T @ dy
        self.b.grad += dy.sum(axis=0)
        return dy @ self.W.data.T


@mistake("backward", "self.W.grad = ", "+=")
class AssignsTheGradient(Linear):
    def backward(self, dy):
        x = self.cache
        self.W.grad = x.T @ dy
        self.b.grad = dy.sum(axis=0)
        return dy @ self.W.data.T


@mistake("adds up", "W.grad[...] =", "W.grad +=")
class OverwritesTheGradient(Linear):
    def backward(self, dy):
        x = self.cache
        self.W.grad[...] = x.T @ dy
        self.b.grad += dy.sum(axis=0)
        return dy @ self.W.data.T


@mistake("adds up", "b.grad[...] =", "b.grad +=")
class OverwritesTheGradientWithFill(Linear):
    def backward(self, dy):
        x = self.cache
        self.W.grad += x.T @ dy
        self.b.grad.fill(0)
        self.b.grad += dy.sum(axis=0)
        return dy @ self.W.data.T


@mistake("backward", "self.W.grad", "NumPy array", "mn.Parameter(")
class PlainArrays(mn.Layer):
    def __init__(self):
        self.W = np.random.default_rng(0).normal(size=(3, 2))
        self.b = np.zeros(2)

    def forward(self, x):
        self.cache = x
        return x @ self.W + self.b

    def backward(self, dy):
        self.W.grad += self.cache.T @ dy
        self.b.grad += dy.sum(axis=0)
        return dy @ self.W.T


@mistake("Parameters", "self.W", "mn.Parameter(")
class PlainArraysWithGradients(mn.Layer):
    def __init__(self):
        self.W = np.random.default_rng(0).normal(size=(3, 2))
        self.b = np.zeros(2)

    def forward(self, x):
        self.cache = x
        return x @ self.W + self.b

    def backward(self, dy):
        self.dW = self.cache.T @ dy
        self.db = dy.sum(axis=0)
        return dy @ self.W.T


@mistake("forward", "self.W", ".data")
class ForgetsData(Linear):
    def forward(self, x):
        self.cache = x
        return x @ self.W + self.b.data


@mistake("Parameters stay", "W.data", "optimizer")
class LearnsByItself(Linear):
    def backward(self, dy):
        x = self.cache
        dx = dy @ self.W.data.T
        self.W.grad += x.T @ dy
        self.b.grad += dy.sum(axis=0)
        self.W.data -= 0.1 * self.W.grad
        return dx


@mistake("shape of dx", "(3, 2)", "(4, 3)", "self.W.grad", "gradient of x")
class ReturnsTheWrongGradient(Linear):
    """Returns what it should have added to W.grad."""

    def backward(self, dy):
        x = self.cache
        dW = x.T @ dy
        self.W.grad += dW
        self.b.grad += dy.sum(axis=0)
        return dW


@mistake("gradient of x", "W.data", "dy", args=(3, 3))
class ReturnsDy(Linear):
    def backward(self, dy):
        x = self.cache
        self.W.grad += x.T @ dy
        self.b.grad += dy.sum(axis=0)
        return dy.copy()


@mistake("batch of one", "4", "len(x)")
class FixedBatchSize(Linear):
    def forward(self, x):
        self.cache = x
        return x.reshape(4, 3) @ self.W.data + self.b.data


@mistake("forward", "x.reshape(-1, 5)", "(4, 3)", "12 numbers", x=X)
class FixedFeatures(Linear):
    def forward(self, x):
        x = x.reshape(-1, 5)
        self.cache = x
        return x @ self.W.data + self.b.data


@mistake("gradient of W", "y.T @ dy", "x.T @ dy", args=(3, 3))
class CachesTheOutput(Linear):
    def forward(self, x):
        y = x @ self.W.data + self.b.data
        self.cache = y
        return y


@mistake("gradient of W", "self.cache", "forward", "copy")
class ChangesItsCache(Linear):
    """Keeps x, and centres the kept array afterwards."""

    def forward(self, x):
        kept = x.copy()
        self.cache = kept
        y = x @ self.W.data + self.b.data
        kept -= kept.mean(axis=0)
        return y


@mistake("dtypes", "float64", "np.zeros")
class ConstantsInFloat64(Linear):
    def forward(self, x):
        self.cache = x
        y = np.zeros((len(x), 2))
        y += x @ self.W.data + self.b.data
        return y


@mistake("forward", "integer", "dtype")
class IntegerOutput(Linear):
    def forward(self, x):
        self.cache = x
        y = np.zeros((len(x), 2), dtype=int)
        y += x @ self.W.data
        return y


@mistake("gradient of W", "loop", "last sample")
class LoopOverwrites(Linear):
    """A loop over the samples, which keeps the last only."""

    def backward(self, dy):
        x = self.cache
        for i in range(len(x)):
            dW = np.outer(x[i], dy[i])
        self.W.grad += dW
        self.b.grad += dy.sum(axis=0)
        return dy @ self.W.data.T


@mistake("gradient of W", "first", "sample", x=RNG.normal(size=(5, 3)))
class OneSampleTooFew(Linear):
    def backward(self, dy):
        x = self.cache
        for i in range(1, len(x)):
            self.W.grad += np.outer(x[i], dy[i])
        self.b.grad += dy.sum(axis=0)
        return dy @ self.W.data.T
