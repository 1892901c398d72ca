"""Right layers in different styles: long and short, with loops and without, with names of other courses."""

import numpy as np
from zoo_cases import IMAGES, LABELS, RNG, SIGNALS, P, X, right

import minnet as mn

T = RNG.normal(size=(4, 3))
TOKENS = np.array([[1, 3, 3], [0, 2, 1]])
TEXT = RNG.normal(size=(2, 3, 4))


@right()
class Linear(mn.Layer):
    def __init__(self, inputs=3, outputs=2):
        rng = np.random.default_rng(0)
        self.W = mn.Parameter(rng.normal(size=(inputs, outputs)))
        self.b = mn.Parameter(np.zeros(outputs))

    def forward(self, x):
        self.cache = x
        return x @ self.W.data + self.b.data

    def backward(self, dy):
        x = self.cache
        self.W.grad += x.T @ dy
        self.b.grad += dy.sum(axis=0)
        return dy @ self.W.data.T


@right()
class LinearWithLoops(mn.Layer):
    """Sample by sample, as the notebook begins."""

    def __init__(self):
        self.W = mn.Parameter(np.random.default_rng(0).normal(size=(3, 2)))
        self.b = mn.Parameter([0.5, -0.5])

    def forward(self, x):
        self.cache = x
        y = np.zeros((len(x), 2), dtype=x.dtype)
        for n in range(len(x)):
            y[n] = np.dot(x[n], self.W.data) + self.b.data
        return y

    def backward(self, dy):
        x = self.cache
        dx = np.zeros_like(x)
        for n in range(len(x)):
            self.W.grad += np.outer(x[n], dy[n])
            self.b.grad += dy[n]
            dx[n] = self.W.data @ dy[n]
        return dx


@right()
class LinearTransposed(mn.Layer):
    """Weights as PyTorch keeps them, einsum in backward."""

    def __init__(self):
        self.weight = mn.Parameter(np.random.default_rng(0).normal(size=(2, 3)))
        self.bias = mn.Parameter(np.zeros((1, 2)))

    def forward(self, x):
        self.cache = x
        return np.matmul(x, self.weight.data.T) + self.bias.data

    def backward(self, dy):
        self.weight.grad += np.einsum("no,ni->oi", dy, self.cache)
        self.bias.grad += dy.sum(axis=0, keepdims=True)
        return np.einsum("no,oi->ni", dy, self.weight.data)


@right()
class LinearOfOneParameter(mn.Layer):
    """The bias is the last row of W."""

    def __init__(self):
        self.W = mn.Parameter(np.random.default_rng(0).normal(size=(4, 2)))

    def forward(self, x):
        with_one = np.concatenate([x, np.ones((len(x), 1), x.dtype)], axis=1)
        self.cache = with_one
        return with_one @ self.W.data

    def backward(self, dy):
        self.W.grad += self.cache.T @ dy
        return (dy @ self.W.data.T)[:, :-1]


@right()
class LinearWithOtherNames(mn.Layer):
    def __init__(self):
        self.params = {"theta": mn.Parameter(np.random.default_rng(0).normal(size=(3, 3)))}

    def forward(self, inputs):
        self.cache = {"inputs": inputs}
        return inputs.dot(self.params["theta"].data)

    def backward(self, upstream):
        theta = self.params["theta"]
        theta.grad += self.cache["inputs"].T.dot(upstream)
        return upstream.dot(theta.data.T)


@right()
class ReLU(mn.Layer):
    def forward(self, x):
        self.cache = x > 0
        return np.maximum(x, 0)

    def backward(self, dy):
        return dy * self.cache


@right(x=np.array([[0.0, 1.0, -1.0], [0.5, 0.0, -2.0]]))
class ReLUWithOtherSide(mn.Layer):
    """At 0, any slope between 0 and 1 is right."""

    def forward(self, x):
        self.cache = x
        return np.where(x >= 0, x, 0 * x)

    def backward(self, dy):
        dx = dy.copy()
        dx[self.cache < 0] = 0
        return dx


@right()
class LeakyReLU(mn.Layer):
    def __init__(self, slope=0.1):
        self.slope = slope

    def forward(self, x):
        self.cache = factor = np.where(x > 0, 1, self.slope).astype(x.dtype)
        return x * factor

    def backward(self, dy):
        return dy * self.cache


@right()
class Sigmoid(mn.Layer):
    def forward(self, x):
        y = 1 / (1 + np.exp(-x))
        self.cache = y
        return y

    def backward(self, dy):
        y = self.cache
        return dy * y * (1 - y)


@right()
class SigmoidFromX(mn.Layer):
    """Computes the sigmoid again in backward."""

    def sigmoid(self, x):
        return 0.5 * (1 + np.tanh(x / 2))

    def forward(self, x):
        self.cache = x
        return self.sigmoid(x)

    def backward(self, dy):
        s = self.sigmoid(self.cache)
        return dy * s * (1 - s)


