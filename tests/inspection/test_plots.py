"""Each picture holds what it was given, says what it shows, and refuses what it cannot draw."""

import math
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason='plots need matplotlib, the extra "plots"')

from matplotlib.colors import to_rgba

import minnet as mn
from minnet import plots
from minnet.errors import MissingExtraError

RNG = np.random.default_rng(0)
X = RNG.random((6, 784)).astype(np.float32)
TARGET = np.array([5, 1, 2, 3, 4, 0])


def softmax(*answers):
    """Probabilities that answer so, each with most of the whole."""
    p = np.random.default_rng(1).random((len(answers), 10)) / 50
    p[np.arange(len(answers)), answers] = 0.5
    return p / p.sum(axis=1, keepdims=True)


def images(figure):
    return [image for axes in figure.axes for image in axes.get_images()]


def texts(figure):
    """All words that can be read in the picture."""
    figure.draw_without_rendering()
    from matplotlib.text import Text

    return [t.get_text() for t in figure.findobj(Text) if t.get_visible() and t.get_text()]


def lines(axes):
    return {line.get_label(): line for line in axes.get_lines()}


def bars(axes):
    return [patch.get_width() for patch in axes.patches], [patch.get_height() for patch in axes.patches]


def overlaps(figure, artists):
    """Pairs of artists whose boxes on the page overlap by more than a pixel each way."""
    figure.draw_without_rendering()
    boxes = [artist.get_window_extent() for artist in artists]
    return [
        (artists[i], artists[j])
        for i in range(len(boxes))
        for j in range(i)
        if min(boxes[i].x1, boxes[j].x1) - max(boxes[i].x0, boxes[j].x0) > 1
        and min(boxes[i].y1, boxes[j].y1) - max(boxes[i].y0, boxes[j].y0) > 1
    ]


# digits


@pytest.mark.parametrize("count", [1, 3, 100])
def test_digits_draws_each_image_once_in_reading_order(count):
    pixels = RNG.random((count, 784))
    drawn = images(plots.digits(pixels, columns=20))
    assert len(drawn) == count
    for given, image in zip(pixels, drawn, strict=True):
        np.testing.assert_array_equal(image.get_array(), given.reshape(28, 28))
        assert image.get_clim() == (0, 1)
        assert image.origin == "upper"
    places = [(image.get_extent()[3], image.get_extent()[0]) for image in drawn]  # top, left
    assert places == sorted(places)
    assert len(set(places)) == count
    assert sum(top == places[0][0] for top, _ in places) == min(count, 20)


def test_digits_takes_squares_and_bytes():
    squares = RNG.integers(0, 256, (2, 28, 28), np.uint8)
    for image, square in zip(images(plots.digits(squares)), squares, strict=True):
        np.testing.assert_allclose(image.get_array(), square / 255)


def test_digits_writes_each_label_under_its_image():
    figure = plots.digits(X, labels=["6, is 5", 1, 2, 3, 4, np.int64(0)], title="Six digits")
    labels = figure.axes[0].texts
    assert [label.get_text() for label in labels] == ["6, is 5", "1", "2", "3", "4", "0"]
    assert figure.get_suptitle() == "Six digits"
    for label, image in zip(labels, images(figure), strict=True):
        left, right, bottom, _ = image.get_extent()
        x, y = label.get_position()
        assert x == pytest.approx((left + right) / 2)
        assert bottom <= y < bottom + 0.2  # the axis points down


def test_digits_labels_do_not_overlap_however_long():
    figure = plots.digits(np.zeros((40, 784)), labels=["predicted 6, is 5"] * 40)
    assert overlaps(figure, [*figure.axes[0].texts, *images(figure)]) == []


# mistakes


def test_mistakes_shows_each_mistake_with_its_probabilities():
    p = softmax(6, 1, 2, 8, 4, 9)  # the first, fourth and last are wrong
    figure = plots.mistakes(X, p, TARGET)
    wrong = [0, 3, 5]
    assert figure.get_suptitle() == "3 mistakes among 6 digits"
    assert [axes.get_title() for axes in figure.axes[::2]] == ["6, is 5", "8, is 3", "9, is 0"]
    for i, image, axes in zip(wrong, images(figure), figure.axes[1::2], strict=True):
        np.testing.assert_array_equal(image.get_array(), X[i].reshape(28, 28))
        np.testing.assert_allclose(bars(axes)[0], p[i])
        colours = {k: patch.get_facecolor() for k, patch in enumerate(axes.patches)}
        predicted, true = colours.pop(int(p[i].argmax())), colours.pop(int(TARGET[i]))
        assert predicted != true
        assert len(set(colours.values())) == 1
        assert not {predicted, true} & set(colours.values())
        ticks = {int(t.get_text()): to_rgba(t.get_color()) for t in axes.get_yticklabels()}
        assert (ticks[int(p[i].argmax())], ticks[int(TARGET[i])]) == (predicted, true)
    legend = figure.legends[0]
    assert [text.get_text() for text in legend.get_texts()] == ["predicted", "true"]
    assert [handle.get_facecolor() for handle in legend.legend_handles] == [predicted, true]
    assert {"probability", "digit"} <= set(texts(figure))


