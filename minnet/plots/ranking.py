"""ROC and precision-recall curves show what every threshold would lead to."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minnet.core.layer import Layer
from minnet.metrics.ranking import ROCAUC, AveragePrecision, Counts, Ranking
from minnet.plots.colours import theme
from minnet.plots.figure import expect, label_axes, legend_above, names_of, panel, short, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Numbers = NDArray[np.float64]

NAMED = 8  # classes that all have a colour and a line in the legend; of more, the worst half as many
LINES = 100  # drawn in grey without a name
POINTS = 2000  # of a curve: more cannot be seen
SQUARE = 5.0, 5.0


class Curve(NamedTuple):
    """How many are yes, and how many there are, at each place of a ranking, best first; and the metric of it."""

    hits: Counts
    counts: Counts
    value: float

    def rates(self) -> tuple[Numbers, Numbers]:
        """Return the points of the ROC curve: false and true positive rates."""
        false, true = np.cumsum(self.counts - self.hits), np.cumsum(self.hits)
        return np.concatenate([[0], false / false[-1]]), np.concatenate([[0], true / true[-1]])

    def precisions(self) -> tuple[Numbers, Numbers]:
        """Return the points of the precision-recall curve: recalls and precisions, from (0, 1)."""
        true = np.cumsum(self.hits)
        return np.concatenate([[0], true / true[-1]]), np.concatenate([[1], true / np.cumsum(self.counts)])


class Kept(Ranking):
    """The base of rankings that keep the counts that their metric is made of."""

    def curves(self) -> dict[int, Curve]:
        """Return the curve of each class or label that has one: it needs a yes, and for ROC a no."""
        self._some(len(self._scores))
        scores, yes, found = self._scores.array, self._yes.array, {}
        for k in range(yes.shape[1]):
            if yes[:, k].any() and ("no" not in self.needs or not yes[:, k].all()):
                value = self._of(scores[:, k], yes[:, k], None, "")
                found[k] = Curve(self.last[0], self.last[1], value)
        self.classes, self.share = yes.shape[1], float(yes.mean())
        return found

    def _of_counts(self, hits: Counts, counts: Counts) -> float:
        self.last: tuple[Counts, Counts] = hits, counts
        return super()._of_counts(hits, counts)


class ROC(Kept, ROCAUC):
    """The ROC curve, and the area below it."""


class PrecisionRecall(Kept, AveragePrecision):
    """The precision-recall curve, and the average precision."""


ROC.__name__, PrecisionRecall.__name__ = "plots.roc", "plots.precision_recall"  # as errors name them


def roc(
    prediction: ArrayLike,
    target: ArrayLike,
    *,
    takes: str | None = None,
    class_names: Sequence[object] | Layer | None = None,
    ax: "Axes | None" = None,
    title: str | None = None,
) -> "Figure":
    """Draw the ROC curve: the true positive rate over the false positive rate, for all thresholds.

    Each of several classes or labels has a curve, against all others. Of more than eight, the four with the smallest
    areas have a colour and a name, and the others are grey. A class without a sample has no curve.

    T. Fawcett, "An introduction to ROC analysis", Pattern Recognition Letters 27, 2006.

    Parameters
    ----------
    prediction, target
        As `minnet.metrics.ROCAUC` takes them: yes-or-no answers (N,) or (N, 1), several (N, C), or classes, (N, C) and
        labels (N,). Of two classes, class 1 is the yes.
    takes
        What a prediction for classes is: ``"probabilities"`` (also if it is None), ``"scores"``, or
        ``"log-probabilities"``.
    class_names
        A name for each class, or the model that has them; by default 0 … C − 1.
    ax, title
        See `minnet.plots`.

    Raises
    ------
    ValueError, TypeError, NonFiniteError
        As `minnet.metrics.ROCAUC` raises them; and if no class has both a yes and a no.

    Examples
    --------
    >>> roc([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]).get_suptitle()
    'ROC: area 0.750'
    """
    metric = ROC(takes=takes)
    metric.update(prediction, target)
    found = metric.curves()
    heading = titled(title, _heading("ROC", "area", metric, found))
    figure, axes, colours = panel("roc", ax, heading, SQUARE)
    axes.plot([0, 1], [0, 1], color=colours.grey, linestyle=":", linewidth=1, label="chance")
    _lines(axes, {k: (*curve.rates(), curve.value) for k, curve in found.items()}, _words(metric, class_names))
    return _finish(figure, axes, "false positive rate", "true positive rate")


def precision_recall(
    prediction: ArrayLike,
    target: ArrayLike,
    *,
    takes: str | None = None,
    class_names: Sequence[object] | Layer | None = None,
    ax: "Axes | None" = None,
    title: str | None = None,
) -> "Figure":
    """Draw the precision over the recall: the share of what is called a yes that is one, and of all yes that is found.

    Several classes are drawn as by `minnet.plots.roc`, the ones with the smallest average precision in colours.

    Parameters
    ----------
    prediction, target, takes, class_names
        As for `minnet.plots.roc`.
    ax, title
        See `minnet.plots`.

    Raises
    ------
    ValueError, TypeError, NonFiniteError
        As `minnet.metrics.AveragePrecision` raises them.

    Examples
    --------
    >>> precision_recall([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]).get_suptitle()
    'Precision and recall: average precision 0.833'
    """
    metric = PrecisionRecall(takes=takes)
    metric.update(prediction, target)
    found = metric.curves()
    heading = titled(title, _heading("Precision and recall", "average precision", metric, found))
    figure, axes, colours = panel("precision_recall", ax, heading, SQUARE)
    if metric.classes == 1:
        chance = f"chance, {metric.share:.2f}"
        axes.axhline(metric.share, color=colours.grey, linestyle=":", linewidth=1, label=chance)
    curves = {k: (*curve.precisions(), curve.value) for k, curve in found.items()}
    _lines(axes, curves, _words(metric, class_names), drawstyle="steps-pre")
    return _finish(figure, axes, "recall", "precision")


def _words(metric: Kept, class_names: Sequence[object] | Layer | None) -> list[str]:
    """Return the names of the classes; of two, whose first is the no, that of the second."""
    name = str(type(metric).__name__).removeprefix("plots.")
    if metric.classes > 1 or class_names is None:
        return [short(word) for word in names_of(name, metric.classes, class_names)]
    return [short(names_of(name, 2, class_names)[1])]


def _heading(what: str, value: str, metric: Kept, found: dict[int, Curve]) -> str:
    """Return the title."""
    cure = "evaluate on more samples"
    expect(found, f"{type(metric).__name__} expected samples of yes and of no, got only one of them: {cure}")
    mean = float(np.mean([curve.value for curve in found.values()]))
    if metric.classes == 1:
        return f"{what}: {value} {mean:.3f}"
    missing = f"\n{metric.classes - len(found)} of {metric.classes} classes have no sample"
    several = f"{what}, each class against the rest:\nmean {value} {mean:.3f}"
    return several if len(found) == metric.classes else several + missing


def _lines(axes: "Axes", curves: dict[int, tuple[Numbers, Numbers, float]], words: list[str], **options: Any) -> None:
    """Draw the curve of each class, with its name and its metric."""
    colours = theme(axes)
    worst = sorted(curves, key=lambda k: curves[k][2])
    named = sorted(curves if len(curves) <= NAMED else worst[: NAMED // 2])
    others = worst[NAMED // 2 : LINES] if len(curves) > NAMED else []
    for i, k in enumerate(others):
        x, y = _thin(curves[k])
        every = len(curves) - len(named)
        several = f"{every} others" if every == len(others) else f"{len(others)} of {every} others"
        look: dict[str, Any] = {"color": colours.grey, "linewidth": 0.6, "alpha": 0.5, "clip_on": False, "zorder": 1.8}
        axes.plot(x, y, label=several if i == 0 else None, **look, **options)
    for i, k in enumerate(named):
        x, y = _thin(curves[k])
        label = f"{words[k]}, {curves[k][2]:.3f}" if len(curves) > 1 or words[k] != "0" else None
        axes.plot(x, y, label=label, linewidth=1.6, clip_on=False, **colours.line(i), **options)


def _thin(curve: tuple[Numbers, Numbers, float]) -> tuple[Numbers, Numbers]:
    """Return so many points of a curve as can be seen, with both ends."""
    x, y, _ = curve
    kept = np.unique(np.linspace(0, len(x) - 1, min(len(x), POINTS)).astype(np.intp))
    return x[kept], y[kept]


def _finish(figure: "Figure", axes: "Axes", xlabel: str, ylabel: str) -> "Figure":
    """Label a square of shares from 0 to 1."""
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.set_aspect("equal")
    label_axes(axes, xlabel, ylabel)
    legend_above(axes, theme(axes))
    return figure
