"""Linear layers whose authors think of one sample, or loop over the batch."""

import random

import numpy as np
from zoo_cases import SQUARE, mistake, weights

import minnet as mn


@mistake("forward", "transpose is missing", "x @ self.W.data", args=(3, 2))
class DotSwapped(mn.Layer):
    def __init__(self, i, o):
        self.W = mn.Parameter(weights(i, o))
        self.b = mn.Parameter(np.zeros(o))

    def forward(self, x):
        self.cache = x
        return np.dot(self.W.data, x) + self.b.data

    def backward(self, dy):
        x = self.cache
        self.W.grad += np.dot(x.T, dy)
        self.b.grad += dy.sum(0)
        return np.dot(dy, self.W.data.T)


class Lin(mn.Layer):
    def __init__(self, i, o):
        self.W = mn.Parameter(weights(i, o))
        self.b = mn.Parameter(np.zeros(o))

    def forward(self, x):
        self.cache = x
        return x @ self.W.data + self.b.data

    def backward(self, dy):
        x = self.cache
        self.W.grad += x.T @ dy
        self.b.grad += dy.sum(axis=0)
        return dy @ self.W.data.T


@mistake("backward", "np.outer is for vectors", "batch", args=(3, 2))
class OuterForBatch(Lin):
    def backward(self, dy):
        x = self.cache
        self.W.grad += np.outer(x, dy)
        self.b.grad += dy.sum(axis=0)
        return dy @ self.W.data.T


@mistake("backward", "the shape for one sample", "batch of 4", args=(3, 2))
class ReshapeOfNotebook(Lin):
    def backward(self, dy):
        x = self.cache
        self.W.grad += x.reshape(3, 1) @ dy.reshape(1, 2)
        self.b.grad += dy
        return dy @ self.W.data.T


@mistake("gradient of W", "product of the sums", "x.T @ dy", args=(3, 2))
class OuterOfSums(Lin):
    def backward(self, dy):
        x = self.cache
        self.W.grad += np.outer(x.sum(axis=0), dy.sum(axis=0))
        self.b.grad += dy.sum(axis=0)
        return dy @ self.W.data.T


@mistake("gradient of W", "product of the sums", "x.T @ dy", args=(3, 2))
class OuterOfMeans(Lin):
    def backward(self, dy):
        x = self.cache
        self.W.grad += np.outer(x.mean(axis=0), dy.mean(axis=0)) * len(x)
        self.b.grad += dy.sum(axis=0)
        return dy @ self.W.data.T


@mistake("backward", "the letter o", "2 in dy", args=(3, 2))
class EinsumWrong(Lin):
    def backward(self, dy):
        x = self.cache
        self.W.grad += np.einsum("ni,no->io", x, dy)
        self.b.grad += np.einsum("no->o", dy)
        return np.einsum("no,oi->ni", dy, self.W.data)


@mistake("gradient of W", "transpose of the right gradient", x=SQUARE, args=(3, 3))
class EinsumWrongSquare(Lin):
    def backward(self, dy):
        x = self.cache
        self.W.grad += np.einsum("ni,no->oi", x, dy)
        self.b.grad += np.einsum("no->o", dy)
        return np.einsum("no,io->ni", dy, self.W.data)


@mistake("gradient of x", "0 for the sample 0", "loop over range(len(x))", args=(3, 2))
class BatchLoopOffByOne(Lin):
    def backward(self, dy):
        x = self.cache
        dx = np.zeros_like(x)
        for n in range(1, len(x)):
            self.W.grad += np.outer(x[n], dy[n])
            self.b.grad += dy[n]
            dx[n] = self.W.data @ dy[n]
        return dx


@mistake("backward", "index 4 does not exist", "from 0 to 3", args=(3, 2))
class LoopPlusOneOverruns(Lin):
    def backward(self, dy):
        x = self.cache
        dx = np.zeros_like(x)
        for n in range(len(x) + 1):
            self.W.grad += np.outer(x[n], dy[n])
            dx[n] = self.W.data @ dy[n]
        return dx


@mistake("gradient of x", "return stand inside the loop", args=(3, 2))
class ReturnInsideLoop(Lin):
    def backward(self, dy):
        x = self.cache
        dx = np.zeros_like(x)
        for n in range(len(x)):
            self.W.grad += np.outer(x[n], dy[n])
            self.b.grad += dy[n]
            dx[n] = self.W.data @ dy[n]
            return dx


@mistake("gradient of W", "zero everywhere", "below return is not run", args=(3, 2))
class ReturnsDxFirst(Lin):
    def backward(self, dy):
        x = self.cache
        return dy @ self.W.data.T
        self.W.grad += x.T @ dy
        self.b.grad += dy.sum(axis=0)


@mistake("shape of dx", "returned 3 values", "self.W.grad +=", args=(3, 2))
class AllThree(Lin):
    def backward(self, dy):
        x = self.cache
        dW = x.T @ dy
        db = dy.sum(axis=0)
        dx = dy @ self.W.data.T
        return dW, db, dx


