"""A MultiLoss is the weighted sum of several losses, one for each output of a model with several heads."""

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Self

import numpy as np

from minnet.core.checks import check_number, named
from minnet.core.trees import mapped
from minnet.losses.base import Loss, weight_of
from minnet.losses.value import LossValue

Key = str | int
Head = tuple[str, Key, Loss]


class HeadLosses(LossValue):
    """The value of a `MultiLoss`: a float, whose ``heads`` are the losses that it is the weighted sum of, by name."""

    heads: dict[str, float]

    def __new__(cls, value: float, heads: dict[str, float]) -> Self:
        """Make the number, and keep the losses beside it."""
        self = super().__new__(cls, value)
        self.heads = heads
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return HeadLosses, (float(self), self.heads)

    @staticmethod
    def sum(values: Sequence[Any]) -> Any:
        """Return the sum of the values of parts of a batch: of their heads' losses, too, if all have them."""
        if not all(isinstance(value, HeadLosses) for value in values):
            return sum(values)
        heads = {name: sum(value.heads[name] for value in values) for name in values[0].heads}
        return HeadLosses(sum(values), heads)


class MultiLoss(Loss):
    """L = Σ_k w_k L_k: each output of a model has a loss L_k of its own, and they are added up with weights w_k.

    Backward: ∂L/∂prediction_k = w_k · ∂L_k/∂prediction_k, for each output by itself. The result has the form of the
    predictions.

    Prediction and target are dicts with the names of the losses; or tuples, if the losses are a list or a tuple. Each
    L_k is a mean of its own: over the samples that count for it. So a set's loss is Σ_k w_k · (L_k of the whole set),
    and Trainer, history and evaluations report that, whatever the batches are, and each L_k beside it, such as
    ``test_digit_loss``. A sample weight counts in each of them; with a tuple or dict of weights, each has its own.

    Parameters
    ----------
    losses
        A dict of names and losses, or a list or tuple of losses; each with ``reduction="mean"``. None is for an output
        without a loss: it is predicted, is not learned from, and has no target.
    weights
        w_k, numbers >= 0: a dict, or a list or tuple of one a loss. What a dict leaves out counts 1. 0 is for a loss
        that is reported and not learned from.

    Raises
    ------
    TypeError, ValueError
        If an argument is something else, or weights have other names than the losses; in `forward`, if prediction or
        target lack an output, or have one without a loss; and what the losses raise, with a note that says which.

    Examples
    --------
    >>> import minnet as mn
    >>> loss = MultiLoss({"digit": mn.SoftmaxCrossEntropyLoss(), "angle": mn.MSELoss()}, weights={"angle": 0.1})
    >>> prediction = {"digit": np.array([[2.0, 2.0]]), "angle": np.array([[3.0]])}
    >>> value = loss.forward(prediction, {"digit": np.array([1]), "angle": np.array([[1.0]])})
    >>> round(value, 4), value.heads["angle"]
    (1.0931, 4.0)
    >>> loss.backward()
    {'digit': array([[ 0.5, -0.5]]), 'angle': array([[0.4]])}
    """

    several = True

    def __init__(
        self,
        losses: Mapping[str, Loss | None] | Sequence[Loss | None],
        weights: Mapping[str, float] | Sequence[float] | None = None,
    ) -> None:
        _check_losses(losses)
        self.losses: dict[str, Loss | None] | tuple[Loss | None, ...]
        self.losses = dict(losses) if isinstance(losses, Mapping) else tuple(losses)
        self.weights = _checked_weights(self.losses, weights)
        self._shares: dict[str, float] = {}  # of a part of a batch in each loss's mean; see `as_part_of`

    @property
    def heads(self) -> Iterator[Head]:
        """Walk the outputs with a loss as (name, key, loss); the name of a tuple's third loss is "2"."""
        pairs = zip(_keys(self.losses), _values(self.losses), strict=True)
        return ((str(key), key, loss) for key, loss in pairs if loss is not None)

    def weight(self, key: Key) -> float:
        """Return w_k."""
        return self.weights[key] if isinstance(self.weights, dict) else self.weights[int(key)]  # type: ignore[index]

    def combined(self, means: Mapping[str, float]) -> float:
        """Return Σ_k w_k L_k, from the losses by name."""
        return float(sum(self.weight(key) * means[name] for name, key, _ in self.heads if self.weight(key)))

    def forward(self, prediction: Any, target: Any, sample_weight: Any = None) -> HeadLosses:
        """Return the weighted sum of the losses of a batch, a float whose ``heads`` are these losses."""
        self._check_form("prediction", prediction, [*_keys(self.losses)])
        means, shapes = {}, {}
        for (name, key, loss), y, weights in self.targets(target, sample_weight):
            with _named(name):
                value = loss.forward(prediction[key], y, **weights)
            share = self._shares.get(name, 1.0)
            means[name] = share * value if share else 0.0
            shapes[key] = prediction[key].shape, prediction[key].dtype
        self.cache = shapes
        return HeadLosses(self.combined(means), means)

    def backward(self) -> Any:
        """Return dL/d prediction: a dict without the outputs that have no loss, or a tuple with None for these."""
        shapes, gradients = self.cache, {}
        for name, key, loss in self.heads:
            share = self.weight(key) * self._shares.get(name, 1.0)
            gradients[key] = scaled_backward(loss, share) if share else np.zeros(*shapes[key])
        if isinstance(self.losses, dict):
            return gradients
        return tuple(gradients.get(key) for key in range(len(self.losses)))

    def total_weight(self, target: Any, sample_weight: Any = None) -> Any:
        """Return what the mean of each loss is divided by, as a dict with a number for each name."""
        return {
            name: weight_of(loss, y, y, **weights)
            for (name, _, loss), y, weights in self.targets(target, sample_weight)
        }

    def as_part_of(self, weights: Mapping[str, float], whole: Mapping[str, float]) -> "MultiLoss":
        """Return the loss of a part of a batch, so that those of all parts add up to that of the whole batch.

        `weights` and `whole` are what `total_weight` says of the part and of the batch.
        """
        part, found = copy.copy(self), {}
        part._shares = {}
        for name, key, loss in self.heads:
            found[key], factor = loss.as_part(weights[name])
            part._shares[name] = factor / whole[name] if whole[name] else 0.0
        if isinstance(self.losses, dict):
            part.losses = {**self.losses, **found}  # type: ignore[dict-item]
        else:
            part.losses = tuple(found.get(key) for key in range(len(self.losses)))
        return part

    @contextmanager
    def checking_once(self) -> Iterator[None]:
        """Check predictions and targets of each loss only if their shapes and dtypes are new; see `Loss`."""
        with ExitStack() as stack:
            for _, _, loss in self.heads:
                stack.enter_context(loss.checking_once())
            yield

    def describe(self) -> str:
        """Say in one line what this loss is."""
        names = [f"{key!r}: " if isinstance(self.losses, dict) else "" for key in _keys(self.losses)]
        texts = ["None" if loss is None else loss.describe() for loss in _values(self.losses)]
        inside = ", ".join(map("".join, zip(names, texts, strict=True)))
        weights = "" if all(weight == 1 for weight in _values(self.weights)) else f", weights={self.weights}"
        return f"MultiLoss({'{' + inside + '}' if isinstance(self.losses, dict) else '[' + inside + ']'}{weights})"

    def __repr__(self) -> str:
        return self.describe()

    def targets(self, target: Any, sample_weight: Any = None) -> Iterator[tuple[Head, Any, dict[str, Any]]]:
        """Walk the outputs with a loss, each with its target and its weights of samples, if there are any."""
        heads = list(self.heads)
        keys: list[Key] = [key for _, key, _ in heads]
        places = keys if isinstance(self.losses, dict) else [*range(len(keys))]
        self._check_form("target", target, places)
        own = type(sample_weight) in (dict, tuple)
        if own:
            self._check_form("sample_weight", sample_weight, places)
        for head, place in zip(heads, places, strict=True):
            weights = sample_weight[place] if own else sample_weight
            yield head, target[place], {} if weights is None else {"sample_weight": weights}

    def _check_form(self, what: str, tree: Any, keys: list[Key]) -> None:
        """Raise an error unless a prediction or target has an array for each of the keys."""
        kind = dict if isinstance(self.losses, dict) else tuple
        if type(tree) is kind and (list(_keys(tree)) == keys or {*_keys(tree)} == {*keys}):
            return
        form = "a dict of " + ", ".join(map(repr, keys)) if kind is dict else f"a tuple of {len(keys)}"
        got = "a dict of " + ", ".join(map(repr, tree)) if type(tree) is dict else named(tree)
        extra = [key for key in _keys(tree) if key not in keys] if type(tree) is kind else []
        cure = f"a {what} is there for each loss"
        if type(tree) is not kind:
            cure = "end the model with mn.Heads(...)" if what == "prediction" else "pass such a y to the DataLoader"
        elif extra and what == "prediction":
            cure = f"give {extra[0]!r} a loss, or None if it has none"
        elif extra:
            cure = f"leave out {extra[0]!r}, or give it a loss"
        error = ValueError if type(tree) is kind else TypeError
        raise error(f"{self.describe()} expected the {what} to be {form}, got {got}: {cure}")


