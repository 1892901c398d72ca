"""Convolutions, pooling and reshaping as students write them."""

import numpy as np
from zoo_cases import IMAGES, RNG, SIGNALS, mistake

import minnet as mn

PICTURES = RNG.normal(size=(3, 4, 6))


class Conv(mn.Layer):
    """y[n, t] = sum of k[i] * x[n, t + i], for signals (N, T)."""

    def __init__(self):
        self.k = mn.Parameter([0.5, -1.0, 2.0])

    def forward(self, x):
        self.cache = x
        T = x.shape[1] - 2
        return sum(self.k.data[i] * x[:, i : i + T] for i in range(3))

    def backward(self, dy):
        x = self.cache
        T = dy.shape[1]
        dx = np.zeros_like(x)
        for i in range(3):
            self.k.grad[i] += (dy * x[:, i : i + T]).sum()
            dx[:, i : i + T] += self.k.data[i] * dy
        return dx


@mistake("gradient of k", "reverse", x=SIGNALS)
class FlipsTheKernel(Conv):
    def backward(self, dy):
        x = self.cache
        T = dy.shape[1]
        dx = np.zeros_like(x)
        for i in range(3):
            self.k.grad[2 - i] += (dy * x[:, i : i + T]).sum()
            dx[:, i : i + T] += self.k.data[i] * dy
        return dx


@mistake("gradient of x", "derivative of y[", "with respect to x[", "is 2", "0.5", x=SIGNALS)
class FlipsTheKernelOfX(Conv):
    def backward(self, dy):
        x = self.cache
        T = dy.shape[1]
        dx = np.zeros_like(x)
        for i in range(3):
            self.k.grad[i] += (dy * x[:, i : i + T]).sum()
            dx[:, i : i + T] += self.k.data[2 - i] * dy
        return dx


@mistake("gradient of x", "a term is missing", "+=", x=SIGNALS)
class AssignsOverlappingParts(Conv):
    def backward(self, dy):
        x = self.cache
        T = dy.shape[1]
        dx = np.zeros_like(x)
        for i in range(3):
            self.k.grad[i] += (dy * x[:, i : i + T]).sum()
            dx[:, i : i + T] = self.k.data[i] * dy
        return dx


@mistake("backward", "(3, 4)", "(3, 3)", x=SIGNALS)
class OffByOne(Conv):
    def backward(self, dy):
        x = self.cache
        T = dy.shape[1] - 1
        dx = np.zeros_like(x)
        for i in range(3):
            self.k.grad[i] += (dy * x[:, i : i + T]).sum()
            dx[:, i : i + T] += self.k.data[i] * dy
        return dx


@mistake("gradient of x", "shifted", x=SIGNALS)
class ShiftsByOne(mn.Layer):
    """y[t] = 2 * x[t] + x[t - 1], with x[-1] = x[T - 1]."""

    def forward(self, x):
        return 2 * x + np.roll(x, 1, axis=1)

    def backward(self, dy):
        return np.roll(2 * dy, 1, axis=1) + dy


class Halve(mn.Layer):
    """The means of blocks of 2 x 2."""

    def forward(self, x):
        n, h, w = x.shape
        return x.reshape(n, h // 2, 2, w // 2, 2).mean(axis=(2, 4))

    def backward(self, dy):
        return dy.repeat(2, axis=1).repeat(2, axis=2) / 4


@mistake("gradient of x", "4 times", "mean", "sum", x=PICTURES)
class NoQuarter(Halve):
    def backward(self, dy):
        return dy.repeat(2, axis=1).repeat(2, axis=2)


@mistake("shape of dx", "(3, 2, 3)", "(3, 4, 6)", x=PICTURES)
class ForgetsToSpread(Halve):
    def backward(self, dy):
        return dy / 4


@mistake("gradient of x", "np.tile", "repeat", x=PICTURES)
class TilesForRepeats(Halve):
    def backward(self, dy):
        return np.tile(dy, (1, 2, 2)) / 4


class MaxPool(mn.Layer):
    """The largest of each two neighbours, (N, T) to (N, T / 2)."""

    def forward(self, x):
        pairs = x.reshape(len(x), -1 if len(x) else x.shape[1] // 2, 2)
        self.cache = (x.shape, pairs.argmax(axis=2))
        return pairs.max(axis=2)

    def backward(self, dy):
        shape, largest = self.cache
        dx = np.zeros((*dy.shape, 2), dy.dtype)
        np.put_along_axis(dx, largest[..., None], dy[..., None], axis=2)
        return dx.reshape(shape)


@mistake("gradient of x", "does not depend on", "mask", x=SIGNALS)
class MaxPoolGivesAll(MaxPool):
    def backward(self, dy):
        return dy.repeat(2, axis=1)


@mistake("gradient of x", "wrong order", x=SIGNALS)
class MaxPoolGivesTheOther(MaxPool):
    def backward(self, dy):
        shape, largest = self.cache
        dx = np.zeros((*dy.shape, 2), dy.dtype)
        np.put_along_axis(dx, 1 - largest[..., None], dy[..., None], axis=2)
        return dx.reshape(shape)


@mistake("shape of dx", "(2, 40)", "(2, 2, 4, 5)", "reshape", x=IMAGES)
class FlattenForgetsTheShape(mn.Layer):
    def forward(self, x):
        return x.reshape(len(x), int(np.prod(x.shape[1:])))

    def backward(self, dy):
        return dy * 1


@mistake("batch of one", "2", "len(x)", x=IMAGES)
class FlattenForTwo(mn.Layer):
    def forward(self, x):
        self.cache = x.shape
        return x.reshape(2, -1)

    def backward(self, dy):
        return dy.reshape(self.cache)


@mistake("gradient of x", "order", "transpose", x=RNG.normal(size=(2, 3, 3)))
class ReshapesForTransposes(mn.Layer):
    def forward(self, x):
        self.cache = x.shape
        return x.transpose(0, 2, 1).copy()

    def backward(self, dy):
        return dy.reshape(self.cache)


@mistake("backward", "cannot reshape", "(2, 2, 4, 5)", "80", "16 numbers", x=IMAGES[:, :, :, :-1])
class ReshapesToTheWrongSize(mn.Layer):
    def forward(self, x):
        return x[:, :, ::2, ::2] * 1

    def backward(self, dy):
        return dy.reshape(2, 2, 4, 5)


@mistake("forward", "unpacks x.shape", "4 sizes", "(2, 2, 4, 5)", x=IMAGES)
class ForgetsTheChannels(mn.Layer):
    def forward(self, x):
        n, h, w = x.shape
        return x.reshape(n, h * w)

    def backward(self, dy):
        return dy


@mistake("gradient of bias", "0.5 times", "2 is a size", "mean", x=IMAGES)
class ChannelBias(mn.Layer):
    """y = x + bias, one for each of two channels."""

    def __init__(self):
        self.bias = mn.Parameter([0.5, -0.5])

    def forward(self, x):
        return x + self.bias.data[:, None, None]

    def backward(self, dy):
        self.bias.grad += dy.sum(axis=(2, 3)).mean(axis=0)
        return dy * 1
