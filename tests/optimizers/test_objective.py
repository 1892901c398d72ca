"""What LBFGS minimises: a closure's loss, and the penalty of the weight decay, whose gradient is its own."""

import numpy as np
import pytest
from helpers import slope

from minnet import Parameter
from minnet.errors import NonFiniteError
from minnet.optimizers.objective import Objective


def objective(weight_decay=0.0, decay_biases=True, value=lambda p, q: np.sin(p).sum() + np.cos(q).sum()):
    parameters = [Parameter(np.arange(6.0).reshape(2, 3), np.float64), Parameter([1.0, 2.0], np.float64)]

    def closure():
        p, q = parameters
        for parameter, gradient in ((p, np.cos(p.data)), (q, -np.sin(q.data))):
            parameter.zero_grad()
            parameter.grad += gradient
        return value(p.data, q.data)

    return Objective(closure, parameters, {"weight_decay": weight_decay, "decay_biases": decay_biases})


@pytest.mark.parametrize("decay_biases", [True, False])
@pytest.mark.parametrize("weight_decay", [0.0, 0.7])
def test_the_gradient_is_that_of_the_loss_with_its_penalty(weight_decay, decay_biases):
    one = objective(weight_decay, decay_biases)
    _, gradient = one()
    for parameter, g in zip(one.parameters, gradient, strict=True):
        measured = [slope(lambda: one()[0], parameter.data, place) for place in np.ndindex(parameter.data.shape)]
        np.testing.assert_allclose(g, measured, rtol=1e-7)
    assert one.first == pytest.approx(np.sin(np.arange(6)).sum() + np.cos([1, 2]).sum())
    assert one.evaluations == 1 + 2 * 8


def test_weights_are_placed_and_restored():
    one = objective()
    before = one.weights
    one.place(before, 0.5, [np.ones(6), np.ones(2)])
    np.testing.assert_array_equal(one.parameters[0].data, np.arange(6).reshape(2, 3) + 0.5)
    one.place(before)
    np.testing.assert_array_equal(one.parameters[1].data, [1, 2])


def test_a_loss_that_is_not_finite_or_missing():
    with pytest.raises(NonFiniteError, match="LBFGS got a loss of nan in evaluation 1 of its step"):
        objective(value=lambda p, q: np.nan)()
    with pytest.raises(TypeError, match="to return the loss, got None"):
        objective(value=lambda p, q: None)()
