"""Tiles: the captions decide how many pictures stand in a row; a row of 49 numbers or more may be a square picture."""

import numpy as np

from minnet.plots.tiles import is_square, layout


def test_rows_of_a_table_are_no_pictures():
    assert [n for n in range(101) if is_square(n)] == [49, 64, 81, 100]


def test_long_captions_make_fewer_columns():
    import pytest

    pytest.importorskip("matplotlib", reason='plots need matplotlib, the extra "plots"')
    from matplotlib.figure import Figure

    pictures = np.zeros((30, 28, 28))
    assert layout(pictures, [], 20).across == 20
    assert layout(pictures, ["7"] * 30, 20).across == 20
    assert layout(pictures, ["predicted 5, true 9"] * 30, 20).across < 8
    assert layout(pictures, ["predicted 5\ntrue 9"] * 30, 20).across > 8
    for wide, high in ((3, 3), (8, 1), (1, 8), (0.2, 0.2)):
        ax = Figure(figsize=(wide, high)).add_axes((0, 0, 1, 1))
        place = layout(pictures, ["7"] * 30, 30, ax)
        assert place.across * place.down >= 30
        assert place.across * place.side <= wide
        assert place.down * place.pitch * place.side <= high + 1e-6 or high < 1
        assert (place.across > place.down) == (wide > high) or wide == high
    assert layout(pictures, ["7\n8"] * 30, 20).pitch > layout(pictures, ["7"] * 30, 20).pitch
