"""A summary is a table of a model's layers, the shapes of their outputs, and their numbers of parameters."""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np

from minnet.core.layer import Layer
from minnet.core.table import Text
from minnet.core.trees import call, mapped

TERMINAL = 79  # characters in a line


def summary(model: Layer, input_shape: Any) -> str:
    """Return a table of the model's layers, the shapes of their outputs, and their Parameters, as text.

    The last line also has the numbers in Buffers (running statistics), which are not learned. The bytes are those of
    both. It runs a copy of the model on zeros in eval mode, and does not change the model.

    Parameters
    ----------
    model
        Any layer.
    input_shape
        The shape of one sample, without the batch: 784, or (28, 28). Of a model with several inputs, a dict with the
        shape of each, or a list.

    Raises
    ------
    ValueError, TypeError
        As the layers raise them for an input of that shape.

    Examples
    --------
    >>> import minnet as mn
    >>> summary(mn.Sequential(mn.Linear(784, 10), mn.Softmax()), 784)
    layer                        output   parameters
    ------------------------------------------------
    Sequential()                 (N, 10)
      layers[0] Linear(784, 10)  (N, 10)       7,850
      layers[1] Softmax()        (N, 10)
    ------------------------------------------------
    7,850 parameters, 7,850 of them trainable; 31 kB of float32
    """
    probe, outputs = copy.deepcopy(model).eval(), dict[str, str]()
    for path, layer in probe.named_layers():
        _record(layer, path, outputs)
    if isinstance(input_shape, dict):
        form: Any = {name: _zeros(shape, probe) for name, shape in input_shape.items()}
    elif isinstance(input_shape, list) and any(map(np.ndim, input_shape)):
        form = tuple(_zeros(shape, probe) for shape in input_shape)
    else:
        form = _zeros(input_shape, probe)
    call(probe.forward, form)

    rows, counted = [("layer", "output", "parameters")], set[int]()
    for path, layer in model.named_layers():
        own = [p for name, p in layer.named_parameters() if "." not in name and id(p) not in counted]
        counted |= {id(p) for p in own}
        depth = path.count(".") + bool(path)
        label = "  " * depth + (path.rpartition(".")[2] + " " if path else "") + layer.describe()
        rows.append((label, outputs.get(path, "not run"), f"{sum(p.data.size for p in own):,}" if own else ""))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    room = TERMINAL - 4 - widths[1] - widths[2]
    if widths[0] > room:  # cut the end, because a layer's name and sizes come first
        widths[0] = room
        rows = [(a if len(a) <= room else a[: room - 3] + "...", b, c) for a, b, c in rows]
    lines = [f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:>{widths[2]}}".rstrip() for a, b, c in rows]
    rule = "-" * (sum(widths) + 4)  # ASCII, because some terminals show nothing else

    parameters = model.parameters()
    total = sum(p.data.size for p in parameters)
    trainable = sum(p.data.size for p in parameters if p.trainable)
    buffers = sum(b.data.size for _, b in model.named_buffers())
    size = sum(a.data.nbytes for _, a in model.named_arrays())
    foot = f"{total:,} parameters"
    if total:
        foot += f", {trainable:,} of them trainable"
    if buffers:
        foot += f"; {buffers:,} numbers in buffers"
    if size:
        foot += f"; {size / 1000:,.0f} kB of {model.dtype}"
    return Text("\n".join([lines[0], rule, *lines[1:], rule, foot]))


def _zeros(shape: int | Sequence[int], model: Layer) -> Any:
    return np.zeros((1, *np.atleast_1d(shape).tolist()), model.dtype or np.float32)


def _record(layer: Layer, path: str, outputs: dict[str, str]) -> None:
    """Make a layer write down the shape of each output under its path."""
    forward = layer.forward

    def recorded(*inputs: Any, **options: Any) -> Any:
        y = forward(*inputs, **options)
        outputs[path] = str(mapped(lambda array: ("N", *array.shape[1:]), y)).replace("'", "")
        return y

    layer.forward = recorded  # type: ignore[method-assign]
