"""What all plots have in common: titles, axes, light and dark pages, no pyplot, and errors."""

import inspect
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("matplotlib", reason='plots need matplotlib, the extra "plots"')

import matplotlib.style
from helpers import answers, linear_problem, small_trainer
from matplotlib.figure import Figure
from matplotlib.text import Text

import minnet as mn
from minnet import plots
from minnet.errors import MissingExtraError
from minnet.plots.colours import contrast
from minnet.training.lr_finder import LRCurve

RNG = np.random.default_rng(0)
X = RNG.random((6, 784)).astype(np.float32)
TARGET = np.array([5, 1, 2, 3, 4, 0])
HISTORY = [{"step": 10 * i, "loss": 2 / i, "test_loss": 3 / i, "test_accuracy": 1 - 1 / (i + 1)} for i in range(1, 9)]
CURVE = LRCurve([0.1, 1.0, 10.0], [2.0, 1.0, 3.0], [2.0, 1.5, 2.2])
P, Q = RNG.random(40), RNG.random(40)
MODEL = mn.Sequential(mn.Linear(784, 10, rng=0), mn.ReLU(), mn.Linear(10, 10, rng=0))

ONE_PANEL = {
    "activations": lambda **options: plots.activations(MODEL, X, **options),
    "calibration": lambda **options: plots.calibration(P, Q > 0.5, **options),
    "confusion": lambda **options: plots.confusion(np.array([[9, 1], [0, 5]]), **options),
    "curves": lambda **options: plots.curves(HISTORY, ["test_accuracy"], **options),
    "gradients": lambda **options: plots.gradients(MODEL, mn.SoftmaxCrossEntropyLoss(), X, TARGET, **options),
    "images": lambda **options: plots.images(X, labels=TARGET, **options),
    "lr_finder": lambda **options: plots.lr_finder(CURVE, **options),
    "precision_recall": lambda **options: plots.precision_recall(P, Q > 0.5, **options),
    "predicted_true": lambda **options: plots.predicted_true(P, Q, **options),
    "residuals": lambda **options: plots.residuals(P, Q, **options),
    "roc": lambda **options: plots.roc(P, Q > 0.5, **options),
    "weights": lambda **options: plots.weights(MODEL, **options),
    "weights, a table": lambda **options: plots.weights(np.eye(4), **options),
}
ALL = ONE_PANEL | {
    "curves, panels": lambda **options: plots.curves(HISTORY, **options),
    "mistakes": lambda **options: plots.mistakes(X, answers(6, 1, 2, 3, 4, 0), TARGET, **options),
    "mistakes, a table": lambda **options: plots.mistakes(X[:, :5], answers(6, 1, 2, 3, 4, 0), TARGET, **options),
    "no mistake": lambda **options: plots.mistakes(X, answers(*TARGET), TARGET, **options),
}


def texts(figure):
    """All words that can be read in the picture."""
    figure.draw_without_rendering()
    return [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]


def test_every_plot_is_tested_here():
    assert {name.partition(",")[0] for name in ALL} - {"no mistake"} == set(plots.__all__)


@pytest.mark.parametrize("name", plots.__all__)
def test_every_plot_has_the_same_signature(name):
    parameters = list(inspect.signature(getattr(plots, name)).parameters.values())
    data = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert 1 <= len(data) <= 4
    options = [p for p in parameters if p.kind is p.KEYWORD_ONLY]
    assert len(data) + len(options) == len(parameters)
    assert [p.name for p in options][-2:] == (["feature_names", "title"] if name == "mistakes" else ["ax", "title"])


@pytest.mark.parametrize("name", ALL)
def test_a_picture_saves_and_shows_itself_and_is_the_same_each_time(name, tmp_path):
    figure = ALL[name]()
    figure.savefig(tmp_path / "picture.png")
    assert figure.get_suptitle()
    saved = (tmp_path / "picture.png").read_bytes()
    assert saved.startswith(b"\x89PNG")
    assert len(saved) > 2000
    assert figure._repr_png_() == saved  # what IPython asks a cell's last value for


@pytest.mark.parametrize("name", ALL)
def test_every_picture_takes_a_title_and_has_room_for_it(name):
    title = "A title of my own, and longer than most of the pictures below it are wide"
    figure = ALL[name](title=title)
    assert figure.get_suptitle() == title
    assert ALL[name](title="").get_suptitle() == ""
    figure.draw_without_rendering()
    for text in figure.texts:
        box = text.get_window_extent()
        assert box.x0 >= 0
        assert box.x1 <= figure.bbox.width
        assert box.y0 >= 0
        assert box.y1 <= figure.bbox.height


