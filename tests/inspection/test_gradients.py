"""Slopes are measured sharply, at kinks and in large arrays, too."""

import numpy as np
import pytest

import minnet as mn
from minnet.inspection import gradients
from minnet.inspection.layer_checks import LayerError, Trial
from minnet.inspection.requirements import backward_runs


def trial_of(layer, *inputs):
    trial = Trial(layer, list(inputs), np.random.default_rng(0))
    trial.begin()
    backward_runs(trial)
    return trial


class Slightly(mn.Tanh):
    """A gradient that is wrong in the fourth digit."""

    def backward(self, dy):
        return super().backward(dy) * 1.0003


def test_each_array_is_compared_by_itself():
    trial = trial_of(mn.Linear(3, 2, rng=0), np.random.default_rng(1).normal(size=(4, 3)))
    gradients.check_input(trial, 0)
    gradients.check_parameter(trial, "bias")
    assert list(trial.errors) == ["x", "bias"]
    assert max(trial.errors.values()) < 1e-7


def test_the_fourth_digit_counts():
    with pytest.raises(LayerError, match=r"1\.0003 times"):
        gradients.check_input(trial_of(Slightly(), np.array([[0.5, -1.0]])), 0)


def test_one_wrong_element_of_many_is_found():
    class Wrong(mn.Linear):
        def backward(self, dy):
            dx = super().backward(dy)
            self.weight.grad[7, 3] += 5
            return dx

    with pytest.raises(LayerError, match="wrong in some elements"):
        gradients.check_parameter(trial_of(Wrong(200, 20, rng=0), np.ones((2, 200))), "weight")


def test_a_kink_has_any_slope_between_those_of_its_sides():
    gradients.check_input(trial_of(mn.ReLU(), np.zeros((2, 2))), 0)


def test_the_gradients_in_eval_mode_are_compared_where_they_differ():
    class Doubles(mn.Layer):
        def forward(self, x):
            return x if self.training else 2 * x

        def backward(self, dy):
            return dy

    with pytest.raises(LayerError, match="while it behaves as in eval mode"):
        gradients.check_in_eval_mode(trial_of(Doubles(), np.ones((2, 2))))
    gradients.check_in_eval_mode(trial_of(mn.Dropout(0.5, rng=0), np.ones((2, 2))))
