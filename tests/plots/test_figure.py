"""A new figure has room for its title, and shows itself in a notebook. (Every plot is tested so in test_plots.py.)"""

import pytest

pytest.importorskip("matplotlib", reason='plots need matplotlib, the extra "plots"')

from minnet.plots.figure import expect, label_axes, new_figure


def test_a_figure_is_as_wide_as_its_title_needs():
    assert new_figure(3, 2, "short").get_size_inches().tolist() == [3, 2]
    assert new_figure(3, 2, 50 * "long").get_size_inches()[0] > 15


def test_labels_and_half_a_frame():
    axes = new_figure(3, 2, "title").add_subplot()
    label_axes(axes, "step", "loss")
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("step", "loss")
    assert [side for side, spine in axes.spines.items() if spine.get_visible()] == ["left", "bottom"]


def test_expect():
    expect(1, "not raised")
    with pytest.raises(ValueError, match="raised"):
        expect("", "raised")
