"""Colours stand out from the paper, and from each other also for people who do not tell red from green."""

import itertools

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason='plots need matplotlib, the extra "plots"')

import matplotlib.style
from matplotlib.figure import Figure

from minnet.plots.colours import ON_BLACK, ON_WHITE, contrast, luminance, mixed, readable, rgb, theme

# G. Machado et al., "A physiologically-based model for simulation of color vision deficiency", 2009, severity 1.
DEUTERANOPIA = [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
PROTANOPIA = [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
TO_XYZ = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]


def seen(colour, eye):
    """CIELAB of a colour, as such an eye sees it."""
    c = np.array(rgb(colour))
    linear = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    xyz = np.array(TO_XYZ) @ np.clip(np.array(eye) @ linear, 0, 1) / [0.9505, 1, 1.089]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("eye", [np.eye(3), DEUTERANOPIA, PROTANOPIA], ids=["all", "deuteranopia", "protanopia"])
@pytest.mark.parametrize("palette", [ON_WHITE, ON_BLACK], ids=["light", "dark"])
def test_series_can_be_told_apart(palette, eye):
    for a, b in itertools.combinations(palette, 2):
        assert np.linalg.norm(seen(a, eye) - seen(b, eye)) > 15, (a, b)  # about 2 can be seen


def test_the_simulation_makes_red_and_green_alike():
    red, green = "#B04020", "#707010"
    assert np.linalg.norm(seen(red, np.eye(3)) - seen(green, np.eye(3))) > 50
    assert np.linalg.norm(seen(red, DEUTERANOPIA) - seen(green, DEUTERANOPIA)) < 15


@pytest.mark.parametrize("style", ["default", "dark_background", "ggplot", "Solarize_Light2", "grayscale"])
def test_series_and_grey_stand_out_from_the_paper_of_every_style(style):
    with matplotlib.style.context(style):
        colours = theme(Figure().add_subplot())
    for colour in (*colours.series, colours.grey):
        assert contrast(colour, colours.paper) > (3 if style in ("default", "dark_background") else 2.4)
    assert contrast(colours.text, colours.faint) > 4.5  # numbers on the diagonal of a confusion matrix
    assert colours.dark == (style == "dark_background")


def test_light_and_dark_follow_the_axes_and_not_what_the_style_is_now():
    with matplotlib.style.context("dark_background"):
        axes = Figure().add_subplot()
    colours = theme(axes)
    assert colours.dark
    assert (colours.text, colours.paper, colours.series) == ((1, 1, 1), (0, 0, 0), ON_BLACK)
    assert theme(Figure()).series == ON_WHITE


def test_paper_that_is_transparent_is_the_opposite_of_the_text():
    figure = Figure(facecolor="none")
    axes = figure.add_subplot(facecolor="none")
    assert theme(axes).paper == (1, 1, 1)
    axes.title.set_color("white")
    assert theme(axes).paper == (0, 0, 0)


def test_maps_have_the_paper_at_zero_and_end_far_from_it():
    for style in ("default", "dark_background"):
        with matplotlib.style.context(style):
            colours = theme(Figure().add_subplot())
        below, zero, above = (colours.diverging(place)[:3] for place in (0.0, 0.5, 1.0))
        assert np.allclose(zero, colours.paper, atol=0.02)
        assert min(contrast(below, zero), contrast(above, zero)) > 10
        assert (
            np.linalg.norm(seen(colours.diverging(0.2), DEUTERANOPIA) - seen(colours.diverging(0.8), DEUTERANOPIA)) > 50
        )
        steps = [contrast(colours.rising(place)[:3], colours.paper) for place in np.linspace(0, 1, 9)]
        assert steps == sorted(steps)
        assert steps[0] > 1.15


def test_sixteen_lines_differ():
    colours = theme(Figure())
    assert len({tuple(colours.line(i).values()) for i in range(16)}) == 16
    assert len({colours.dots(i)["marker"] for i in range(4)}) == 4
    green, purple = colours.line(2), colours.line(3)  # which are alike in deuteranopia, as grey is
    assert len({green["linestyle"], purple["linestyle"], "-"}) == 3


def test_closed_forms():
    assert contrast("black", "white") == pytest.approx(21)
    assert luminance("white") == pytest.approx(1)
    assert mixed("white", "black", 0.25) == (0.25, 0.25, 0.25)
    assert (readable("yellow"), readable("navy")) == ("black", "white")
