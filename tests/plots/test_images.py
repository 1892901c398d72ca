"""Images are drawn as they were given, whatever their shape and however many classes there are."""

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason='plots need matplotlib, the extra "plots"')

from helpers import answers, overlaps
from matplotlib.colors import to_rgba

import minnet as mn
from minnet import plots

RNG = np.random.default_rng(0)
X = RNG.random((6, 784)).astype(np.float32)
TARGET = np.array([5, 1, 2, 3, 4, 0])


def images(figure):
    return [image for axes in figure.axes for image in axes.get_images()]


def texts(figure):
    """All words that can be read in the picture."""
    figure.draw_without_rendering()
    from matplotlib.text import Text

    return [t.get_text() for t in figure.findobj(Text) if t.get_visible() and t.get_text()]


def bars(axes):
    return [patch.get_width() for patch in axes.patches], [patch.get_height() for patch in axes.patches]


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


SQUARES = RNG.integers(0, 256, (2, 28, 28), np.uint8)
WIDE = RNG.random((2, 4, 6))
COLOURS = RNG.random((2, 4, 6, 3))


@pytest.mark.parametrize(
    ("given", "options", "drawn"),
    [
        (SQUARES, {}, SQUARES / 255),
        (WIDE, {}, WIDE),
        (WIDE.reshape(2, 24), {"shape": (4, 6)}, WIDE),
        (WIDE[:, None], {}, WIDE),
        (WIDE[..., None], {}, WIDE),
        (COLOURS, {}, COLOURS),
        (np.moveaxis(COLOURS, 3, 1), {}, COLOURS),
        (COLOURS.reshape(2, 72), {"shape": (4, 6, 3)}, COLOURS),
    ],
    ids=["bytes", "(N, H, W)", "rows", "(N, 1, H, W)", "(N, H, W, 1)", "(N, H, W, 3)", "(N, 3, H, W)", "coloured rows"],
)
def test_images_of_every_form(given, options, drawn):
    wrong = plots.mistakes(given, np.eye(2), [1, 0], **options)
    for figure in (plots.digits(given, **options), wrong):
        for image, expected in zip(images(figure), drawn, strict=True):
            np.testing.assert_allclose(image.get_array(), expected)
    figure = plots.digits(given, labels="ab", columns=1, **options)
    first, second = (image.get_extent() for image in images(figure))  # left, right, bottom, top
    assert first[2] / first[1] == pytest.approx(drawn.shape[1] / drawn.shape[2])
    assert second[3] > first[2]
    assert overlaps(figure, [*figure.axes[0].texts, *images(figure)]) == []


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
    p = answers(6, 1, 2, 8, 4, 9)  # the first, fourth and last are wrong
    figure = plots.mistakes(X, p, TARGET)
    wrong = [0, 3, 5]
    assert figure.get_suptitle() == "3 mistakes among 6 images"
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
    assert {"probability", "class"} <= set(texts(figure))


@pytest.mark.parametrize(("classes", "true", "shown"), [(3, 0, [0, 1, 2]), (40, 5, [5, *range(31, 40)])])
def test_mistakes_of_any_number_of_classes(classes, true, shown):
    p = np.arange(1.0, classes + 1)[None]
    axes = plots.mistakes(X[:1], p / p.sum(), [true]).axes[1]
    assert [int(label.get_text()) for label in axes.get_yticklabels()] == shown  # the ten largest, and the true one
    np.testing.assert_allclose(bars(axes)[0], (p / p.sum())[0, shown])


def test_mistakes_stops_at_most_and_says_so():
    figure = plots.mistakes(X, answers(*(TARGET + 1)), TARGET, most=2)
    assert len(images(figure)) == 2
    assert figure.get_suptitle() == "6 mistakes among 6 images, the first 2"


def test_mistakes_without_any_says_so():
    figure = plots.mistakes(X, answers(*TARGET), TARGET)
    assert images(figure) == []
    assert texts(figure) == ["No mistake among 6 images", "Every prediction is right: there is nothing to show."]


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


