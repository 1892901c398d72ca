"""Curves hold the numbers of a history; an accuracy never has an axis beyond 100 %."""

import math

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason='plots need matplotlib, the extra "plots"')

from matplotlib.figure import Figure

import minnet as mn
from minnet import plots


def lines(axes):
    return {line.get_label(): line for line in axes.get_lines()}


def history(rows, factor=1.0):
    return mn.History(
        {"step": 10 * i, "epoch": 0, "loss": 2 / i, "test_loss": factor * 3 / i, "test_accuracy": 1 - 1 / (i + 1)}
        for i in range(1, rows + 1)
    )


@pytest.mark.parametrize("rows", [1, 5, 500])
def test_losses_and_accuracies(rows):
    run = history(rows)
    figure = plots.curves(run)
    losses, accuracies = figure.axes
    assert [axes.get_xlabel() for axes in figure.axes] == ["step", "step"]
    assert (losses.get_ylabel(), accuracies.get_ylabel()) == ("loss", "accuracy (%)")
    assert list(lines(losses)) == ["training", "test"]
    assert list(lines(accuracies)) == ["test"]
    for axes, label, column, factor in (
        (losses, "training", "loss", 1),
        (losses, "test", "test_loss", 1),
        (accuracies, "test", "test_accuracy", 100),
    ):
        line = lines(axes)[label]
        np.testing.assert_array_equal(line.get_xdata(), run.column("step"))
        np.testing.assert_allclose(line.get_ydata(), factor * np.array(run.column(column)))
        assert (line.get_marker() in "os" and line.get_marker() != "") == (rows <= 30)
    assert lines(losses)["test"].get_color() == lines(accuracies)["test"].get_color()
    assert lines(losses)["training"].get_color() != lines(losses)["test"].get_color()
    assert [text.get_text() for text in losses.get_legend().get_texts()] == list(lines(losses))
    figure.draw_without_rendering()
    for axes in figure.axes:  # the legend stands above the curves
        assert axes.get_legend().get_window_extent().y0 >= axes.get_window_extent().y1
    if rows == 1:
        assert [t.get_text() for t in losses.get_xticklabels()].count("10") == 1


def test_only_the_columns_asked_for():
    figure = plots.curves(history(3), columns=["test_accuracy"])
    (axes,) = figure.axes
    assert list(lines(axes)) == ["test"]
    figure = plots.curves(history(3), ["loss"], reference={"class notebook": [(10, 90.5), (20, 91.0)]})
    reference = lines(figure.axes[1])["class notebook"]
    np.testing.assert_array_equal(reference.get_xydata(), [(10, 90.5), (20, 91.0)])
    assert reference.get_linestyle() == "--"
    assert reference.get_zorder() < 2  # behind the curves
    assert reference.get_markerfacecolor() == "none"


def test_every_metric_has_a_panel_and_any_column_can_be_asked_for():
    run = [{"step": i, "lr": 0.1, "loss": 1.0, "val_loss": 1.0, "val_rmse": 3.0, "val_f1": 0.5} for i in (1, 2)]
    assert [axes.get_ylabel() for axes in plots.curves(run).axes] == ["loss", "f1", "rmse"]
    (axes,) = plots.curves(run, ["lr"]).axes
    assert (axes.get_ylabel(), axes.lines[0].get_ydata().tolist()) == ("lr", [0.1, 0.1])


def test_several_runs_have_a_colour_each_and_a_style_of_line_for_each_set():
    figure = plots.curves({"SGD": history(9), "Adam": history(9, 2)})
    losses = lines(figure.axes[0])
    assert list(losses) == ["SGD, training", "SGD, test", "Adam, training", "Adam, test"]
    assert losses["SGD, training"].get_color() == losses["SGD, test"].get_color() != losses["Adam, test"].get_color()
    assert losses["SGD, training"].get_linestyle() != losses["SGD, test"].get_linestyle()
    assert losses["SGD, test"].get_linestyle() == losses["Adam, test"].get_linestyle()
    assert losses["SGD, test"].get_marker() != losses["Adam, test"].get_marker()
    np.testing.assert_allclose(losses["Adam, test"].get_ydata(), 2 * losses["SGD, test"].get_ydata())
    assert list(lines(plots.curves({"a": history(2), "b": history(2)}, ["loss"]).axes[0])) == ["a", "b"]


@pytest.mark.parametrize("accuracies", [[1.0], [0.0], [0.98, 0.99, 1.0], [0.1, 0.5, 1.0], [0.0, 0.0], [0.5, 0.5]])
def test_no_accuracy_axis_goes_beyond_100_per_cent(accuracies):
    run = [{"step": i, "test_accuracy": a, "test_loss": 1.0, "test_f1": a} for i, a in enumerate(accuracies)]
    accuracy, f1 = plots.curves(run).axes[1:]
    for axes, full in ((accuracy, 100), (f1, 1)):
        axes.figure.draw_without_rendering()
        low, high = axes.get_ylim()
        assert 0 <= low < high <= full
        assert low <= full * min(accuracies) <= full * max(accuracies) <= high


