"""Losses as students write them."""

import numpy as np
from zoo_cases import LABELS, RNG, P, X, mistake

import minnet as mn

T = RNG.normal(size=(4, 3))


class MSE(mn.Loss):
    """The mean of (prediction - target) ** 2."""

    def forward(self, prediction, target):
        difference = prediction - target
        self.cache = difference
        return float((difference**2).sum() / max(difference.size, 1))

    def backward(self):
        return 2 * self.cache / max(self.cache.size, 1)


class CrossEntropy(mn.Loss):
    """The mean of -log p[y]."""

    def forward(self, p, y):
        self.cache = (p, y)
        return float(-np.log(p[np.arange(len(y)), y]).sum() / max(len(y), 1))

    def backward(self):
        p, y = self.cache
        dp = np.zeros_like(p)
        dp[np.arange(len(y)), y] = -1 / p[np.arange(len(y)), y] / max(len(y), 1)
        return dp


@mistake("gradient of prediction", "2 * (p - target)", "/ p.size", x=X, more=(T,))
class GradientWithoutTheMean(MSE):
    def backward(self):
        return 2 * self.cache


@mistake("gradient of prediction", "/ len(p)", "/ p.size", x=X, more=(T,))
class MeanOverTheBatchOnly(MSE):
    def backward(self):
        return 2 * self.cache / max(len(self.cache), 1)


@mistake("gradient of prediction", "it is (p - target)", "2 * (p - target)", x=X, more=(T,))
class ForgetsTheTwo(MSE):
    def backward(self):
        return self.cache / max(self.cache.size, 1)


@mistake("gradient of prediction", "-1 times", "sign", x=X, more=(T,))
class TargetMinusPrediction(MSE):
    def backward(self):
        return -2 * self.cache / max(self.cache.size, 1)


@mistake("gradient of prediction", "/ len(p)", "onehot = np.eye(3)[y]", x=P, more=(LABELS,))
class CrossEntropyWithoutTheMean(CrossEntropy):
    def backward(self):
        p, y = self.cache
        dp = np.zeros_like(p)
        dp[np.arange(len(y)), y] = -1 / p[np.arange(len(y)), y]
        return dp


@mistake("gradient of prediction", "(p - onehot)", "-onehot / p", "scores before a softmax", x=P, more=(LABELS,))
class GradientOfTheScores(CrossEntropy):
    """p - onehot is the gradient for the scores before the softmax."""

    def backward(self):
        p, y = self.cache
        dp = p.copy()
        dp[np.arange(len(y)), y] -= 1
        return dp / max(len(y), 1)


@mistake("gradient of prediction", "-1 times", "sign", x=P, more=(LABELS,))
class ForgetsTheMinus(CrossEntropy):
    def backward(self):
        return -super().backward()


@mistake("gradient of prediction", "-1 / p", "-onehot / p", x=P, more=(LABELS,))
class GivesEveryClassAGradient(CrossEntropy):
    def backward(self):
        p, y = self.cache
        return -1 / p / max(len(y), 1)


@mistake("forward", "IndexError", "p[np.arange(len(y)), y]", x=P, more=(LABELS + 1,))
class LabelsFromOne(CrossEntropy):
    pass


@mistake("empty batch", "mean of no samples", "max(len(x), 1)", x=P, more=(LABELS,))
class DividesByNothing(CrossEntropy):
    def forward(self, p, y):
        self.cache = (p, y)
        return float(-np.log(p[np.arange(len(y)), y]).mean())


@mistake("forward", "number", "mean", x=X, more=(T,))
class LossOfStrings(MSE):
    def forward(self, prediction, target):
        return f"{((prediction - target) ** 2).mean():.3f}"


@mistake("backward", "no dy", "def backward(self)", x=X, more=(T,))
class LossWithDy(MSE):
    def backward(self, dy):
        return dy * 2 * self.cache / max(self.cache.size, 1)


@mistake("shape of dx", "(4,)", "(4, 3)", x=P, more=(LABELS,))
class OnlyTheTrueClass(CrossEntropy):
    def backward(self):
        p, y = self.cache
        return -1 / p[np.arange(len(y)), y] / max(len(y), 1)


@mistake("gradient of prediction", "-onehot / len(p)", "-onehot / p / len(p)", x=P, more=(LABELS,))
class ForgetsTheInverse(CrossEntropy):
    """d log p / dp is 1 / p."""

    def backward(self):
        p, y = self.cache
        dp = np.zeros_like(p)
        dp[np.arange(len(y)), y] = -1 / max(len(y), 1)
        return dp


@mistake("gradient of prediction", "np.ones_like(p)", "np.sign(p - target)", x=X, more=(T,))
class AbsoluteWithoutSign(mn.Loss):
    """The mean of |prediction - target|."""

    def forward(self, prediction, target):
        difference = prediction - target
        self.cache = difference
        return float(np.abs(difference).sum() / max(difference.size, 1))

    def backward(self):
        return np.ones_like(self.cache) / max(self.cache.size, 1)
