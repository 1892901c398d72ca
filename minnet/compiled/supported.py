"""What the compiled code supports is decided here; a ValueError names what it does not support, and the cure.

Compiled code calls no methods of layers, losses and optimizers. Thus their classes must be minnet's own, and a subclass
is refused; so is an object if one of its methods was replaced. (A method that was replaced on minnet's class is not
seen.)
"""

from collections.abc import Iterable
from typing import Any, NoReturn

import numpy as np

from minnet.callbacks import Callback
from minnet.callbacks.base import overrides
from minnet.core.arrays import FLOATS
from minnet.core.checks import named, replaced
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
ACTIVATIONS = (ReLU, Tanh, Sigmoid)
LAYERS = (Linear, Flatten, Softmax, *ACTIVATIONS)
LOSSES = (SoftmaxCrossEntropyLoss, CrossEntropyLoss, MSELoss)
OPTIMIZERS = (SGD, Adam, AdamW)
BYTES = np.dtype(np.uint8)
Chain = list[tuple[Linear, Layer | None]]  # a network's Linear layers, each with the activation after it


def reason(model: Layer, loss: Loss, optimizer: Optimizer, accumulate: int, loader: object, callbacks: Any) -> str:
    """Return why whole steps cannot be compiled; "" if they can."""
    try:
        check_parts(model, loss, optimizer, accumulate, 1)
        check_run(model, loss, optimizer, loader, callbacks)
    except ValueError as error:
        return str(error)
    return ""


def check_parts(model: Layer, loss: Loss, optimizer: Optimizer, accumulate: int, threads: int) -> None:
    """Check that compiled code supports the parts and options of a Trainer, and that its libraries are installed."""
    require("numba", "compiled")
    require("scipy", "compiled")  # which brings the BLAS that Numba calls
    if threads > 1:
        require("threadpoolctl", "threads")
    if accumulate > 1:
        _refuse(f"compiled=True needs accumulate=1, got {accumulate}")
    _check_model(model, loss, optimizer)


def check_run(model: Layer, loss: Loss, optimizer: Optimizer, loader: object, callbacks: Iterable[Callback]) -> None:
    """Check the model, loss and optimizer once more, because they may have changed; and the data and callbacks."""
    _check_model(model, loss, optimizer)
    if type(loader) is not DataLoader:
        _refuse(f"compiled=True needs batches from a DataLoader, got {_named(type(loader), DataLoader)}")
    if name := replaced(loader):
        _refuse(f"compiled=True does not call the {name} that was set on the DataLoader")
    for option in ("transform", "collate", "sample_weight"):
        if getattr(loader, option) is not None:
            _refuse(f"compiled=True needs a DataLoader without a {option}")
    for name, data in (("X", loader.X), ("y", loader.y)):
        if not isinstance(data, np.ndarray):
            _refuse(f"compiled=True needs {name} to be one array, got {named(data)}")
    check_data(model, loss, loader)
    for callback in callbacks:
        if overrides(callback, "on_gradients"):
            _refuse(f"{type(callback).__name__} changes gradients, which compiled=True does not support")


def check_data(model: Layer, loss: Loss, loader: DataLoader) -> None:
    """Check that compiled code can read a loader's arrays, because it would not notice the end of one."""
    X, y, (layers, _) = loader.X, loader.y, chain(model)
    for name, array in (("X", X), ("y", y)):
        if not array.flags.c_contiguous:
            _refuse(f"compiled=True needs {name} in C order", f"pass np.ascontiguousarray({name})")
    if X.dtype not in FLOATS and not (X.dtype == BYTES and loader.scale is not None):
        kinds = "float32, float64, or uint8 with a scale"
        _refuse(f"compiled=True needs X of {kinds}, got {X.dtype}", "pass X.astype(np.float32)")
    if isinstance(loss, LabelLoss):
        kind, fits = "labels (N,)", y.ndim == 1 and y.dtype.kind in "iu" and y.dtype.isnative
    else:
        kind = "float targets (N, O)"
        fits = y.ndim == 2 and y.dtype in FLOATS and y.shape[1] == layers[-1][0].weight.data.shape[1]
    flat = X.ndim == 2 or (isinstance(model, Sequential) and type(model.layers[0]) is Flatten)
    if not fits or not flat or X[0].size != layers[0][0].weight.data.shape[0] or len(X) != len(y):
        got = f"X {X.shape} of {X.dtype} and y {y.shape} of {y.dtype}"
        _refuse(f"compiled=True needs samples (N, I) and {kind}, got {got}")


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
        *(loader.transform, loader.scale),
        *layers,
        *((layer.weight, layer.bias) for layer in layers if isinstance(layer, Linear)),
        *((tuple(group["params"]), group.get("amsgrad")) for group in optimizer.param_groups),
        *(getattr(loss, name, None) for name in ("reduction", "label_smoothing", "ignore_index")),
        getattr(loss, "weight", None) is None,
    ]


def _check_model(model: Layer, loss: Loss, optimizer: Optimizer) -> None:
    layers, unsupported = chain(model)
    if unsupported:
        _refuse(f"compiled=True needs {NETWORKS}, if the loss is CrossEntropyLoss; got {unsupported}")
    if len(dtypes(layers)) > 1:
        _refuse("compiled=True needs Parameters of one dtype", "call model.astype(np.float32)")
    ends_with_softmax = isinstance(model, Sequential) and type(model.layers[-1]) is Softmax
    known = type(loss) in LOSSES and loss.reduction == "mean"
    if isinstance(loss, LabelLoss):
        known = known and loss.weight is None and loss.ignore_index is None and not loss.label_smoothing
    if not known or ends_with_softmax != isinstance(loss, CrossEntropyLoss):
        names, got = "MSELoss, or CrossEntropyLoss after Softmax", _named(type(loss), *LOSSES, name=loss.describe())
        _refuse(f"compiled=True needs SoftmaxCrossEntropyLoss, {names}, with its defaults; got {got}")
    if type(optimizer) not in OPTIMIZERS:
        _refuse(f"compiled=True needs SGD, Adam or AdamW, got {_named(type(optimizer), *OPTIMIZERS)}")
    for owner in (loss, optimizer):
        if name := replaced(owner):
            _refuse(f"compiled=True does not call the {name} that was set on the {type(owner).__name__}")
    if any(group.get("amsgrad") for group in optimizer.param_groups):
        _refuse("compiled=True does not support Adam with amsgrad=True")


def _is_plain(linear: Linear) -> bool:
    """Whether the Parameters are W (I, O) and b (O,), and of minnet's own class."""
    plain = all(type(parameter) is Parameter for parameter in linear.parameters())
    weight, bias = linear.weight.data, linear.bias
    return plain and weight.ndim == 2 and (bias is None or bias.data.shape == weight.shape[1:])


def _named(got: type, *known: type, name: str = "") -> str:
    """Name what was got; say so if its class is a subclass of one that is supported."""
    base = next((kind for kind in known if issubclass(got, kind) and got is not kind), None)
    return (name or got.__name__) + (f", a subclass of {base.__name__}" if base else "")


def _refuse(problem: str, cure: str = "") -> NoReturn:
    raise ValueError(f"{problem}: {cure + ', or ' if cure else ''}leave out compiled=True")
