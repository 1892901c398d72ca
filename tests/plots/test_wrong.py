"""The most confident mistakes come first, as images beside their probabilities, or as rows of a table."""

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason='plots need matplotlib, the extra "plots"')

from helpers import answers, overlaps
from matplotlib.colors import to_rgba
from matplotlib.text import Text

import minnet as mn
from minnet import plots

RNG = np.random.default_rng(0)
X = RNG.random((6, 784)).astype(np.float32)
TARGET = np.array([5, 1, 2, 3, 4, 0])


def pictures(figure):
    return [image for axes in figure.axes for image in axes.get_images()]


def titles(figure):
    return [axes.get_title(loc="left") for axes in figure.axes if axes.get_images()]


def confident(*pairs):
    """Probabilities of ten classes: (predicted, how confidently) for each sample."""
    p = np.zeros((len(pairs), 10))
    for row, (k, sure) in zip(p, pairs, strict=True):
        row[:] = (1 - sure) / 9
        row[k] = sure
    return p


def test_the_most_confident_comes_first_with_its_probabilities():
    p = confident((6, 0.5), (1, 0.9), (2, 0.9), (8, 0.95), (4, 0.9), (9, 0.7))  # the first, fourth and last are wrong
    figure = plots.mistakes(X, p, TARGET)
    assert figure.get_suptitle() == "3 mistakes among 6 samples"
    assert titles(figure) == ["predicted 8, true 3", "predicted 9, true 0", "predicted 6, true 5"]
    for i, image, axes in zip([3, 5, 0], pictures(figure), figure.axes[1::2], strict=True):
        np.testing.assert_array_equal(image.get_array(), X[i].reshape(28, 28))
        np.testing.assert_allclose([patch.get_width() for patch in axes.patches], p[i])
        assert axes.get_xlim() == (0, 1)
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
    titled = [axes._left_title for axes in figure.axes[::2]]
    assert overlaps(figure, [*titled, *pictures(figure), *(axes for axes in figure.axes[1::2])]) == []


def test_the_classes_have_their_names():
    names = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "a very long name indeed"]
    model = mn.Linear(784, 10)
    model.class_names = names
    for given in (names, model):
        figure = plots.mistakes(X, answers(6, 1, 2, 3, 4, 9), TARGET, class_names=given)
        assert sorted(titles(figure)) == ["predicted a very long name in…\ntrue zero", "predicted six, true five"]


@pytest.mark.parametrize(("classes", "true", "shown"), [(3, 0, [0, 1, 2]), (1000, 5, [5, *range(991, 1000)])])
def test_any_number_of_classes(classes, true, shown):
    p = np.arange(1.0, classes + 1)[None]
    axes = plots.mistakes(X[:1], p / p.sum(), [true]).axes[1]
    assert [int(label.get_text()) for label in axes.get_yticklabels()] == shown  # the ten largest, and the true one
    np.testing.assert_allclose([patch.get_width() for patch in axes.patches], (p / p.sum())[0, shown])


def test_scores_and_a_yes():
    scores = np.log(confident((6, 0.5), (1, 0.9)))
    assert titles(plots.mistakes(X[:2], scores, [5, 1], takes="scores")) == ["predicted 6, true 5"]
    figure = plots.mistakes(X[:3], [0.9, 0.2, 0.7], [0, 0, 1], class_names=["no", "yes"])
    assert titles(figure) == ["predicted yes, true no"]
    np.testing.assert_allclose([patch.get_width() for patch in figure.axes[1].patches], [0.1, 0.9])


def test_it_stops_at_most_and_says_so():
    figure = plots.mistakes(X, answers(*(TARGET + 1)), TARGET, most=2)
    assert len(pictures(figure)) == 2
    assert figure.get_suptitle() == "The 2 most confident of 6 mistakes among 6 samples"


def test_without_any_it_says_so():
    figure = plots.mistakes(X, answers(*TARGET), TARGET)
    figure.draw_without_rendering()
    texts = [t.get_text() for t in figure.findobj(Text) if t.get_visible() and t.get_text()]
    assert texts == ["No mistake among 6 samples", "Every prediction is right: there is nothing to show."]


