"""A line search ends where the strong Wolfe conditions hold, in few trials."""

import math

import numpy as np
import pytest

from minnet.optimizers.line_search import Trial, dot, strong_wolfe

CURVES = {  # name → (L(t), L′(t)), with L′(0) < 0
    "parabola": (lambda t: (t - 3) ** 2, lambda t: 2 * (t - 3)),
    "narrow": (lambda t: 1e6 * (t - 1e-3) ** 2, lambda t: 2e6 * (t - 1e-3)),
    "far": (lambda t: (t / 1e4 - 1) ** 2, lambda t: 2e-4 * (t / 1e4 - 1)),
    "quartic": (lambda t: (t - 2) ** 4 + t, lambda t: 4 * (t - 2) ** 3 + 1),
    "waves": (lambda t: math.cos(3 * t) - 0.1 * t + t**2 / 50, lambda t: -3 * math.sin(3 * t) - 0.1 + t / 25),
    "kink": (lambda t: abs(t - 1) - 0.01 * t, lambda t: math.copysign(1, t - 1) - 0.01),
    "wall": (lambda t: -t if t < 2 else math.inf, lambda t: -1.0 if t < 2 else math.nan),
    "more and more": (
        lambda t: -math.log(1 - t) - 5 * t if t < 1 else math.inf,
        lambda t: 1 / (1 - t) - 5 if t < 1 else math.nan,
    ),
}


def search(name, t=1.0, most=25, narrow=1e-12):
    loss, slope = CURVES[name]
    trials = []

    def evaluate(t):
        trials.append(Trial(t, loss(t), slope(t), [np.array([t])]))
        return trials[-1]

    start = Trial(0.0, loss(0.0), slope(0.0), [np.array([0.0])])
    return strong_wolfe(evaluate, start, t, most, narrow), start, trials


@pytest.mark.parametrize("name", sorted(CURVES))
@pytest.mark.parametrize("t", [1e-3, 1.0, 30.0])
def test_the_conditions_hold_where_they_can(name, t):
    end, start, trials = search(name, t)
    assert end.loss <= start.loss + 1e-4 * end.t * start.slope
    if name not in ("kink", "wall"):  # which have no flat place
        assert abs(end.slope) <= 0.9 * abs(start.slope)
    assert math.isfinite(end.loss)
    assert len(trials) <= 26
    assert end in trials


def test_a_parabola_needs_at_most_three_trials():
    """The cubic through two points of a parabola is the parabola."""
    assert len(search("parabola", 0.01)[2]) <= 3
    end, _, trials = search("parabola", 100.0)
    assert len(trials) == 2
    assert end.t == pytest.approx(3)


@pytest.mark.parametrize("most", [0, 1, 3])
def test_it_ends_after_as_many_trials_with_the_best(most):
    for name in CURVES:
        end, start, trials = search(name, 30.0, most)
        assert len(trials) <= most + 1
        assert end.loss <= start.loss


def test_a_narrow_bracket_is_not_made_smaller():
    assert len(search("kink", 1.5, narrow=10.0)[2]) == 1


def test_dot():
    assert dot([np.array([1.0, 2.0]), np.array([3.0])], [np.array([4.0, 5.0]), np.array([6.0])]) == 32
