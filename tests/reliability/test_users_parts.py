"""Parts of one's own that remember something: a run that is resumed ends with the bits of one that was not."""

import copy
import enum
import functools
import math
import random
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple

import numpy as np
import pytest

import minnet as mn
from minnet.saving.checkpoint import Checkpoint

X = np.random.default_rng(0).normal(size=(40, 4)).astype(np.float32)
Y = np.arange(40) % 3
STEPS = 13  # of epochs of five


def network(rng, *between):
    return mn.Sequential(mn.Linear(4, 5, rng=rng), *between, mn.ReLU(), mn.Linear(5, 3, rng=rng))


class Job:
    """What a script makes; `seed` differs when it is started again, so whatever is not restored shows."""

    def __init__(self, seed, *, between=(), loader=None, callbacks=(), kind=mn.Trainer, loss=None, **options):
        model = network(np.random.default_rng(seed), *between)
        loss = mn.SoftmaxCrossEntropyLoss() if loss is None else loss
        self.trainer = kind(model, loss, mn.SGD(model.parameters(), lr=0.1, momentum=0.5), **options)
        self.loader = mn.DataLoader(X, Y, 8, shuffle=True, rng=seed) if loader is None else loader
        self.callbacks, self.seen = list(callbacks), lambda: None
        self.sets = {"test": (X, Y)}

    def fit(self, checkpoint=None, **more):
        options = {"evaluate": self.sets, "every": 4, "callbacks": self.callbacks, "checkpoint": checkpoint}
        self.trainer.fit(self.loader, steps=STEPS, progress=False, **options, **more)
        history = [{k: v for k, v in row.items() if k != "seconds"} for row in self.trainer.history]
        parameters = self.trainer.model.parameters()
        return [p.data.tobytes() for p in parameters], repr(history), self.trainer.epoch, repr(self.seen())


JOBS = {}


def job(make):
    JOBS[make.__name__] = make
    return make


# Transforms


class Noisy:
    """A transform with a Generator of its own, an array, NaN and a counter, all of them arguments."""

    def __init__(self, rng, mean, worst=math.nan, count=0):
        self.rng, self.mean, self.worst, self.count = rng, mean, worst, count

    def __call__(self, x, rng):
        self.count += 1
        self.mean += 0.1 * (x.mean(axis=0) - self.mean)
        self.worst = max(self.worst if self.worst == self.worst else 0.0, float(np.abs(x).max()))
        noise = self.rng.normal(size=x.shape).astype(x.dtype)
        return x - self.mean + noise * np.float32(self.worst / (10 + self.count))

    def method(self, x, rng):
        return self(x, rng)


def noisy(seed):
    return Noisy(np.random.default_rng(seed), np.zeros(4, np.float32))


def with_transform(seed, transform, seen):
    made = Job(seed, loader=mn.DataLoader(X, Y, 8, shuffle=True, transform=transform, rng=seed))
    made.seen = seen
    return made


@job
def an_object(seed):
    transform = noisy(seed)
    return with_transform(seed, transform, lambda: vars(transform).values() and (transform.count, transform.worst))


@job
def a_bound_method(seed):
    transform = noisy(seed)
    return with_transform(seed, transform.method, lambda: transform.count)


@job
def a_partial(seed):
    def shift(own, by, x, rng, scale):
        by += 0.01
        return x + by + np.float32(scale) * own.normal(size=x.shape).astype(x.dtype)

    by = np.zeros(4, np.float32)
    return with_transform(seed, functools.partial(shift, np.random.default_rng(seed), by, scale=0.1), lambda: by)


@job
def a_closure(seed):
    rng, count = np.random.default_rng(seed), 0

    def transform(x, _):
        nonlocal count
        count += 1
        return x + np.float32(0.01 * count) * rng.normal(size=x.shape).astype(x.dtype)

    return with_transform(seed, transform, lambda: count)


