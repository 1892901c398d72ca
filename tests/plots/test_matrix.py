"""A confusion matrix is coloured by its mistakes, and has its numbers in it if they fit."""

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason='plots need matplotlib, the extra "plots"')

from helpers import overlaps
from matplotlib.figure import Figure

import minnet as mn
from minnet import plots

RNG = np.random.default_rng(0)


def cells(figure):
    """The counts on the diagonal, and the mistakes."""
    hits, wrong = figure.axes[0].get_images()
    return hits.get_array().filled(0), wrong.get_array().filled(0)


def test_it_colours_the_mistakes_and_writes_the_counts():
    counts = np.array([[980, 3, 0], [40, 900, 1], [0, 9, 1100]])
    figure = plots.confusion(counts, class_names=["cat", "dog", "hen"])
    axes, bar = figure.axes
    hits, wrong = cells(figure)
    np.testing.assert_array_equal(hits, np.diag(counts.diagonal()))
    np.testing.assert_array_equal(wrong, counts - hits)
    assert axes.get_images()[1].get_clim() == (0, 40)  # not 1100
    written = {(round(t.get_position()[1]), round(t.get_position()[0])): t.get_text() for t in axes.texts}
    assert written == {(i, j): str(n) for (i, j), n in np.ndenumerate(counts) if n}
    colours = {t.get_text(): t.get_color() for t in axes.texts}
    assert (colours["40"], colours["3"], colours["980"]) == ("white", "black", "black")
    assert (axes.get_xlabel(), axes.get_ylabel(), bar.get_ylabel()) == ("predicted", "true", "mistakes")
    assert [t.get_text() for t in axes.get_yticklabels()] == ["cat", "dog", "hen"]
    assert figure.get_suptitle() == "2,980 of 3,033 right (98.3 %)"


def test_it_takes_predictions_and_targets():
    p, y = RNG.random((50, 4)), RNG.integers(0, 4, 50)
    hits, wrong = cells(plots.confusion(p, y))
    np.testing.assert_array_equal(hits + wrong, mn.metrics.confusion_matrix(p, y))
    hits, wrong = cells(plots.confusion(p.argmax(axis=1), y))
    np.testing.assert_array_equal(hits + wrong, mn.metrics.confusion_matrix(p, y))
    yes = RNG.random(50)
    hits, wrong = cells(plots.confusion(yes, y > 1, threshold=0.5))
    np.testing.assert_array_equal(hits + wrong, mn.metrics.confusion_matrix(yes, y > 1, threshold=0.5))


def test_numbers_and_names_do_not_overlap():
    counts = RNG.binomial(9, 0.01, (20, 20)) + np.diag(RNG.integers(100, 2000, 20))
    figure = plots.confusion(counts, class_names=[f"category {i}" for i in range(20)])
    axes = figure.axes[0]
    assert len(axes.texts) == np.count_nonzero(counts)
    diagonal = [text for text in axes.texts if len(text.get_text()) > 2]
    assert overlaps(figure, [*diagonal, *axes.get_xticklabels(), *axes.get_yticklabels()]) == []
    pixel_per_cell = axes.transData.transform((1, 0))[0] - axes.transData.transform((0, 0))[0]
    assert max(text.get_window_extent().width for text in diagonal) < pixel_per_cell


@pytest.mark.parametrize("classes", [60, 1000])
def test_many_classes_have_colours_only_and_some_of_the_names(classes):
    counts = RNG.binomial(9, 0.01, (classes, classes)) + np.diag(RNG.integers(100, 2000, classes))
    figure = plots.confusion(counts, class_names=[f"category {i}" for i in range(classes)])
    axes = figure.axes[0]
    assert len(axes.texts) == 0
    assert max(figure.get_size_inches()) < 13
    labels = axes.get_yticklabels()
    assert 10 < len(labels) <= 60
    assert all(
        label.get_text() == f"category {place:.0f}" for place, label in zip(axes.get_yticks(), labels, strict=True)
    )
    assert overlaps(figure, labels) == overlaps(figure, axes.get_xticklabels()) == []


def test_where_cells_are_too_small_the_largest_count_of_neighbours_is_seen():
    counts = np.diag(np.full(1000, 5))
    counts[10, 999] = 7
    hits, wrong = cells(plots.confusion(counts))
    assert hits.shape == wrong.shape == (334, 334)
    assert np.argwhere(wrong).tolist() == [[3, 333]]
    assert wrong.max() == 7
    axes, bar = plots.confusion(counts).axes
    assert bar.get_ylabel() == "mistakes, the most of 3 × 3 cells"
    assert axes.get_xlim() == (-0.5, 999.5)
    _left, right, bottom, top = axes.get_images()[1].get_extent()
    assert (right + 0.5) / 334 == (bottom - top) / 334 == 3


def test_on_small_axes_the_numbers_are_left_out():
    counts = np.diag(np.full(10, 12345))
    large, small = Figure(figsize=(9, 9)).add_subplot(), Figure(figsize=(2, 2)).add_subplot()
    plots.confusion(counts, ax=large)
    plots.confusion(counts, ax=small)
    assert len(large.texts) == 10
    assert len(small.texts) == 0


def test_without_mistakes():
    image = plots.confusion(np.diag([3, 5])).axes[0].get_images()[1]
    assert image.get_clim() == (0, 1)


FLAWED = [
    (lambda: plots.confusion(np.ones((2, 3), int)), r"counts \(C, C\).*\(2, 3\).*confusion_matrix"),
    (lambda: plots.confusion(np.zeros((2, 2), int)), r"not all 0"),
    (lambda: plots.confusion(np.zeros((0, 0), int)), r"not all 0"),
    (lambda: plots.confusion(np.array([[1, -1], [0, 1]])), r"expected counts"),
    (lambda: plots.confusion(np.eye(2)), r"got float64 \(2, 2\): pass \(prediction, target\)"),
    (lambda: plots.confusion(np.eye(2001, dtype=int)), r"up to 2,000 classes, got 2,001"),
    (lambda: plots.confusion(np.eye(2, dtype=int), class_names=["cat"]), r"2 class_names, one a class, got 1"),
]


@pytest.mark.parametrize(("draw", "message"), FLAWED, ids=[message[:30] for _, message in FLAWED])
def test_what_cannot_be_drawn_is_refused_with_the_cure(draw, message):
    with pytest.raises(ValueError, match=message) as caught:
        draw()
    assert str(caught.value).startswith("plots.confusion")


@pytest.mark.parametrize("plot", [mn.plots.confusion, mn.plots.predicted_true, mn.plots.roc, mn.plots.calibration])
def test_of_several_outputs_one_is_asked_for(plot):
    with pytest.raises(
        TypeError, match=r"expected prediction to be one array, got a dict of 'digit': pass .*\['digit'\]"
    ):
        plot({"digit": np.ones((3, 2))}, {"digit": np.arange(3)})
