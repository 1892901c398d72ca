"""`explain` shows one step, forward and backward, on one small example."""

from typing import TYPE_CHECKING, Any

from minnet.core.layer import Layer

if TYPE_CHECKING:
    from minnet.explaining.explanation import Explanation


def explain(model: Layer, loss: Layer, x: Any, y: Any, why: str | None = None) -> "Explanation":
    """Run forward and backward once, and return all numbers of this step, layer by layer.

    Print what it returns, or let a notebook show it. Beside the gradients stand the slopes of L by finite differences:
    move one number a little to either side, and see how L changes.

    It works with copies, in float64, so the model, the loss, their gradients and their Generators stay as they are. The
    model behaves as in the mode that it is in: after ``model.eval()``, Dropout drops nothing.

    Parameters
    ----------
    model
        Any layer. Layers inside it are shown with their paths, such as ``layers[0]``.
    loss
        A loss, which makes one number L of the model's output and y.
    x
        A small batch, or one sample; as for a DataLoader, a tuple or a dict of arrays for a model with several inputs.
        uint8 is multiplied by the model's `input_scale`.
    y
        The targets; of one sample, a label.
    why
        One number: explain its gradient term by term. It is the path of a Parameter and an index, as in
        ``layers[0].weight[3, 5]``, or of the input, as in ``x[0, 3]``.

    Returns
    -------
    Explanation
        See `minnet.explaining.explanation.Explanation`.

    Raises
    ------
    TypeError, ValueError
        If an argument is something else; if there is no such number as `why` asks about; and as the layers raise them.

    Examples
    --------
    >>> import numpy as np
    >>> import minnet as mn
    >>> model = mn.Sequential(mn.Linear(2, 2, rng=0), mn.Softmax())
    >>> x = np.array([[1.0, 2.0]])
    >>> explanation = mn.explain(model, mn.CrossEntropyLoss(), x, [1], why="layers[0].weight[1, 0]")
    >>> explanation.why.formula
    'x[0, 1] · dy[0, 0]'
    """
    from minnet.explaining import explained  # only those who ask need it: its classes take time to import

    return explained.explained(model, loss, x, y, why)