@job
def objects_in_objects(seed):
    class Both:
        def __init__(self, parts):
            self.parts = parts
            self.calls = {"first": parts[0], "number": 0}

        def __call__(self, x, rng):
            self.calls["number"] += 1
            for part in self.parts:
                x = part(x, rng)
            return x

    both = Both([noisy(seed), mn.data.augment.Chain(noisy(seed + 1))])
    return with_transform(seed, both, lambda: (both.calls["number"], both.parts[1].transforms[0].count))


# Loaders


class OwnOrder(mn.DataLoader):
    """A loader with attributes, and with an order of its own in which fewer batches are."""

    def __init__(self, *args, own, **options):
        super().__init__(*args, **options)
        self.own, self.passes, self.drawn = own, 0, []

    def __iter__(self):
        self.passes += 1
        rows = self.own.permutation(len(self.X))[: 8 * 4 - self.passes]
        for start in range(0, len(rows), 8):
            picked = rows[start : start + 8]
            self.drawn.append(int(picked[0]))
            noise = self.own.normal(size=(len(picked), 4)).astype(np.float32)
            yield self.prepared(self.X[picked] + noise), self.y[picked]


@job
def a_loader_with_its_own_iter(seed):
    loader = OwnOrder(X, Y, 8, own=np.random.default_rng(seed), rng=seed)
    made = Job(seed, loader=loader)
    made.seen = lambda: (loader.passes, loader.drawn, loader.own.random())
    return made


@job
def a_loader_that_begins_with_its_own_iter(seed):
    class Counts(mn.DataLoader):
        passes, scaled = 0, 1.0

        def __iter__(self):
            self.passes += 1
            self.scaled = 1 / self.passes
            return super().__iter__()

        def prepared(self, x):
            return super().prepared(x) * np.float32(self.scaled)

    loader = Counts(X, Y, 8, shuffle=True, rng=seed)
    made = Job(seed, loader=loader)
    made.seen = lambda: loader.passes
    return made


class Batches:
    """An iterable that knows nothing of minnet."""

    def __init__(self, rng):
        self.rng, self.epoch = rng, 0

    def __iter__(self):
        self.epoch += 1
        order = self.rng.permutation(40)
        for start in range(0, 40, 8):
            rows = order[start : start + 8]
            yield X[rows] / np.float32(self.epoch) + self.rng.normal(size=(8, 4)).astype(np.float32), Y[rows]


@job
def an_iterable(seed):
    loader = Batches(np.random.default_rng(seed))
    made = Job(seed, loader=loader)
    made.seen = lambda: (loader.epoch, loader.rng.random())
    return made


@job
def an_iterable_with_a_state(seed):
    class Stateful:
        __slots__ = ("hidden",)

        def __init__(self):
            self.hidden = Batches(random.Random(seed))

        def __iter__(self):
            rng = np.random.default_rng(self.hidden.rng.getrandbits(32))
            self.hidden.epoch += 1
            for _ in range(5):
                rows = rng.permutation(40)[:8]
                self.hidden.rng.random()
                yield X[rows] / np.float32(self.hidden.epoch), Y[rows]

        def state_dict(self):
            return {"epoch": self.hidden.epoch, "random": self.hidden.rng.getstate()}

        def load_state_dict(self, state):
            self.hidden.epoch = state["epoch"]
            self.hidden.rng.setstate(state["random"])

    loader = Stateful()
    made = Job(seed, loader=loader)
    made.seen = lambda: (loader.hidden.epoch, loader.hidden.rng.random())
    return made


@job
def a_loader_that_is_told_what_to_do(seed):
    """A callback changes the loader in the middle of its epoch."""

    class Harder(mn.callbacks.Callback):
        def __init__(self, loader):
            self.loader = loader

        def on_step_end(self, trainer):
            self.loader.factor *= 1.1

    class Scaled(Batches):
        factor = 1.0

        def __iter__(self):
            for x, y in super().__iter__():
                yield x * np.float32(self.factor), y

    loader = Scaled(np.random.default_rng(seed))
    loader.factor = 1.0
    made = Job(seed, loader=loader, callbacks=[Harder(loader)])
    made.seen = lambda: loader.factor
    return made


