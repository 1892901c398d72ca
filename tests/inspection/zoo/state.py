"""Layers whose state is not their own, or does not stay as it was."""

import numpy as np
from zoo_cases import X, mistake

import minnet as mn


class Scale(mn.Layer):
    """y = x * g."""

    def __init__(self):
        self.g = mn.Parameter([0.5, 1.0, 2.0])

    def forward(self, x):
        self.cache = x
        return x * self.g.data

    def backward(self, dy):
        self.g.grad += (dy * self.cache).sum(axis=0)
        return dy * self.g.data


@mistake("last forward", "class", "self.cache")
class CacheInTheClass(mn.Layer):
    def forward(self, x):
        type(self).x = x
        return x * x

    def backward(self, dy):
        return 2 * type(self).x * dy


@mistake("last forward", "self", "shared")
class MutableDefault(mn.Layer):
    """A list that all its instances share."""

    kept = []

    def forward(self, x):
        self.kept.append(x)
        return x * x

    def backward(self, dy):
        return 2 * self.kept[-1] * dy


@mistake("last forward", "first", "each forward")
class KeepsTheFirstBatch(mn.Layer):
    def __init__(self):
        self.first = True

    def forward(self, x):
        if self.first:
            self.cache = x
            self.first = False
        return x * x

    def backward(self, dy):
        return 2 * self.cache * dy


@mistake("eval mode", "self.x", "self.cache")
class KeepsXInAnAttribute(mn.Layer):
    def forward(self, x):
        self.x = x
        return x * x

    def backward(self, dy):
        return 2 * self.x * dy


@mistake("eval mode", "self.calls")
class CountsItsCalls(Scale):
    def __init__(self):
        super().__init__()
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        return super().forward(x)


@mistake("results stay", "new array")
class ReusesItsOutput(mn.Layer):
    def __init__(self):
        self.y = None

    def forward(self, x):
        if self.y is None or self.y.shape != x.shape or self.y.dtype != x.dtype:
            self.y = np.empty_like(x)
        self.cache = x
        self.y[...] = x * x
        return self.y

    def backward(self, dy):
        return 2 * self.cache * dy


@mistake("results stay", "view", "copy")
class GivesItsWeightsAway(mn.Layer):
    def __init__(self):
        self.table = mn.Parameter(np.arange(12.0).reshape(4, 3))

    def forward(self, x):
        self.cache = len(x)
        return self.table.data[: len(x)]

    def backward(self, dy):
        self.table.grad[: self.cache] += dy
        return np.zeros_like(dy)


@mistake("Parameters stay", "__init__")
class MakesItsWeightsInForward(mn.Layer):
    def forward(self, x):
        self.W = mn.Parameter(np.eye(3), dtype=x.dtype)
        self.cache = x
        return x @ self.W.data

    def backward(self, dy):
        self.W.grad += self.cache.T @ dy
        return dy @ self.W.data.T


@mistake("Parameters stay", "g.data")
class ClipsItsWeights(Scale):
    def forward(self, x):
        self.cache = x
        self.g.data = np.clip(self.g.data, -1, 1)
        return x * self.g.data


@mistake("adds up", "accumulate_grad")
class AccumulatesTwice(Scale):
    def accumulate_grad(self, dy):
        self.backward(dy)
        self.backward(dy)


@mistake("adds up", "old values", "g.grad +=")
class MomentumInTheGradient(Scale):
    def backward(self, dy):
        self.g.grad *= 0.9
        self.g.grad += (dy * self.cache).sum(axis=0)
        return dy * self.g.data


@mistake("copies", "lambda", "def")
class KeepsALambda(mn.Layer):
    def __init__(self):
        self.function = lambda x: x * 2

    def forward(self, x):
        return self.function(x)

    def backward(self, dy):
        return 2 * dy


@mistake("eval mode", "self.training")
class SwitchesItselfOn(Scale):
    def forward(self, x):
        self.training = True
        return super().forward(x)


@mistake("strided arrays", "memory")
class ReadsMemory(mn.Layer):
    def forward(self, x):
        self.cache = x.shape
        base = x if x.base is None else x.base
        return 2 * np.frombuffer(base, x.dtype)[: x.size].reshape(x.shape)

    def backward(self, dy):
        return 2 * dy


@mistake("gradient of x", "in layers[0]", "sign", args=())
class ModelWithAWrongLayer(mn.Sequential):
    """A network of a right and a wrong layer."""

    def __init__(self):
        super().__init__(Negative(), mn.Tanh())


class Negative(Scale):
    def backward(self, dy):
        return -super().backward(dy)


@mistake("gradient of x", "sum", "self.value.backward", "self.gate.backward")
class ForgetsABranch(mn.Layer):
    """y = value(x) * gate(x)."""

    def __init__(self):
        self.value = mn.Linear(3, 2, rng=0)
        self.gate = mn.Linear(3, 2, rng=1)

    def forward(self, x):
        v, g = self.value.forward(x), self.gate.forward(x)
        self.cache = (v, g)
        return v * g

    def backward(self, dy):
        v, g = self.cache
        self.gate.backward(dy * v)
        return self.value.backward(dy * g)


@mistake("gradient of inner.weight", "zero everywhere", "backward", x=X)
class SkipsTheInnerLayer(mn.Layer):
    """Goes back without the layer inside."""

    def __init__(self):
        self.inner = mn.Linear(3, 3, rng=0)

    def forward(self, x):
        return self.inner.forward(x)

    def backward(self, dy):
        return dy @ self.inner.weight.data.T


@mistake("backward", "self.first.backward(dy)", "reverse order")
class GoesBackInTheWrongOrder(mn.Layer):
    def __init__(self):
        self.first = mn.Linear(3, 5, rng=0)
        self.second = mn.Linear(5, 2, rng=1)

    def forward(self, x):
        return self.second.forward(self.first.forward(x))

    def backward(self, dy):
        return self.second.backward(self.first.backward(dy))
