"""Images are drawn as they were given, whatever their shape."""

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason='plots need matplotlib, the extra "plots"')

from helpers import overlaps

import minnet as mn
from minnet import plots

RNG = np.random.default_rng(0)
X = RNG.random((6, 784)).astype(np.float32)


def pictures(figure):
    return [image for axes in figure.axes for image in axes.get_images()]


@pytest.mark.parametrize("count", [1, 3, 100])
def test_each_image_once_in_reading_order(count):
    pixels = RNG.random((count, 784))
    drawn = pictures(plots.images(pixels, columns=20))
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
        (WIDE > 0.5, {}, WIDE > 0.5),
        (WIDE.reshape(2, 24), {"shape": (4, 6)}, WIDE),
        (WIDE[:, None], {}, WIDE),
        (WIDE[..., None], {}, WIDE),
        (COLOURS, {}, COLOURS),
        ((255 * COLOURS).astype(np.uint8), {}, (255 * COLOURS).astype(np.uint8) / 255),
        (np.moveaxis(COLOURS, 3, 1), {}, COLOURS),
        (COLOURS.reshape(2, 72), {"shape": (4, 6, 3)}, COLOURS),
        (np.moveaxis(COLOURS, 3, 1).reshape(2, 72), {"shape": (3, 4, 6)}, COLOURS),
        (WIDE.tolist(), {}, WIDE),
    ],
    ids=[
        *("bytes", "(N, H, W)", "bool", "rows", "(N, 1, H, W)", "(N, H, W, 1)", "(N, H, W, 3)", "coloured bytes"),
        *("(N, 3, H, W)", "coloured rows", "channels first", "lists"),
    ],
)
def test_images_of_every_form(given, options, drawn):
    figure = plots.images(given, **options)
    for image, expected in zip(pictures(figure), drawn, strict=True):
        np.testing.assert_allclose(image.get_array(), expected, rtol=1e-6)
    figure = plots.images(given, labels="ab", columns=1, **options)
    first, second = (image.get_extent() for image in pictures(figure))  # left, right, bottom, top
    assert first[2] / first[1] == pytest.approx(drawn.shape[1] / drawn.shape[2])
    assert second[3] > first[2]
    assert overlaps(figure, [*figure.axes[0].texts, *pictures(figure)]) == []


def test_each_label_stands_under_its_image():
    figure = plots.images(X, labels=["6, is 5", 1, 2, 3, 4, np.int64(0)], title="Six digits")
    labels = figure.axes[0].texts
    assert [label.get_text() for label in labels] == ["6, is 5", "1", "2", "3", "4", "0"]
    assert figure.get_suptitle() == "Six digits"
    for label, image in zip(labels, pictures(figure), strict=True):
        left, right, bottom, _ = image.get_extent()
        x, y = label.get_position()
        assert x == pytest.approx((left + right) / 2)
        assert bottom <= y < bottom + 0.2  # the axis points down


def test_labels_are_named_by_the_class_names():
    model = mn.Linear(4, 2)
    model.class_names = ["cat", "dog"]
    for names in (["cat", "dog"], model):
        texts = plots.images(X[:3], labels=np.array([1, 0, 1]), class_names=names).axes[0].texts
        assert [text.get_text() for text in texts] == ["dog", "cat", "dog"]


def test_labels_do_not_overlap_however_long():
    figure = plots.images(np.zeros((40, 784)), labels=["predicted 6, is 5"] * 40)
    assert overlaps(figure, [*figure.axes[0].texts, *pictures(figure)]) == []


def test_of_very_many_images_the_first_are_drawn():
    many = np.broadcast_to(np.uint8(7), (100_000, 28, 28))
    figure = plots.images(many, labels=np.arange(100_000), most=30)
    assert len(pictures(figure)) == 30
    assert figure.get_suptitle() == "The first 30 of 100,000 images"
    assert max(figure.get_size_inches()) < 12


FLAWED = [
    (lambda: plots.images(X[0]), r"expected N images.*got \(784,\): pass at least one image \(X\[None\]"),
    (lambda: plots.images(np.zeros((2, 783))), r"images of 783 numbers, which make no square: pass shape="),
    (lambda: plots.images(X, shape=(7, 7)), r"784 numbers, which make no \(7, 7\)"),
    (lambda: plots.images(np.zeros((2, 5, 4, 7))), r"got \(2, 5, 4, 7\).*of 1 or 3 channels"),
    (lambda: plots.images(np.zeros((0, 784))), r"got \(0, 784\): pass at least one"),
    (lambda: plots.images(np.full((1, 784), 255.0)), r"from 0 to 1, got 255 to 255: pass X / 255"),
    (lambda: plots.images(np.full((1, 784), -2.0)), r"from 0 to 1, got -2 to -2: pass X.clip"),
    (lambda: plots.images(np.full((1, 784), np.nan)), r"from 0 to 1, got nan"),
    (lambda: plots.images(np.zeros((1, 784), int)), r"got int64: pass X.astype\(np.uint8\)"),
    (lambda: plots.images(np.full((1, 784), 999)), r"got int64: pass X / X.max\(\)"),
    (lambda: plots.images(X, labels=[1, 2]), r"a label for each image, got 2 labels and 6 images"),
    (lambda: plots.images([X[0].reshape(28, 28), np.zeros((5, 5))]), r"images of one shape, got several: crop or pad"),
    (lambda: plots.images("digits"), r"expected N images.*got \(\)"),
    (lambda: plots.images(X, columns=0), r"columns >= 1, got 0"),
    (lambda: plots.images(X, most=0), r"most >= 1, got 0"),
    (lambda: plots.images(X, labels="abcdef", class_names=["cat"]), r"integer labels with class_names, got \['a'\]"),
    (lambda: plots.images(X, labels=range(6), class_names=["cat"]), r"labels without a class_name"),
]


@pytest.mark.parametrize(("draw", "message"), FLAWED, ids=[message[:30] for _, message in FLAWED])
def test_what_cannot_be_drawn_is_refused_with_the_cure(draw, message):
    with pytest.raises(ValueError, match=message) as caught:
        draw()
    assert str(caught.value).startswith("plots.images")
