"""Each picture holds what it was given, says what it shows, and refuses what it cannot draw."""

import math
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason='plots need matplotlib, the extra "plots"')

from helpers import answers, overlaps

import minnet as mn
from minnet import plots
from minnet.errors import MissingExtraError

RNG = np.random.default_rng(0)
X = RNG.random((6, 784)).astype(np.float32)
TARGET = np.array([5, 1, 2, 3, 4, 0])


def lines(axes):
    return {line.get_label(): line for line in axes.get_lines()}


# learning_curves and running_accuracy


def history(rows):
    return mn.History(
        {"step": 10 * i, "epoch": 0, "loss": 2 / i, "test_loss": 3 / i, "test_accuracy": 1 - 1 / (i + 1)}
        for i in range(1, rows + 1)
    )


@pytest.mark.parametrize("rows", [1, 5, 500])
def test_learning_curves_draws_losses_and_accuracies(rows):
    run = history(rows)
    figure = plots.learning_curves(run)
    losses, accuracies = figure.axes
    assert [axes.get_xlabel() for axes in figure.axes] == ["step", "step"]
    assert (losses.get_ylabel(), accuracies.get_ylabel()) == ("loss", "accuracy (%)")
    assert list(lines(losses)) == ["loss while training", "test loss"]
    assert list(lines(accuracies)) == ["test accuracy"]
    for axes, label, column, factor in (
        (losses, "loss while training", "loss", 1),
        (losses, "test loss", "test_loss", 1),
        (accuracies, "test accuracy", "test_accuracy", 100),
    ):
        line = lines(axes)[label]
        np.testing.assert_array_equal(line.get_xdata(), run.column("step"))
        np.testing.assert_allclose(line.get_ydata(), factor * np.array(run.column(column)))
        assert (line.get_marker() == "o") == (rows <= 30)
    assert lines(losses)["test loss"].get_color() == lines(accuracies)["test accuracy"].get_color()
    assert lines(losses)["loss while training"].get_color() != lines(losses)["test loss"].get_color()
    assert [text.get_text() for text in losses.get_legend().get_texts()] == list(lines(losses))
    figure.draw_without_rendering()
    for axes in figure.axes:  # the legend stands above the curves
        assert axes.get_legend().get_window_extent().y0 >= axes.get_window_extent().y1
    if rows == 1:
        assert [t.get_text() for t in losses.get_xticklabels()].count("10") == 1


def test_learning_curves_draws_the_columns_asked_for():
    figure = plots.learning_curves(history(3), columns=["test_accuracy"])
    (axes,) = figure.axes
    assert list(lines(axes)) == ["test accuracy"]
    figure = plots.learning_curves(history(3), ["loss"], reference={"class notebook": [(10, 90.5), (20, 91.0)]})
    reference = lines(figure.axes[1])["class notebook"]
    np.testing.assert_array_equal(reference.get_xydata(), [(10, 90.5), (20, 91.0)])
    assert reference.get_linestyle() == "--"
    assert reference.get_zorder() < 2  # behind the curves
    assert reference.get_markerfacecolor() == "none"


def test_learning_curves_passes_over_rows_without_the_column_and_leaves_gaps_for_nan():
    run = history(6)
    del run[1]["test_loss"]
    run[3]["loss"], run[4]["loss"], run[5]["loss"] = math.nan, math.inf, None  # None: read back from JSON
    curves = lines(plots.learning_curves(run).axes[0])
    np.testing.assert_array_equal(curves["test loss"].get_xdata(), [10, 30, 40, 50, 60])
    gap = curves["loss while training (not finite from step 40)"]
    np.testing.assert_array_equal(gap.get_ydata(), [2, 1, 2 / 3, math.nan, math.nan, math.nan])


def test_learning_curves_draws_a_run_that_was_never_finite():
    run = mn.History({"step": i, "loss": math.nan} for i in (1, 2))
    assert list(lines(plots.learning_curves(run).axes[0])) == ["loss while training (not finite from step 1)"]
    assert len(plots.learning_curves(run)._repr_png_()) > 1000


