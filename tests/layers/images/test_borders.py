"""Borders: an image continued beyond its edges, and the gradients of the copies added up."""

import numpy as np
import pytest

from minnet import ReLU
from minnet.layers.images.borders import MODES, Borders

LINE = np.arange(1.0, 5).reshape(1, 4, 1)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("constant", [7, 7, 7, 1, 2, 3, 4, 7, 7]),
        ("reflect", [4, 3, 2, 1, 2, 3, 4, 3, 2]),
        ("replicate", [1, 1, 1, 1, 2, 3, 4, 4, 4]),
        ("circular", [2, 3, 4, 1, 2, 3, 4, 1, 2]),
    ],
)
def test_by_hand(mode, expected):
    assert Borders(((3, 2),), mode, 7.0).pad(LINE).ravel().tolist() == expected


@pytest.mark.parametrize(
    ("mode", "expected"), [("constant", [2, 3, 7, 7]), ("reflect", [2, 3, 4, 3]), ("replicate", [2, 3, 4, 4])]
)
def test_negative_numbers_cut_off(mode, expected):
    """What is cut off at one side may still be copied at the other."""
    here = LINE if mode != "constant" else LINE[:, :3]
    assert Borders(((-1, 1 if mode != "constant" else 2),), mode, 7.0).pad(here).ravel().tolist() == expected


SIZES = [((1, 2), (2, 0)), ((0, 0), (3, 3))]
CUT = [(mode, ((-1, 1), (0, -2))) for mode in MODES if mode != "circular"]  # which is never negative


@pytest.mark.parametrize(("mode", "sizes"), [*((mode, sizes) for mode in MODES for sizes in SIZES), *CUT])
def test_unpad_is_the_transpose_of_pad(mode, sizes):
    """<pad(x), dy> = <x, unpad(dy)> for all x and dy."""
    generator, borders = np.random.default_rng(0), Borders(sizes, mode)
    x = generator.normal(size=(2, 4, 4, 3))
    y = borders.pad(x)
    assert y.shape[1:-1] == borders.padded((4, 4))
    dy = generator.normal(size=y.shape)
    assert (y * dy).sum() == pytest.approx((x * borders.unpad(dy, (4, 4))).sum(), rel=1e-12)


@pytest.mark.parametrize(
    ("mode", "sizes", "message"),
    [
        ("reflect", ((0, 0), (1, 4)), "expected at least 5 pixels along an axis with a border of 4, got 5x4 in shape"),
        ("circular", ((6, 0), (0, 0)), "expected at least 6 pixels along an axis with a border of 6, got 5x4 in shape"),
        ("constant", ((-3, -2), (0, 0)), "would cut off all 5 pixels of an axis, got 5x4 in shape"),
        ("replicate", ((-5, 9), (0, 0)), "would cut off all 5 pixels of an axis"),
    ],
)
def test_what_is_too_large_is_refused(mode, sizes, message):
    with pytest.raises(ValueError, match=message):
        Borders(sizes, mode).check(ReLU(), (5, 4), (1, 2, 5, 4))


@pytest.mark.parametrize(("mode", "sizes"), [("reflect", (4, 4)), ("circular", (5, 5)), ("replicate", (50, 0))])
def test_the_largest_that_goes(mode, sizes):
    Borders((sizes,), mode).check(ReLU(), (5,), (1, 2, 5))
    assert Borders((sizes,), mode).pad(np.zeros((2, 5, 1))).shape == (2, 5 + sum(sizes), 1)
