"""What a person draws becomes a picture in MNIST's form, wherever and however large it was drawn."""

import numpy as np
import pytest
from hands import HANDS, strokes

from minnet.data.mnist.synthetic import synthetic_digits
from minnet.demo.drawing import picture

SEVEN = strokes("round", 7)


def ink(pixels):
    """Return the rows and columns that have ink, and the centre of mass: (rows, columns), (row, column)."""
    image = pixels.reshape(28, 28).astype(float)
    sums = image.sum(axis=1), image.sum(axis=0)
    return [np.flatnonzero(s) for s in sums], [(s @ np.arange(28)) / s.sum() for s in sums]


@pytest.mark.parametrize("hand", HANDS)
@pytest.mark.parametrize("digit", range(10))
def test_in_a_box_of_20_pixels_and_centred_by_mass(hand, digit):
    pixels = picture(strokes(hand, digit))
    assert pixels.dtype == np.uint8
    assert pixels.shape == (784,)
    extents, centre = ink(pixels)
    assert 18 <= max(np.ptp(places) + 1 for places in extents) <= 22  # the edge is grey
    assert centre == pytest.approx([14, 14], abs=0.5)  # the frame and MNIST cut the edge of a stroke differently
    assert pixels.max() > 250


@pytest.mark.parametrize("size", [0.1, 0.4, 1.0])
@pytest.mark.parametrize("corner", [(0, 0), (1, 0), (0.5, 1)])
def test_place_and_size_on_the_canvas_do_not_matter(size, corner):
    moved = [size * stroke + (1 - size) * np.array(corner) for stroke in SEVEN]
    assert np.abs(picture(moved).astype(int) - picture(SEVEN)).max() <= 2


def test_how_many_points_the_mouse_gave_does_not_matter():
    times = np.linspace(0, len(SEVEN[0]) - 1, 301)
    finely = [np.stack([np.interp(times, range(len(SEVEN[0])), axis) for axis in SEVEN[0].T], axis=1)]
    assert np.abs(picture(finely).astype(int) - picture(SEVEN)).max() <= 12


def test_as_much_ink_as_the_digits_that_a_model_learned_from():
    drawn = np.mean([picture(strokes(hand, digit)).mean() for hand in HANDS for digit in range(10)])
    assert drawn == pytest.approx(synthetic_digits(1_000, rng=0)[0].mean(), rel=0.2)


def test_a_dot_is_a_dot():
    pixels = picture([np.array([[0.3, 0.9]])])
    extents, centre = ink(pixels)
    assert max(np.ptp(places) for places in extents) < 10
    assert centre == pytest.approx([14, 14], abs=0.1)
    assert pixels.max() > 100
    again = picture([np.array([[0.3, 0.9], [0.3, 0.9]])])
    assert np.array_equal(pixels, again)


def test_the_dot_of_a_drawing_leaves_ink():
    line = np.array([[0.5, 0.2], [0.5, 0.8]])
    with_dot = picture([line, np.array([[0.9, 0.5]])]).reshape(28, 28)
    assert with_dot[:, 22:].max() > 50


def test_a_scribble_is_bounded():
    rng = np.random.default_rng(0)
    pixels = picture([rng.random((100, 2)) for _ in range(100)])
    assert pixels.mean() > 100


def test_upright_and_not_mirrored():
    rows, _ = ink(picture(SEVEN))[0]
    image = picture(SEVEN).reshape(28, 28) > 128
    assert image[rows[0] + 1].sum() > 10  # the bar is above
    assert 0 < image[rows[-1] - 1].sum() < 6
    assert image[rows[-1] - 1, :14].any()  # and the leg leads to the left