def test_running_accuracy_draws_per_cent_beside_the_reference():
    figure = plots.running_accuracy({0: 0.0, 100: 0.3, 50: 0.2}, [(0, 0.0), (50, 25.0)])
    (axes,) = figure.axes
    np.testing.assert_allclose(lines(axes)["running accuracy"].get_xydata(), [(0, 0), (50, 20), (100, 30)])
    np.testing.assert_array_equal(lines(axes)["reference"].get_xydata(), [(0, 0), (50, 25)])
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("step", "running accuracy (%)")
    assert axes.get_ylim()[0] < 0


def test_running_accuracy_looks_closer_once_the_start_is_far_below():
    (axes,) = plots.running_accuracy({0: 0.0, 100: 0.88, 200: 0.92}, {"class notebook": [(0, 0), (100, 87)]}).axes
    assert 86 < axes.get_ylim()[0] < 87
    assert 92 < axes.get_ylim()[1] < 93
    assert list(lines(axes)) == ["running accuracy, from 0% at step 0", "class notebook"]


# confusion


def test_confusion_colours_the_mistakes_and_writes_the_counts():
    counts = np.array([[980, 3, 0], [40, 900, 1], [0, 9, 1100]])
    figure = plots.confusion(counts, names=["cat", "dog", "hen"])
    axes, bar = figure.axes
    (image,) = axes.get_images()
    assert image.get_clim() == (0, 40)  # not 1100
    np.testing.assert_array_equal(image.get_array().mask, np.eye(3, dtype=bool))
    np.testing.assert_array_equal(image.get_array().filled(0), counts * (1 - np.eye(3)))
    written = {(round(t.get_position()[1]), round(t.get_position()[0])): t.get_text() for t in axes.texts}
    assert written == {(i, j): str(n) for (i, j), n in np.ndenumerate(counts) if n}
    colours = {t.get_text(): t.get_color() for t in axes.texts}
    assert (colours["40"], colours["3"], colours["980"]) == ("white", "black", "black")
    assert (axes.get_xlabel(), axes.get_ylabel(), bar.get_ylabel()) == ("predicted", "true", "mistakes")
    assert [t.get_text() for t in axes.get_yticklabels()] == ["cat", "dog", "hen"]
    assert figure.get_suptitle() == "2,980 of 3,033 right (98.3%)"


def test_confusion_of_forty_classes_is_legible():
    counts = RNG.binomial(9, 0.01, (40, 40)) + np.diag(RNG.integers(100_000, 200_000, 40))
    figure = plots.confusion(counts, names=[f"category {i}" for i in range(40)])
    axes = figure.axes[0]
    assert len(axes.texts) == np.count_nonzero(counts)
    diagonal = [text for text in axes.texts if len(text.get_text()) == 6]
    assert overlaps(figure, [*diagonal, *axes.get_xticklabels(), *axes.get_yticklabels()]) == []
    pixel_per_cell = axes.transData.transform((1, 0))[0] - axes.transData.transform((0, 0))[0]
    assert max(text.get_window_extent().width for text in diagonal) < pixel_per_cell


def test_confusion_without_mistakes():
    (image,) = plots.confusion(np.diag([3, 5])).axes[0].get_images()
    assert image.get_clim() == (0, 1)


# what all have in common

FLAWED = [
    (lambda: plots.learning_curves([]), r"pass trainer.history after fit"),
    (lambda: plots.learning_curves([{"step": 1, "lr": 0.1}]), r"the history has step, lr"),
    (lambda: plots.learning_curves(history(2), ["test_acuracy"]), r"got 'test_acuracy': the history has step"),
    (lambda: plots.learning_curves([{"step": 1, "accuracy": 92.0}]), r"got \[92\.\]: divide per cent by 100"),
    (lambda: plots.learning_curves(history(2), reference={"a": [1, 2]}), r"reference 'a' as pairs"),
    (lambda: plots.running_accuracy({}), r"RunningScore\(\)\] and pass trainer.history"),
    (lambda: plots.running_accuracy(history(3)), r"at least one score, got none"),
    (lambda: plots.running_accuracy({0: 0.0, 1: 1.5}), r"got \[1\.5\]"),
    (lambda: plots.running_accuracy({0: 0.0}, [(0, 101.0)]), r"per cent from 0 to 100"),
    (lambda: plots.confusion(np.ones((2, 3), int)), r"counts \(C, C\).*\(2, 3\).*confusion_matrix"),
    (lambda: plots.confusion(np.zeros((2, 2), int)), r"not all 0"),
    (lambda: plots.confusion(np.zeros((0, 0), int)), r"not all 0"),
    (lambda: plots.confusion(np.array([[1, -1], [0, 1]])), r"expected counts"),
    (lambda: plots.confusion(np.eye(2)), r"got float64"),
    (lambda: plots.confusion(np.eye(101, dtype=int)), r"up to 100 classes, got 101"),
    (lambda: plots.confusion(np.eye(2, dtype=int), ["cat"]), r"2 names, one a class, got 1"),
]


