"""Arguments of the Trainer and of `fit` are checked before the first step, so that an error leaves nothing changed."""

import copy
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeGuard

import numpy as np

from minnet.callbacks import Callback, LearningRate, ReduceLROnPlateau
from minnet.core.checks import check_int, first_of, named
from minnet.core.console import warn
from minnet.core.foreign import is_foreign
from minnet.core.labels import check_range
from minnet.core.layer import Layer
from minnet.core.parameter import Parameter
from minnet.core.samples import on_disk
from minnet.core.trees import as_tree, call, cast_tree, describe, leaves, taken
from minnet.data.epoch import Batch
from minnet.data.loader import DATA, DataLoader
from minnet.data.prefetch import unwrapped
from minnet.data.stream import Stream
from minnet.errors import DataWarning, NonFiniteError, TrainingWarning
from minnet.layers import Heads, LogSoftmax, Residual, Sequential, Softmax
from minnet.layers.normalization.normalize import check_scale, same_scale
from minnet.losses import CrossEntropyLoss, Loss, SoftmaxCrossEntropyLoss
from minnet.losses.labels import ClassLoss
from minnet.losses.multi import MultiLoss
from minnet.losses.totals import loss_of
from minnet.optimizers import Optimizer, schedules
from minnet.saving.expectations import check_class_names
from minnet.training.batches import PAIR, Batches, may_be_batch
from minnet.training.evaluation import EvaluationMode, batch_rows
from minnet.training.measures import Measures, check_metrics, check_parts_take_weights, of_output
from minnet.training.stream_scale import checked_scale

Data = DataLoader | tuple[Any, Any] | tuple[Any, Any, Any] | Iterable[Batch]  # (X, y), or (X, y, sample_weight)

NONE: Mapping[str, Any] = MappingProxyType({})
FEW = 2  # samples that are sent through the model to see whether everything fits
SETS = 'evaluate={"test": (X, y)}'


Set = DataLoader | Batches


def check_duration(steps: int | None, epochs: int | None, every: int | None) -> tuple[int | None, ...]:
    """Return the three as ints, or None where they are None; exactly one of steps and epochs must be given."""
    if (steps is None) == (epochs is None):
        raise ValueError("fit needs either epochs=... or steps=..., one of the two")
    how_long, how_often = "it says how long to train", "it is the number of steps between two rows of the history"
    return (
        None if steps is None else check_int("fit", "steps", steps, 0, how_long),
        None if epochs is None else check_int("fit", "epochs", epochs, 0, how_long),
        None if every is None else check_int("fit", "every", every, 1, how_often),
    )


def check_parts(model: Layer, loss: Loss, optimizer: Optimizer, metrics: object) -> None:
    """Check that the parts of a Trainer are what their names say, and belong together.

    Raises TypeError if one is something else, ValueError if the optimizer holds a Parameter that is not the model's,
    or the loss does not fit the end of the model.
    """
    for name, value, kind in (("model", model, Layer), ("loss", loss, Loss), ("optimizer", optimizer, Optimizer)):
        if not isinstance(value, kind):
            got = f"the class {value.__name__}: make one" if isinstance(value, type) else type(value).__name__
            raise TypeError(f"Trainer(model, loss, optimizer) expected {name} to be a {kind.__name__}, got {got}")
    check_metrics(metrics)
    check_trained(model, loss, optimizer)
    if loss.reduction not in ("mean", "batchmean"):
        raise ValueError(
            f"the Trainer averages over samples, so the loss must be a mean, not {loss.describe()}: "
            "leave out reduction, or write the loop by hand"
        )
    _check_ends("the model ends", model, loss)


def _check_ends(where: str, model: Layer, loss: Loss) -> None:
    """Check that a loss fits the last layer of a model, or of each of its heads."""
    last = model
    while isinstance(last, Sequential) and not isinstance(last, Residual):
        last = last.layers[-1]
    if isinstance(loss, MultiLoss):
        for _, key, one in loss.heads:
            if isinstance(last, Heads) and key in last.keys:
                _check_ends(f"its head {key!r} ends", last.layers[key], one)
        return
    if isinstance(last, (Softmax, LogSoftmax)) and isinstance(loss, SoftmaxCrossEntropyLoss):
        raise ValueError(
            f"SoftmaxCrossEntropyLoss takes scores, but {where} with {last.describe()}: remove that layer, "
            "or use CrossEntropyLoss (after Softmax) or NLLLoss (after LogSoftmax)"
        )
    if isinstance(last, LogSoftmax) and isinstance(loss, CrossEntropyLoss):
        raise ValueError(f"CrossEntropyLoss takes probabilities, but {where} with LogSoftmax(): use NLLLoss")