@right()
class Tanh(mn.Layer):
    def forward(self, x):
        self.cache = y = np.tanh(x)
        return y

    def backward(self, dy):
        return dy * (1 - self.cache * self.cache)


@right()
class Softplus(mn.Layer):
    def forward(self, x):
        y = np.logaddexp(0, x)
        self.cache = (x, y)
        return y

    def backward(self, dy):
        x, y = self.cache
        return dy * np.exp(x - y)


@right()
class Exponential(mn.Layer):
    """Infinite at 1000, and rightly so."""

    def forward(self, x):
        y = np.exp(x)
        self.cache = y
        return y

    def backward(self, dy):
        return dy * self.cache


@right(x=np.abs(X) + 0.5)
class Logarithm(mn.Layer):
    def forward(self, x):
        self.cache = x
        return np.log(x)

    def backward(self, dy):
        return dy / self.cache


@right()
class Swish(mn.Layer):
    def forward(self, x):
        s = 1 / (1 + np.exp(-x))
        self.cache = (x, s)
        return x * s

    def backward(self, dy):
        x, s = self.cache
        return dy * (s + x * s * (1 - s))


@right()
class Softmax(mn.Layer):
    def forward(self, x):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        y = e / e.sum(axis=1, keepdims=True)
        self.cache = y
        return y

    def backward(self, dy):
        y = self.cache
        return y * (dy - (dy * y).sum(axis=1, keepdims=True))


@right()
class SoftmaxByJacobians(mn.Layer):
    """A matrix of derivatives for each sample."""

    def forward(self, x):
        z = x - np.max(x, axis=-1)[:, None]
        y = np.exp(z) / np.sum(np.exp(z), axis=-1)[:, None]
        self.cache = y
        return y

    def backward(self, dy):
        dx = np.empty_like(dy)
        for n, y in enumerate(self.cache):
            jacobian = np.diag(y) - np.outer(y, y)
            dx[n] = jacobian @ dy[n]
        return dx


@right()
class LogSoftmax(mn.Layer):
    def forward(self, x):
        z = x - x.max(axis=1, keepdims=True)
        y = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        self.cache = y
        return y

    def backward(self, dy):
        return dy - np.exp(self.cache) * dy.sum(axis=1, keepdims=True)


@right()
class Scale(mn.Layer):
    def __init__(self):
        self.gain, self.shift = mn.Parameter(np.ones(3)), mn.Parameter(np.zeros(3))

    def forward(self, x):
        self.cache = x
        return x * self.gain.data + self.shift.data

    def backward(self, dy):
        np.add(self.gain.grad, (dy * self.cache).sum(0), out=self.gain.grad)
        self.shift.grad[:] += dy.sum(0)
        return dy * self.gain.data


@right()
class OneGain(mn.Layer):
    """One number for all."""

    def __init__(self):
        self.gain = mn.Parameter(2.0)

    def forward(self, x):
        self.cache = x
        return x * self.gain.data

    def backward(self, dy):
        self.gain.grad += (dy * self.cache).sum()
        return dy * self.gain.data


@right()
class Dropout(mn.Layer):
    def __init__(self, p=0.5, rng=0):
        self.p = p
        self.rng = np.random.default_rng(rng)

    def forward(self, x):
        if not self.training:
            self.cache = None
            return x
        mask = (self.rng.random(x.shape) >= self.p).astype(x.dtype) / (1 - self.p)
        self.cache = mask
        return x * mask

    def backward(self, dy):
        return dy.copy() if self.cache is None else dy * self.cache


@right()
class DropoutNotScaled(mn.Layer):
    """Scales in eval mode, as the first paper did."""

    def __init__(self):
        self.rng = np.random.default_rng(3)

    def forward(self, x):
        factor = (self.rng.random(x.shape) > 0.5).astype(x.dtype) if self.training else 0.5
        self.cache = factor
        return x * factor

    def backward(self, dy):
        return dy * self.cache


@right()
class Center(mn.Layer):
    def __init__(self, features=3, rate=0.1):
        self.rate = rate
        self.running = mn.Buffer(np.zeros(features))

    def forward(self, x):
        if not self.training:
            self.cache = None
            return x - self.running.data
        n = max(len(x), 1)
        self.cache = n
        mean = x.sum(axis=0) / n
        self.running.data += self.rate * (mean - self.running.data)
        return x - mean

    def backward(self, dy):
        n = self.cache
        return dy * 1 if n is None else dy - dy.sum(axis=0) / n


@right()
class LayerNorm(mn.Layer):
    def forward(self, x):
        centred = x - x.mean(axis=1, keepdims=True)
        std = np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-5)
        self.cache = (centred / std, std)
        return centred / std

    def backward(self, dy):
        y, std = self.cache
        return (dy - dy.mean(axis=1, keepdims=True) - y * (dy * y).mean(axis=1, keepdims=True)) / std


