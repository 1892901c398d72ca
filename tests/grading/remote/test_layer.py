"""A Remote is checked as any layer: what `check_layer` says of it is what it says of the layer itself."""

import copy
import pickle
from collections import deque

import numpy as np
import pytest
from graded import served

import minnet as mn
from minnet.grading.remote.wire import Gone
from minnet.inspection.gradcheck import check_layer, findings

X = np.random.default_rng(0).normal(size=(4, 3))


class WritesIntoX(mn.Layer):
    def forward(self, x):
        x *= 2
        return x.copy()

    def backward(self, dy):
        return 2 * dy


class ReturnsItsWeights(mn.Layer):
    def __init__(self):
        self.w = mn.Parameter(np.ones((4, 3)))

    def forward(self, x):
        return self.w.data

    def backward(self, dy):
        self.w.grad += dy
        return 0 * dy


class ReusesItsOutput(mn.Layer):
    def forward(self, x):
        if "y" not in vars(self) or self.y.shape != x.shape or self.y.dtype != x.dtype:
            self.y = np.empty_like(x)
        self.y[...] = x
        return self.y

    def backward(self, dy):
        return dy.copy()


class Overwrites(mn.Layer):
    def __init__(self):
        self.g = mn.Parameter(np.ones(3))

    def forward(self, x):
        self.cache = x
        return x * self.g.data

    def backward(self, dy):
        self.g.grad[...] = (dy * self.cache).sum(axis=0)
        return dy * self.g.data


class PlainArray(mn.Layer):
    def __init__(self):
        self.w = np.ones(3)
        self.rng = np.random.default_rng(0)

    def forward(self, x):
        return x * self.w

    def backward(self, dy):
        return dy * self.w


class RandomInEval(mn.Layer):
    def __init__(self):
        self.rng = np.random.default_rng(0)

    def forward(self, x):
        return x + self.rng.normal(size=x.shape)

    def backward(self, dy):
        return dy.copy()


class Counts(mn.Layer):
    def __init__(self):
        self.calls = {"n": [0]}

    def forward(self, x):
        self.calls["n"][0] += 1
        return x.copy()

    def backward(self, dy):
        return dy.copy()


class CacheInClass(mn.Layer):
    def forward(self, x):
        CacheInClass.x = x
        return x**2

    def backward(self, dy):
        return 2 * CacheInClass.x * dy


class MeanOfNothing(mn.Layer):
    def forward(self, x):
        return x - x.mean()

    def backward(self, dy):
        return dy - dy.mean()


class Shared(mn.Layer):
    def __init__(self):
        self.one = mn.Linear(3, 3, rng=0)
        self.two = mn.Linear(3, 3, rng=1)
        self.two.weight = self.one.weight

    def forward(self, x):
        return self.two.forward(self.one.forward(x))

    def backward(self, dy):
        return self.one.backward(self.two.backward(dy))


WRONG = [
    *(WritesIntoX, ReturnsItsWeights, ReusesItsOutput, Overwrites, PlainArray),
    *(RandomInEval, Counts, CacheInClass, MeanOfNothing),
]
RIGHT = [
    *((mn.Tanh, ()), (mn.Linear, (3, 2)), (mn.Dropout, (0.5,)), (mn.BatchNorm1d, (3,)), (Shared, ())),
    (mn.LayerNorm, (3,)),
]


@pytest.mark.parametrize(("kind", "arguments"), RIGHT, ids=lambda value: getattr(value, "__name__", ""))
def test_a_right_layer_passes(kind, arguments):
    with served(**{kind.__name__: kind}) as make:
        assert check_layer(make(kind.__name__, *arguments), X)


@pytest.mark.parametrize("kind", WRONG, ids=lambda kind: kind.__name__)
def test_the_findings_are_those_of_the_layer_itself(kind):
    with served(Wrong=kind) as make:
        found = findings(make("Wrong"), X)
    expected = findings(kind(), X)
    assert found.checks == expected.checks
    assert [finding.check for finding in found] == [finding.check for finding in expected]
    assert found, "it is a wrong layer"


def test_the_layer_inside_another_one_that_is_wrong_is_named():
    with served(Model=lambda: mn.Sequential(mn.Linear(3, 3, rng=0), Overwrites(), mn.Tanh())) as make:
        found = findings(make("Model"), X)
    assert {(finding.where, finding.check) for finding in found} == {("layers[1]", "adds up")}


