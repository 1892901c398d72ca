"""An Explanation holds one step, forward and backward: every array, its gradient, and slopes measured beside it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from minnet.explaining.experiment import agree
from minnet.explaining.text import text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Index = tuple[int, ...]


@dataclass(frozen=True)
class Quantity:
    """An array of numbers in a step: an input, an output, a Parameter or a target.

    Attributes
    ----------
    name : str
        What the formula or the layer calls it: ``x``, ``y``, ``weight``; one of several inputs or outputs is
        ``x["image"]`` or ``y[1]``.
    letters : tuple of str
        A letter for each axis, such as ``("N", "I")``; within a step, one letter is one size.
    values : array
        The numbers, in float64; integers and booleans as they are.
    gradient : array or None
        dL/d values, of the same shape; None where there is none, such as for integers.
    slopes : dict
        Index → the slope of L at this entry by finite differences: at all entries of a small array, at those with the
        largest gradients of a large one. Empty where none were measured.
    corners : tuple
        Those of these entries where L has a corner, so that there is no slope, but one on either side. Finite
        differences are then the mean of the two, and backward uses one of them, or a number between.
    """

    name: str
    letters: tuple[str, ...]
    values: NDArray[Any]
    gradient: NDArray[Any] | None
    slopes: dict[Index, float]
    corners: tuple[Index, ...] = ()

    @property
    def differing(self) -> list[Index]:
        """The entries, without corners, whose slope is another one than the gradient says."""
        if self.gradient is None:
            return []
        claimed = self.gradient
        rounding = 1e-6 * float(np.abs(claimed[np.isfinite(claimed)]).max(initial=0.0))
        smooth = {at: slope for at, slope in self.slopes.items() if at not in self.corners}
        return [at for at, slope in smooth.items() if not agree(claimed[at], slope, rounding)]


@dataclass(frozen=True)
class Step:
    """What one layer does: forward from `inputs` to `outputs`, and backward from their gradients to those of `inputs`.

    The gradient that arrives, dy, is that of the outputs, and the one that leaves, dx, that of the inputs.

    Attributes
    ----------
    path : str
        Where the layer is, such as ``layers[0]``; "" for the model itself, if that is one layer, and ``loss`` for the
        loss.
    depth : int
        How many layers it is inside.
    description : str
        Such as ``Linear(784, 10)``.
    formula : str
        The first line of its docstring, such as ``y = x @ W + b``; "" if it has none.
    inputs, outputs, parameters : tuple of Quantity
        The arrays. Buffers stand among the Parameters, without a gradient. Of a loss, the inputs are the prediction and
        the target, and the output is L.
    notes : tuple of str
        Sentences about what is special here, such as where gradients add up.
    inside : bool
        Whether there are steps of layers inside this one; they follow it in `Explanation.steps`.
    """

    path: str
    depth: int
    description: str
    formula: str
    inputs: tuple[Quantity, ...]
    outputs: tuple[Quantity, ...]
    parameters: tuple[Quantity, ...]
    notes: tuple[str, ...]
    inside: bool

    @property
    def tex(self) -> str:
        """The formula in TeX, without dollar signs, and without the remark behind it."""
        from minnet.explaining.tex import tex

        return tex(self.formula)


@dataclass(frozen=True)
class Term:
    """One way in which L depends on the entry: by one number y_j of the layer's output.

    Attributes
    ----------
    layer : str
        The path of the layer whose output it is.
    output : str
        The number of the output, such as ``y[0, 5]``.
    dy : float
        dL/dy_j, which arrives at the layer.
    local : float
        ∂y_j/∂(the entry), which the layer's backward says.
    local_name : str
        What this is, such as ``x[0, 3]``; "" if it is no number that has a name.
    """

    layer: str
    output: str
    dy: float
    local: float
    local_name: str

    @property
    def value(self) -> float:
        """The term: dy · local."""
        return self.dy * self.local


@dataclass(frozen=True)
class Why:
    """How the gradient of one number comes about.

    Attributes
    ----------
    entry : str
        Which number, such as ``layers[0].weight[3, 5]``.
    value, gradient : float
        The number, and dL/d(it).
    formula : str
        The sum in general, such as ``Σ_n x[n, 3] · dy[n, 5]``; "" if the terms have no such form.
    terms : tuple of Term
        Those that are not 0, the largest first; if all are 0, some of these.
    total : float
        The sum of the terms, which is the gradient.
    slope : float
        The slope of L at this number, by finite differences.
    """

    entry: str
    value: float
    gradient: float
    formula: str
    terms: tuple[Term, ...]
    total: float
    slope: float


@dataclass(frozen=True)
class Explanation:
    """One step on one small example: what `minnet.explain` returns. Print it, or let a notebook show it.

    Attributes
    ----------
    model : str
        What the model is, such as ``Sequential(...)``, in one line.
    training : bool
        Whether the model behaves as in training, or as in eval mode.
    samples : int or None
        N, the number of samples; None if the arrays have no axis of samples.
    inputs : tuple of Quantity
        What the model is given.
    steps : tuple of Step
        The layers, in the order of forward; a container stands before the layers inside it.
    loss : Step
        The loss.
    value : float
        L.
    why : Why or None
        The entry that was asked about.
    """

    model: str
    training: bool
    samples: int | None
    inputs: tuple[Quantity, ...]
    steps: tuple[Step, ...]
    loss: Step
    value: float
    why: Why | None

    def __str__(self) -> str:
        return text(self)

    def __repr__(self) -> str:
        return text(self)

    def _repr_html_(self) -> str:
        from minnet.explaining.html import html

        return html(self)

    def plot(self, *, title: str | None = None) -> "Figure":
        """Draw the step: forward down the left, the gradients back up on the right, the layers between them.

        Arrays are coloured: orange is positive, blue is negative, and the largest number of an array has the strongest
        colour. Numbers stand in the cells where they fit; rows of pixels are drawn as pictures. Of more than nine
        layers, the first and the last are drawn.

        Parameters
        ----------
        title
            In place of the names of model and loss.

        Returns
        -------
        matplotlib.figure.Figure
            A notebook shows it if it is the last value of a cell; a script calls ``figure.savefig(path)``.

        Raises
        ------
        MissingExtraError
            Without matplotlib, the extra "plots".
        """
        from minnet.explaining.picture import picture

        return picture(self, title)