def scaled_backward(loss: Loss, share: float) -> Any:
    """Return the loss's gradient times `share`; what it adds to those of its own Parameters counts as much."""
    before = [(parameter, parameter.read_grad().copy()) for parameter in loss.parameters()]
    gradient = mapped(lambda dy: share * dy, loss.backward())
    for parameter, old in before:
        new = parameter.read_grad()
        new -= old
        new *= share
        new += old
    return gradient


def losses_of(loss: Loss) -> dict[str, Loss]:
    """Return the losses that are reported beside L, by their names: those of a `MultiLoss`; of any other none."""
    return {name: one for name, _, one in loss.heads} if isinstance(loss, MultiLoss) else {}


def _check_losses(losses: object) -> None:
    if isinstance(losses, Loss) or not isinstance(losses, Mapping | list | tuple) or not losses:
        raise TypeError(
            f"MultiLoss expected a dict of names and losses, or a list of losses, got {named(losses)}: "
            'pass MultiLoss({"digit": mn.SoftmaxCrossEntropyLoss(), "angle": mn.MSELoss()})'
        )
    for key, loss in zip(_keys(losses), _values(losses), strict=True):
        if isinstance(losses, Mapping) and (not isinstance(key, str) or not key):
            raise TypeError(f"MultiLoss expected names that are strings, got {key!r}")
        if loss is not None and (not isinstance(loss, Loss) or isinstance(loss, MultiLoss)):
            cure = f"make one, {loss.__name__}()" if isinstance(loss, type) else "pass a loss of mn.losses"
            if isinstance(loss, MultiLoss):
                cure = "pass its losses one by one, because outputs are dicts of arrays, not dicts of dicts"
            raise TypeError(f"MultiLoss expected losses[{key!r}] to be a loss of one output, got {named(loss)}: {cure}")
        if loss is not None and loss.reduction not in ("mean", "batchmean"):
            raise ValueError(f"MultiLoss adds means, so losses[{key!r}] must be a mean, not {loss.describe()}")
    if all(loss is None for loss in _values(losses)):
        raise ValueError("MultiLoss got no loss: at least one output needs one")


