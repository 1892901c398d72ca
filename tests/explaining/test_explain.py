"""A step is explained with the numbers that the model itself computes, and slopes beside them."""

import numpy as np
import pytest

import minnet as mn

X = np.random.default_rng(0).normal(size=(3, 4))
Y = np.array([0, 2, 1])


def network():
    return mn.Sequential(mn.Linear(4, 5, rng=0), mn.Tanh(), mn.Linear(5, 3, rng=1), mn.Softmax())


def test_the_numbers_are_those_of_the_model():
    model, loss = network().astype(np.float64), mn.CrossEntropyLoss()
    explanation = mn.explain(model, loss, X, Y)
    value = loss.forward(model.forward(X), Y)
    dx = model.backward(loss.backward())
    assert explanation.value == pytest.approx(value, rel=1e-14)
    first, *_, last = explanation.steps
    np.testing.assert_allclose(first.inputs[0].gradient, dx, rtol=1e-12)
    np.testing.assert_allclose(first.parameters[0].gradient, model[0].weight.grad, rtol=1e-12)
    np.testing.assert_allclose(last.outputs[0].values, model.forward(X), rtol=1e-12)
    assert [step.path for step in explanation.steps] == [f"layers[{i}]" for i in range(4)]
    assert first.formula == "y = x @ W + b"


def test_a_why_is_written_out():
    why = mn.explain(network(), mn.CrossEntropyLoss(), X, Y, "layers[0].weight[3, 2]").why
    assert why.formula == "Σ_n x[n, 3] · dy[n, 2]"
    assert sum(term.value for term in why.terms) == pytest.approx(why.gradient, rel=1e-12)
    assert why.slope == pytest.approx(why.gradient, rel=1e-6)