# The Trainer, the optimizer and callbacks


class OwnTrainer(mn.Trainer):
    def __init__(self, *args, rng, **options):
        super().__init__(*args, **options)
        self.rng, self.count, self.teacher = rng, 0, copy.deepcopy(self.model)

    def train_step(self, x, y):
        self.count += 1
        noise = self.rng.normal(size=x.shape).astype(x.dtype)
        for p, q in zip(self.teacher.parameters(), self.model.parameters(), strict=True):
            p.data[...] = 0.9 * p.data + 0.1 * q.data
        x = x + noise / np.float32(self.count) + np.float32(0.01) * self.teacher.eval().forward(x).mean()
        return super().train_step(x, y)


@job
def a_trainer(seed):
    kind = functools.partial(OwnTrainer, rng=np.random.default_rng(seed))
    made = Job(seed, kind=kind)
    made.seen = lambda: (
        made.trainer.count,
        made.trainer.rng.random(),
        [p.data for p in made.trainer.teacher.parameters()],
    )
    return made


@job
def a_batch_size_that_grows(seed):
    class Doubles(mn.callbacks.Callback):
        def __init__(self, loader):
            self.loader = loader

        def on_epoch_end(self, trainer):
            self.loader.batch_size = min(40, 2 * self.loader.batch_size)

    loader = mn.DataLoader(X, Y, 8, shuffle=True, rng=seed)
    made = Job(seed, loader=loader, callbacks=[Doubles(loader)])
    made.seen = lambda: loader.batch_size
    return made


@job
def numbers_in_a_row(seed):
    class Adds(mn.callbacks.Callback):
        def on_row(self, trainer, row):
            row |= {"max": trainer.prediction.max(), "text": "a/b", "more": [1, None]}

    return Job(seed, callbacks=[Adds()])


@job
def a_stateful_schedule(seed):
    class Jumps:
        def __init__(self, rng, down=0.9):
            self.rng, self.down, self.last = rng, down, 1.0

        def __call__(self, base_lr, t):
            self.last *= self.down + 0.1 * self.rng.random()
            return base_lr * self.last

    jumps = Jumps(np.random.default_rng(seed))
    made = Job(seed, callbacks=[mn.callbacks.LearningRate(jumps, per="step")])
    made.seen = lambda: (jumps.last, made.trainer.optimizer.lr)
    return made


@job
def frozen_parameters(seed):
    class Unfreezes(mn.callbacks.Callback):
        def on_step_end(self, trainer):
            trainer.model.parameters()[0].trainable = trainer.step % 5 > 1

    made = Job(seed, callbacks=[Unfreezes()])
    made.trainer.model.parameters()[0].trainable = False
    made.seen = lambda: [p.trainable for p in made.trainer.model.parameters()]
    return made


Place = namedtuple("Place", "row column")
Phase = enum.Enum("Phase", "FIRST SECOND")


class Everything(mn.callbacks.Callback):
    """All kinds of plain data, changed at each step; their sum changes the learning rate."""

    def __init__(self, seed):
        self.deque, self.counter, self.default = deque([0.0], maxlen=3), Counter(), defaultdict(list)
        self.factory, self.set, self.frozen = defaultdict(lambda: 7.0), {1, "a"}, frozenset()
        self.bytes, self.complex, self.place, self.phase = b"\x00", 1j, Place(0, 1.0), Phase.FIRST
        self.random, self.legacy = random.Random(seed), np.random.RandomState(seed)
        self.masked = np.ma.masked_array(np.zeros(4), [True, False, False, True])
        self.spectrum = np.zeros(3, complex)
        self.ordered, self.losses, self.pairs, self.mixed = OrderedDict(a=1, b=2), [], [], []
        self.held, self.draw = self.losses, self.random.random

    def on_step_end(self, trainer):
        step, loss = trainer.step, trainer.last_loss
        self.deque.append(loss)
        self.counter[step % 3] += 1
        self.default[step % 2].append(loss)
        self.factory[str(step % 4)] += loss
        self.set.add(step)
        self.frozen |= {step}
        self.bytes += bytes([step])
        self.complex *= 1 + 0.1j
        self.place = Place(step, self.place.column / 2)
        self.phase = Phase.SECOND if step > 6 else Phase.FIRST
        self.masked[step % 4] = loss
        self.masked[(step + 1) % 4] = np.ma.masked
        self.spectrum += np.fft.fft(trainer.prediction[0])
        self.ordered.move_to_end("a" if step % 2 else "b")
        self.losses += [loss] * 10
        self.pairs += [(step, loss)] * 9
        self.mixed += [loss, step, None, step > 4, math.nan, -0.0]
        drawn = self.draw() + self.random.gauss(0, 1) + self.legacy.normal() + self.legacy.random_sample()
        more = sum(self.deque) + self.complex.real + self.place.column + float(self.masked.sum()) + len(self.held)
        trainer.optimizer.lr = 0.01 + 0.01 * abs(drawn + more) % 0.1


