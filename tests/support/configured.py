"""What configurations of a training are made of: small models, losses, data, and classes of a user's own."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

import minnet as mn

N, INPUTS, CLASSES = 45, 5, 3  # batches of 16: the last one of an epoch has 13
STEPS = 200


@dataclass
class Configuration:
    """What a Trainer is made of, how it trains, and what it predicts."""

    model: mn.Layer
    loss: mn.Loss
    loader: Any
    x: Any  # to predict
    optimizer: Any = lambda parameters: mn.SGD(parameters, lr=0.05, momentum=0.9)  # or an Optimizer
    options: dict = field(default_factory=dict)  # of the Trainer
    fits: tuple = ({"steps": STEPS},)  # the arguments of each `fit`
    callbacks: list = field(default_factory=list)
    synchronised: bool = False
    within: float = 1e-12
    dtype: Any = np.float64


def random(seed=0):
    return np.random.default_rng(seed)


def rows(n=N, *shape):
    return random().normal(size=(n, *(shape or (INPUTS,))))


def labels(n=N, classes=CLASSES):
    return random(1).integers(0, classes, n)


def gently(parameters):
    """Learn so slowly that a last bit of the weights stays a last bit, in a model that multiplies differences."""
    return mn.SGD(parameters, lr=0.01)


X, Y = rows(), labels()
T = np.tanh(X[:, :2]) + 0.1 * rows(N, 2)  # targets of a regression
IGNORED = np.where(random(3).uniform(size=N) < 0.4, -100, Y)
IGNORED[16:24] = -100  # all of a rank's part, where batches come in order
WEIGHTS = random(4).integers(0, 3, N) / 2
WEIGHTS[:8] = 0


def mlp(outputs=CLASSES, *last, middle=()):
    return mn.Sequential(mn.Linear(INPUTS, 8, rng=0), mn.Tanh(), *middle, mn.Linear(8, outputs, rng=1), *last)


def batches(X=X, y=Y, size=16, shuffle=True, **options):
    return mn.DataLoader(X, y, size, shuffle=shuffle, rng=5, **options)


def classifies(loader=None, loss=None, model=None, **options):
    """Build a small classifier."""
    loss = mn.SoftmaxCrossEntropyLoss() if loss is None else loss
    return Configuration(model or mlp(), loss, loader or batches(), X, **options)


def estimates(loss=None, model=None, loader=None, **options):
    """Build a small regression."""
    return Configuration(model or mlp(2), loss or mn.MSELoss(), loader or batches(y=T), X, **options)


def with_callbacks(*callbacks, **options):
    """Build a classifier with callbacks, which evaluates on two sets every seven steps."""
    sets = {"train": (X, Y), "test": (rows(31) + 0.1, labels(31)), "weighted": (X, Y, WEIGHTS)}
    return classifies(callbacks=list(callbacks), fits=({"steps": STEPS, "evaluate": sets, "every": 7},), **options)


def optimized(make, **options):
    return classifies(optimizer=make, **options)


def by_groups(parameters):
    parameters = list(parameters)
    groups = [{"params": parameters[:2], "weight_decay": 0.1}, {"params": parameters[2:], "lr": 0.01}]
    return mn.AdamW(groups, lr=0.02, decay_biases=False)


def two_optimizers(parameters):
    parameters = list(parameters)
    matrices = [p for p in parameters if p.data.ndim == 2]
    return mn.MultiOptimizer([mn.Muon(matrices, lr=0.02), mn.AdamW([p for p in parameters if p.data.ndim < 2])])


class Masked(mn.Loss):
    """The mean square error over what is not NaN in the target: a loss of a user's own that says its weight."""

    def forward(self, prediction, target):
        self.known = ~np.isnan(target)
        self.cache = np.where(self.known, prediction - np.nan_to_num(target), 0)
        return float((self.cache**2).sum() / max(self.known.sum(), 1))

    def backward(self):
        return 2 * self.cache / max(self.known.sum(dtype=self.cache.dtype), 1)

    def total_weight(self, target):
        return float(np.sum(~np.isnan(target)))


class Scaled(mn.Loss):
    """The mean square error of t · prediction, where t is learned: a loss of a user's own, with a Parameter."""

    def __init__(self):
        super().__init__()
        self.t = mn.Parameter([1.5], np.float64)

    def forward(self, prediction, target):
        difference = prediction * self.t.data - target
        self.cache = difference, prediction
        return float(np.mean(difference**2))

    def backward(self):
        difference, prediction = self.cache
        slope = 2 * difference / difference.size
        self.t.grad += np.sum(slope * prediction)
        return slope * self.t.data


class Times(mn.Layer):
    """A layer of a user's own: y = s · x, with s learned."""

    def __init__(self, size):
        self.s = mn.Parameter(np.ones(size))

    def forward(self, x):
        self.cache = x
        return x * self.s.data

    def backward(self, dy):
        self.s.grad += (dy * self.cache).sum(axis=0)
        return dy * self.s.data


