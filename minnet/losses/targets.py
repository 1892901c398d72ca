"""What targets must be: of the prediction's shape, or signs. The errors say what is probably wrong."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from minnet.core.arrays import Array
from minnet.core.labels import classes_at_axis_1


def check_one_shape(name: str, prediction: Array, target: NDArray[Any]) -> None:
    """Check that prediction and target have one shape: a ValueError of the loss with that name says what to do."""
    if prediction.shape == target.shape:
        return
    if prediction.ndim == 2 and target.shape == prediction.shape[::-1]:
        cure = "samples are along the first axis: y.T"
    elif prediction.size == target.size:
        cure = "reshape the target, as y.reshape" + str((-1, *prediction.shape[1:])).replace(",)", ")")
    elif target.shape == prediction.shape[:-1] and target.dtype.kind in "iu":
        cure = "class numbers? Use a loss for them: SoftmaxCrossEntropyLoss or CrossEntropyLoss"
    elif target.shape == (*prediction.shape[:1], *prediction.shape[2:]) and target.dtype.kind in "iu":
        at_axis_1 = classes_at_axis_1(prediction.shape)
        cure = f"class numbers? Use a loss for them, such as SoftmaxCrossEntropyLoss; {at_axis_1}"
    else:
        cure = "give the model's last layer as many outputs as a sample has targets"
    raise ValueError(
        f"{name} expected prediction and target of one shape, got {prediction.shape} and {target.shape}: {cure}"
    )


def check_signs(name: str, t: Array, cure: str) -> Array:
    """Return targets that are −1 or 1; a ValueError of the loss with that name, if one is not. `cure` is for others."""
    if not (np.abs(t) == 1).all():
        if ((t == 0) | (t == 1)).all():
            cure = "labels 0 and 1? pass 2 * y - 1"
        wrong = t[np.abs(t) != 1][0]
        raise ValueError(f"{name} expected labels that are -1 or 1, got {wrong:g}: {cure}")
    return t
