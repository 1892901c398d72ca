"""A reliability diagram shows whether a model's probabilities mean what they say."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minnet.core.arrays import Array
from minnet.core.checks import check_choice, check_int
from minnet.core.layer import Layer
from minnet.metrics.predictions import TAKES
from minnet.plots.answers import probabilities
from minnet.plots.figure import SMALL, label_axes, legend_above, names_of, panel, short, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Numbers = NDArray[np.float64]


class Reliability(NamedTuple):
    """The samples by their predicted probability, in bins of one width; bins without a sample are left out."""

    places: NDArray[np.intp]  # which bins
    predicted: Numbers  # the mean predicted probability of a bin
    happened: Numbers  # in which share of its samples it is right
    counts: NDArray[np.intp]

    @classmethod
    def of(cls, p: Array, right: NDArray[np.bool_], bins: int) -> "Reliability":
        """Sort probabilities (N,), and whether they came true, into bins."""
        # As in scikit-learn, a probability on the edge of two bins is in the lower one.
        place = np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], p)
        counts = np.bincount(place, minlength=bins)
        found = np.flatnonzero(counts)
        sums = (np.bincount(place, weights=weights, minlength=bins)[found] for weights in (p, right))
        predicted, happened = (total / counts[found] for total in sums)
        return cls(found, predicted, happened, counts[found])

    @property
    def error(self) -> float:
        """The expected calibration error: the mean over samples of how far their bin is off."""
        return float(np.average(np.abs(self.predicted - self.happened), weights=self.counts))


def calibration(
    prediction: ArrayLike,
    target: ArrayLike,
    *,
    bins: int = 10,
    takes: str | None = None,
    class_names: Sequence[object] | Layer | None = None,
    ax: "Axes | None" = None,
    title: str | None = None,
) -> "Figure":
    """Draw a calibration curve: how often predictions come true, over their predicted probability, in bins.

    For yes-or-no answers and for two classes it is the probability of the yes, class 1. For more classes, it is that
    of the class that is predicted. The title has the expected calibration error, Σ_b n_b/N |predicted_b − happened_b|.

    C. Guo et al., "On calibration of modern neural networks", ICML 2017.

    Parameters
    ----------
    prediction
        Probabilities (N, C); or of a yes (N,), or (N, 1).
    target
        The labels (N,), 0 … C − 1; of yes-or-no answers, 1 and 0.
    bins
        Into how many bins of one width the probabilities are sorted.
    takes
        What the prediction is: ``"probabilities"`` (also if it is None), ``"scores"``, of which the softmax is taken
        (the sigmoid of a yes), or ``"log-probabilities"``.
    class_names
        A name for each class, or the model that has them.
    ax, title
        See `minnet.plots`.

    Raises
    ------
    ValueError, TypeError, NonFiniteError
        If these are something else.

    Examples
    --------
    >>> calibration([0.2, 0.2, 0.9, 0.9], [0, 0, 1, 1]).get_suptitle()
    'Calibration: off by 15.0 % on average'
    """
    check_choice("plots.calibration", "takes", takes, TAKES)
    check_int("plots.calibration", "bins", bins, 1, "it is the number of bins")
    p, labels = probabilities("plots.calibration", prediction, target, takes)
    words = names_of("calibration", p.shape[1], class_names)
    binary = p.shape[1] == 2
    said, right = (p[:, 1], labels == 1) if binary else (p.max(axis=1), p.argmax(axis=1) == labels)
    found = Reliability.of(np.clip(said, 0, 1), right, bins)
    yes = "yes" if class_names is None else short(words[1])
    heading = titled(title, f"Calibration: off by {100 * found.error:.1f} % on average")
    figure, axes, colours = panel("calibration", ax, heading, (5.6, 5.0))
    behind = axes.twinx()
    middles = (found.places + 0.5) / bins
    behind.bar(middles, found.counts, width=0.9 / bins, color=colours.faint, label="samples")
    behind.set_ylim(0, 4 * found.counts.max())  # in the lower quarter
    behind.set_yticks([0, int(found.counts.max())])
    behind.tick_params(axis="y", labelsize=SMALL, length=0)
    behind.set_ylabel("samples", fontsize=SMALL, loc="bottom")
    behind.spines[["top", "right"]].set_visible(False)
    axes.set_zorder(behind.get_zorder() + 1)
    axes.patch.set_visible(False)
    axes.plot([0, 1], [0, 1], color=colours.grey, linestyle=":", linewidth=1, label="perfectly calibrated")
    look: dict[str, Any] = {"marker": "o", "markersize": 5, "linewidth": 1.6, "clip_on": False}
    axes.plot(found.predicted, found.happened, label="this model", **look, **colours.line(0))
    axes.set(xlim=(0, 1), ylim=(0, 1))
    of = yes if binary else "the predicted class"
    label_axes(axes, f"predicted probability of {of}", f"share that is {yes}" if binary else "accuracy")
    legend_above(axes, colours)
    return figure
