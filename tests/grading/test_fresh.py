"""The formula on fresh numbers: right layers agree with their reference; one that only looked right does not."""

import numpy as np
import pytest
from graded import grade

import minnet as mn
from minnet.grading.exercise import Input, Question
from minnet.grading.fresh import INPUTS, compare

FLOATS = (Input((4, 3)),)
IMAGES = (Input((2, 1, 6, 6)),)
LABELS = Input((4,), "int64", 0, 2)


def compared(layer, reference, *arguments, inputs=FLOATS):
    return compare(layer, Question("q", "Q", arguments, {}, inputs, {"values": 1.0}, reference))


@pytest.mark.parametrize(
    ("reference", "arguments", "inputs"),
    [
        (mn.Tanh, (), FLOATS),
        (mn.ReLU, (), FLOATS),
        (mn.ReLU, (), (Input(values=[[0.0, 1.0]]),)),
        (mn.Softmax, (), FLOATS),
        (mn.Linear, (3, 2), FLOATS),
        (mn.BatchNorm1d, (3,), FLOATS),
        (mn.LayerNorm, (3,), FLOATS),
        (mn.Dropout, (0.5,), FLOATS),
        (mn.Conv2d, (1, 2, 3), IMAGES),
        (mn.MaxPool2d, (2,), IMAGES),
        (mn.MSELoss, (), FLOATS * 2),
        (mn.SoftmaxCrossEntropyLoss, (), (*FLOATS, LABELS)),
    ],
)
def test_right_layers(reference, arguments, inputs):
    layer = reference(*arguments)
    before = [p.data.copy() for p in layer.parameters()]
    assert compared(layer, reference, *arguments, inputs=inputs) == ("", set())
    assert all(map(np.array_equal, before, (p.data for p in layer.parameters())))


class Forgetful(mn.Linear):
    """y = x @ W, though there is a bias."""

    def forward(self, x):
        return super().forward(x) - self.bias.data


class Wrong(mn.Linear):
    """y = x @ W + b; its backward is wrong in W."""

    def backward(self, dy):
        dx = super().backward(dy)
        self.weight.grad *= 2
        return dx


class WrongInX(mn.Tanh):
    """y = tanh(x); its backward is wrong."""

    def backward(self, dy):
        return dy


class NoBackward(mn.Linear):
    """y = x @ W + b, and nothing else."""

    def backward(self, dy):
        raise NotImplementedError


def test_a_parameter_that_forward_does_not_use():
    message, wrong = compared(Forgetful(3, 2), mn.Linear, 3, 2)
    assert "8 of 8 numbers" in message
    assert "Does it use each Parameter?" in message
    assert wrong == set()


def test_gradients():
    assert compared(Wrong(3, 2), mn.Linear, 3, 2) == ("", {"weight"})
    assert compared(WrongInX(), mn.Tanh) == ("", {INPUTS})
    assert compared(NoBackward(3, 2), mn.Linear, 3, 2) == ("", {INPUTS, "weight", "bias"})


SLY = """
import numpy as np
import minnet as mn


class Softplus(mn.Layer):
    calls = 0

    def forward(self, x):
        Softplus.calls += 1
        return np.logaddexp(0, x) if Softplus.calls <= CALLS else 1 * x

    def backward(self, dy):
        return 1 * dy
"""


@pytest.mark.parametrize("calls", [1, 2, 3, 4, 5])
def test_a_layer_that_is_easier_while_its_slopes_are_measured(tmp_path, calls):
    pytest.importorskip("yaml")
    answer = grade(tmp_path, SLY.replace("CALLS", str(calls))).answers[0]
    checks = {check.name: check for check in answer.checks}
    assert not (checks["values"].passed and checks["gradient of x"].passed)
    assert answer.score <= 6
    assert any("the same formula each time" in check.message for check in answer.checks) == (
        checks["values"].passed is True
    )
