"""A new figure has room for its title, and shows itself in a notebook. (Every plot is tested so in test_plots.py.)"""

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason='plots need matplotlib, the extra "plots"')

import matplotlib as mpl
from matplotlib.figure import Figure

import minnet as mn
from minnet.plots.colours import theme
from minnet.plots.figure import (
    check_axes,
    expect,
    label_axes,
    legend_above,
    names_of,
    new_figure,
    panel,
    short,
)


def test_a_figure_is_as_wide_as_its_title_needs():
    assert new_figure(3, 2, "short").get_size_inches().tolist() == [3, 2]
    assert new_figure(3, 2, 50 * "long").get_size_inches()[0] > 15
    assert new_figure(3, 2, "\n".join(50 * ["long"])).get_size_inches()[0] == 3
    with mpl.rc_context({"font.size": 20}):
        assert new_figure(3, 2, 10 * "long").get_size_inches()[0] > 7


def test_labels_and_half_a_frame():
    axes = new_figure(3, 2, "title").add_subplot()
    label_axes(axes, "step", "loss")
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("step", "loss")
    assert [side for side, spine in axes.spines.items() if spine.get_visible()] == ["left", "bottom"]


def test_the_legend_stands_between_the_panel_and_its_title():
    figure = Figure(layout="constrained")
    axes = figure.add_subplot()
    axes.set_title("title")
    for i in range(5):
        axes.plot([0, 1], label=f"a curve with a long name {i}")
    legend_above(axes, theme(axes))
    figure.draw_without_rendering()
    legend, title = axes.get_legend().get_window_extent(), axes.title.get_window_extent()
    assert axes.get_window_extent().y1 <= legend.y0
    assert legend.y1 <= title.y0 + 4


def test_a_long_title_is_broken_on_narrow_axes():
    figure = Figure(figsize=(8, 4))
    for ax in figure.subplots(1, 2):
        panel("roc", ax, "Precision and recall, each class against the rest")
        figure.draw_without_rendering()
        assert ax.title.get_window_extent().width < 1.2 * ax.get_window_extent().width
    assert ax.get_title().replace("\n", " ") == "Precision and recall, each class against the rest"


def test_no_legend_without_labels():
    axes = Figure().add_subplot()
    legend_above(axes, theme(axes))
    assert axes.get_legend() is None


def test_what_is_no_axes_is_refused_with_the_cure():
    figure = Figure()
    grid = figure.subplots(2, 2)
    assert check_axes("roc", grid[0, 1]) is grid[0, 1]
    with pytest.raises(TypeError, match=r"plots.roc expected ax .*an array of them, \(2, 2\): pass one, ax\[0, 0\]"):
        check_axes("roc", grid)
    with pytest.raises(TypeError, match=r"got a Figure: figure, ax = plt.subplots\(\)"):
        check_axes("roc", figure)
    grid[0, 0].remove()
    with pytest.raises(TypeError, match="axes that were removed from their figure"):
        check_axes("roc", grid[0, 0])


def test_names_of_classes_come_from_a_list_a_model_or_their_numbers():
    model = mn.Sequential(mn.Linear(4, 2))
    assert names_of("roc", 2, None) == names_of("roc", 2, model) == ["0", "1"]
    model.class_names = ["cat", "dog"]
    assert names_of("roc", 2, model) == ["cat", "dog"]
    assert names_of("roc", 2, np.array(["cat", "dog"])) == ["cat", "dog"]
    with pytest.raises(ValueError, match=r"plots.roc expected 3 class_names, one a class, got 2"):
        names_of("roc", 3, model)


def test_expect():
    expect(1, "not raised")
    with pytest.raises(ValueError, match="raised"):
        expect("", "raised")


def test_words():
    assert short("a" * 20) == "a" * 20
    assert short("a" * 21) == "a" * 19 + "…"


@pytest.mark.slow
@pytest.mark.parametrize("first", ["", "%matplotlib inline\n", "import matplotlib.pyplot as plt\n"])
def test_a_notebook_shows_the_figure_once(first):
    pytest.importorskip("ipykernel", reason="a notebook's kernel runs the cell")
    manager = pytest.importorskip("jupyter_client", reason="a notebook's kernel runs the cell").manager
    kernel, client = manager.start_new_kernel(kernel_name="python3")
    try:
        shown = []
        cell = f"{first}import minnet as mn\nmn.plots.roc([0.1, 0.8], [0, 1])"
        reply = client.execute_interactive(cell, output_hook=shown.append, timeout=120)
        assert reply["content"]["status"] == "ok"
        pictures = [message for message in shown if "image/png" in message["content"].get("data", {})]
        assert len(pictures) == 1
    finally:
        client.stop_channels()
        kernel.shutdown_kernel(now=True)