def check_trained(model: Layer, loss: Loss, optimizer: Optimizer) -> None:
    """Check that the optimizer holds no Parameter but the model's (or the loss's), such as those of a layer replaced.

    Raises ValueError, which names the Parameters on both sides.
    """
    own = {id(parameter) for parameter in (*model.parameters(), *loss.parameters())}
    foreign = [
        f"parameters[{i}] {parameter.data.shape}"
        for i, parameter in enumerate(optimizer.parameters)
        if id(parameter) not in own
    ]
    if not foreign:
        return
    lacking = first_of([f"{name} {parameter.data.shape}" for name, parameter in _untrained(model, loss, optimizer)])
    raise ValueError(
        f"the optimizer holds Parameters that are not this model's: {first_of(foreign)}"
        + (f"; and it does not hold the model's {lacking}" if lacking else "")
        + ": was a layer replaced? Make the optimizer with model.parameters(), after the model is complete"
    )


def warn_of_untrained(model: Layer, loss: Loss, optimizer: Optimizer, known: Sequence[str] = ()) -> list[str]:
    """Warn of trainable Parameters of the model that the optimizer does not hold, but those known; return all."""
    untrained = [name for name, _ in _untrained(model, loss, optimizer)]
    if names := [name for name in untrained if name not in known]:
        warn(
            f"the optimizer does not hold {first_of(names)}, so these do not learn: make it anew with "
            "model.parameters(), after the model is complete; or, if this is meant, say so by trainable=False "
            "(layer.freeze())",
            TrainingWarning,
        )
    return untrained


def _untrained(model: Layer, loss: Loss, optimizer: Optimizer) -> list[tuple[str, Parameter]]:
    """Return the trainable Parameters that the optimizer does not hold."""
    held = {id(parameter) for parameter in optimizer.parameters}
    named = [*model.named_parameters(), *((f"the loss's {name}", p) for name, p in loss.named_parameters())]
    return [(name, p) for name, p in named if p.trainable and id(p) not in held]


def check_loader(loader: object, epochs: int | None) -> None:
    """Check that a loader yields batches each time it is iterated over.

    Raises TypeError if it is data, or cannot be iterated over, ValueError if it can be used only once, but there are
    several epochs.
    """
    got = named(loader)
    if not yields_batches(loader):
        raise TypeError(f"fit expected a DataLoader, or anything that yields pairs (x, y), got {got}: pass {PAIR}")
    if epochs is not None and epochs > 1 and is_used_once(loader):
        raise ValueError(
            f"fit expected a loader for {epochs} epochs, got {got}, which can be iterated over only once: pass {PAIR}, "
            "or a list of the batches; or steps=... instead of epochs=..., if it never ends"
        )


def is_used_once(loader: Any) -> bool:
    """Whether a loader, or the source of a Stream, is an iterator, which yields its items only once."""
    return hasattr(loader.source if isinstance(loader, Stream) else loader, "__next__")


def training_scale(model: Layer, loader: object) -> float | None:
    """Return what the model's uint8 inputs are multiplied by: the loader's scale if its X is uint8, or the model's own.

    Warn of another scale than the model was made for, by an earlier `fit`, by its file, or by the user.
    """
    if isinstance(loader, Stream):  # whose samples nobody has seen
        return check_scale(model, model.input_scale if loader.scale is None else loader.scale)
    return checked_scale(model, loader.scale) if _is_of_bytes(loader) else check_scale(model, model.input_scale)


def set_scale(model: Layer, loader: object, sets: Mapping[str, Set]) -> None:
    """Let the model remember what uint8 is multiplied by: in training, or else, with a warning, in evaluations."""
    if _is_of_bytes(loader):
        model.input_scale = loader.scale
        return
    for name, data in sets.items():
        if (
            isinstance(data, DataLoader)
            and not isinstance(loader, Stream)
            and warn_of_bytes("fit", f"evaluate[{name!r}]", data.X, model)
        ):
            model.input_scale = data.scale


def warn_of_bytes(owner: str, name: str, X: Any, model: Layer) -> bool:
    """Warn of uint8 that is given to a model which was trained on something else, so that its scale is a guess."""
    if not _holds_bytes(X) or "input_scale" in vars(model):
        return False
    warn(
        f"{owner} was given uint8 in {name}, and multiplies it by {model.input_scale}, but the model was not trained "
        "on uint8: pass data like those it was trained on; or, if those were uint8 times a number, set "
        "model.input_scale to that number",
        DataWarning,
    )
    return True


