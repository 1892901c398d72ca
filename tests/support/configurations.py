"""Configurations of a training that n ranks do as one: their names, and what builds each of them.

Each builds the same model, loss and data in every process. See `equality.py` for what is compared.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

import minnet as mn
from minnet.callbacks import EMA, ClipGradNorm, ClipGradValue, EarlyStopping, LearningRate, MaxNorm, ReduceLROnPlateau

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


def with_infinity(nonfinite, size=16, **options):
    """Put an infinite number into one row of the sixth batch, which is in the part of one rank."""
    parts = [(X[i : i + size].copy(), Y[i : i + size]) for i in range(0, N, size)] * 3
    parts[5][0][1] = np.inf
    return classifies(parts, options={"nonfinite": nonfinite}, **options)


CLASS_WEIGHTS = [1.0, 10.0, 0.5]
EVALUATED = {"test": (X, Y)}
CONFIGURATIONS = {
    "softmax and cross-entropy": classifies,
    "probabilities and cross-entropy": lambda: classifies(
        loss=mn.CrossEntropyLoss(CLASS_WEIGHTS), model=mlp(CLASSES, mn.Softmax())
    ),
    "class weights and ignore_index": lambda: classifies(
        batches(y=IGNORED), mn.SoftmaxCrossEntropyLoss(CLASS_WEIGHTS, ignore_index=-100)
    ),
    "a rank's part is ignored": lambda: classifies(
        batches(y=IGNORED, shuffle=False), mn.SoftmaxCrossEntropyLoss(ignore_index=-100)
    ),
    "label smoothing with class weights": lambda: classifies(
        loss=mn.SoftmaxCrossEntropyLoss(CLASS_WEIGHTS, label_smoothing=0.1)
    ),
    "NLLLoss of LogSoftmax": lambda: classifies(loss=mn.NLLLoss(CLASS_WEIGHTS), model=mlp(CLASSES, mn.LogSoftmax())),
    "a whole batch is ignored": lambda: classifies(
        batches(y=np.where(np.arange(N) < 16, -100, Y), shuffle=False), mn.SoftmaxCrossEntropyLoss(ignore_index=-100)
    ),
    "weights of samples": lambda: classifies(batches(sample_weight=WEIGHTS)),
    "weights of a rank's samples are 0": lambda: classifies(batches(sample_weight=WEIGHTS, shuffle=False)),
    "regression": estimates,
    "HuberLoss": lambda: estimates(mn.HuberLoss(0.5)),
    "BCEWithLogitsLoss": lambda: estimates(
        mn.BCEWithLogitsLoss(pos_weight=[2.0, 0.5]), loader=batches(y=(T > 0).astype(float))
    ),
    "MultiLoss": several_heads,
    "MultiLoss, weights per head": lambda: several_heads({"a": WEIGHTS, "b": WEIGHTS[::-1].copy()}),
    "MultiLoss, accumulate=2": lambda: several_heads(options={"accumulate": 2}),
    "CTCLoss": spoken,
    "CosineEmbeddingLoss": lambda: siamese(mn.CosineEmbeddingLoss(0.1), 2, np.where(Y == 0, 1, -1)),
    "TripletMarginLoss": lambda: siamese(mn.TripletMarginLoss(), 3, np.zeros(N)),
    "a loss of one's own, with total_weight": masked_targets,
    "a loss of one's own, with a Parameter": learned_by_the_loss,
    "a layer of one's own": lambda: classifies(model=mlp(middle=[Times(8)])),
    "accumulate=3": lambda: classifies(options={"accumulate": 3}),
    "threads=2": lambda: classifies(options={"threads": 2}),
    "threads=2, accumulate=2, class weights": lambda: classifies(
        loss=mn.SoftmaxCrossEntropyLoss(CLASS_WEIGHTS), options={"threads": 2, "accumulate": 2}
    ),
    "ClipGradNorm": lambda: with_callbacks(ClipGradNorm(0.5)),
    "ClipGradValue": lambda: with_callbacks(ClipGradValue(0.02)),
    "MaxNorm": lambda: with_callbacks(MaxNorm(1.0)),
    "EMA": lambda: with_callbacks(EMA(0.9)),
    "EarlyStopping": lambda: with_callbacks(EarlyStopping("test_loss", patience=2, min_delta=0.1), EMA(0.9)),
    "ReduceLROnPlateau": lambda: with_callbacks(ReduceLROnPlateau("test_loss", patience=1)),
    "a schedule by steps": lambda: with_callbacks(LearningRate(mn.schedules.OneCycleLR(0.1, STEPS), per="step")),
    "a schedule by epochs": lambda: with_callbacks(LearningRate(mn.schedules.StepLR(5))),
    "clipping, EMA, schedule, accumulate": lambda: with_callbacks(
        ClipGradNorm(0.5), EMA(0.99), LearningRate(mn.schedules.StepLR(9)), options={"accumulate": 2}
    ),
    "NaN guard, skip": lambda: with_infinity("skip"),
    "NaN guard, stop": lambda: with_infinity("stop"),
    "NaN guard, ignore": lambda: classifies(options={"nonfinite": "ignore"}),
    "SGD, nesterov": lambda: optimized(lambda p: mn.SGD(p, lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.01)),
    "Adam": lambda: optimized(lambda p: mn.Adam(p, lr=0.01)),
    "Adam, amsgrad": lambda: optimized(lambda p: mn.Adam(p, lr=0.01, amsgrad=True)),
    "AdamW, groups with their own decay": lambda: optimized(by_groups),
    "NAdam": lambda: optimized(lambda p: mn.NAdam(p, lr=0.01)),
    "RAdam": lambda: optimized(lambda p: mn.RAdam(p, lr=0.01)),
    "Adamax": lambda: optimized(lambda p: mn.Adamax(p, lr=0.01)),
    "Adadelta": lambda: optimized(lambda p: mn.Adadelta(p, lr=0.5)),
    "Adagrad": lambda: optimized(lambda p: mn.Adagrad(p, lr=0.05)),
    "RMSprop": lambda: optimized(lambda p: mn.RMSprop(p, lr=0.002, momentum=0.5, centered=True)),
    "Lion": lambda: optimized(lambda p: mn.Lion(p, lr=0.001)),
    "Muon and AdamW": lambda: optimized(two_optimizers),
    "LBFGS": lambda: estimates(
        model=mn.Sequential(mn.Linear(INPUTS, 2, rng=0)),
        loader=batches(y=T, size=N),
        optimizer=lambda p: mn.LBFGS(p, max_iter=4, line_search_fn="strong_wolfe", weight_decay=0.1),
    ),
    "LBFGS, 5 steps of a network": lambda: classifies(
        batches(size=N),
        optimizer=lambda p: mn.LBFGS(p, max_iter=4, line_search_fn="strong_wolfe"),
        fits=({"steps": 5},),
    ),
    "batches in their order": lambda: classifies(batches(shuffle=False)),
    "batches resampled": lambda: classifies(batches(shuffle="resampled")),
    "drop_last": lambda: classifies(batches(drop_last=True)),
    "fewer samples than ranks": lambda: classifies(batches(size=2, drop_last=False)),
    "a generator of batches": generated,
    "a list of batches": lambda: classifies([(X[:20], Y[:20]), (X[20:21], Y[20:21]), (X[21:], Y[21:])]),
    "inputs with names": lambda: Configuration(
        mn.Sequential(mn.Inputs(a=mn.Linear(INPUTS, 4, rng=0), b=mn.Linear(2, 4, rng=1)), mn.Linear(8, 3, rng=2)),
        mn.SoftmaxCrossEntropyLoss(),
        batches({"a": X, "b": T}),
        {"a": X, "b": T},
    ),
    "inputs in a tuple": lambda: Configuration(
        mn.Sequential(mn.Inputs(mn.Linear(INPUTS, 4, rng=0), mn.Linear(2, 4, rng=1)), mn.Linear(8, 3, rng=2)),
        mn.SoftmaxCrossEntropyLoss(),
        batches((X, T)),
        (X, T),
    ),
    "a convolutional network": lambda: of_pictures(mn.ReLU()),
    "images of uint8": of_bytes,
    "sequences, fewer than ranks": lambda: padded(
        embedded(mn.GRU(8, 6, rng=0), mn.PoolTime("mean"), mn.Linear(6, 3, rng=1)), size=2
    ),
    "an LSTM, in buckets": lambda: padded(embedded(mn.LSTM(8, 6, rng=0), mn.PoolTime("mean"), mn.Linear(6, 3, rng=1))),
    "a tagger, padded": lambda: padded(
        embedded(mn.GRU(8, 6, rng=0), mn.Linear(6, 3, rng=1)),
        mn.SoftmaxCrossEntropyLoss(CLASS_WEIGHTS, ignore_index=-100),
        y=TAGS,
        shuffle=True,
        target_value=-100,
    ),
    "a transformer, padded, weights of samples": lambda: padded(
        embedded(mn.TransformerBlock(8, 2, 12, dropout=0.0, rng=0), mn.PoolTime("mean"), mn.Linear(8, 3, rng=1)),
        weights=WEIGHTS,
        optimizer=gently,
    ),
    "LayerNorm and GroupNorm": lambda: classifies(
        model=mlp(middle=[mn.LayerNorm(8), mn.GroupNorm(2, 8)]), optimizer=gently
    ),
    "batch norm, synchronised": lambda: classifies(model=mlp(middle=[mn.BatchNorm1d(8)]), synchronised=True),
    "batch norm, synchronised, 'mean of all batches', no running statistics": lambda: classifies(
        model=mlp(
            middle=[
                mn.BatchNorm1d(8, momentum=None),
                mn.Tanh(),
                mn.BatchNorm1d(8, affine=False, track_running_stats=False),
            ]
        ),
        synchronised=True,
    ),
    "batch norm of images, synchronised": lambda: of_pictures(mn.BatchNorm2d(4), mn.ReLU(), synchronised=True),
    "batch norm, synchronised, fewer samples than ranks": lambda: classifies(
        batches(size=2), model=mlp(middle=[mn.BatchNorm1d(8, eps=0.1)]), synchronised=True, optimizer=gently
    ),
    "batch norm, synchronised, a rank's part is ignored": lambda: classifies(
        batches(y=IGNORED, shuffle=False),
        mn.SoftmaxCrossEntropyLoss(ignore_index=-100),
        model=mlp(middle=[mn.BatchNorm1d(8)]),
        synchronised=True,
    ),
    "batch norm, synchronised, NaN guard, skip": lambda: with_infinity(
        "skip", model=mlp(middle=[mn.BatchNorm1d(8)]), synchronised=True
    ),
    "tied weights": tied,
    "a frozen layer": frozen,
    "a layer that is not used": lambda: classifies(model=Unused()),
    "epochs, a row every 4 steps": lambda: classifies(fits=({"epochs": 20, "every": 4, "evaluate": EVALUATED},)),
    "two fits, epochs and steps": lambda: classifies(
        callbacks=[EMA(0.9)], fits=({"steps": 10, "every": 3}, {"epochs": 3, "evaluate": EVALUATED}, {"steps": 7})
    ),
    "float32": lambda: classifies(dtype=np.float32, within=1e-5),
    "float32, a convolutional network, batch norm synchronised": lambda: of_pictures(
        mn.BatchNorm2d(4), mn.ReLU(), dtype=np.float32, within=1e-4, synchronised=True
    ),
}
