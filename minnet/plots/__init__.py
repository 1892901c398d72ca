"""A plot shows what a network was given, learned or got wrong, or how its training went; each function returns one.

It is returned as a matplotlib Figure. A notebook shows it if it is the last value of a cell; a script calls
``figure.savefig(path)``. matplotlib comes with the extra "plots" and is imported when the first figure is drawn. pyplot
is not used, so there is no figure to close and no backend to choose.

Every function takes a `title`, and has a default for it. One that draws a single panel takes `ax`, matplotlib's Axes to
draw on, such as one of ``figure, axes = plt.subplots(1, 2, layout="constrained")``; it then returns their figure. What
cannot be drawn is a ValueError or TypeError with the cure; without matplotlib, there is a
`minnet.errors.MissingExtraError`.

Text, axes and paper have the colours of matplotlib's style, ``plt.style.use("dark_background")`` for a dark page. What
is drawn is in colours that colour-blind people can tell apart, and that stand out from the paper.
"""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from minnet.plots.grid import images as images
    from minnet.plots.kernels import weights as weights
    from minnet.plots.layers import activations as activations
    from minnet.plots.layers import gradients as gradients
    from minnet.plots.learning import curves as curves
    from minnet.plots.learning_rates import lr_finder as lr_finder
    from minnet.plots.matrix import confusion as confusion
    from minnet.plots.ranking import precision_recall as precision_recall
    from minnet.plots.ranking import roc as roc
    from minnet.plots.regression import predicted_true as predicted_true
    from minnet.plots.regression import residuals as residuals
    from minnet.plots.reliability import calibration as calibration
    from minnet.plots.wrong import mistakes as mistakes

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
_FILES = {  # what is imported when the function is first used, because most programs draw nothing
    "grid": ("images",),
    "kernels": ("weights",),
    "layers": ("activations", "gradients"),
    "learning": ("curves",),
    "learning_rates": ("lr_finder",),
    "matrix": ("confusion",),
    "ranking": ("precision_recall", "roc"),
    "regression": ("predicted_true", "residuals"),
    "reliability": ("calibration",),
    "wrong": ("mistakes",),
}


def __dir__() -> list[str]:
    return __all__


if not TYPE_CHECKING:  # a type checker would take every name for one that is there

    def __getattr__(name):
        """Import the file that draws the plot of this name."""
        for file, functions in _FILES.items():
            if name in functions:
                found = globals()[name] = getattr(_import_module(f"minnet.plots.{file}"), name)
                return found
        raise AttributeError(f"mn.plots has no {name!r}; it has {', '.join(__all__)}")