def yields_batches(loader: object) -> bool:
    """Whether something may be an iterable of batches: a tuple, such as (X, y), and lists of rows are data."""
    if isinstance(loader, list):
        return all(map(may_be_batch, loader))
    return isinstance(loader, Iterable) and not isinstance(loader, tuple | np.ndarray | str | bytes | Mapping | type)


def is_loader_to_predict(X: Any, batch_size: int | None, collate: Any) -> bool:
    """Whether the X of `predict` is a loader of batches: it can be iterated over again, but has no rows.

    Raises ValueError if there are options that make batches, too. Warn of a loader of PyTorch's that shuffles.
    """
    has_rows = hasattr(X, "__getitem__") or is_foreign(X)
    if has_rows or isinstance(X, DataLoader | Iterator | set | frozenset | type) or not isinstance(X, Iterable):
        return False
    if batch_size is not None or collate is not None:
        raise ValueError(
            f"predict got {named(X)}, which makes batches itself: leave out batch_size and collate, or pass an array"
        )
    if type(getattr(X, "sampler", None)).__name__ == "RandomSampler":
        warn(
            f"predict was given {named(X)} that shuffles, so its outputs come in a random order: pass one with "
            "shuffle=False",
            DataWarning,
        )
    return True


def as_sets(evaluate: Mapping[str, Data], scale: float | None) -> dict[str, Set]:
    """Return the batches of evaluation sets; uint8 of a pair (X, y) is multiplied by `scale`."""
    if not isinstance(evaluate, Mapping):
        raise TypeError(f"fit expected evaluate to be a dict of names and data, got {named(evaluate)}: pass {SETS}")
    for name, data in evaluate.items():
        if hasattr(data, "__next__"):
            raise ValueError(
                f"fit expected evaluate[{name!r}] to be data for many evaluations, got {named(data)}, which can be "
                "iterated over only once: pass (X, y), or a list of the batches"
            )
    return {name: as_loader("fit", f"evaluate[{name!r}]", data, scale, SETS) for name, data in evaluate.items()}


def as_loader(
    owner: str,
    name: str,
    data: Data,
    scale: float | None,
    cure: str = "(X, y)",
    batch_size: int | None = None,
) -> Set:
    """Return the batches of evaluation data: of a pair (X, y), whose uint8 is multiplied by `scale`, or its own.

    A DataLoader must multiply uint8 by `scale`, too.
    """
    pair = isinstance(data, tuple) and len(data) in (2, 3)
    if not pair and not yields_batches(data):
        raise TypeError(
            f"{owner} expected {name} to be a pair (X, y) or a DataLoader, got {named(data)}: pass {cure}, or an "
            "iterable of batches (x, y)"
        )
    if not pair and batch_size is not None:
        raise ValueError(f"{owner} got {name} that is in batches already: leave out batch_size, or pass (X, y)")
    if _is_of_bytes(read := unwrapped(data)) and not same_scale(read.scale, scale):
        raise ValueError(
            f"{owner} expected {name} to have the model's input_scale, {scale}, got a DataLoader with "
            f"scale={read.scale}: pass scale={scale} to it, or give the pair (X, y)"
        )
    if not pair:
        return data if isinstance(data, DataLoader | Batches) else Batches(owner, name, data, scale)
    try:
        X, y, *weights = data
        X = as_tree("DataLoader", "X", X)
        return DataLoader(X, y, batch_size or batch_rows(X), scale=scale, sample_weight=weights[0] if weights else None)
    except (TypeError, ValueError) as error:
        error.add_note(f"in {name}")
        raise


def check_callbacks(callbacks: object) -> list[Callback]:
    """Return the callbacks as a list. Raises TypeError if they are not Callback objects."""
    if isinstance(callbacks, Callback) or not isinstance(callbacks, Iterable):
        kind = callbacks if isinstance(callbacks, type) else type(callbacks)
        made = f"{kind.__name__}(...)" if issubclass(kind, Callback) else "mn.callbacks.MaxNorm(3), ..."
        raise TypeError(f"fit expected callbacks to be a list, got {named(callbacks)}: pass callbacks=[{made}]")
    callbacks = list(callbacks)
    for i, callback in enumerate(callbacks):
        if isinstance(callback, Callback):
            continue
        got, cure = named(callback), "derive it from mn.callbacks.Callback"
        if isinstance(callback, type):
            cure = f"make one, {callback.__name__}(...)"
        elif type(callback).__name__ in schedules.__all__:
            got = f"the schedule {type(callback).__name__}"
            cure = f"pass mn.callbacks.LearningRate({type(callback).__name__}(...))"
        raise TypeError(f"fit expected callbacks[{i}] to be a Callback, got {got}: {cure}")
    return callbacks


