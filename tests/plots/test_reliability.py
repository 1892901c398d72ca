"""A reliability diagram: what was predicted, what happened, and for how many samples."""

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason='plots need matplotlib, the extra "plots"')

from minnet import plots
from minnet.plots.reliability import Reliability

RNG = np.random.default_rng(0)


def parts(figure):
    axes, behind = figure.axes
    return axes.get_lines()[1].get_xydata(), [
        (bar.get_x() + bar.get_width() / 2, bar.get_height()) for bar in behind.patches
    ]


def test_bins_by_hand():
    figure = plots.calibration([0.05, 0.1, 0.85, 0.85, 0.95, 1.0], [0, 1, 1, 0, 1, 1])
    curve, bars = parts(figure)
    np.testing.assert_allclose(curve, [[0.075, 0.5], [0.85, 0.5], [0.975, 1.0]])
    np.testing.assert_allclose(bars, [(0.05, 2), (0.85, 2), (0.95, 2)])
    error = (2 * 0.425 + 2 * 0.35 + 2 * 0.025) / 6
    assert figure.get_suptitle() == f"Calibration: off by {100 * error:.1f} % on average"
    axes, behind = figure.axes
    assert axes.get_xlim() == axes.get_ylim() == (0, 1)
    assert behind.get_ylabel() == "samples"
    assert behind.get_ylim() == (0, 8)  # the bars stay in the lower quarter
    assert axes.get_zorder() > behind.get_zorder()


def test_of_several_classes_it_is_the_predicted_one():
    p = np.array([[0.7, 0.2, 0.1], [0.1, 0.72, 0.18], [0.0, 0.05, 0.95]])
    figure = plots.calibration(p, [0, 2, 2])
    curve, _ = parts(figure)
    np.testing.assert_allclose(curve, [[0.7, 1.0], [0.72, 0.0], [0.95, 1.0]])
    assert figure.axes[0].get_ylabel() == "accuracy"
    assert figure.axes[0].get_xlabel() == "predicted probability of the predicted class"


def test_a_yes_has_the_name_of_its_class():
    axes = plots.calibration([0.1, 0.9], [0, 1], class_names=["healthy", "ill"]).axes[0]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted probability of ill", "share that is ill")
    assert plots.calibration([0.1, 0.9], [0, 1]).axes[0].get_ylabel() == "share that is yes"


def test_one_answer_and_two_classes_are_the_same():
    yes, y = RNG.random(100), RNG.integers(0, 2, 100)
    z = np.log(yes / (1 - yes))
    expected = parts(plots.calibration(yes, y, bins=7))[0]
    two = np.stack([1 - yes, yes], axis=1)
    for given in (plots.calibration(two, y, bins=7), plots.calibration(z[:, None], y, bins=7, takes="scores")):
        np.testing.assert_allclose(parts(given)[0], expected)


def test_a_perfect_model_is_off_by_nothing():
    p = np.repeat([0.25, 0.75], 400)
    right = np.tile([True, False, False, False], 100).tolist() + np.tile([True, True, True, False], 100).tolist()
    assert Reliability.of(p, np.array(right), 10).error == 0


FLAWED = [
    (lambda: plots.calibration([0.5, 1.5], [0, 1]), r"expected probabilities.*takes='scores'"),
    (lambda: plots.calibration([0.5], [0], bins=0), r"bins"),
    (lambda: plots.calibration([0.5], [0], takes="logits"), r"takes"),
    (lambda: plots.calibration([0.5], [0], class_names=["cat"]), r"2 class_names, one a class, got 1"),
    (lambda: plots.calibration([], []), r"at least one sample"),
]


@pytest.mark.parametrize(("draw", "message"), FLAWED, ids=[message[:30] for _, message in FLAWED])
def test_what_cannot_be_drawn_is_refused_with_the_cure(draw, message):
    with pytest.raises(ValueError, match=message) as caught:
        draw()
    assert str(caught.value).startswith("plots.calibration")
