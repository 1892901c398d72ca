"""A recording has what every layer was given and returned, under the names that its forward has for them."""

import numpy as np

import minnet as mn
from minnet.explaining.recording import Nudge, move, record

X = np.random.default_rng(0).normal(size=(3, 4))


def recorded(model, *inputs, dy=None, **named):
    calls = record(model)
    y = model.forward(*inputs, **named)
    model.backward(np.ones_like(y) if dy is None else dy)
    return calls


def test_every_layer_is_recorded_in_the_order_of_forward():
    model = mn.Sequential(mn.Linear(4, 4, rng=0), mn.Residual(mn.Tanh())).astype(np.float64)
    calls = recorded(model, X)
    assert list(calls) == ["", "layers[0]", "layers[1]", "layers[1].layers[0]"]
    np.testing.assert_array_equal(calls["layers[1]"].inputs["x"], calls["layers[0]"].outputs["y"])
    np.testing.assert_array_equal(calls["layers[1]"].output_gradients["y"], np.ones((3, 4)))
    np.testing.assert_array_equal(calls["layers[0]"].output_gradients["y"], calls["layers[1]"].input_gradients["x"])


def test_several_inputs_have_their_names():
    assert list(recorded(mn.Subtract(), X, X)[""].input_gradients) == ["a", "b"]
    assert list(recorded(mn.Sum(), X, X)[""].input_gradients) == ["x_1", "x_2"]
    named = mn.Inputs(image=mn.Tanh(), table=mn.Identity())
    assert list(recorded(named, image=X, table=X)[""].input_gradients) == ["image", "table"]


def test_a_mask_has_no_gradient():
    sequences = np.ones((2, 3, 4))
    mask = np.ones((2, 3), bool)
    call = recorded(mn.GRU(4, 2, rng=0).astype(np.float64), sequences, mask=mask)[""]
    assert list(call.inputs) == ["x", "mask"]
    assert list(call.input_gradients) == ["x"]


def test_what_was_recorded_does_not_change_with_what_the_layers_were_given():
    x = X.copy()
    calls = recorded(mn.Tanh(), x)
    x[...] = 0
    np.testing.assert_array_equal(calls[""].inputs["x"], X)


def test_a_layer_can_be_given_a_number_that_is_moved():
    layer = mn.Subtract()
    move(layer, Nudge("", "b", (1, 2), 0.5))
    expected = np.zeros((3, 4))
    expected[1, 2] = -0.5
    np.testing.assert_array_equal(layer.forward(X, X), expected)


def test_a_layer_that_runs_twice_is_counted():
    class Twice(mn.Layer):
        def __init__(self):
            self.inner = mn.Tanh()

        def forward(self, x):
            return self.inner.forward(self.inner.forward(x))

        def backward(self, dy):
            return self.inner.backward(dy)

    assert recorded(Twice(), X)["inner"].count == 2


def test_gradients_skip_the_mask_between_two_inputs():
    sequences = np.random.default_rng(0).normal(size=(2, 3, 4))
    layer = mn.MultiHeadAttention(4, 2, rng=0).astype(np.float64)
    call = recorded(layer, sequences, np.ones((2, 3), bool), sequences[:, ::-1].copy())[""]
    assert list(call.inputs) == ["x", "mask", "context"]
    assert list(call.input_gradients) == ["x", "context"]
