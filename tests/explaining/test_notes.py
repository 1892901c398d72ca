"""Notes say where gradients add up, and what else is special."""

import numpy as np

import minnet as mn
from minnet.explaining.notes import corner_note

X = np.random.default_rng(0).normal(size=(2, 4))


def notes(model, path, x=X):
    y = model.forward(x)
    explanation = mn.explain(model, mn.MSELoss(), x, np.zeros(np.shape(y)))
    return " ".join(next(step.notes for step in explanation.steps if step.path == path))


def test_where_gradients_add_up():
    assert "dx = dy + what" in notes(mn.Residual(mn.Tanh()), "")
    assert "x goes to all 2 branches" in notes(mn.Sequential(mn.Add(mn.Tanh(), mn.Identity())), "layers[0]")
    graph = mn.Graph(a=mn.Tanh(), b=mn.Sigmoid(), sum=mn.Sum(), wires={"b": "x", "sum": ("a", "b", "a")})
    assert "read more than once: x (2 times), a (2 times)" in notes(graph, "")


def test_a_plain_layer_has_none():
    assert notes(mn.Tanh(), "") == ""


def test_a_shared_parameter_and_a_frozen_one():
    encoder = mn.Linear(4, 3, rng=0)
    encoder.weight.trainable = False
    model = mn.Sequential(encoder, mn.Tied(encoder, rng=1)).astype(np.float64)
    text = notes(model, "layers[0]")
    assert "weight is one Parameter with layers[1].weight, so the gradients of these layers add up" in text
    assert "weight is frozen" in text


def test_a_layer_that_runs_twice_and_one_without_a_share():
    class Odd(mn.Layer):
        def __init__(self):
            self.inner, self.idle = mn.Identity(), mn.Tanh()

        def forward(self, x):
            self.idle.forward(x)
            return self.inner.forward(self.inner.forward(x))

        def backward(self, dy):
            return self.inner.backward(dy)

    assert "runs 2 times" in notes(Odd(), "inner")
    assert "No gradient arrives here" in notes(Odd(), "idle")


def test_a_corner():
    assert corner_note("x[0]").startswith("L has a corner at x[0]: to the left")
