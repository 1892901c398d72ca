"""The curve of the learning rate finder is drawn with its suggestion."""

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason='plots need matplotlib, the extra "plots"')

from helpers import linear_problem, small_trainer

import minnet as mn
from minnet import plots
from minnet.training.lr_finder import LRCurve


def test_it_shows_curve_and_suggestion():
    curve = mn.lr_finder(small_trainer(), mn.DataLoader(*linear_problem(100), 20, shuffle=True, rng=0))
    for figure in (plots.lr_finder(curve), curve.plot()):
        (axes,) = figure.axes
        lines = {line.get_label(): line for line in axes.get_lines()}
        np.testing.assert_array_equal(lines["loss of each batch"].get_ydata(), curve.losses)
        np.testing.assert_array_equal(lines["smoothed"].get_xdata(), curve.lrs)
        assert axes.get_xscale() == "log"
        assert lines[f"suggestion: {curve.suggestion:.1e}"].get_xdata() == [curve.suggestion] * 2
        assert (axes.get_xlabel(), axes.get_ylabel()) == ("learning rate", "loss")
    assert curve.plot(title="Mine").get_suptitle() == "Mine"
    assert curve.plot(ax=axes) is axes.figure


def test_a_flat_curve():
    plots.lr_finder(LRCurve([0.1, 1.0], [2.0, 2.0], [2.0, 2.0])).draw_without_rendering()


def test_something_else_is_refused():
    with pytest.raises(TypeError, match=r"^plots.lr_finder expected the curve of the finder, got a list: pass what mn"):
        plots.lr_finder([1, 2])
