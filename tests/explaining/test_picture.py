"""The picture of an explanation."""

import io
import re

import numpy as np
import pytest

pytest.importorskip("matplotlib")

import matplotlib as mpl
from every_layer import OPTIONS
from explanations import Doubled, images, notebook, of_layer

import minnet as mn
from minnet.explaining import labels
from minnet.explaining.picture import fonts


def texts(figure):
    return [text.get_text() for text in figure.findobj(mpl.text.Text) if text.get_text()]


def drawn(figure):
    """Draw a figure; return the boxes of its texts and heat maps, in inches."""
    figure.canvas.draw()
    parts = [text for text in figure.findobj(mpl.text.Text) if text.get_text()]
    parts += figure.axes[0].images
    return [part.get_window_extent().transformed(figure.dpi_scale_trans.inverted()) for part in parts]


def test_the_numbers_the_formulas_and_the_gradients_are_there():
    shown = texts(notebook().plot())
    assert "One step of Sequential(Linear(3, 2), Softmax()) with CrossEntropyLoss()" in shown
    assert {"x (N, I) = 2×3", "dL/dx (N, I) = 2×3", "weight (I, O) = 3×2", "dL/dweight (I, O) = 3×2"} <= set(shown)
    assert r"$y = x\,W + b$" in shown
    assert {"0.477", "−0.217"} & set(shown)
    assert any(text.startswith("L = 0.") for text in shown)
    assert labels.GRADIENT_OF_LOSS in shown
    assert any(text.startswith("dL/d layers[0].weight[2, 1] = x[0, 2] · dy[0, 1]") for text in shown)


def test_the_number_that_was_asked_about_has_a_frame():
    def frames(why):
        patches = notebook(why).plot().findobj(mpl.patches.Rectangle)
        return sum(patch.get_linewidth() > 1 for patch in patches)

    assert frames(None) == 0
    assert frames("layers[0].weight[2, 1]") == frames("x[1, 2]") == 2  # in the array, and in its gradient


def test_the_difference_from_finite_differences_is_the_largest():
    (line,) = [text for text in texts(notebook().plot()) if text.startswith("No gradient differs")]
    assert float(re.search(r"(\d+e[-−]\d+)\.", line)[1].replace("−", "-")) < 1e-6


def test_a_wrong_gradient_is_named():
    model = mn.Sequential(mn.Linear(3, 2, rng=0), Doubled())
    figure = mn.explain(model, mn.MSELoss(), np.ones((1, 3)), np.zeros((1, 2))).plot()
    assert any(
        text.startswith("dL/dx of layers[1] differs from finite differences in 2 of 2") for text in texts(figure)
    )
    assert not any(text.startswith("No gradient differs") for text in texts(figure))


def test_corners_are_no_mistakes():
    figure = mn.explain(mn.ReLU(), mn.MSELoss(), np.array([[0.0, 1.0]]), np.ones((1, 2))).plot()
    (line,) = [text for text in texts(figure) if text.startswith("No gradient differs")]
    assert "e−" in line


@pytest.mark.parametrize("make", [notebook, images])
def test_everything_is_inside_the_picture(make):
    figure = make().plot()
    wide, high = figure.get_size_inches()
    for box in drawn(figure):
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= wide
        assert box.y1 <= high


def test_a_dark_style_and_a_title():
    with mpl.rc_context({"figure.facecolor": "black", "text.color": "white", "axes.facecolor": "black"}):
        figure = notebook().plot(title="mine")
        figure.canvas.draw()
    assert figure.get_suptitle() == "mine"
    colours = {
        mpl.colors.to_hex(text.get_color()) for text in figure.findobj(mpl.text.Text) if "(N, I)" in text.get_text()
    }
    assert colours == {"#ffffff"}


def test_many_layers_are_abridged():
    model = mn.Sequential(*(mn.Linear(2, 2, rng=i) for i in range(40)))
    figure = mn.explain(model, mn.MSELoss(), np.ones((1, 2)), np.zeros((1, 2))).plot()
    assert "31 more layers" in texts(figure)
    assert figure.get_size_inches()[1] < 30


def test_several_inputs_stand_side_by_side():
    model = mn.Inputs(a=mn.Linear(2, 2, rng=0), b=mn.Identity())
    x = {"a": np.ones((1, 2)), "b": np.ones((1, 3))}
    figure = mn.explain(model, mn.MSELoss(), x, np.zeros((1, 5))).plot()
    assert any("a" in text and "(N, " in text for text in texts(figure))
    figure.canvas.draw()


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(OPTIONS))
def test_every_layer(name):
    figure = of_layer(name).plot()
    wide, high = figure.get_size_inches()
    for box in drawn(figure):
        assert box.x0 >= -0.01
        assert box.y0 >= -0.01
        assert box.x1 <= wide
        assert box.y1 <= high


def test_without_matplotlib_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(mn.errors.MissingExtraError, match="plots"):
        notebook().plot()


class 加倍(mn.Layer):
    """輸出是輸入的兩倍."""

    def forward(self, x):
        return 2 * x

    def backward(self, dy):
        return 2 * dy


def test_chinese_is_drawn_where_there_is_a_font(recwarn):
    if len(fonts()) == len(mpl.rcParams["font.family"]):
        pytest.skip("no font with Chinese letters")
    mn.explain(加倍(), mn.MSELoss(), np.ones((2, 3)), np.zeros((2, 3))).plot().savefig(io.BytesIO())
    assert not [str(warning.message) for warning in recwarn if "Glyph" in str(warning.message)]
