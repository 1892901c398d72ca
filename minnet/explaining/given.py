"""What a user gives to `explain`: a model, a loss and a small example, checked and made ready."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from minnet.core.arrays import cast, scaled
from minnet.core.checks import named
from minnet.core.layer import Layer
from minnet.core.trees import as_tree, first, leaves, mapped
from minnet.losses import Loss

OWNER = "explain"
FLOAT = np.dtype(np.float64)


def check_parts(model: object, loss: object) -> None:
    """Raise TypeError unless there are a model and a loss, which has one number L."""
    for name, part, kind, example in (
        ("model", model, Layer, "mn.Sequential(mn.Linear(784, 10), mn.Softmax())"),
        ("loss", loss, Loss, "mn.CrossEntropyLoss()"),
    ):
        if isinstance(part, type) and issubclass(part, kind):
            raise TypeError(f"explain expected a {name}, got the class {part.__name__}: write {part.__name__}(...)")
        if not isinstance(part, kind):
            cure = f"pass explain(model, loss, x, y), with a {name} such as {example}"
            raise TypeError(f"explain expected a {name}, got {named(part)}: {cure}")
    if isinstance(model, Loss):
        raise TypeError(f"explain expected a model, got the loss {model.describe()}: pass explain(model, loss, x, y)")
    if getattr(loss, "reduction", "mean") == "none":
        raise ValueError(
            f"explain needs one number L, and {type(loss).__name__} with reduction='none' returns a loss for each "
            "sample: use reduction='mean' or 'sum'"
        )


def examples(model: Layer, x: Any, y: Any) -> list[tuple[Any, Any]]:
    """Return what may be meant by x and y, as arrays: one sample with a single number y may lack the axis of samples.

    Floats become float64, and uint8 what the model's `input_scale` says.
    """

    def read(owner: str, name: str, data: Any) -> NDArray[Any]:
        array = np.asarray(data)
        if array.dtype.kind not in "fiub":
            raise TypeError(f"{owner} expected {name} to hold numbers, got {array.dtype}")
        return array

    x = as_tree(OWNER, "x", x, read)
    y = as_tree(OWNER, "y", y, read)
    for name, tree in (("x", x), ("y", y)):
        if any(array.size == 0 for array in leaves(tree)):
            raise ValueError(f"explain needs at least one sample, and {name} is empty")
    x = mapped(lambda array: np.array(cast(scaled(array, model.input_scale), FLOAT)), x)
    y = mapped(lambda array: np.array(cast(array, FLOAT)), y)
    sample = mapped(lambda array: array[None], x)
    if any(array.ndim for array in leaves(y)):
        return [(x, y), (sample, y)] if all(array.shape[:1] == (1,) for array in leaves(y)) else [(x, y)]
    if any(array.ndim == 0 for array in leaves(x)):
        raise ValueError("explain got a single number as x: pass an array of the features of a sample, such as x[0]")
    one = mapped(lambda array: array[None], y)
    return [(sample, one), (x, one)]


def samples_of(x: Any, y: Any) -> int | None:
    """Return the number of samples; None if x is one sample without an axis of samples."""
    one, other = first(x), first(y)
    has_axis = one.ndim > 0 and other.ndim > 0 and len(one) == len(other) and (one.ndim > 1 or one.dtype.kind != "f")
    return len(one) if has_axis else None