def check_schedules(callbacks: Iterable[Callback], loader: object) -> None:
    """Check that only one callback sets the learning rate, and that a schedule by the epoch has a second epoch."""
    schedules = [callback for callback in callbacks if isinstance(callback, LearningRate)]
    setting = [
        type(callback).__name__ for callback in callbacks if isinstance(callback, LearningRate | ReduceLROnPlateau)
    ]
    if schedules and len(setting) > 1:
        raise ValueError(
            f"fit got {' and '.join(setting)}, but LearningRate computes the learning rate anew each time, so the "
            "other's changes would be lost: pass one of them (mn.schedules.SequentialLR joins schedules)"
        )
    if is_used_once(loader) and any(schedule.per == "epoch" for schedule in schedules):
        raise ValueError(
            f'fit got LearningRate(..., per="epoch") and {named(loader)}, which has one epoch only, so the '
            f'learning rate would never move: pass per="step" and a schedule in steps, or {PAIR}'
        )


def check_weighted(
    loader: object, sets: Mapping[str, Set], loss: Loss, metrics: Mapping[str, Any], train_step: Any
) -> None:
    """Check that weights of samples, where it is known that there are some, are taken."""
    if _has_weights(loader):
        check_parts_take_weights(loss, {}, train_step)
    if any(map(_has_weights, sets.values())):
        check_parts_take_weights(loss, metrics)


def _has_weights(data: object) -> bool:
    return isinstance(data, DataLoader) and data.sample_weight is not None


def check_data(
    model: Layer, loss: Loss, loader: object, sets: Mapping[str, Set], metrics: Mapping[str, Any] = NONE
) -> None:
    """Check that model and loss accept the training data and the evaluation sets, and metrics these: see `check_set`.

    Metrics of the user's own are not tried, because they may remember something.
    """
    check_set("the training data", model, loss, loader)
    tried = {
        name: metric for name, metric in metrics.items() if type(of_output(metric)).__module__.startswith("minnet.")
    }
    for name, data in sets.items():
        check_set(f"the evaluation set {name!r}", model, loss, data, tried)


def check_set(name: str, model: Layer, loss: Loss, loader: object, metrics: Mapping[str, Any] = NONE) -> None:
    """Check that model, loss and metrics accept a data set: send two samples through, and check every label.

    The check changes nothing: it runs in eval mode, and does not use the loader's random numbers. Only a DataLoader
    without a transform is checked, and no subclass that makes its own batches, because any other would lose a batch.
    What the layers and the loss raise gets a note that says which set it was; `name` is such as "the training data".
    """
    if not isinstance(loader, DataLoader) or loader.transform is not None:
        return
    if (type(loader).__iter__, type(loader).prepared) != (DataLoader.__iter__, DataLoader.prepared):
        return
    if loader.collate is not None and not type(loader.collate).__module__.startswith("minnet."):
        return  # it may remember something
    few = copy.copy(loader)
    few.shuffle, few.batch_size, few.drop_last = False, FEW, False
    for part in DATA:
        setattr(few, part, None if getattr(loader, part) is None else taken(getattr(loader, part), slice(FEW)))
    x, y, *weights = next(iter(few))
    try:
        with EvaluationMode(model, loss), np.errstate(all="ignore"):
            prediction = call(model.forward, cast_tree(x, model.dtype))
            loss_of(loss, prediction, y, *weights)
            Measures(metrics, loss, 0).update(prediction, y, *weights)
        if loss.classifies:
            check_class_names(model, prediction.shape[-1])
        if loader.collate is None:
            _check_labels(loss, prediction, loader.y)
    except NonFiniteError:  # the form of the data is not the reason; training says where it began
        return
    except Exception as error:
        error.add_note(f"in {name}, X of shape {describe(loader.X)} and y of shape {describe(loader.y)}")
        raise


def _check_labels(loss: Loss, prediction: Any, y: Any) -> None:
    """Check that all labels of a set are classes of the prediction."""
    if isinstance(loss, MultiLoss):
        for (_, key, one), labels, _ in loss.targets(y):
            _check_labels(one, prediction[key], labels)
    elif isinstance(loss, ClassLoss) and not on_disk(y):
        check_range(loss, y.reshape(-1), prediction.shape[-1], loss.ignore_index)


def _is_of_bytes(loader: object) -> TypeGuard[DataLoader]:
    """Whether a loader is a DataLoader whose samples are uint8."""
    return isinstance(loader, DataLoader) and _holds_bytes(loader.X)


def _holds_bytes(X: Any) -> bool:
    return any(getattr(leaf, "dtype", None) == np.uint8 for leaf in leaves(X))
