"""Layers and losses with several inputs and outputs are checked as those with arrays are, and their mistakes found."""

import numpy as np
import pytest

import minnet as mn
from minnet.inspection.flattened import Flattened, flattened
from minnet.inspection.gradcheck import LayerError, check_layer

RNG = np.random.default_rng(0)
A, B = RNG.normal(size=(4, 3)), RNG.normal(size=(4, 2, 2))


def test_what_takes_and_returns_arrays_is_left_alone():
    layer = mn.Linear(3, 2)
    found, inputs = flattened(layer, [A])
    assert found is layer
    assert inputs[0] is A


def test_outputs_stand_side_by_side():
    heads = mn.Heads(a=mn.Linear(3, 4, rng=0), b=mn.Sequential(mn.Linear(3, 4, rng=1), mn.Reshape(2, 2))).astype(float)
    layer, inputs = flattened(heads, [A])
    assert isinstance(layer, Flattened)
    y = layer.forward(*inputs)
    expected = heads.forward(A)
    np.testing.assert_array_equal(y, np.concatenate([expected["a"], expected["b"].reshape(4, 4)], axis=1))
    dx = layer.backward(y)
    np.testing.assert_array_equal(dx, heads.backward(expected))
    assert [path for path, _ in layer.named_parameters()] == [path for path, _ in heads.named_parameters()]
    assert layer.describe() == heads.describe()


class Halved(mn.Heads):
    def backward(self, dy):
        return super().backward(dy) / 2


class Swapped(mn.Inputs):
    def backward(self, dy):
        dx = super().backward(dy)
        return dict(zip(dx, reversed(dx.values()), strict=True))


class Forgets(mn.MultiLoss):
    def backward(self):
        return super().backward() | {"b": mn.MSELoss.backward(self.losses["b"])}


@pytest.mark.parametrize(
    ("layer", "inputs", "message"),
    [
        (Halved(mn.Tanh(), mn.Linear(3, 2, rng=0)), (A,), "dL/dx.* is wrong: .* 0.5 times the right value"),
        (Swapped(a=mn.Tanh(), b=mn.Identity()), ({"a": A, "b": A},), "dL/dinput0.* is wrong"),
        (
            Forgets({"a": mn.MSELoss(), "b": mn.MSELoss()}, {"b": 0.5}),
            ({"a": A, "b": A}, {"a": A * 0, "b": A * 2}),
            "dL/dprediction.* is wrong",
        ),
    ],
    ids=["heads", "inputs", "loss"],
)
def test_a_wrong_gradient_is_found(layer, inputs, message):
    with pytest.raises(LayerError, match=message):
        check_layer(layer, *inputs)
