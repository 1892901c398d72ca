"""A plot shows what a network was given, learned or got wrong, or how its training went; each function returns one.

It is returned as a matplotlib Figure. A notebook shows it if it is the last value of a cell; a script calls
``figure.savefig(path)``. matplotlib comes with the extra "plots" and is imported when the first figure is drawn. pyplot
is not used, so there is no figure to close and no backend to choose.

Every function takes a `title`, and has a default for it. One that draws a single panel takes `ax`, matplotlib's Axes to
draw on, such as one of ``figure, axes = plt.subplots(1, 2)``; it then returns their figure. What cannot be drawn is a
ValueError or TypeError with the cure; without matplotlib, there is a `minnet.errors.MissingExtraError`.

Text, axes and paper have the colours of matplotlib's style, ``plt.style.use("dark_background")`` for a dark page. What
is drawn is in colours that colour-blind people can tell apart, and that stand out from the paper.
"""

from minnet.plots.calibration import calibration
from minnet.plots.confusion import confusion
from minnet.plots.curves import curves
from minnet.plots.images import images
from minnet.plots.layers import activations, gradients
from minnet.plots.learning_rates import lr_finder
from minnet.plots.mistakes import mistakes
from minnet.plots.ranking import precision_recall, roc
from minnet.plots.regression import predicted_true, residuals
from minnet.plots.weights import weights

__all__ = [
    "activations",
    "calibration",
    "confusion",
    "curves",
    "gradients",
    "images",
    "lr_finder",
    "mistakes",
    "precision_recall",
    "predicted_true",
    "residuals",
    "roc",
    "weights",
]
