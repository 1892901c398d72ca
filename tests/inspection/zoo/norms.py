"""Normalizations as students write them."""

import numpy as np
from zoo_cases import RNG, mistake

import minnet as mn

X = RNG.normal(size=(5, 3))


class Center(mn.Layer):
    """y = x - the mean of the batch, or a running mean in eval mode."""

    def __init__(self):
        self.mean = mn.Buffer(np.zeros(3))

    def forward(self, x):
        if not self.training:
            self.cache = 0
            return x - self.mean.data
        n = self.cache = len(x)
        mean = x.sum(axis=0) / max(n, 1)
        self.mean.data += 0.1 * (mean - self.mean.data)
        return x - mean

    def backward(self, dy):
        n = self.cache
        return dy - dy.sum(axis=0) / n if n else dy.copy()


class RowNorm(mn.Layer):
    """y = (x - mean) / std, row by row."""

    def forward(self, x):
        mean = x.mean(axis=1, keepdims=True)
        std = np.sqrt(((x - mean) ** 2).mean(axis=1, keepdims=True) + 1e-5)
        y = (x - mean) / std
        self.cache = (y, std)
        return y

    def backward(self, dy):
        y, std = self.cache
        dy_mean = dy.mean(axis=1, keepdims=True)
        return (dy - dy_mean - y * (dy * y).mean(axis=1, keepdims=True)) / std


@mistake("gradient of x", "dy unchanged", "mean", x=X)
class MeanIsConstant(Center):
    def backward(self, dy):
        return dy.copy()


@mistake("gradient of x", "dy.sum(axis=0", "dy.mean(axis=0", x=X)
class SumForMean(Center):
    def backward(self, dy):
        n = self.cache
        return dy - dy.sum(axis=0) if n else dy.copy()


@mistake("eval mode", "other samples", "self.mean", x=X)
class BatchMeanInEvalMode(Center):
    def forward(self, x):
        n = self.cache = len(x)
        mean = x.sum(axis=0) / max(n, 1)
        if self.training:
            self.mean.data += 0.1 * (mean - self.mean.data)
        return x - mean


@mistake("eval mode", "self.mean.data", "self.training", x=X)
class LearnsInEvalMode(Center):
    def forward(self, x):
        n = self.cache = len(x)
        mean = x.sum(axis=0) / max(n, 1)
        self.mean.data += 0.1 * (mean - self.mean.data)
        return x - mean if self.training else x - self.mean.data

    def backward(self, dy):
        n = self.cache
        return dy - dy.sum(axis=0) / n if n and self.training else dy.copy()


@mistake("Parameters", "self.mean", "mn.Buffer(", x=X)
class RunningMeanInAnArray(Center):
    def __init__(self):
        self.mean = np.zeros(3)

    def forward(self, x):
        if not self.training:
            self.cache = 0
            return x - self.mean.astype(x.dtype)
        n = self.cache = len(x)
        mean = x.sum(axis=0) / max(n, 1)
        self.mean = 0.9 * self.mean + 0.1 * mean
        return x - mean


@mistake("gradient of x", "same for all", "row", x=X)
class RowMeanIsConstant(RowNorm):
    def backward(self, dy):
        y, std = self.cache
        return (dy - y * (dy * y).mean(axis=1, keepdims=True)) / std


@mistake("gradient of x", "row", x=X)
class StdIsConstant(RowNorm):
    def backward(self, dy):
        _, std = self.cache
        return (dy - dy.mean(axis=1, keepdims=True)) / std


@mistake("empty batch", "mean", "0", x=X)
class MeanOfAnEmptyBatch(Center):
    def forward(self, x):
        if not self.training:
            self.cache = 0
            return x - self.mean.data
        self.cache = len(x)
        mean = x.mean(axis=0)
        self.mean.data += 0.1 * (mean - self.mean.data)
        return x - mean


@mistake("gradient of x", "axis=1", "axis=0", x=X)
class CentersTheOtherAxisInBackward(Center):
    def backward(self, dy):
        n = self.cache
        return dy - dy.mean(axis=1, keepdims=True) if n else dy.copy()


@mistake("batch of one", "divides by 0", "NaN", "eps", x=X)
class DividesByTheDeviation(mn.Layer):
    """Without an eps: one sample has no deviation."""

    def forward(self, x):
        if len(x) == 0:
            self.cache = (x, x.sum(axis=0))
            return x * 1
        centred = x - x.mean(axis=0)
        std = np.sqrt((centred**2).mean(axis=0))
        y = centred / std
        self.cache = (y, std)
        return y

    def backward(self, dy):
        y, std = self.cache
        if len(dy) == 0:
            return dy * 1
        return (dy - dy.mean(axis=0) - y * (dy * y).mean(axis=0)) / std
