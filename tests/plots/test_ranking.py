"""ROC and precision-recall curves: the points of small sets by hand, and the classes that have a name."""

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason='plots need matplotlib, the extra "plots"')

from minnet import metrics, plots
from minnet.plots.ranking import ROC, PrecisionRecall

RNG = np.random.default_rng(0)
SCORES, YES = [0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]


def lines(axes):
    return {line.get_label(): line for line in axes.get_lines()}


def softmax(scores):
    p = np.exp(scores)
    return p / p.sum(axis=1, keepdims=True)


def test_points_by_hand():
    axes = plots.roc(SCORES, YES).axes[0]
    chance, curve = axes.get_lines()
    assert curve.get_xydata().tolist() == [[0, 0], [0, 0.5], [0.5, 0.5], [0.5, 1], [1, 1]]
    assert (chance.get_label(), chance.get_xydata().tolist()) == ("chance", [[0, 0], [1, 1]])
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("false positive rate", "true positive rate")
    figure = plots.precision_recall(SCORES, YES)
    chance, curve = figure.axes[0].get_lines()
    np.testing.assert_allclose(curve.get_xydata(), [[0, 1], [0.5, 1], [0.5, 0.5], [1, 2 / 3], [1, 0.5]])
    assert (chance.get_label(), chance.get_ydata()) == ("chance, 0.50", [0.5, 0.5])
    assert figure.axes[0].get_lines()[1].get_drawstyle() == "steps-pre"
    assert (figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()) == ("recall", "precision")


def test_axes_end_at_0_and_1_where_curves_are_whole():
    for draw in (plots.roc, plots.precision_recall):
        axes = draw(SCORES, YES).axes[0]
        assert axes.get_xlim() == axes.get_ylim() == (0, 1)
        assert not axes.get_lines()[1].get_clip_on()


def test_titles_have_the_metric():
    p, y = softmax(RNG.normal(size=(90, 3))), RNG.integers(0, 3, 90)
    roc = plots.roc(p, y)
    assert roc.get_suptitle() == f"ROC, each class against the rest:\nmean area {metrics.roc_auc(p, y):.3f}"
    value = metrics.average_precision(p, y)
    heading = f"Precision and recall, each class against the rest:\nmean average precision {value:.3f}"
    assert plots.precision_recall(p, y).get_suptitle() == heading
    assert plots.roc(SCORES, YES).get_suptitle() == "ROC: area 0.750"


def test_two_classes_are_no_and_yes():
    p = np.stack([1 - np.array(SCORES), SCORES], axis=1)
    one, two = plots.roc(SCORES, YES).axes[0], plots.roc(p, YES, class_names=["cat", "dog"]).axes[0]
    np.testing.assert_array_equal(one.get_lines()[1].get_xydata(), lines(two)["dog, 0.750"].get_xydata())
    assert [text.get_text() for text in one.get_legend().get_texts()] == ["chance"]
    assert [text.get_text() for text in two.get_legend().get_texts()] == ["chance", "dog, 0.750"]


def test_scores_have_the_same_curves_as_their_probabilities():
    scores, y = RNG.normal(size=(90, 3)), RNG.integers(0, 3, 90)
    for draw in (plots.roc, plots.precision_recall):
        a, b = draw(scores, y, takes="scores").axes[0], draw(softmax(scores), y).axes[0]
        for one, two in zip(a.get_lines(), b.get_lines(), strict=True):
            np.testing.assert_allclose(one.get_xydata(), two.get_xydata())


@pytest.mark.parametrize("draw", [plots.roc, plots.precision_recall])
def test_of_many_classes_the_worst_have_names(draw):
    y = np.arange(2000) % 200
    p = softmax(3 * RNG.normal(size=(2000, 200)) + 6 * (y[:, None] == np.arange(200)) * (np.arange(200) > 3))
    axes = draw(p, y).axes[0]
    names = [label.partition(",")[0] for label in lines(axes) if not label.startswith(("_", "chance"))]
    assert set(names[-4:]) == {"0", "1", "2", "3"}
    assert names[0] == "96 of 196 others"
    assert 90 < len(axes.get_lines()) < 110
    assert len(axes.get_legend().get_texts()) <= 6


def test_long_curves_are_thinned_and_keep_their_ends():
    yes = RNG.random(100_000) > 0.5
    curve = plots.roc(RNG.random(100_000), yes).axes[0].get_lines()[1]
    assert len(curve.get_xdata()) == 2000
    assert curve.get_xydata()[[0, -1]].tolist() == [[0, 0], [1, 1]]


def test_a_class_without_a_sample_has_no_curve():
    p, y = softmax(RNG.normal(size=(90, 4))), RNG.integers(0, 3, 90)
    for draw in (plots.roc, plots.precision_recall):
        figure = draw(p, y, class_names=["a", "b", "c", "d"])
        assert figure.get_suptitle().endswith("\n1 of 4 classes have no sample")
        assert [label[0] for label in lines(figure.axes[0]) if label[1] == ","] == ["a", "b", "c"]


def test_several_labels_a_sample_have_a_curve_each():
    p, yes = RNG.random((50, 3)), RNG.random((50, 3)) > 0.5
    axes = plots.roc(p, yes).axes[0]
    assert list(lines(axes))[1:] == [f"{k}, {metrics.roc_auc(p[:, k], yes[:, k]):.3f}" for k in range(3)]


def test_errors_name_the_plot():
    assert (ROC.__name__, PrecisionRecall.__name__) == ("plots.roc", "plots.precision_recall")
    for draw in (plots.roc, plots.precision_recall):
        with pytest.raises(ValueError, match=f"^plots.{draw.__name__} expected probabilities"):
            draw(np.zeros((2, 3)), [0, 1])
        with pytest.raises(ValueError, match=f"^plots.{draw.__name__} .*takes"):
            draw(np.eye(3), [0, 1, 2], takes="logits")
        with pytest.raises(ValueError, match=f"^plots.{draw.__name__} expected 3 class_names, one a class, got 1"):
            draw(np.eye(3), [0, 1, 2], class_names=["cat"])
    with pytest.raises(ValueError, match=r"^plots.roc expected samples of yes and of no, got only one .*more samples"):
        plots.roc([0.1, 0.2], [1, 1])
    with pytest.raises(ValueError, match=r"^plots.precision_recall expected samples of yes and of no"):
        plots.precision_recall([0.1, 0.2], [0, 0])
