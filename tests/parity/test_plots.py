"""The points that plots draw are those of scikit-learn."""

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason='plots need matplotlib, the extra "plots"')
pytest.importorskip("sklearn.calibration", reason="the points are compared with scikit-learn's")

from sklearn.calibration import calibration_curve
from sklearn.metrics import confusion_matrix, precision_recall_curve, roc_curve

from minnet import plots
from minnet.plots.ranking import ROC, PrecisionRecall

RNG = np.random.default_rng(0)
SETS = {
    "many": (RNG.random(500), RNG.random(500) > 0.6),
    "ties": (RNG.integers(0, 7, 200) / 7, RNG.random(200) > 0.6),
    "all tied": (np.full(9, 0.5), np.arange(9) > 4),
    "two": (np.array([0.2, 0.9]), np.array([True, False])),
    "few yes": (RNG.random(300), np.arange(300) == 7),
}


@pytest.mark.parametrize("name", SETS)
def test_roc(name):
    p, yes = SETS[name]
    metric = ROC()
    metric.update(p, yes)
    false, true = metric.curves()[0].rates()
    expected = roc_curve(yes, p, drop_intermediate=False)
    np.testing.assert_allclose([false, true], expected[:2], atol=1e-12)
    line = plots.roc(p, yes).axes[0].get_lines()[1]
    np.testing.assert_allclose(line.get_xydata().T, expected[:2], atol=1e-12)


@pytest.mark.parametrize("name", SETS)
def test_precision_recall(name):
    p, yes = SETS[name]
    metric = PrecisionRecall()
    metric.update(p, yes)
    recall, precision = metric.curves()[0].precisions()
    expected = precision_recall_curve(yes, p)  # from the lowest threshold to the highest
    np.testing.assert_allclose([recall, precision], [expected[1][::-1], expected[0][::-1]], atol=1e-12)


@pytest.mark.parametrize("draw", [plots.roc, plots.precision_recall])
def test_each_class_against_the_rest(draw):
    scores, y = RNG.normal(size=(200, 3)), RNG.integers(0, 3, 200)
    p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    lines = [line for line in draw(p, y).axes[0].get_lines() if line.get_label() != "chance"]
    for k, line in enumerate(lines):
        if draw is plots.roc:
            expected = roc_curve(y == k, p[:, k], drop_intermediate=False)[:2]
        else:
            expected = [values[::-1] for values in precision_recall_curve(y == k, p[:, k])[1::-1]]
        np.testing.assert_allclose(line.get_xydata().T, expected, atol=1e-12)


@pytest.mark.parametrize("bins", [1, 5, 10, 17])
@pytest.mark.parametrize("name", SETS)
def test_calibration(name, bins):
    p, yes = SETS[name]
    happened, predicted = calibration_curve(yes, p, n_bins=bins)
    line = plots.calibration(p, yes, bins=bins).axes[0].get_lines()[1]
    np.testing.assert_allclose(line.get_xydata().T, [predicted, happened], atol=1e-12)


def test_calibration_at_the_edges_of_the_bins():
    p, yes = np.linspace(0, 1, 21), RNG.random(21) > 0.5
    happened, predicted = calibration_curve(yes, p, n_bins=10)
    line = plots.calibration(p, yes).axes[0].get_lines()[1]
    np.testing.assert_allclose(line.get_xydata().T, [predicted, happened], atol=1e-12)


def test_confusion():
    p, y = RNG.random((300, 7)), RNG.integers(0, 7, 300)
    hits, wrong = (image.get_array().filled(0) for image in plots.confusion(p, y).axes[0].get_images())
    np.testing.assert_array_equal(hits + wrong, confusion_matrix(y, p.argmax(axis=1), labels=range(7)))
