"""An experiment runs the same step again and again, and leaves what it was given as it was."""

import numpy as np
import pytest

import minnet as mn
from minnet.explaining.experiment import LOSS, Experiment, is_loss, shown, slope

X = np.random.default_rng(0).normal(size=(3, 4))


def experiment(*layers):
    return Experiment(mn.Sequential(*layers), mn.MSELoss(), X, np.zeros((3, 4)))


def test_random_numbers_are_drawn_anew_in_each_run():
    trial = experiment(mn.Dropout(0.5, rng=0))
    value = trial.run().value
    assert [trial.value() for _ in range(3)] == [value] * 3


def test_gradients_do_not_pile_up():
    trial = experiment(mn.Linear(4, 4, rng=0))
    gradients = [trial.run() and trial.model[0].weight.grad.copy() for _ in range(2)]
    np.testing.assert_array_equal(*gradients)


def test_slopes_are_those_of_the_loss():
    trial = experiment(mn.Linear(4, 4, rng=0))
    run = trial.run()
    weight = trial.model[0].weight
    assert trial.slope_of_parameter(weight.data, (1, 2), weight.grad[1, 2]).value == pytest.approx(
        weight.grad[1, 2], rel=1e-6
    )
    gradient = run.calls["layers[0]"].input_gradients["x"][2, 1]
    assert trial.slope_of_input("layers[0]", "x", (2, 1), gradient).value == pytest.approx(gradient, rel=1e-6)


def test_the_prediction_of_the_loss_can_be_moved():
    trial = experiment(mn.Identity())
    trial.run()
    assert trial.slope_of_input(LOSS, "prediction", (0, 1), X[0, 1] / 6).value == pytest.approx(X[0, 1] / 6, rel=1e-6)


def test_a_corner_is_found_and_curvature_is_none():
    assert slope(abs, 0.0, 0.0).corner
    assert slope(abs, 0.0, 0.0).value == 0
    assert not slope(lambda distance: 1000 * distance**2, 0.0, 0.0).corner
    assert not slope(lambda distance: np.exp(distance), 1.0, 1.0).corner


def test_outside_the_domain_a_shorter_step_is_taken():
    def close(distance):
        if abs(distance) > 1e-7:
            raise ValueError
        return 3 * distance

    def closed(distance):
        raise ValueError

    assert slope(close, 0.0, 3.0).value == pytest.approx(3)
    assert slope(closed, 0.0, 3.0) is None


def test_paths_of_the_loss():
    assert shown(LOSS) == "loss"
    assert shown(f"{LOSS}.losses[0]") == "loss.losses[0]"
    assert is_loss(f"{LOSS}.losses[0]")
    assert not is_loss("loss")


def test_where_the_function_bends_much_within_a_step_a_shorter_one_is_taken():
    def bent(distance):
        return 1e-6 * np.sin(distance / 1e-4 + 1)

    right = 1e-2 * np.cos(1)
    assert slope(bent, bent(0.0), right).value == pytest.approx(right, rel=1e-4)
    assert slope(bent, bent(0.0), 2 * right).value == pytest.approx(right, rel=1e-2)  # a wrong claim stays one