@right(x=SIGNALS)
class Convolution(mn.Layer):
    def __init__(self):
        self.k = mn.Parameter([0.5, -1.0, 2.0])

    def forward(self, x):
        self.cache = x
        windows = np.lib.stride_tricks.sliding_window_view(x, 3, axis=1)
        return windows @ self.k.data

    def backward(self, dy):
        x = self.cache
        dx = np.zeros_like(x)
        for i in range(3):
            self.k.grad[i] += (dy * x[:, i : i + dy.shape[1]]).sum()
            dx[:, i : i + dy.shape[1]] += dy * self.k.data[i]
        return dx


@right(x=SIGNALS)
class MaxPool(mn.Layer):
    def forward(self, x):
        n, t = x.shape
        pairs = x.reshape(n, t // 2, 2)
        y = pairs.max(axis=2)
        self.cache = (pairs == y[:, :, None]), x.shape
        return y

    def backward(self, dy):
        mask, shape = self.cache
        return (mask * dy[:, :, None]).reshape(shape)


@right(x=IMAGES)
class Flatten(mn.Layer):
    def forward(self, x):
        self.cache = x.shape
        return x.reshape(x.shape[0], np.prod(x.shape[1:]))

    def backward(self, dy):
        return dy.reshape(self.cache)


@right(x=IMAGES)
class MeanOfPixels(mn.Layer):
    def forward(self, x):
        self.cache = x.shape
        return x.mean(axis=(2, 3))

    def backward(self, dy):
        n, c, h, w = self.cache
        return np.broadcast_to(dy[:, :, None, None] / (h * w), (n, c, h, w)).copy()


@right(x=TOKENS)
class Embedding(mn.Layer):
    def __init__(self):
        self.table = mn.Parameter(np.random.default_rng(0).normal(size=(5, 2)))

    def forward(self, tokens):
        self.cache = tokens
        return self.table.data[tokens]

    def backward(self, dy):
        np.add.at(self.table.grad, self.cache, dy)


@right(x=TEXT)
class Attention(mn.Layer):
    def forward(self, x):
        scores = x @ x.swapaxes(1, 2) / np.sqrt(x.shape[2]).astype(x.dtype)
        e = np.exp(scores - scores.max(axis=2, keepdims=True))
        a = e / e.sum(axis=2, keepdims=True)
        self.cache = (x, a)
        return a @ x

    def backward(self, dy):
        x, a = self.cache
        da = dy @ x.swapaxes(1, 2)
        ds = a * (da - (da * a).sum(axis=2, keepdims=True)) / np.sqrt(x.shape[2]).astype(x.dtype)
        return a.swapaxes(1, 2) @ dy + ds @ x + ds.swapaxes(1, 2) @ x


@right()
class Gate(mn.Layer):
    """Made of layers."""

    def __init__(self):
        self.value = mn.Linear(3, 2, rng=0)
        self.gate = mn.Sequential(mn.Linear(3, 2, rng=1), mn.Sigmoid())

    def forward(self, x):
        v, g = self.value(x), self.gate(x)
        self.cache = (v, g)
        return v * g

    def backward(self, dy):
        v, g = self.cache
        return self.value.backward(dy * g) + self.gate.backward(dy * v)


@right()
class Network(mn.Sequential):
    def __init__(self):
        super().__init__(Linear(3, 4), Tanh(), Linear(4, 2), Softmax())


@right(x=X, more=(T,))
class MSE(mn.Loss):
    def forward(self, prediction, target):
        difference = prediction - target
        self.cache = difference
        return float(np.sum(difference**2) / max(difference.size, 1))

    def backward(self):
        return 2 * self.cache / max(self.cache.size, 1)


@right(x=P, more=(LABELS,))
class CrossEntropy(mn.Loss):
    """With np.eye, as the notebook has it."""

    def forward(self, p, y):
        onehot = np.eye(p.shape[1], dtype=p.dtype)[y]
        self.cache = (p, onehot)
        return float(-(onehot * np.log(p)).sum() / max(len(p), 1))

    def backward(self):
        p, onehot = self.cache
        return -onehot / p / max(len(p), 1)


@right(x=X, more=(LABELS,))
class SoftmaxWithCrossEntropy(mn.Loss):
    def forward(self, scores, y):
        e = np.exp(scores - scores.max(axis=1, keepdims=True))
        p = e / e.sum(axis=1, keepdims=True)
        self.cache = (p, y)
        return float(-np.log(p[np.arange(len(y)), y]).sum() / max(len(y), 1))

    def backward(self):
        p, y = self.cache
        d = p.copy()
        d[np.arange(len(y)), y] -= 1
        return d / max(len(y), 1)


@right(x=X, more=(T,))
class AbsoluteSum(mn.Loss):
    def forward(self, prediction, target):
        self.cache = np.sign(prediction - target)
        return float(np.abs(prediction - target).sum())

    def backward(self):
        return self.cache * 1


@right(x=X, more=(T,))
class Product(mn.Layer):
    """Two inputs, two gradients."""

    def forward(self, a, b):
        self.cache = (a, b)
        return a * b

    def backward(self, dy):
        a, b = self.cache
        return dy * b, dy * a