class OddAttributes(mn.Tanh):
    def __init__(self):
        self.names = np.array(["a", "b"])
        self.date = np.array("2026-01-01", "datetime64[D]")
        self.long = np.longdouble(1)
        self.loop = [1]
        self.loop.append(self.loop)
        self.table = {("a", 1): {1, 2}, 2: frozenset([3]), "x": deque([b"bytes", 1j])}
        self.old = np.random.RandomState(0)
        self.rng = np.random.default_rng(0)
        self.function = lambda x: x
        self.thing = object()
        self.kind = dict
        self.number, self.nothing, self.infinite = np.float32(2), None, float("inf")
        self.objects = np.array([object(), None])
        self.generator = (n for n in range(3))
        self.huge = 10**5000


def test_odd_attributes_are_no_forgery():
    with served(Odd=OddAttributes) as make:
        layer = make("Odd")
        assert np.allclose(layer.forward(X), np.tanh(X))
        assert layer.loop[1] is layer.loop
        found = findings(make("Odd"), X)
    assert {finding.check for finding in found} == {finding.check for finding in findings(OddAttributes(), X)}


def test_a_loss():
    prediction, labels = mn.Softmax().forward(X), np.array([0, 2, 1, 1])
    with served(Loss=mn.CrossEntropyLoss) as make:
        assert check_layer(make("Loss"), prediction, labels)


def test_it_trains():
    X, y = mn.data.synthetic_digits(600, rng=0)
    scores = []
    with served(Linear=mn.Linear) as make:
        for layer in (make("Linear", 784, 10, rng=0), mn.Linear(784, 10, rng=0)):
            model = mn.Sequential(layer, mn.Softmax())
            trainer = mn.Trainer(model, mn.CrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1, momentum=0.9))
            trainer.fit(mn.DataLoader(X, y, batch_size=50, rng=0), epochs=2, progress=False)
            scores.append(model.forward(X[:5].astype(np.float32) / 256))
    np.testing.assert_allclose(*scores, rtol=1e-4)


def test_copies_are_layers_of_their_own():
    with served(Linear=mn.Linear) as make:
        layer = make("Linear", 3, 2, rng=0)
        y = layer.forward(X.astype(np.float32))
        for copied in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
            assert np.array_equal(copied.forward(X.astype(np.float32)), y)
            copied.weight.data[...] = 0
            assert not np.array_equal(copied.forward(X.astype(np.float32)), y)
        assert np.array_equal(layer.forward(X.astype(np.float32)), y)
        assert layer.describe() == "Linear(3, 2)"


def test_errors_are_raised_here():
    with served(Linear=mn.Linear) as make, pytest.raises(ValueError, match="expected 3 features"):
        make("Linear", 3, 2).forward(np.zeros((4, 5), np.float32))


@pytest.mark.parametrize("news", [None, {}, {"arrays": {}, "tree": "{}"}, {"arrays": {"x": 1}, "tree": None}, 5])
def test_an_answer_that_is_none_ends_it(news):
    from minnet.grading.remote.layer import Handle

    with pytest.raises(Gone) as gone:
        Handle(lambda request: {}, [], {"layer": 1, "news": news})
    assert gone.value.status == "forged"


class Hoarder(mn.Layer):
    """y = x; each forward keeps another array."""

    def forward(self, x):
        self.kept = np.ones(100_000)
        return x


def test_what_a_layer_no_longer_holds_is_forgotten():
    with served(Hoarder=Hoarder) as make:
        layer = make("Hoarder")
        for _ in range(20):
            layer.forward(np.ones(2))
        mirror = layer._link.handle.mirror
        assert len(mirror._known) == len(mirror._places)
        assert sum(array.nbytes for array in mirror._known.values()) < 2_000_000


def test_a_layer_that_holds_too_much(monkeypatch):
    monkeypatch.setattr("minnet.grading.remote.served.MOST_BYTES", 100_000)
    with served(Hoarder=Hoarder) as make, pytest.raises(RuntimeError, match="arrays of more than 100,000 bytes"):
        make("Hoarder").forward(np.ones(2))


def test_another_process_that_sends_too_much(monkeypatch):
    monkeypatch.setattr("minnet.grading.remote.mirror.MOST_BYTES", 100_000)
    with served(Hoarder=Hoarder) as make, pytest.raises(Gone, match="answered in place of"):
        make("Hoarder").forward(np.ones(2))


class NamedAsMethods(mn.Tanh):
    """y = tanh(x), beside attributes that have the names of methods."""

    def __init__(self):
        self.words, self._asked = {}, 3
        self.forward = super().forward


def test_attributes_with_the_names_of_methods_are_not_called():
    with served(NamedAsMethods=NamedAsMethods) as make:
        layer = make("NamedAsMethods")
        assert np.array_equal(layer.forward(X), np.tanh(X))
        assert layer.words([X], 0) == {}