def test_a_loss_that_falls_far_has_a_logarithmic_axis():
    def scale(losses, **options):
        return (
            plots.curves([{"step": i, "loss": loss} for i, loss in enumerate(losses)], **options).axes[0].get_yscale()
        )

    assert scale([2.0, 1.0, 0.5]) == "linear"
    assert scale([2.0, 1.0, 0.001]) == "log"
    assert scale([2.0, 1.0, 0.001], log=False) == "linear"
    assert scale([2.0, 1.0, 0.5], log=True) == "log"
    assert scale([2.0, 1.0, -0.5]) == scale([2.0, 0.0]) == scale([math.nan]) == "linear"


def test_rows_without_the_column_are_passed_over_and_nan_leaves_a_gap():
    run = history(6)
    del run[1]["test_loss"]
    run[3]["loss"], run[4]["loss"], run[5]["loss"] = math.nan, math.inf, None  # None: read back from JSON
    curves = lines(plots.curves(run).axes[0])
    np.testing.assert_array_equal(curves["test"].get_xdata(), [10, 30, 40, 50, 60])
    gap = curves["training (not finite from step 40)"]
    np.testing.assert_array_equal(gap.get_ydata(), [2, 1, 2 / 3, math.nan, math.nan, math.nan])


def test_a_run_that_was_never_finite():
    run = mn.History({"step": i, "loss": math.nan} for i in (1, 2))
    assert list(lines(plots.curves(run).axes[0])) == ["training (not finite from step 1)"]
    assert len(plots.curves(run)._repr_png_()) > 1000


def test_a_column_of_words_is_left_out():
    run = [{"step": 1, "loss": 1.0, "test_loss": 1.0, "test_note": "good"}]
    assert [axes.get_ylabel() for axes in plots.curves(run).axes] == ["loss"]


def test_a_running_accuracy_is_seen_closely_once_its_start_is_far_below():
    run = [{"step": step, "running_accuracy": a, "loss": 1.0} for step, a in ((0, 0.0), (100, 0.88), (200, 0.92))]
    figure = plots.curves(run, ["running_accuracy"], reference={"class notebook": [(0, 0), (100, 87)]})
    (axes,) = figure.axes
    assert 86 < axes.get_ylim()[0] < 87
    assert 92 < axes.get_ylim()[1] < 93
    assert list(lines(axes)) == ["running", "class notebook"]
    slow = [
        {"step": 0, "running_accuracy": 0.0},
        {"step": 50, "running_accuracy": 0.2},
        {"step": 100, "running_accuracy": 0.3},
    ]
    assert plots.curves(slow, ["running_accuracy"]).axes[0].get_ylim()[0] == 0


FLAWED = [
    (lambda: plots.curves([]), r"pass trainer.history after fit"),
    (lambda: plots.curves({}), r"at least one run, got none"),
    (lambda: plots.curves({"SGD": []}), r"pass trainer.history after fit"),
    (lambda: plots.curves({"step": 1, "loss": 2.0}), r"pass trainer.history after fit"),
    (lambda: plots.curves([{"step": 1, "lr": 0.1}]), r"found no column '' to draw: the history has step, lr"),
    (lambda: plots.curves(history(2), ["test_acuracy"]), r"no column 'test_acuracy' to draw: the history has step"),
    (lambda: plots.curves([{"step": 1, "lr": [0.1, 0.2]}], ["lr"]), r"other things than numbers in the column 'lr'"),
    (lambda: plots.curves([{"step": 1, "accuracy": 92.0}]), r"got \[92\.\]: divide per cent by 100"),
    (lambda: plots.curves(history(2), reference={"a": [1, 2]}), r"reference 'a' as pairs"),
    (lambda: plots.curves(history(2), reference={"a": [(0, 101.0)]}), r"per cent from 0 to 100"),
    (lambda: plots.curves([{"step": 1, "loss": -1.0}], log=True), r"losses above 0 .* got -1: leave log out"),
    (
        lambda: plots.curves(history(2), ax=Figure().add_subplot()),
        r"2 panels to draw on one ax, loss, accuracy: pass columns of one of them, such as columns=\['loss'\]",
    ),
]


@pytest.mark.parametrize(("draw", "message"), FLAWED, ids=[message[:30] for _, message in FLAWED])
def test_what_cannot_be_drawn_is_refused_with_the_cure(draw, message):
    with pytest.raises(ValueError, match=message) as caught:
        draw()
    assert str(caught.value).startswith("plots.curves")
