"""Tiles: the captions decide how many pictures stand in a row; a row of 49 numbers or more may be a square picture."""

import numpy as np

from minnet.plots.tiles import is_square, layout


def test_rows_of_a_table_are_no_pictures():
    assert [n for n in range(101) if is_square(n)] == [49, 64, 81, 100]


def test_long_captions_make_fewer_columns():
    import pytest

    pytest.importorskip("matplotlib", reason='plots need matplotlib, the extra "plots"')
    pictures = np.zeros((30, 28, 28))
    assert layout(pictures, [], 20).across == 20
    assert layout(pictures, ["7"] * 30, 20).across == 20
    assert layout(pictures, ["predicted 5, true 9"] * 30, 20).across < 8
    assert layout(pictures, ["predicted 5\ntrue 9"] * 30, 20).across > 8
    assert layout(pictures, ["7\n8"] * 30, 20).pitch > layout(pictures, ["7"] * 30, 20).pitch
