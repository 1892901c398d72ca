"""A FastPath does training steps without the checks of layers and losses, once a step has shown what goes through."""

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import FunctionType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from minnet.callbacks import Callback
from minnet.core.arrays import Array
from minnet.data.loader import DataLoader, all_transforms
from minnet.layers import Flatten, Sequential, Softmax
from minnet.losses import CrossEntropyLoss
from minnet.losses.labels import LabelLoss
from minnet.training.unchecked import LOSSES, formulas, is_up_to_date

if TYPE_CHECKING:
    from minnet.training.trainer import Trainer

KINDS = 64  # of batches that are remembered
LARGE = 1_000_000  # numbers in a model: from here on the checks cost nothing beside the arithmetic
HOME = str(Path(__file__).parents[1]) + os.sep


class FastPath:
    """The steps of one `fit`: by `minnet.training.unchecked` where that gives the same, to the last bit; else by `train_step`.

    The first batch of each kind, its shapes and dtypes, goes by `Trainer.train_step`, where all questions are asked.
    The next ones take the fast path if

    - the model is a small `Sequential` of layers, and the loss is one, that are listed in `minnet.training.unchecked`,
    - every class and object is as minnet made it: none is a subclass, none has got another method, and the files that
      the formulas were written from are as they were; so whoever changes a layer sees what that does,
    - no code of others runs between the steps: callbacks, loader, transform and optimizer are minnet's own. (Metrics
      and schedules, which are given numbers only, may be anyone's.)

    Parameters
    ----------
    trainer
        Whose steps.
    loader, callbacks
        As for `Trainer.fit`.
    """

    def __init__(self, trainer: "Trainer", loader: object, callbacks: Sequence[Callback]) -> None:
        self._trainer = trainer
        self._possible = _alone(trainer, loader, callbacks)
        self._chain: Chain | None = None
        self._kinds: set[Any] = set()

    def learn(self, x: Array, y: NDArray[Any]) -> float:
        """Do a step and return its loss."""
        if not self._possible or not isinstance(y, np.ndarray):
            return self._trainer.learn(x, y)
        kind = (x.shape, x.dtype, y.shape, y.dtype)
        if kind in self._kinds and self._chain is not None:
            return self._chain.step(self._trainer, x, y)
        value = self._trainer.learn(x, y)
        if self._chain is None:
            self._possible = _is_known(self._trainer)
            self._chain = Chain(self._trainer) if self._possible else None
        if self._chain is not None and self._chain.takes(x) and len(self._kinds) < KINDS:
            self._kinds.add(kind)
        return value


class Chain:
    """What the five lines call, one function after the other."""

    def __init__(self, trainer: "Trainer") -> None:
        model: Any = trainer.model
        known: Any = [(layer, formulas(layer)) for layer in model.layers]
        first = next(i for i, layer in enumerate(model.layers) if layer.parameters())
        self._flattens = isinstance(model.layers[0], Flatten)
        self._say_where = model._say_where
        self._forward: list[Callable[[Array], Array]] = [partial(own.forward, layer) for layer, own in known]
        self._value: Callable[[Array, Any], tuple[float, Array]] = partial(LOSSES[type(trainer.loss)], trainer.loss)
        self._backward: list[tuple[int, Callable[[Array], Any]]] = [
            (i, partial(own.backward, layer)) for i, (layer, own) in reversed(list(enumerate(known))) if i > first
        ]
        layer, own = known[first]  # which need not say what its input's gradient is
        self._backward.append((first, partial(own.accumulate_grad, layer)))

    def takes(self, x: Array) -> bool:
        """Whether x is samples in rows, or becomes so at once; and not none of them."""
        return bool(x.size) and (x.ndim == 2 or (x.ndim > 2 and self._flattens))

    def step(self, trainer: "Trainer", x: Array, y: NDArray[Any]) -> float:
        """Do what `Trainer.train_step` does."""
        trainer.optimizer.zero_grad()
        i = 0
        try:
            for i, forward in enumerate(self._forward):  # noqa: B007 (it is used where the error is caught)
                x = forward(x)
        except Exception as error:
            self._say_where(error, i, "input", x)
            raise
        trainer.prediction = x
        value, dy = self._value(x, y)
        try:
            for i, backward in self._backward:  # noqa: B007
                dy = backward(dy)
        except Exception as error:
            self._say_where(error, i, "gradient", dy)
            raise
        trainer.update()
        return value


def _alone(trainer: "Trainer", loader: object, callbacks: Sequence[Callback]) -> bool:
    """Whether no code but minnet's runs between the steps, which could change anything."""
    if not isinstance(loader, DataLoader) or trainer.accumulate > 1 or trainer.threads > 1:
        return False
    return all(map(as_made, [trainer, trainer.optimizer, loader, *all_transforms(loader.transform), *callbacks]))


def _is_known(trainer: "Trainer") -> bool:
    """Whether all of a small model, its loss, and the step are those that `minnet.training.unchecked` was written from."""
    model, loss = trainer.model, trainer.loss
    if type(model) is not Sequential or type(loss) not in LOSSES or not is_up_to_date():
        return False
    parts = [trainer, model, loss, *model.layers]
    if any(formulas(layer) is None for layer in model.layers) or not all(map(as_made, parts)):
        return False
    if isinstance(loss, CrossEntropyLoss) and type(model.layers[-1]) is not Softmax:
        return False  # who knows whether it gets probabilities in every step
    if isinstance(loss, LabelLoss) and (loss.weight is not None or loss.ignore_index is not None):
        return False
    if loss.reduction != "mean" or getattr(loss, "label_smoothing", False):
        return False
    return 0 < sum(parameter.data.size for parameter in model.parameters()) < LARGE


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