def test_mistakes_stops_at_most_and_says_so():
    figure = plots.mistakes(X, softmax(*(TARGET + 1)), TARGET, most=2)
    assert len(images(figure)) == 2
    assert figure.get_suptitle() == "6 mistakes among 6 digits, the first 2"


def test_mistakes_without_any_says_so():
    figure = plots.mistakes(X, softmax(*TARGET), TARGET)
    assert images(figure) == []
    assert texts(figure) == ["No mistake among 6 digits", "Every prediction is right: there is nothing to show."]


# learned


def test_learned_shows_the_difference_on_one_symmetric_scale():
    start, bias_start = RNG.normal(size=(784, 10)), RNG.normal(size=10)
    weight, bias = start + RNG.normal(size=(784, 10)), bias_start + np.arange(10)
    weight[400, 3] += 9
    figure = plots.learned(weight, start, bias, bias_start)
    pictures, below = figure.axes[:10], figure.axes[-1]
    limit = np.abs(weight - start).max()
    assert limit == (weight - start).max() != -(weight - start).min()  # so that a scale can be lopsided
    for digit, axes in enumerate(pictures):
        (image,) = axes.get_images()
        np.testing.assert_array_equal(image.get_array(), (weight - start)[:, digit].reshape(28, 28))
        assert image.get_clim() == (-limit, limit)
        assert axes.get_title() == str(digit)
    np.testing.assert_allclose(bars(below)[1], np.arange(10), atol=1e-12)
    assert below.get_ylabel() == "b − b₀"
    assert any(text.startswith("W − W₀") for text in texts(figure))


def test_learned_shows_the_bias_itself_if_its_start_is_not_given():
    start = np.zeros((784, 10))
    figure = plots.learned(start.copy(), start, np.arange(10.0))  # nothing learned is no error
    np.testing.assert_array_equal(bars(figure.axes[-1])[1], np.arange(10))
    assert figure.axes[-1].get_ylabel() == "bias b"
    assert len(figure.axes) == 12  # ten pictures, the colour bar, the bias


def test_learned_recognises_a_start_that_was_no_copy():
    layer = mn.Linear(784, 10, rng=0)
    with pytest.raises(ValueError, match=r"same weight twice: training writes in place.*weight\.data\.copy\(\)"):
        plots.learned(layer.weight.data, layer.weight.data)


# learning_curves and running_accuracy


def history(rows):
    return mn.History(
        {
            "step": 10 * i,
            "epoch": 0,
            "seconds": 0.1,
            "loss": 2 / i,
            "test_loss": 3 / i,
            "test_accuracy": 1 - 1 / (i + 1),
        }
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
    (lambda: plots.digits(X[0]), r"expected images \(N, 784\).*got \(784,\): pass X\[None\]"),
    (lambda: plots.digits(np.zeros((2, 783))), r"got \(2, 783\)"),
    (lambda: plots.digits(np.zeros((0, 784))), r"got \(0, 784\): pass at least one"),
    (lambda: plots.digits(np.full((1, 784), 255.0)), r"from 0 to 1, got 255 to 255: pass X.clip"),
    (lambda: plots.digits(np.full((1, 784), np.nan)), r"from 0 to 1, got nan"),
    (lambda: plots.digits(np.zeros((1, 784), int)), r"got int64: pass X.astype\(np.uint8\)"),
    (lambda: plots.digits(X, labels=[1, 2]), r"a label an image, got 2 labels and 6 images"),
    (lambda: plots.digits(X, columns=0), r"columns >= 1, got 0"),
    (lambda: plots.mistakes(X, softmax(1, 2), TARGET), r"\(6, 10\), got \(2, 10\)"),
    (lambda: plots.mistakes(X, np.zeros((6, 10)), TARGET), r"pass mn.Softmax\(\).forward\(scores\)"),
    (lambda: plots.mistakes(X, np.full((6, 10), np.nan), TARGET), r"expected probabilities"),
    (lambda: plots.mistakes(X, softmax(*TARGET), np.eye(10)[TARGET]), r"pass target.argmax\(axis=1\)"),
    (lambda: plots.mistakes(X, softmax(*TARGET), TARGET + 5), r"label 0 … 9"),
    (lambda: plots.mistakes(X, softmax(*TARGET), TARGET, most=0), r"most >= 1, got 0"),
    (lambda: plots.learned(np.zeros((10, 784)), np.zeros((784, 10))), r"weight as \(784, 10\).*\(10, 784\)"),
    (lambda: plots.learned(mn.Linear(784, 10).weight, np.zeros((784, 10))), r"pass layer.weight.data"),
    (lambda: plots.learned(np.full((784, 10), np.nan), np.zeros((784, 10))), r"lower the learning rate"),
    (lambda: plots.learned(np.ones((784, 10)), np.zeros((784, 10)), np.ones(9)), r"bias as \(10,\).*\(9,\)"),
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
    "mistakes": lambda **options: plots.mistakes(X, softmax(6, 1, 2, 3, 4, 0), TARGET, **options),
    "no mistake": lambda **options: plots.mistakes(X, softmax(*TARGET), TARGET, **options),
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
        "import sys, numpy as np, minnet.plots as plots\n"
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