def _checked_weights(losses: Any, weights: Any) -> dict[str, float] | tuple[float, ...]:
    """Return one weight a loss, in the form of the losses."""
    form = dict if isinstance(losses, dict) else tuple
    if weights is None:
        weights = {} if form is dict else (1.0,) * len(losses)
    fits = isinstance(weights, Mapping) if form is dict else isinstance(weights, list | tuple)
    if not fits:
        expected = "a dict, as the losses are" if form is dict else "a list, as the losses are"
        raise TypeError(f"MultiLoss expected weights to be {expected}, got {named(weights)}")
    if form is tuple and len(weights) != len(losses):
        raise ValueError(f"MultiLoss expected {len(losses)} weights, one a loss, got {len(weights)}")
    if form is dict and (unknown := [key for key in weights if key not in losses]):
        raise ValueError(f"MultiLoss has no loss {unknown[0]!r} for the weight of that name, only {', '.join(losses)}")
    given = weights.items() if form is dict else enumerate(weights)
    checked = {key: check_number("MultiLoss", f"weights[{key!r}]", value, 0) for key, value in given}
    return {key: checked.get(key, 1.0) for key in losses} if form is dict else tuple(checked.values())


def _keys(tree: Any) -> Iterable[Any]:
    return tree.keys() if isinstance(tree, Mapping) else range(len(tree))


def _values(tree: Any) -> Iterable[Any]:
    return tree.values() if isinstance(tree, Mapping) else tree


@contextmanager
def _named(name: str) -> Iterator[None]:
    """Say in a note of an error in which head it was."""
    try:
        yield
    except Exception as error:
        error.add_note(f"in the loss of the output {name!r}")
        raise
