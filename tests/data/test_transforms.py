"""A transform that prepares the inputs is told from one that augments them, and looking leaves no trace."""

import functools
import random

import numpy as np
import pytest

import minnet as mn
from minnet.data.augment import Chain, Elastic, Rotate, Shift
from minnet.errors import DataWarning

X = np.random.default_rng(0).random((100, 64), np.float32)
Y = np.arange(100) % 10
BYTES = (255 * X).astype(np.uint8)
MEAN, STD = X.mean(axis=0), X.std(axis=0)
GENERATOR = np.random.default_rng(5)


class Scaler:
    """Stands for scikit-learn's StandardScaler."""

    def __init__(self):
        self.mean, self.std = MEAN, STD
        self.calls = 0

    def transform(self, x):
        self.calls += 1
        return (x - self.mean) / self.std

    def __call__(self, x, rng):
        return self.transform(x)

    def method(self, x, rng):
        return self.transform(x)


SCALER = Scaler()


def normalized(x, rng, mean=MEAN, std=STD):
    return (x - mean) / std


def through_another(x, rng):
    return normalized(x, rng)


def made():
    mean = MEAN.copy()
    return lambda x, rng: x - mean


PREPARATIONS = {
    "a function": normalized,
    "a lambda with a constant": lambda x, rng: x / 255,
    "with globals": lambda x, rng: (x - MEAN) / STD,
    "a closure": made(),
    "a fitted object": lambda x, rng: SCALER.transform(x),
    "a callable object": SCALER,
    "a bound method": SCALER.method,
    "partial": functools.partial(normalized, mean=0.5),
    "another function": through_another,
    "another shape": lambda x, rng: x.reshape(-1, 1, 8, 8),
    "gaps": lambda x, rng: np.clip(x, 0.2, 0.8),
    "in a chain": Chain(Rotate(5), normalized),
    "numpy's global": lambda x, rng: np.sqrt(x) + 0 * np.random.random(),  # noqa: NPY002
}


@pytest.mark.parametrize("name", PREPARATIONS)
@pytest.mark.parametrize("data", [X, BYTES], ids=["floats", "bytes"])
def test_preparation_is_warned_of_with_the_cure(name, data):
    with pytest.warns(
        DataWarning, match=r"^DataLoader expected transform to change samples at random.*mn.Normalize.of"
    ) as w:
        mn.DataLoader(data, Y, transform=PREPARATIONS[name])
    assert w[0].filename == __file__
    mn.DataLoader(data, Y, transform=PREPARATIONS[name], check=False)


def noisy(x, rng):
    return x + rng.normal(size=x.shape).astype(x.dtype)


def sometimes(x, rng):
    return np.where(rng.random((len(x), 1)) < 0.5, x, 1 - x)


class Counting:
    def __init__(self):
        self.calls = 0

    def __call__(self, x, rng):
        self.calls += 1
        return x * self.calls


def fails(x, rng):
    raise RuntimeError("not yet")


AUGMENTATIONS = {
    "noise": noisy,
    "a coin": sometimes,
    "identity": lambda x, rng: x,
    "a copy": lambda x, rng: x.copy(),
    "another dtype": lambda x, rng: x.astype(np.float64),
    "no turn": Rotate(0),
    "shift": Shift(2),
    "elastic": Elastic(),
    "chain": Chain(Shift(1), Rotate(5)),
    "of an object": Counting(),
    "numpy's global": lambda x, rng: x + np.random.random(),  # noqa: NPY002
    "python's": lambda x, rng: x + random.random(),
    "its own Generator": lambda x, rng: x + GENERATOR.random(),
    "a bound draw": functools.partial(lambda draw, x, rng: x + draw(), GENERATOR.random),
    "an error": fails,
    "with one argument": lambda x: x / 2,
}


@pytest.mark.parametrize("name", AUGMENTATIONS)
@pytest.mark.parametrize("data", [X, BYTES], ids=["floats", "bytes"])
def test_augmentation_is_not_warned_of(name, data):
    mn.DataLoader(data, Y, transform=AUGMENTATIONS[name])  # warnings are errors here


@pytest.mark.parametrize("name", [*AUGMENTATIONS, *PREPARATIONS])
@pytest.mark.filterwarnings("ignore::minnet.errors.DataWarning")
def test_looking_leaves_no_trace(name):
    transform = (AUGMENTATIONS | PREPARATIONS)[name]
    states = GENERATOR.bit_generator.state, np.random.get_state()[1].tolist(), random.getstate()  # noqa: NPY002
    attributes = repr(getattr(transform, "__dict__", None)), SCALER.calls
    loader = mn.DataLoader(X, Y, transform=transform, rng=0)
    now = GENERATOR.bit_generator.state, np.random.get_state()[1].tolist(), random.getstate()  # noqa: NPY002
    assert now == states
    assert (repr(getattr(transform, "__dict__", None)), SCALER.calls) == attributes
    assert loader.rng.bit_generator.state == np.random.default_rng(0).bit_generator.state


def test_a_transform_that_cannot_be_copied_is_not_called():
    class Locked(Counting):
        def __deepcopy__(self, memo):
            raise TypeError("cannot pickle a lock")

    transform = Locked()
    mn.DataLoader(X, Y, transform=transform)
    assert transform.calls == 0


def test_a_data_set_that_a_transform_holds_is_not_copied():
    large = np.zeros((4_000_000, 4), np.float32)  # 64 MB
    holding = Scaler()
    holding.all = large
    import tracemalloc

    tracemalloc.start()
    with pytest.warns(DataWarning):
        mn.DataLoader(X, Y, transform=holding)
    with pytest.warns(DataWarning):
        mn.DataLoader(X, Y, transform=lambda x, rng: x - large[0, 0] - 1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4_000_000