def test_colour_images_and_images_of_any_shape():
    for given, options in ((RNG.random((6, 3, 4, 5)), {}), (X[:, :783], {"shape": (27, 29)})):
        assert len(pictures(plots.mistakes(given, answers(*(TARGET + 1)), TARGET, **options))) == 6


# tables


def table(figure):
    """The words in the cells, row by row."""
    cells = figure.axes[0].tables[0].get_celld()
    rows = max(row for row, _ in cells) + 1
    columns = max(column for _, column in cells) + 1
    return [[cells[row, column].get_text().get_text() for column in range(columns)] for row in range(rows)]


def test_rows_of_a_table_are_a_table():
    data = np.array([[1.5, 20, 3], [2.5, 40, 3], [1.5, 20, 3], [-9.5, 80, 3]])
    figure = plots.mistakes(data, [0.9, 0.1, 0.3, 0.2], [0, 0, 1, 1], feature_names=["length", "weight", "constant"])
    assert table(figure) == [
        ["predicted", "true", "confidence", "length", "weight", "constant"],
        ["1", "0", "90.0 %", "1.5", "20", "3"],
        ["0", "1", "80.0 %", "-9.5", "80", "3"],
        ["0", "1", "70.0 %", "1.5", "20", "3"],
    ]
    colours = {place: cell.get_facecolor() for place, cell in figure.axes[0].tables[0].get_celld().items()}
    assert colours[1, 5] == colours[1, 0]  # a column of one value is nowhere unusual
    assert colours[2, 3][2] > colours[2, 3][0]  # far below the mean: blue
    assert colours[2, 4][0] > colours[2, 4][2]


def test_of_many_columns_the_most_unusual_are_drawn():
    data = RNG.normal(size=(200, 30))
    data[7, 20] = 50
    figure = plots.mistakes(data, np.where(np.arange(200) == 7, 0.9, 0.1), np.zeros(200, int))
    rows = table(figure)
    assert len(rows[0]) == 3 + 8
    assert "feature 20" in rows[0]
    assert figure.get_supxlabel().endswith("8 of 30 columns, the most unusual ones.")


def test_a_table_of_square_width_is_no_image_unless_it_holds_pixels():
    wrong = ([0.9], [0])
    assert not pictures(plots.mistakes(RNG.normal(size=(1, 64)), *wrong))
    assert not pictures(plots.mistakes(RNG.random((1, 9)), *wrong))
    assert pictures(plots.mistakes(RNG.random((1, 64)), *wrong))
    assert pictures(plots.mistakes(RNG.random((1, 9)), *wrong, shape=(3, 3)))


FLAWED = [
    (lambda: plots.mistakes(X, answers(1, 2), TARGET), r"labels of shape \(2,\).*got \(6,\)"),
    (lambda: plots.mistakes(X[:2], answers(*TARGET), TARGET), r"2 X and 6 predictions: pass X, prediction and target"),
    (lambda: plots.mistakes(X, np.zeros((6, 10)), TARGET), r"say what they are, takes='scores'"),
    (lambda: plots.mistakes(X, answers(*TARGET), TARGET + 5), r"labels from 0 to 9 for 10 classes, got 10"),
    (lambda: plots.mistakes(X, answers(*TARGET), TARGET, most=0), r"most >= 1, got 0"),
    (lambda: plots.mistakes(X, answers(*TARGET), TARGET, class_names="ab"), r"10 class_names, one a class, got 2"),
    (lambda: plots.mistakes(X[:, :9], answers(*(TARGET + 1)), TARGET, feature_names="ab"), r"9 feature_names.*got 2"),
    (lambda: plots.mistakes(np.zeros((6, 2, 3, 7)), answers(*(TARGET + 1)), TARGET), r"of 1 or 3 channels"),
    (lambda: plots.mistakes(X, answers(*TARGET), TARGET, takes="logits"), r"takes"),
]


@pytest.mark.parametrize(("draw", "message"), FLAWED, ids=[message[:30] for _, message in FLAWED])
def test_what_cannot_be_drawn_is_refused_with_the_cure(draw, message):
    with pytest.raises(ValueError, match=message) as caught:
        draw()
    assert str(caught.value).startswith("plots.mistakes")
