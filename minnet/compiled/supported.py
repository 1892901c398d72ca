"""What the compiled code knows is decided here, part by part; what it does not is named, with the way out."""

import os
from collections.abc import Iterable
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np

from minnet.callbacks import Callback
from minnet.core.arrays import FLOATS
from minnet.core.extras import require
from minnet.core.layer import Layer
from minnet.core.parameter import Parameter
from minnet.data.loader import DataLoader
from minnet.layers import Flatten, Linear, ReLU, Sequential, Sigmoid, Softmax, Tanh
from minnet.losses import CrossEntropyLoss, Loss, MSELoss, SoftmaxCrossEntropyLoss
from minnet.losses.labels import LabelLoss
from minnet.optimizers import SGD, Adam, AdamW, Optimizer

NETWORKS = (
    "a Sequential of Linear layers, each with ReLU, Tanh, Sigmoid or nothing after it; Flatten may come before them, "
    "and Softmax after them"
)
LOSSES = (SoftmaxCrossEntropyLoss, CrossEntropyLoss, MSELoss)
HOME = str(Path(__file__).parents[1]) + os.sep
BYTES = np.dtype(np.uint8)
Chain = list[tuple[Linear, Layer | None]]  # a network's Linear layers, each with the activation after it


def check_parts(model: Layer, loss: Loss, optimizer: Optimizer, accumulate: int, threads: int) -> None:
    """Check that the compiled code knows a model, loss, optimizer and the options.

    Raises
    ------
    ValueError
        If it does not.
    MissingExtraError
        If Numba, or SciPy with the BLAS that Numba calls, is not installed.
    """
    require("numba", "compiled")
    require("scipy", "compiled")
    if threads > 1:
        require("threadpoolctl", "threads")
    _refuse("goes with accumulate=1" if accumulate > 1 else why_not(model, loss, optimizer))


def check_run(model: Layer, loss: Loss, optimizer: Optimizer, loader: object, callbacks: Iterable[Callback]) -> None:
    """Check the parts once more, because they may have changed, and the data and callbacks.

    Raises
    ------
    ValueError
        If not.
    """
    _refuse(why_not(model, loss, optimizer))
    if not isinstance(loader, DataLoader) or not as_made(loader):
        _refuse(f"takes batches from a DataLoader, not from {type(loader).__name__}")
    elif loader.transform is not None:
        _refuse("takes a DataLoader without a transform")
    else:
        _refuse(why_not_data(model, loss, loader))
    for callback in callbacks:
        if type(callback).on_gradients is not Callback.on_gradients:
            _refuse(f"has no gradients for callbacks to change, as {type(callback).__name__} does")


def chain(model: Layer) -> Chain:
    """Return a model's chain; an empty list, if it is not made of what the compiled code knows."""
    return read_chain(model)[0]


def read_chain(model: Layer) -> tuple[Chain, str]:
    """Return a model's chain; or none, and what is out of place."""
    if type(model) is not Sequential or not as_made(model):
        return [], f"{type(model).__name__}, of another class or with a method of its own"
    parameters = [parameter for layer in model.layers for parameter in layer.parameters()]  # shared ones several times
    if len({id(parameter.data) for parameter in parameters}) < len(parameters):
        return [], "a Parameter that is shared"
    layers = list(enumerate(model.layers))
    for i, layer in layers:
        if not as_made(layer):
            return [], f"layers[{i}], {layer.describe()}, with a method of its own"
    if layers and type(layers[0][1]) is Flatten:
        del layers[0]
    if layers and type(layers[-1][1]) is Softmax:
        del layers[-1]
    found: Chain = []
    for i, layer in layers:
        if type(layer) is Linear and _is_plain(layer):
            features = found[-1][0].weight.data.shape[1] if found else layer.weight.data.shape[0]
            if layer.weight.data.shape[0] != features:
                return [], f"layers[{i}], {layer.describe()}, which is given {features} features"
            found.append((layer, None))
        elif type(layer) in (ReLU, Tanh, Sigmoid) and found and found[-1][1] is None:
            found[-1] = found[-1][0], layer
        else:
            return [], f"layers[{i}], {layer.describe()}"
    return found, "" if found else "no Linear"


def dtypes(layers: Chain) -> set[np.dtype[Any]]:
    """Return which dtypes the Parameters of a chain have."""
    return {parameter.data.dtype for linear, _ in layers for parameter in linear.parameters()}


def _is_plain(linear: Linear) -> bool:
    """Whether the Parameters are W (I, O) and b (O,), and of minnet's own class."""
    plain = all(type(parameter) is Parameter for parameter in linear.parameters())
    weight, bias = linear.weight.data, linear.bias
    return plain and weight.ndim == 2 and (bias is None or bias.data.shape == weight.shape[1:])