@pytest.mark.parametrize(("classes", "shape"), [(1, (28, 28)), (3, (2, 9)), (26, (9, 2))])
def test_learned_draws_any_number_of_classes_and_any_shape(classes, shape):
    weight = RNG.normal(size=(shape[0] * shape[1], classes))
    figure = plots.learned(weight, np.zeros_like(weight), np.ones(classes), shape=shape)
    pictures = figure.axes[:classes]
    for k, axes in enumerate(pictures):
        np.testing.assert_array_equal(axes.get_images()[0].get_array(), weight[:, k].reshape(shape))
    assert len(bars(figure.axes[-1])[1]) == classes
    figure.draw_without_rendering()
    label = figure.axes[classes].yaxis.label.get_window_extent()  # the colour bar's
    assert 0 <= label.y0 < label.y1 <= figure.bbox.height


def test_learned_recognises_a_start_that_was_no_copy():
    layer = mn.Linear(784, 10, rng=0)
    with pytest.raises(ValueError, match=r"same weight twice: training writes in place.*weight\.data\.copy\(\)"):
        plots.learned(layer.weight.data, layer.weight.data)


# what cannot be drawn

FLAWED = [
    (lambda: plots.digits(X[0]), r"expected N images.*got \(784,\): pass at least one image \(X\[None\]"),
    (lambda: plots.digits(np.zeros((2, 783))), r"images of 783 numbers, which make no square: pass shape="),
    (lambda: plots.digits(X, shape=(7, 7)), r"784 numbers, which make no \(7, 7\)"),
    (lambda: plots.digits(np.zeros((2, 5, 4, 7))), r"got \(2, 5, 4, 7\).*of 1 or 3 channels"),
    (lambda: plots.digits(np.zeros((0, 784))), r"got \(0, 784\): pass at least one"),
    (lambda: plots.digits(np.full((1, 784), 255.0)), r"from 0 to 1, got 255 to 255: pass X.clip"),
    (lambda: plots.digits(np.full((1, 784), np.nan)), r"from 0 to 1, got nan"),
    (lambda: plots.digits(np.zeros((1, 784), int)), r"got int64: pass X.astype\(np.uint8\)"),
    (lambda: plots.digits(X, labels=[1, 2]), r"a label an image, got 2 labels and 6 images"),
    (lambda: plots.digits(X, columns=0), r"columns >= 1, got 0"),
    (lambda: plots.mistakes(X, answers(1, 2), TARGET), r"\(6, C\), got \(2, 10\)"),
    (lambda: plots.mistakes(X, np.zeros((6, 10)), TARGET), r"pass mn.Softmax\(\).forward\(scores\)"),
    (lambda: plots.mistakes(X, np.full((6, 10), np.nan), TARGET), r"expected probabilities"),
    (lambda: plots.mistakes(X, answers(*TARGET), np.eye(10)[TARGET]), r"pass target.argmax\(axis=1\)"),
    (lambda: plots.mistakes(X, answers(*TARGET), TARGET + 5), r"label 0 … 9"),
    (lambda: plots.mistakes(X, answers(*TARGET), TARGET, most=0), r"most >= 1, got 0"),
    (lambda: plots.learned(np.zeros((10, 784)), np.zeros((784, 10))), r"weight as \(784, 10\).*\(10, 784\)"),
    (lambda: plots.learned(np.ones(784), np.zeros(784)), r"as \(H·W, C\).*got \(784,\)"),
    (lambda: plots.learned(np.ones((27, 2)), np.zeros((27, 2)), shape=(3, 3, 3)), r"shape=\(H, W\), got .*\(3, 3, 3\)"),
    (lambda: plots.learned(np.ones((7, 2)), np.zeros((7, 2))), r"7 numbers, which make no square"),
    (lambda: plots.learned(np.ones((4, 101)), np.zeros((4, 101))), r"up to 100 classes, got 101"),
    (lambda: plots.learned(np.full((784, 10), np.nan), np.zeros((784, 10))), r"lower the learning rate"),
    (lambda: plots.learned(np.ones((784, 10)), np.zeros((784, 10)), np.ones(9)), r"bias as \(10,\).*\(9,\)"),
]


@pytest.mark.parametrize(("draw", "message"), FLAWED, ids=[message[:30] for _, message in FLAWED])
def test_what_cannot_be_drawn_is_refused_with_the_cure(draw, message):
    with pytest.raises(ValueError, match=message) as caught:
        draw()
    assert str(caught.value).startswith("plots")