@mistake("gradient of W", "zero everywhere", "to a copy of it", args=(3, 2))
class GradOfLocal(Lin):
    def backward(self, dy):
        x = self.cache
        dW = self.W.grad.copy()
        dW += x.T @ dy
        db = self.b.grad + dy.sum(axis=0)
        return dy @ self.W.data.T


@mistake("Parameters stay", "only the optimizer changes it", args=(3, 2))
class GradOnData(Lin):
    def backward(self, dy):
        x = self.cache
        self.W.data += x.T @ dy
        self.b.data += dy.sum(axis=0)
        return dy @ self.W.data.T


@mistake("Parameters stay", "only the optimizer changes it", args=(3, 2))
class StepInBackward(Lin):
    def backward(self, dy):
        x = self.cache
        dx = dy @ self.W.data.T
        self.W.data -= 0.1 * x.T @ dy
        self.b.data -= 0.1 * dy.sum(axis=0)
        return dx


@mistake("forward", "is given values, not a shape", "np.zeros((3, 2))", args=(3, 2))
class ParamShapeTuple(mn.Layer):
    def __init__(self, i, o):
        self.W = mn.Parameter((i, o))

    def forward(self, x):
        self.cache = x
        return x @ self.W.data

    def backward(self, dy):
        self.W.grad += self.cache.T @ dy
        return dy @ self.W.data.T


@mistake("dtypes", "keep arrays as Parameters", args=(3, 2))
class ListsForWeights(mn.Layer):
    def __init__(self, i, o):
        self.W = [[random.random() for _ in range(o)] for _ in range(i)]

    def forward(self, x):
        self.cache = x
        return x @ np.array(self.W)

    def backward(self, dy):
        return dy @ np.array(self.W).T


@mistake("eval mode", "self.x", "self.cache", args=(3, 2))
class SelfX(mn.Layer):
    def __init__(self, i, o):
        self.W = mn.Parameter(weights(i, o))

    def forward(self, x):
        self.x = x
        return x @ self.W.data

    def backward(self, dy):
        self.W.grad += self.x.T @ dy
        return dy @ self.W.data.T


@mistake("gradient of W", "add to self.W.grad itself", args=(3, 2))
class SelfXNoneAtFirst(mn.Layer):
    def __init__(self, i, o):
        self.W = mn.Parameter(weights(i, o))
        self.x = None
        self.dW = None

    def forward(self, x):
        self.x = x
        return x @ self.W.data

    def backward(self, dy):
        self.dW = self.x.T @ dy
        return dy @ self.W.data.T


@mistake("forward", "* multiplies element by element", "x @ self.W.data", args=(3, 2))
class StarForAt(Lin):
    def forward(self, x):
        self.cache = x
        return x * self.W.data + self.b.data


@mistake("gradient of x", "* multiplies element by element", x=SQUARE, args=(3, 3))
class StarForAtSquare(Lin):
    def forward(self, x):
        self.cache = x
        return x * self.W.data + self.b.data


@mistake("gradient of x", "* multiplies element by element", "dy @ self.W.data.T", x=SQUARE, args=(3, 3))
class StarInBackwardSquare(Lin):
    def backward(self, dy):
        x = self.cache
        self.W.grad += x.T * dy
        self.b.grad += dy.sum(axis=0)
        return dy * self.W.data.T


@mistake("gradient of b", "forward does not use self.b", args=(3, 2))
class BiasForgottenInForward(Lin):
    def forward(self, x):
        self.cache = x
        return x @ self.W.data


@mistake("gradient of b", "0.5 times the right value", args=(3, 2))
class BiasTwice(Lin):
    def forward(self, x):
        self.cache = x
        return x @ self.W.data + 2 * self.b.data


@mistake("backward", "keepdims=True keeps an axis", "leave it out", args=(3, 2))
class BiasKeepdims(Lin):
    def backward(self, dy):
        x = self.cache
        self.W.grad += x.T @ dy
        self.b.grad += dy.sum(axis=0, keepdims=True)
        return dy @ self.W.data.T


@mistake("forward", "is a column", "shape (2,)", args=(3, 2))
class BiasColumn(mn.Layer):
    def __init__(self, i, o):
        self.W = mn.Parameter(weights(i, o))
        self.b = mn.Parameter(np.zeros((o, 1)))

    def forward(self, x):
        self.cache = x
        return x @ self.W.data + self.b.data

    def backward(self, dy):
        self.W.grad += self.cache.T @ dy
        return dy @ self.W.data.T


@mistake("adds up", "setting it to zero first", args=(3, 2))
class NoZeroGradNeeded(Lin):
    def backward(self, dy):
        x = self.cache
        for p in self.parameters():
            p.zero_grad()
        self.W.grad += x.T @ dy
        self.b.grad += dy.sum(axis=0)
        return dy @ self.W.data.T


@mistake("forward", "uses self.w", "it is called self.W", args=(3, 2))
class CamelCase(Lin):
    def Forward(self, x):
        return x

    def forward(self, x):
        self.Cache = x
        return x @ self.w.data