def why_not(model: Layer, loss: Loss, optimizer: Optimizer) -> str:
    """Say why steps cannot be compiled; nothing, if they can."""
    layers, out_of_place = read_chain(model)
    if out_of_place:
        return f"takes {NETWORKS}, if the loss is CrossEntropyLoss. Here is {out_of_place}"
    if len(dtypes(layers)) > 1:
        return "takes Parameters of one dtype"
    ends_with_softmax = isinstance(model, Sequential) and type(model.layers[-1]) is Softmax
    known = type(loss) in LOSSES and as_made(loss) and loss.reduction == "mean"
    if isinstance(loss, LabelLoss):
        known = known and loss.weight is None and loss.ignore_index is None and not loss.label_smoothing
    if not known or ends_with_softmax != isinstance(loss, CrossEntropyLoss):
        names = "SoftmaxCrossEntropyLoss, MSELoss, and CrossEntropyLoss after Softmax"
        return f"takes {names}, with their defaults. This is {loss.describe()}"
    if type(optimizer) not in (SGD, Adam, AdamW) or not as_made(optimizer):
        return f"takes SGD, Adam and AdamW. This is {type(optimizer).__name__}"
    if any(group.get("amsgrad") for group in optimizer.param_groups):
        return "takes Adam without amsgrad"
    if not {id(parameter) for parameter in optimizer.parameters} <= {id(parameter) for parameter in model.parameters()}:
        return "takes an optimizer of the model's Parameters, and of no others"
    return ""


def why_not_data(model: Layer, loss: Loss, loader: DataLoader) -> str:
    """Say why the compiled code cannot read a loader's data; nothing, if it can."""
    X, y, layers = loader.X, loader.y, chain(model)
    for name, array in (("X", X), ("y", y)):
        if not array.flags.c_contiguous:
            return f"takes {name} in C order: pass np.ascontiguousarray({name})"
    if X.dtype not in FLOATS and not (X.dtype == BYTES and loader.scale is not None):
        return f"takes X of float32, float64, or uint8 with a scale, not {X.dtype}: pass X.astype(np.float32)"
    if isinstance(loss, LabelLoss):
        fits = y.ndim == 1 and y.dtype.kind in "iu" and y.dtype.isnative
    else:
        fits = y.ndim == 2 and y.dtype in FLOATS and y.shape[1] == layers[-1][0].weight.data.shape[1]
    flat = X.ndim == 2 or (isinstance(model, Sequential) and type(model.layers[0]) is Flatten)
    if not fits or not flat or X[0].size != layers[0][0].weight.data.shape[0] or len(X) != len(y):
        kind = "labels (N,)" if isinstance(loss, LabelLoss) else "float targets (N, O)"
        return f"takes samples (N, I) and {kind}, got X {X.shape} of {X.dtype} and y {y.shape} of {y.dtype}"
    return ""


def parts(model: Layer, loss: Loss, optimizer: Optimizer, loader: DataLoader) -> list[Any]:
    """List what has been looked at here and may be replaced later, be it by a callback."""
    layers = model.layers if isinstance(model, Sequential) else ()
    named = ("reduction", "label_smoothing", "ignore_index")
    return [
        *(loader.transform, loader.scale),
        *layers,
        *((layer.weight, layer.bias) for layer in layers if isinstance(layer, Linear)),
        *((tuple(group["params"]), group.get("amsgrad")) for group in optimizer.param_groups),
        *(getattr(loss, name, None) for name in named),
        getattr(loss, "weight", None) is None,
    ]


def _refuse(reason: str) -> None:
    if reason:
        raise ValueError(f"compiled=True {reason}{', or' if ': pass ' in reason else ':'} leave out compiled=True")


def as_made(part: object) -> bool:
    """Whether an object, and its classes, have the methods that stand in minnet's files, and no others."""
    kinds = type(part).__mro__[:-1]
    names = {kind.__name__ for kind in kinds}
    for name, found in [pair for kind in kinds for pair in vars(kind).items()]:
        method = found.__func__ if isinstance(found, staticmethod | classmethod) else found
        if isinstance(method, FunctionType):
            owner, _, own_name = method.__qualname__.partition(".")
            if own_name != name or owner not in names or not method.__code__.co_filename.startswith(HOME):
                return False
        elif callable(method) and not isinstance(method, type):
            return False
    return not any(isinstance(getattr(type(part), name, None), FunctionType) for name in vars(part))
