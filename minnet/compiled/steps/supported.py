"""Which networks and runs have whole compiled steps is decided here; others have twins: see `minnet.compiled.twins`.

Whole steps call no methods of layers, losses and optimizers. Thus their classes must be minnet's own, and none of an
object's methods may have been replaced. (A method that was replaced on minnet's class is not seen.)
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from minnet.callbacks import Callback
from minnet.callbacks.base import overrides
from minnet.core.arrays import FLOATS
from minnet.core.checks import replaced
from minnet.core.layer import Layer
from minnet.core.parameter import Parameter
from minnet.data.loader import DataLoader
from minnet.layers import Flatten, Linear, ReLU, Sequential, Sigmoid, Softmax, Tanh
from minnet.losses import CrossEntropyLoss, Loss, MSELoss, SoftmaxCrossEntropyLoss
from minnet.losses.labels import LabelLoss
from minnet.optimizers import SGD, Adam, AdamW, Optimizer

ACTIVATIONS = (ReLU, Tanh, Sigmoid)
LAYERS = (Linear, Flatten, Softmax, *ACTIVATIONS)
LOSSES = (SoftmaxCrossEntropyLoss, CrossEntropyLoss, MSELoss)
OPTIMIZERS = (SGD, Adam, AdamW)
BYTES = np.dtype(np.uint8)
Chain = list[tuple[Linear, Layer | None]]  # a network's Linear layers, each with the activation after it


def reason(
    model: Layer, loss: Loss, optimizer: Optimizer, accumulate: int, loader: object, callbacks: Iterable[Callback]
) -> str:
    """Return why whole steps cannot be compiled; "" if they can."""
    layers, problem = chain(model)
    return (
        problem
        or ("Parameters of several dtypes" if len(dtypes(layers)) > 1 else "")
        or ("accumulate" if accumulate > 1 else "")
        or _of_loss(model, loss)
        or _of_optimizer(optimizer)
        or _of_loader(loader)
        or (data_problem(model, loss, loader) if isinstance(loader, DataLoader) else "")
        or next((f"{type(c).__name__} changes gradients" for c in callbacks if overrides(c, "on_gradients")), "")
    )


def _of_loss(model: Layer, loss: Loss) -> str:
    ends_with_softmax = isinstance(model, Sequential) and type(model.layers[-1]) is Softmax
    known = type(loss) in LOSSES and loss.reduction == "mean" and not replaced(loss)
    if isinstance(loss, LabelLoss):
        known = known and loss.weight is None and loss.ignore_index is None and not loss.label_smoothing
    return "" if known and ends_with_softmax == isinstance(loss, CrossEntropyLoss) else loss.describe()


def _of_optimizer(optimizer: Optimizer) -> str:
    amsgrad = any(group.get("amsgrad") for group in optimizer.param_groups)
    known = type(optimizer) in OPTIMIZERS and not replaced(optimizer) and not amsgrad
    return "" if known else type(optimizer).__name__


def _of_loader(loader: object) -> str:
    if type(loader) is not DataLoader or replaced(loader):
        return type(loader).__name__
    options = ("transform", "collate", "sample_weight")
    return next((f"a DataLoader's {option}" for option in options if getattr(loader, option) is not None), "")


def data_problem(model: Layer, loss: Loss, loader: DataLoader) -> str:
    """Return why compiled code cannot read a loader's arrays; "" if it can. It would not notice the end of one."""
    X, y, (layers, _) = loader.X, loader.y, chain(model)
    for name, array in (("X", X), ("y", y)):
        if not (isinstance(array, np.ndarray) and array.flags.c_contiguous):
            return f"{name} that is not one array in C order"
    numbers = X.dtype in FLOATS or (X.dtype == BYTES and loader.scale is not None)
    if isinstance(loss, LabelLoss):
        fits = y.ndim == 1 and y.dtype.kind in "iu" and y.dtype.isnative
    else:
        fits = y.ndim == 2 and y.dtype in FLOATS and y.shape[1] == layers[-1][0].weight.data.shape[1]
    flat = X.ndim == 2 or (isinstance(model, Sequential) and type(model.layers[0]) is Flatten)
    wide = flat and len(X) == len(y) and X[0].size == layers[0][0].weight.data.shape[0]
    return "" if numbers and fits and wide else f"X {X.shape} of {X.dtype} and y {y.shape} of {y.dtype}"


def chain(model: Layer) -> tuple[Chain, str]:
    """Return a model's chain and ""; or an empty list and what is not supported."""
    if type(model) is not Sequential:
        return [], _named(type(model), Sequential)
    parameters = [parameter for layer in model.layers for parameter in layer.parameters()]  # shared ones several times
    if len({id(parameter.data) for parameter in parameters}) < len(parameters):
        return [], "a Parameter that layers share"
    found: Chain = []
    for i, layer in enumerate(model.layers):
        if type(layer) in LAYERS and (name := replaced(layer)):
            return [], f"layers{model.layers.index_of(i)}, {layer.describe()}, whose {name} was replaced"
        if (i == 0 and type(layer) is Flatten) or (i == len(model.layers) - 1 and type(layer) is Softmax):
            continue
        if type(layer) is Linear and _is_plain(layer):
            features = found[-1][0].weight.data.shape[1] if found else layer.weight.data.shape[0]
            if layer.weight.data.shape[0] != features:
                return [], f"layers{model.layers.index_of(i)}, {layer.describe()}, which is given {features} features"
            found.append((layer, None))
        elif type(layer) in ACTIVATIONS and found and found[-1][1] is None:
            found[-1] = found[-1][0], layer
        else:
            got = _named(type(layer), *LAYERS, name=layer.describe())
            return [], f"layers[{i}], {got}"
    return found, "" if found else "no Linear"


def dtypes(layers: Chain) -> set[np.dtype[Any]]:
    """Return which dtypes the Parameters of a chain have."""
    return {parameter.data.dtype for linear, _ in layers for parameter in linear.parameters()}


def replaceable(model: Layer, loss: Loss, optimizer: Optimizer, loader: DataLoader) -> list[Any]:
    """List what was checked here and may be replaced during a run, such as by a callback."""
    layers = model.layers if isinstance(model, Sequential) else ()
    return [
        *(loader.transform, loader.collate, loader.sample_weight is None, loader.scale),
        *(replaced(owner) for owner in (loss, optimizer, loader)),
        *layers,
        *((layer.weight, layer.bias) for layer in layers if isinstance(layer, Linear)),
        *((tuple(group["params"]), group.get("amsgrad")) for group in optimizer.param_groups),
        *(getattr(loss, name, None) for name in ("reduction", "label_smoothing", "ignore_index")),
        getattr(loss, "weight", None) is None,
    ]


def _is_plain(linear: Linear) -> bool:
    """Whether the Parameters are W (I, O) and b (O,), and of minnet's own class."""
    plain = all(type(parameter) is Parameter for parameter in linear.parameters())
    weight, bias = linear.weight.data, linear.bias
    return plain and weight.ndim == 2 and (bias is None or bias.data.shape == weight.shape[1:])


def _named(got: type, *known: type, name: str = "") -> str:
    """Name what was got; say so if its class is a subclass of one that is supported."""
    base = next((kind for kind in known if issubclass(got, kind) and got is not kind), None)
    return (name or got.__name__) + (f", a subclass of {base.__name__}" if base else "")
