"""Predicted quantities are drawn against the true ones, and so are the residuals."""

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason='plots need matplotlib, the extra "plots"')

from minnet import metrics, plots

RNG = np.random.default_rng(0)
P, T = RNG.normal(size=30), RNG.normal(size=30)


@pytest.mark.parametrize(("p", "t"), [(P, T), (P[:, None], T), (P[:, None], T[:, None])])
def test_one_quantity(p, t):
    figure = plots.predicted_true(p, t)
    axes = figure.axes[0]
    ideal, dots = axes.get_lines()
    np.testing.assert_array_equal(dots.get_xydata(), np.stack([T, P], axis=1))
    assert [*ideal.get_xdata()] == [*ideal.get_ydata()] == [min(P.min(), T.min()), max(P.max(), T.max())]
    assert axes.get_xlim() == axes.get_ylim()
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("true", "predicted")
    expected = f"R² {metrics.r2(P, T):.3f}, root mean squared error {metrics.rmse(P, T):.3g}"
    assert figure.get_suptitle() == expected
    figure = plots.residuals(p, t)
    axes = figure.axes[0]
    np.testing.assert_array_equal(axes.get_lines()[1].get_xydata(), np.stack([P, T - P], axis=1))
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted", "true − predicted")
    rest = T - P
    assert figure.get_suptitle() == f"Residuals: mean {rest.mean():.3g}, standard deviation {rest.std():.3g}"


def test_several_outputs_have_a_colour_each():
    p, t = RNG.normal(size=(20, 3)), RNG.normal(size=(20, 3))
    for draw, x, y in ((plots.predicted_true, t, p), (plots.residuals, p, t - p)):
        axes = draw(p, t).axes[0]
        dots = [line for line in axes.get_lines() if line.get_label().startswith("output")]
        assert [line.get_label() for line in dots] == ["output 0", "output 1", "output 2"]
        assert len({line.get_color() for line in dots}) == len({line.get_marker() for line in dots}) == 3
        for k, line in enumerate(dots):
            np.testing.assert_array_equal(line.get_xydata(), np.stack([x[:, k], y[:, k]], axis=1))


def test_very_many_samples_are_a_density():
    p, t = RNG.normal(size=100_000), RNG.normal(size=100_000)
    for draw in (plots.predicted_true, plots.residuals):
        axes, bar = draw(p, t).axes
        (cells,) = axes.collections
        assert cells.get_array().sum() == 100_000
        assert bar.get_ylabel() == "samples"


def test_one_sample_and_a_perfect_prediction():
    assert plots.predicted_true([3.0], [3.0]).get_suptitle() == "Root mean squared error 0"
    assert plots.residuals([3.0], [3.0]).get_suptitle() == "Residuals: mean 0, standard deviation 0"


def test_the_mean_of_rounding_errors_is_0():
    assert "mean 0," in plots.residuals([1.0, 1.0], [2.0, 1e-17]).get_suptitle()


@pytest.mark.parametrize("draw", [plots.predicted_true, plots.residuals])
def test_what_cannot_be_drawn_is_refused(draw):
    for p, t, message in (
        (P, T[:5], r"one shape, got \(30,\) and \(5,\)"),
        ([np.nan], [1.0], "NaN or infinity in the prediction"),
        ([1.0], [np.inf], "NaN or infinity in the target"),
        ([], [], "expected at least one sample, got none"),
    ):
        with pytest.raises((ValueError, TypeError), match=message):
            draw(p, t)