@pytest.mark.parametrize(("draw", "message"), FLAWED, ids=[message[:30] for _, message in FLAWED])
def test_what_cannot_be_drawn_is_refused_with_the_cure(draw, message):
    with pytest.raises(ValueError, match=message) as caught:
        draw()
    assert str(caught.value).startswith("plots")


ALL = {
    "digits": lambda **options: plots.digits(X, labels=TARGET, **options),
    "mistakes": lambda **options: plots.mistakes(X, answers(6, 1, 2, 3, 4, 0), TARGET, **options),
    "no mistake": lambda **options: plots.mistakes(X, answers(*TARGET), TARGET, **options),
    "learned": lambda **options: plots.learned(np.ones((784, 10)), np.zeros((784, 10)), **options),
    "learning_curves": lambda **options: plots.learning_curves(history(9), **options),
    "running_accuracy": lambda **options: plots.running_accuracy({0: 0.0, 1: 0.5}, **options),
    "confusion": lambda **options: plots.confusion(np.eye(4, dtype=int), **options),
}


@pytest.mark.parametrize("name", ALL)
def test_a_picture_saves_shows_itself_and_is_the_same_each_time(name, tmp_path):
    figure = ALL[name]()
    figure.savefig(tmp_path / "picture.png")
    assert figure.get_suptitle()
    saved = (tmp_path / "picture.png").read_bytes()
    assert saved.startswith(b"\x89PNG")
    assert len(saved) > 2000
    assert figure._repr_png_() == saved  # what IPython asks a cell's last value for
    assert ALL[name]()._repr_png_() == saved


@pytest.mark.parametrize("name", ALL)
def test_every_picture_takes_a_title_and_has_room_for_it(name):
    title = "A title of my own, and longer than most of the pictures below it are wide"
    figure = ALL[name](title=title)
    assert figure.get_suptitle() == title
    figure.draw_without_rendering()
    for text in figure.texts:
        box = text.get_window_extent()
        assert box.x0 >= 0
        assert box.x1 <= figure.bbox.width
        assert box.y0 >= 0
        assert box.y1 <= figure.bbox.height


@pytest.mark.parametrize("name", ALL)
def test_without_matplotlib_the_error_names_the_extra(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r'matplotlib is not installed: .* "plots"') as caught:
        ALL[name]()
    assert "\n" not in str(caught.value)


def test_drawing_needs_no_pyplot_and_importing_no_matplotlib():
    program = (
        "import sys, numpy as np; from minnet import plots\n"
        "assert not any(name.startswith('matplotlib') for name in sys.modules)\n"
        "plots.digits(np.zeros((1, 784)))._repr_png_()\n"
        "assert 'matplotlib' in sys.modules and 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_whole_way_from_a_small_run():
    layer = mn.Linear(784, 10, rng=0)
    start = layer.weight.data.copy()
    trainer = mn.Trainer(
        model := mn.Sequential(layer, mn.Softmax()), mn.CrossEntropyLoss(), mn.SGD(model.parameters(), 0.1)
    )
    score = mn.callbacks.RunningScore()
    loader = mn.DataLoader(X, TARGET, 2, shuffle=True, rng=0)
    trainer.fit(loader, epochs=2, evaluate={"test": (X, TARGET)}, callbacks=[score], progress=False)
    p = trainer.predict(X)
    plots.mistakes(X, p, TARGET)
    plots.learned(layer.weight.data, start, layer.bias.data)
    plots.learning_curves(trainer.history)
    (axes,) = plots.running_accuracy(trainer.history).axes
    np.testing.assert_array_equal(axes.get_lines()[0].get_xdata(), trainer.history.column("step"))
    np.testing.assert_allclose(axes.get_lines()[0].get_ydata()[-1], 100 * score.running.score)
    plots.confusion(mn.metrics.confusion_matrix(p, TARGET))
