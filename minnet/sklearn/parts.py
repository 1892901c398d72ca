"""The parts of an estimator: a model, a loss and an optimizer, made from names, classes, functions or ready layers."""

import copy
import inspect
from collections.abc import Iterable, Sequence
from types import ModuleType
from typing import Any, TypeVar

import numpy as np

from minnet import layers, losses, optimizers
from minnet.core.arrays import Array
from minnet.core.checks import check_int, named
from minnet.core.console import warn
from minnet.core.layer import Layer
from minnet.core.parameter import Parameter
from minnet.errors import TrainingWarning
from minnet.layers import Linear, LogSoftmax, Sequential, Sigmoid, Softmax
from minnet.losses import Loss, MultiLoss
from minnet.optimizers import Optimizer
from minnet.training.evaluation import EvaluationMode

T = TypeVar("T")

ACTIVATIONS = {"identity": "Identity", "logistic": "Sigmoid", "tanh": "Tanh", "relu": "ReLU"}  # scikit-learn's names
ENDS = {("probabilities", True): Softmax, ("log-probabilities", True): LogSoftmax, ("probabilities", False): Sigmoid}


def find(owner: str, name: str, value: object, room: ModuleType) -> Any:
    """Return the class of a room, such as `minnet.losses`, that has this name; anything but a name as it is."""
    if not isinstance(value, str):
        return value
    if value not in room.__all__:
        raise ValueError(
            f"{owner} expected {name} to be a class, a function that makes one, or a name in "
            f"mn.{room.__name__.partition('.')[2]}, got {value!r}: the names are {', '.join(sorted(room.__all__))}"
        )
    return getattr(room, value)


def made(owner: str, name: str, value: object, kind: type[T]) -> T:
    """Return a part that a class or a function made; TypeError if it is something else."""
    if not isinstance(value, kind):
        raise TypeError(f"{owner} expected {name} to make a {kind.__name__}, got {named(value)}")
    return value


def make_loss(owner: str, loss: object) -> Loss:
    """Return a loss: of a name, a class or a function, or a copy of a ready one."""
    loss = find(owner, "loss", loss, losses)
    if loss is MultiLoss or isinstance(loss, MultiLoss):
        raise ValueError(
            f"{owner} has one output, (N, K), and so one loss, got MultiLoss: a model with several outputs is for a "
            "Trainer; several labels or quantities a sample are the columns of y"
        )
    if isinstance(loss, Loss):
        return copy.deepcopy(loss)
    return made(owner, "loss", loss() if callable(loss) else loss, Loss)


def make_optimizer(owner: str, optimizer: object, parameters: list[Parameter], lr: float, decay: float) -> Optimizer:
    """Return an optimizer: of a name, or of a class or function that is called with the Parameters and ``lr=``.

    Its weights decay by `decay`, but not its biases; one that has a weight decay of its own keeps that.
    """
    optimizer = find(owner, "optimizer", optimizer, optimizers)
    if not callable(optimizer):
        raise TypeError(
            f"{owner} expected optimizer to be a name, a class, or a function (parameters, lr) -> Optimizer, got "
            f"{named(optimizer)}: the Parameters are made in fit; for options: functools.partial(mn.SGD, momentum=0.9)"
        )
    result = made(owner, "optimizer", optimizer(parameters, lr=lr), Optimizer)
    if decay and not result.weight_decay:
        result.weight_decay, result.decay_biases = decay, False
    return result


def make_model(
    owner: str, model: object, inputs: int, outputs: int, rng: np.random.Generator, seeded: bool = False
) -> Layer:
    """Return a model that a function made, or a copy of a ready one.

    The function is called with the numbers of inputs and outputs, and with ``rng=`` if it has an argument of that name.
    Warn of one without, if the user gave a seed and it makes other weights each time.
    """
    if isinstance(model, Layer):
        return copy.deepcopy(model)
    if not callable(model):
        raise TypeError(
            f"{owner} expected model to be a function (n_features, n_outputs) -> Layer, or a Layer, got "
            f"{named(model)}: for hidden layers of these sizes pass hidden_layer_sizes"
        )
    argument = inspect.signature(model).parameters.get("rng")
    if argument is not None and argument.default in (None, argument.empty):  # not bound by functools.partial
        return made(owner, "model", model(inputs, outputs, rng=rng), Layer)
    result = made(owner, "model", model(inputs, outputs), Layer)
    if seeded and not _are_equal(result, model(inputs, outputs)):
        warn(
            f"{owner} was given a random_state, but its model is a function without an argument rng, whose weights are "
            "other ones in each fit: write def model(n_features, n_outputs, rng), and pass rng=rng to its layers",
            TrainingWarning,
        )
    return result


def _are_equal(model: Layer, other: Layer) -> bool:
    """Whether two models have the same weights."""
    pairs = zip(model.named_arrays(), other.named_arrays(), strict=True)
    return all(np.array_equal(array.data, another.data) for (_, array), (_, another) in pairs)


def make_dense(
    owner: str,
    sizes: object,
    activation: object,
    inputs: int,
    outputs: int,
    loss: Loss | None,
    rng: np.random.Generator,
) -> list[Layer]:
    """Return Linear layers of these sizes with an activation between them, and the end that the loss takes."""
    widths = [sizes] if isinstance(sizes, int | np.integer) else sizes
    if not isinstance(widths, Iterable) or isinstance(widths, str):
        raise TypeError(f"{owner} expected hidden_layer_sizes to be a tuple of ints, got {sizes!r}")
    widths = [check_int(owner, "hidden_layer_sizes", width) for width in widths]
    if isinstance(activation, str):
        activation = find(owner, "activation", ACTIVATIONS.get(activation, activation), layers)
    if not callable(activation):
        raise TypeError(f"{owner} expected activation to be a name or a class, such as 'relu', got {named(activation)}")
    chain: list[Layer] = []
    for width in widths:
        chain += [Linear(inputs, width, rng=rng), made(owner, "activation", activation(), Layer)]
        inputs = width
    chain.append(Linear(inputs, outputs, rng=rng))
    if loss is not None and (end := ENDS.get((loss.takes or "", loss.classifies))):
        chain.append(end())
    return chain


def last_layer(model: Layer) -> Layer:
    """Return the layer that makes a model's output."""
    while isinstance(model, Sequential) and type(model).forward is Sequential.forward:
        model = model.layers[-1]
    return model


def outputs_of(owner: str, model: Layer, x: Array, allowed: Sequence[int], meaning: str) -> int:
    """Send one sample (1, F) through a model, and return how many numbers come out: one of those allowed."""
    try:
        with EvaluationMode(model), np.errstate(all="ignore"):
            shape = np.shape(model.forward(x))
    except Exception as error:
        error.add_note(
            f"when {owner} sent a sample of {x.shape[1]} features through its model: to have the sizes from X and y, "
            "pass a function, model=lambda n_features, n_outputs: mn.Sequential(...)"
        )
        raise
    if len(shape) != 2 or shape[1] not in allowed:
        raise ValueError(
            f"{owner} expected its model to map a sample (1, {x.shape[1]}) to (1, {allowed[0]}), because y has "
            f"{meaning}, got {shape}: pass a function, model=lambda n_features, n_outputs: mn.Sequential(...), or give "
            f"the model's last layer {allowed[0]} output{'s' * (allowed[0] > 1)}"
        )
    return int(shape[1])