@pytest.mark.parametrize("name", ONE_PANEL)
def test_one_panel_is_drawn_on_axes_that_are_given(name):
    figure = Figure(layout="constrained", figsize=(10, 5))
    left, right = figure.subplots(1, 2)
    assert ONE_PANEL[name](ax=right, title="mine") is figure
    assert right.get_title() == "mine"
    assert not figure.get_suptitle()
    assert right.has_data()
    assert not left.has_data()
    figure.draw_without_rendering()
    part = Figure()
    assert ONE_PANEL[name](ax=part.subfigures(1, 2)[0].add_subplot()) is part
    with pytest.raises(TypeError, match=r"expected ax to be matplotlib's Axes, got an array of them, \(2,\): pass one"):
        ONE_PANEL[name](ax=np.array([left, right]))


@pytest.mark.parametrize("style", ["default", "dark_background"])
@pytest.mark.parametrize("name", ALL)
def test_words_can_be_read_on_a_light_and_on_a_dark_page(name, style):
    with matplotlib.style.context(style):
        figure = ALL[name]()
        words = texts(figure)
    papers = {"default": "white", "dark_background": "black"}
    assert contrast(figure.get_facecolor()[:3], papers[style]) == 1
    cells = {
        id(cell.get_text()): cell.get_facecolor()[:3]
        for ax in figure.axes
        for t in ax.tables
        for cell in t.get_celld().values()
    }
    inside = {id(text) for axes in figure.axes for text in axes.texts} if name == "confusion" else set()
    for text in words:
        if id(text) not in inside:  # those of a confusion matrix are black or white, by the colour of their cell
            bold = 3 if text.get_fontweight() == "bold" else 4.5  # as WCAG 2.1 asks for
            assert contrast(text.get_color(), cells.get(id(text), papers[style])) >= bold, text
    for axes in figure.axes:
        for line in axes.get_lines():
            assert contrast(line.get_color(), papers[style]) > 3


@pytest.mark.parametrize("name", ALL)
def test_larger_letters_are_larger(name):
    with matplotlib.style.context({"font.size": 16}):
        figure = ALL[name]()
        assert max(text.get_fontsize() for text in texts(figure)) > 18
    box = figure._suptitle.get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= figure.bbox.width


@pytest.mark.parametrize("name", ALL)
def test_without_matplotlib_the_error_names_the_extra(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r'matplotlib is not installed: .* "plots"') as caught:
        ALL[name]()
    assert "\n" not in str(caught.value)


def test_drawing_needs_no_pyplot_and_importing_no_matplotlib():
    program = (
        "import sys, numpy as np; from minnet import plots\n"
        "assert not any(name.startswith('matplotlib') for name in sys.modules)\n"
        "plots.images(np.zeros((1, 784)))._repr_png_()\n"
        "plots.roc([0.1, 0.2], [0, 1])._repr_png_()\n"
        "assert 'matplotlib' in sys.modules and 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_no_figure_is_left_in_pyplot(monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "Agg")
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    for draw in ALL.values():
        draw()
    assert plt.get_fignums() == before


def test_the_whole_way_from_a_small_run():
    trainer, score = small_trainer(), mn.callbacks.RunningScore()
    samples, labels = linear_problem(60)
    loader = mn.DataLoader(samples, labels, 10, shuffle=True, rng=0)
    trainer.fit(loader, epochs=2, evaluate={"test": (samples, labels)}, callbacks=[score], progress=False)
    p = trainer.predict(samples)
    plots.mistakes(samples, p, labels)
    plots.curves(trainer.history)
    (axes,) = plots.curves(trainer.history, ["running_accuracy"]).axes
    np.testing.assert_array_equal(axes.get_lines()[0].get_xdata(), trainer.history.column("step"))
    np.testing.assert_allclose(axes.get_lines()[0].get_ydata()[-1], 100 * score.running.score)
    for draw in (plots.confusion, plots.roc, plots.precision_recall, plots.calibration):
        draw(p, labels)
    plots.weights(trainer.model)
    plots.activations(trainer.model, samples)
    plots.gradients(trainer.model, trainer.loss, samples, labels)
