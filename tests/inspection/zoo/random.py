"""Dropout and its kin as students write them."""

import numpy as np
from zoo_cases import RNG, mistake

import minnet as mn

X = RNG.normal(size=(5, 4))


class Dropout(mn.Layer):
    """y = x * mask / (1 - p)."""

    def __init__(self, p=0.4):
        self.p = p
        self.rng = np.random.default_rng(0)

    def forward(self, x):
        if not self.training:
            self.cache = 1.0
            return x
        mask = (self.rng.random(x.shape) > self.p) / (1 - self.p)
        mask = mask.astype(x.dtype)
        self.cache = mask
        return x * mask

    def backward(self, dy):
        return dy * self.cache


@mistake("eval mode", "random", "if not self.training", "return x", x=X)
class DropsInEvalMode(Dropout):
    def forward(self, x):
        mask = (self.rng.random(x.shape) > self.p) / (1 - self.p)
        mask = mask.astype(x.dtype)
        self.cache = mask
        return x * mask


@mistake("repeatable", "np.random", "self.rng = np.random.default_rng", x=X)
class GlobalGenerator(Dropout):
    def forward(self, x):
        if not self.training:
            self.cache = 1.0
            return x
        mask = ((np.random.rand(*x.shape) > self.p) / (1 - self.p)).astype(x.dtype)  # noqa: NPY002
        self.cache = mask
        return x * mask


@mistake("repeatable", "self.rng = np.random.default_rng", "__init__", x=X)
class NewGeneratorEachTime(Dropout):
    def forward(self, x):
        if not self.training:
            self.cache = 1.0
            return x
        rng = np.random.default_rng()
        mask = ((rng.random(x.shape) > self.p) / (1 - self.p)).astype(x.dtype)
        self.cache = mask
        return x * mask


@mistake("gradient of x", "another mask", "self.cache", x=X)
class NewMaskInBackward(Dropout):
    def backward(self, dy):
        mask = ((self.rng.random(dy.shape) > self.p) / (1 - self.p)).astype(dy.dtype)
        return dy * mask


@mistake("gradient of x", "0.6 times", "factor", x=X)
class ForgetsTheScaleInBackward(Dropout):
    def backward(self, dy):
        return dy * (self.cache > 0)


@mistake("gradient of x", "dy unchanged", "derivative of forward", x=X)
class ForgetsTheMask(Dropout):
    def backward(self, dy):
        return dy.copy()


@mistake("dtypes", "float64", "astype", x=X)
class MaskInFloat64(Dropout):
    def forward(self, x):
        if not self.training:
            self.cache = 1.0
            return x
        mask = (self.rng.random(x.shape) > self.p) / (1 - self.p)
        self.cache = mask
        return x * mask


@mistake("gradients in eval mode", "self.cache", "even if not self.training", x=X)
class OldMaskInEvalMode(Dropout):
    """Keeps nothing when nothing is dropped, and so goes back through the mask of the last training."""

    def forward(self, x):
        if not self.training:
            return x
        return super().forward(x)

    def backward(self, dy):
        return dy * self.cache


@mistake("eval mode", "self.mask", "self.cache", x=X)
class MaskInAnAttribute(Dropout):
    def forward(self, x):
        self.mask = (self.rng.random(x.shape) > self.p if self.training else np.ones(x.shape)).astype(x.dtype)
        return x * self.mask

    def backward(self, dy):
        return dy * self.mask


@mistake("dtypes", "reads self.cache", "eval mode", "go on with", x=X)
class ReadsItsCacheInForward(Dropout):
    def forward(self, x):
        keep = self.p if self.training else 0.0
        self.cache = ((self.rng.random(x.shape) > keep) / (1 - keep)).astype(x.dtype)
        return x * self.cache