@job
def everything_in_a_callback(seed):
    it = Everything(seed)
    made = Job(seed, callbacks=[it])
    shown = ("deque", "counter", "bytes", "complex", "place", "phase", "masked", "spectrum", "ordered", "losses")
    made.seen = lambda: (
        *([getattr(it, name) for name in shown], it.pairs, it.mixed, sorted(map(repr, it.set)), sorted(it.frozen)),
        *(dict(it.default), it.default["new"], dict(it.factory), it.factory["new"]),
        *(it.random.gauss(0, 1), it.legacy.normal(), it.held is it.losses),
    )
    return made


@job
def a_metric(seed):
    class Meter:
        def __init__(self, rng):
            self.rng, self.values = rng, deque(maxlen=5)

        def score(self, prediction, target):
            self.values.append(mn.metrics.accuracy(prediction, target) + self.rng.random())
            return sum(self.values)

    meter = Meter(np.random.default_rng(seed))
    made = Job(seed, metrics={"score": meter.score})
    made.seen = lambda: (meter.values, meter.rng.random())
    return made


# Layers


class Memory(mn.Layer):
    """A layer that remembers: a number, a deque, and a helper with a Generator."""

    def __init__(self, helper):
        self.helper, self.mean, self.recent = helper, 0.0, deque(maxlen=3)

    def forward(self, x):
        if self.training:
            self.mean = 0.9 * self.mean + 0.1 * float(x.mean())
            self.recent.append(float(x.max()))
            x = x + self.helper.rng.normal(size=x.shape).astype(x.dtype)
        return x + np.float32(self.mean + sum(self.recent))

    def backward(self, dy):
        return dy


@job
def a_layer(seed):
    memory = Memory(Batches(np.random.default_rng(seed)))
    made = Job(seed, between=[memory])
    made.seen = lambda: (memory.mean, memory.recent, memory.helper.rng.random())
    return made


@job
def a_layer_in_two_threads(seed):
    class Mean(mn.Layer):
        mean = 0.0

        def forward(self, x):
            if self.training:
                self.mean = 0.9 * self.mean + 0.1 * float(x.mean())
            return x + np.float32(self.mean)

        def backward(self, dy):
            return dy

    mean = Mean()
    made = Job(seed, between=[mean, mn.Dropout(0.3, rng=seed)], threads=2)
    made.seen = lambda: mean.mean
    return made


@pytest.mark.parametrize("name", JOBS)
def test_it_is_restored_with_every_bit(tmp_path, name):
    if name == "a_layer_in_two_threads":
        pytest.importorskip("threadpoolctl")
    make = JOBS[name]
    expected = make(0).fit()
    assert make(0).fit(Checkpoint(tmp_path / "run", every=1, keep=99)) == expected
    for step in (1, 4, 5, 8):
        file = tmp_path / "run" / f"step-{step:09d}.safetensors"
        assert make(1).fit(Checkpoint(tmp_path / str(step), every=7), resume=file) == expected, step
