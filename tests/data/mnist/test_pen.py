"""The pen: how thick its lines are, and how dark."""

import numpy as np

from minnet.data.mnist.pen import SIDE, blotted, flow, pen


def line(radius):
    """Draw a straight line of 16 pixels, in pieces of half a pixel."""
    x = np.arange(6.25, 22, 0.5, dtype=np.float32)
    middle = np.stack([x, np.full_like(x, SIDE / 2)])[None]
    ink = 0.5 * flow(np.float32([1.0]), np.float32([radius]))
    return blotted(middle, np.repeat(ink[None], len(x), axis=1), np.float32([[radius]]))


def test_a_line_is_black_in_its_middle_whatever_the_pen():
    for radius in (0.8, 1.4, 2.0):
        image = line(radius)
        assert image.shape == (1, SIDE, SIDE)
        assert image.min() == 0
        assert image[0, SIDE // 2, 10:18].min() == 255


def test_a_thick_pen_draws_a_thick_line():
    assert (line(0.8) > 0).sum() < (line(1.4) > 0).sum() < (line(2.0) > 0).sum()


def test_long_lines_are_drawn_with_a_finer_pen():
    short, long = pen(np.float32([1.0, 0.2]))
    assert 0 < long < short
    assert pen(np.float32([1.0]), 2.0) == 2 * short
