"""A FastPath does training steps without the checks of layers and losses, once a step has shown what goes through."""

import copy
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from minnet.arrays import Array
from minnet.layer import Layer
from minnet.layers import Sequential
from minnet.losses import Loss
from minnet.losses.labels import LabelLoss
from minnet.optimizers import Optimizer
from minnet.unchecked import LOSSES, formulas

if TYPE_CHECKING:
    from minnet.trainer import Trainer

KINDS = 8  # of batches that are tried: if all are of different shapes, the trials would cost more than is won
LARGE = 1_000_000  # numbers in a model: from here on the checks cost nothing beside the arithmetic

PATCHED = ("forward", "backward", "accumulate_grad")  # methods that an object may have got beside its class's


class FastPath:
    """The steps of one `fit`: by `minnet.unchecked` where that is known to give the same, else by `Trainer.train_step`.

    It is known for a `Sequential` of layers, and for losses, that are listed there, and for a kind of batch (its shapes
    and dtypes) of which one was tried: copies of the model learn from it both ways, and loss, prediction and gradients
    must be the same to the last bit. Thus whoever changes a layer, or the five lines, sees what that does.

    Parameters
    ----------
    trainer
        Whose steps; its `train_step` is that of `Trainer`.
    """

    def __init__(self, trainer: "Trainer") -> None:
        self._trainer = trainer
        self._chain = Chain(trainer.model, trainer.loss) if _all_listed(trainer.model, trainer.loss) else None
        self._kinds: dict[Any, bool] = {}

    def learn(self, x: Array, y: NDArray[Any]) -> float:
        """Do a step and return its loss."""
        trainer, chain = self._trainer, self._chain
        if chain is None or not isinstance(y, np.ndarray) or not chain.still_of(trainer):
            return trainer.train_step(x, y)
        kind = (x.shape, x.dtype, y.shape, y.dtype)
        known = self._kinds.get(kind)
        if known is None and len(self._kinds) < KINDS:
            known = self._kinds[kind] = agree(trainer, x, y)
        return chain.step(trainer, x, y) if known else trainer.train_step(x, y)


class Chain:
    """What the five lines call, one function after the other."""

    def __init__(self, model: Any, loss: Any) -> None:
        self._model, self._layers, self._loss = model, model.layers, loss
        self._weight = model.parameters()[0]
        self._dtype = self._weight.data.dtype
        first = next(i for i, layer in enumerate(model.layers) if layer.parameters())
        known: Any = [(layer, formulas(layer)) for layer in model.layers]
        self._forward: list[Callable[[Array], Array]] = [partial(own.forward, layer) for layer, own in known]
        self._value: Callable[[Array, Any], tuple[float, Array]] = partial(LOSSES[type(loss)], loss)
        self._backward: list[Callable[[Array], Any]] = [
            partial(own.backward, layer) for layer, own in reversed(known[first + 1 :])
        ]
        layer, own = known[first]  # which need not say what its input's gradient is
        self._backward.append(partial(own.accumulate_grad, layer))

    def still_of(self, trainer: "Trainer") -> bool:
        """Whether a trainer's model and loss are those of the chain, and as they were: a callback may change them."""
        loss = self._loss
        return (
            self._model.layers is self._layers
            and trainer.model is self._model
            and trainer.loss is loss
            and self._weight.data.dtype == self._dtype
            and _is_plain(loss)
        )

    def step(self, trainer: "Trainer", x: Array, y: NDArray[Any]) -> float:
        """Do what `Trainer.train_step` does."""
        trainer.optimizer.zero_grad()
        for forward in self._forward:
            x = forward(x)
        trainer.prediction = x
        value, dy = self._value(x, y)
        for backward in self._backward:
            dy = backward(dy)
        trainer.update()
        return value


def agree(trainer: "Trainer", x: Array, y: NDArray[Any]) -> bool:
    """Whether two copies of a trainer's model learn the same from a batch, one by `train_step`, one by a `Chain`."""
    slow, fast = _twin(trainer), _twin(trainer)
    try:
        with np.errstate(all="ignore"):
            same = slow.train_step(x, y) == Chain(fast.model, fast.loss).step(fast, x, y)
    except Exception:  # train_step raises it once more, in the run
        return False
    pairs = [(slow.prediction, fast.prediction)]
    for p, q in zip(slow.model.parameters(), fast.model.parameters(), strict=True):
        pairs += [(p.read_grad(), q.read_grad()), (p.data, q.data)]  # forward changes running statistics
    return same and all(a.shape == b.shape and a.tobytes() == b.tobytes() for a, b in pairs)


def _twin(trainer: "Trainer") -> "Trainer":
    """Copy a trainer, its model and its loss; the copy updates nothing."""
    twin = copy.copy(trainer)
    twin.model, twin.loss = copy.deepcopy((trainer.model, trainer.loss))
    twin.optimizer = Optimizer(twin.model.parameters(), lr=1.0)  # for its zero_grad
    vars(twin)["update"] = lambda: None
    return twin


def _all_listed(model: Layer, loss: Loss) -> bool:
    """Whether all of a small model, and its loss, is in `minnet.unchecked`, and nothing patched."""
    if type(model) is not Sequential or type(loss) not in LOSSES or not _is_plain(loss):
        return False
    layers = model.layers
    if any(formulas(layer) is None for layer in layers):
        return False
    if not all(vars(part).keys().isdisjoint(PATCHED) for part in (model, loss, *layers)):
        return False
    return 0 < sum(parameter.data.size for parameter in model.parameters()) < LARGE


def _is_plain(loss: Any) -> bool:
    """Whether a loss has no options but the default ones."""
    if loss.reduction != "mean":
        return False
    return not isinstance(loss, LabelLoss) or (
        loss.weight is None and loss.ignore_index is None and not loss.label_smoothing
    )
