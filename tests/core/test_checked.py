"""Tests that checks are asked when they have to be, and that edits, subclasses and patches of methods are seen."""

import functools

import numpy as np
import pytest

import minnet as mn
from minnet.core.checked import bare

X = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
Y = np.array([0, 1, 0, 1, 1, 0])


def network(*middle):
    return mn.Sequential(mn.Linear(3, 4, rng=0), *middle, mn.Linear(4, 2, rng=1), mn.Softmax())


def counted(monkeypatch, owner, name):
    """Count the calls of a method, in a list."""
    calls, original = [], getattr(owner, name)
    monkeypatch.setattr(owner, name, lambda *arguments: (calls.append(arguments[-1]), original(*arguments))[1])
    return calls


def fit(model, steps=3):
    trainer = mn.Trainer(model, mn.CrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1))
    trainer.fit(mn.DataLoader(X, Y, 2), steps=steps, progress=False)
    return trainer


def test_a_layer_by_itself_asks_each_time(monkeypatch):
    layer, calls = mn.Linear(3, 2, rng=0), counted(monkeypatch, mn.Linear, "check")
    layer.forward(X)
    layer.forward(X)
    assert len(calls) == 2


@pytest.mark.parametrize("nested", [False, True])
def test_a_container_asks_once_for_each_shape_dtype_and_mode(monkeypatch, nested):
    model = mn.Sequential(network(mn.Tanh())) if nested else network(mn.Tanh())
    calls = counted(monkeypatch, mn.Tanh, "check")
    for x, asked in [(X, 1), (X, 1), (X[:2], 2), (X, 2), (X[:2], 2)]:
        model.backward(model.forward(x))
        assert len(calls) == asked
    model.eval().forward(X)
    model.forward(X)
    assert len(calls) == 3
    model.train().forward(X)
    assert len(calls) == 4
    model.astype(np.float64).forward(X.astype(float))
    assert len(calls) == 5
    with pytest.raises(TypeError, match="computes in float64, got float32"):
        model.forward(X)


def test_the_dtype_of_a_layer_inside_is_seen():
    model = network()
    model.forward(X)
    model.layers[1].astype(np.float64)
    with pytest.raises(TypeError, match=r"Linear\(4, 2\) computes in float64, got float32"):
        model.forward(X)


def test_it_remembers_few_kinds():
    model = network()
    for n in range(200):
        model.forward(np.zeros((n, 3), np.float32))
    assert len(model._plans) <= 64
    for _ in range(3):
        model.eval().forward(X)
        model.train().forward(X)
    assert len(model._plans) == 1  # what was asked before the mode changed is forgotten


def test_the_gradient_is_compared_with_the_output_each_time():
    model = network()
    for x in (X, X[:2], X, X[:2]):
        y = model.forward(x)
        with pytest.raises(ValueError, match=r"Softmax\(\).backward expected dy of the output's shape"):
            model.backward(np.ones((5, 2), np.float32))
        model.backward(y)
        assert model.layers[0].backward(np.ones((len(x), 4), np.float32)).shape == x.shape
        with pytest.raises(ValueError, match=r"Linear\(3, 4\).backward expected dy of the output's shape"):
            model.layers[0].backward(np.ones((5, 4), np.float32))


@pytest.mark.parametrize("method", ["forward", "backward"])
@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("on", ["object", "class", "subclass"])
def test_another_method_is_seen_at_the_start_of_fit(monkeypatch, method, wrapped, on):
    class Mine(mn.Tanh):
        pass

    model, calls = network(Mine() if on == "subclass" else mn.Tanh()), []
    fit(model)  # the formulas are known now
    owner = {"object": model.layers[1], "class": mn.Tanh, "subclass": Mine}[on]
    original = getattr(owner, method)

    def recording(*arguments):
        calls.append(arguments[-1])
        return original(*arguments)

    monkeypatch.setattr(owner, method, functools.wraps(original)(recording) if wrapped else recording)
    fit(model)
    assert len(calls) == 3 + (method == "forward")  # fit looks at the data before the first step


def test_behind_a_layer_of_somebody_else_each_layer_asks():
    class Moody(mn.Layer):  # what it returns depends on more than the shape
        dtype_now = np.float32

        def forward(self, x):
            return x.astype(self.dtype_now)

        def backward(self, dy):
            return dy

    model = network(mn.Sequential(Moody()))
    model.forward(X)
    Moody.dtype_now = np.float64
    with pytest.raises(TypeError, match=r"Linear\(4, 2\) computes in float32, got float64"):
        model.forward(X)


def test_only_a_checked_method_has_a_formula():
    class Mine(mn.ReLU):
        def forward(self, x):
            return super().forward(x)

    assert bare(mn.ReLU(), "forward").__func__ is mn.ReLU.forward.formula
    assert bare(Mine(), "forward") is None
    assert bare(Mine(), "backward") is not None


def test_a_loss_in_a_fit_asks_once_but_looks_at_what_is_new(monkeypatch):
    calls = counted(monkeypatch, mn.CrossEntropyLoss, "check")
    fit(network(), steps=6)
    assert len(calls) == 2  # one of them looks at the data before the first step
    loss, p = mn.CrossEntropyLoss(), np.full((2, 2), 0.5, np.float32)
    with loss.checking_once():
        loss.forward(p, Y[:2])
        with pytest.raises(ValueError, match="expected labels from 0 to 1"):
            loss.forward(p, np.array([0, 2]))
        with pytest.raises(mn.errors.NonFiniteError, match="NaN"):
            loss.forward(p * np.nan, Y[:2])
        loss.forward(-p, Y[:2])  # that these are no probabilities would have been seen in the first batch
        with loss.checking_once(), pytest.raises(ValueError, match="expected probabilities"):
            loss.forward(-p, Y[:2])  # a run inside a run asks anew
        loss.forward(-p, Y[:2])
    with pytest.raises(ValueError, match="expected probabilities"):
        loss.forward(-p, Y[:2])
