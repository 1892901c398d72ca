"""Each requirement of a training step is asked by itself."""

import numpy as np
import pytest

import minnet as mn
from minnet.inspection import requirements
from minnet.inspection.layer_checks import LayerError, Trial
from minnet.inspection.shape_of_dx import shape_of_dx

X = np.random.default_rng(0).normal(size=(4, 3))


class Scale(mn.Layer):
    """y = x * g, with one mistake."""

    def __init__(self, mistake=""):
        self.gain = mn.Parameter([0.5, 1.0, 2.0])
        self.mistake = mistake

    def forward(self, x):
        self.cache = x
        return x * self.gain.data * (np.ones(3) if self.mistake == "dtypes" else 1)

    def backward(self, dy):
        if self.mistake == "set":
            self.gain.grad[...] = 0
        self.gain.grad += (dy * self.cache).sum(axis=0)
        if self.mistake == "update":
            self.gain.data -= 0.1
        if self.mistake == "none":
            return None
        if self.mistake == "write":
            dy *= self.gain.data
            return dy
        return self.gain.data if self.mistake == "shape" else dy * self.gain.data


def trial_of(mistake):
    trial = Trial(Scale(mistake), [X], np.random.default_rng(0))
    trial.begin()
    if mistake != "none":
        requirements.backward_runs(trial)
    return trial


@pytest.mark.parametrize(
    ("ask", "mistake", "message"),
    [
        (requirements.backward_runs, "none", "backward returned None"),
        (shape_of_dx, "shape", r"dL/dx has shape \(3,\)"),
        (requirements.arguments_stay, "write", "backward writes into dy"),
        (requirements.parameters_stay, "update", r"changes gain\.data"),
        (requirements.gradients_add_up, "set", r"overwrites gain\.grad"),
        (requirements.dtypes, "dtypes", "forward turns float32 into float64"),
    ],
)
def test_one_requirement_at_a_time(ask, mistake, message):
    ask(trial_of(""))
    with pytest.raises(LayerError, match=message):
        ask(trial_of(mistake))


def test_after_a_write_the_other_checks_go_on_with_copies():
    trial = trial_of("write")
    with pytest.raises(LayerError):
        requirements.arguments_stay(trial)
    requirements.gradients_add_up(trial)
    assert not trial.protected