class Pair(mn.Layer):
    """Two inputs, embedded by one encoder."""

    def __init__(self, parts):
        self.encoder, self.parts = mlp(4), parts

    def forward(self, *inputs):
        return tuple(np.split(self.encoder.forward(np.concatenate(inputs)), self.parts))

    def backward(self, dy):
        return tuple(np.split(self.encoder.backward(np.concatenate(dy)), self.parts))


class Unused(mn.Layer):
    """A layer whose second Parameter is never used: its gradient stays 0."""

    def __init__(self):
        self.first, self.second = mlp(), mn.Linear(3, 3, rng=7)

    def forward(self, x):
        return self.first.forward(x)

    def backward(self, dy):
        return self.first.backward(dy)


def masked_targets():
    targets = np.where(random(8).uniform(size=T.shape) < 0.4, np.nan, T)
    targets[16:24] = np.nan
    return estimates(Masked(), loader=[(X[i : i + 16], targets[i : i + 16]) for i in range(0, N, 16)])


def learned_by_the_loss():
    found = estimates(Scaled())
    found.optimizer = mn.SGD([*found.model.parameters(), *found.loss.parameters()], lr=0.02)
    return found


def several_heads(weights=None, **options):
    model = mn.Sequential(mlp(6), mn.Heads(a=mn.Linear(6, CLASSES, rng=2), b=mn.Linear(6, 2, rng=3)))
    losses = {"a": mn.SoftmaxCrossEntropyLoss(ignore_index=-100), "b": mn.MSELoss()}
    loader = batches(y={"a": IGNORED, "b": T}, sample_weight=weights)
    return Configuration(model, mn.MultiLoss(losses, {"b": 0.3}), loader, X, **options)


def siamese(loss, parts, y):
    inputs = tuple(rows(N) + i for i in range(parts))
    return Configuration(Pair(parts), loss, batches(inputs, y, shuffle=False), inputs, gently)


TEXTS = [random(i).integers(1, 12, n) for i, n in enumerate(random(9).integers(0, 9, N))]
TAGS = [text % CLASSES for text in TEXTS]


def padded(model, loss=None, *, y=Y, weights=None, shuffle="bucketed", target_value=None, size=16, **options):
    """Build a model of sequences of several lengths."""
    pad = mn.data.Pad(target_value=target_value)
    loader = batches(TEXTS, y, size, shuffle=shuffle, collate=pad, sample_weight=weights)
    x = mn.data.Pad()(TEXTS, list(range(N)))[0]
    return Configuration(model, loss or mn.SoftmaxCrossEntropyLoss(), loader, x, **options)


def embedded(*layers):
    return mn.Sequential(mn.Embedding(12, 8, rng=0), *layers)


def spoken():
    words = random(2).integers(1, 4, (N, 3))
    words[np.arange(3) > random(3).integers(0, 3, (N, 1))] = -1
    frames = [np.eye(4)[[c for k in word if k > 0 for c in (0, k, k)]] for word in words]
    y = {"targets": words, "input_lengths": [len(x) for x in frames]}
    loader = batches(frames, y, collate=mn.data.Pad())
    model = mn.Sequential(mn.GRU(4, 6, rng=0), mn.Linear(6, 4, rng=1), mn.LogSoftmax())
    return Configuration(model, mn.CTCLoss(), loader, mn.data.Pad()(frames, list(range(N)))[0])


def of_pictures(*layers, x=None, size=8, **options):
    """Build a convolutional network for images (1, 6, 6)."""
    x = rows(N, 1, 6, 6) if x is None else x
    model = mn.Sequential(mn.Conv2d(1, 4, 3, rng=0), *layers, mn.MaxPool2d(2), mn.Flatten(), mn.Linear(16, 3, rng=1))
    return Configuration(model, mn.SoftmaxCrossEntropyLoss(), batches(x, size=size), x, **options)


def of_bytes():
    return of_pictures(mn.ReLU(), x=random().integers(0, 256, (N, 1, 6, 6)).astype(np.uint8))


def tied():
    first = mn.Linear(INPUTS, 4, rng=0)
    model = mn.Sequential(first, mn.Tanh(), mn.Tied(first, rng=1))
    return Configuration(model, mn.MSELoss(), batches(y=X), X)


def frozen():
    found = classifies()
    found.model.layers[0].freeze()
    found.optimizer = mn.SGD(found.model.parameters(), lr=0.05)
    return found


def generated():
    class Stream:
        """A loader of a user's own: a new generator for each pass."""

        def __iter__(self):
            for start in range(0, N, 11):
                yield X[start : start + 11], Y[start : start + 11]

    return classifies(Stream())


def streamed(size):
    def source():
        yield from zip(X, Y, strict=True)

    return classifies(mn.data.Stream(source, size, buffer=8, rng=5))


def with_infinity(nonfinite, size=16, **options):
    """Put an infinite number into one row of the sixth batch, which is in the part of one rank."""
    parts = [(X[i : i + size].copy(), Y[i : i + size]) for i in range(0, N, size)] * 3
    parts[5][0][1] = np.inf
    return classifies(parts, options={"nonfinite": nonfinite}, **options)
