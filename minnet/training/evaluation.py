"""Evaluation computes outputs, loss and metrics with a model in eval mode, batch by batch."""

import math
import pickle
import threading
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import numpy as np

from minnet.core.checks import check_int
from minnet.core.gathered import GatheredTree
from minnet.core.layer import Layer
from minnet.core.trees import call, cast_tree, describe, first, joined, leaves, mapped
from minnet.data.collate import Collate
from minnet.data.epoch import Batch
from minnet.data.loader import DataLoader
from minnet.layers import Heads, Sequential
from minnet.layers.sequences.masks import Mask
from minnet.losses.base import Loss
from minnet.losses.totals import Total
from minnet.metrics.base import Metric
from minnet.metrics.functions import Function
from minnet.training.batches import inputs_of
from minnet.training.measures import Measures, check_parts_take_weights

ROWS = 1000  # of a batch, at most: large enough that the matrix products are fast
PADDED = ": outputs of several lengths make no array: let collate be mn.data.Pad, or predict a batch at a time"
NUMBERS = 2**20  # of a batch, as float32 4 MB: the arrays inside a model are many times as large
VECTOR = 128  # numbers that an index, such as a token, counts for: it becomes a vector


class EvaluationMode:
    """While active, the layers are in eval mode; afterwards each behaves and records as it did before.

    Several threads may evaluate the same layers at the same time: the first one switches, the last one switches back.
    """

    _lock = threading.Lock()
    _active: ClassVar[dict[int, tuple[int, list[Any]]]] = {}  # id of a layer → how many are active, modes before

    def __init__(self, *layers: Layer) -> None:
        self._layers = layers

    def __enter__(self) -> None:
        with self._lock:
            for layer in self._layers:
                users, modes = self._active.get(id(layer), (0, []))
                if not users:
                    modes = [(inner, *_mode(inner)) for _, inner in layer.named_layers()]
                    layer.eval()
                self._active[id(layer)] = users + 1, modes

    def __exit__(self, *_: object) -> None:
        with self._lock:
            for one in self._layers:
                users, modes = self._active.pop(id(one))
                if users > 1:
                    self._active[id(one)] = users - 1, modes
                    continue
                for layer, training, recording, until_fit in modes:
                    layer.training, layer.recording = training, recording
                    if until_fit:
                        layer.eval_until_fit = True


def _mode(layer: Layer) -> tuple[bool, bool, bool]:
    return layer.training, layer.recording, layer.eval_until_fit


def start_recording(model: Layer) -> None:
    """Switch a model to training mode, but for the layers in it that were set to eval mode: these only record.

    A model that is in eval mode itself is switched as a whole, and so is a part that is because it was loaded.
    """
    if not model.training:
        model.train()
    for layer in [layer for _, layer in model.named_layers() if layer.eval_until_fit]:
        layer.train()
    for _, layer in model.named_layers():  # each flag becomes an attribute of its own, which checkpoints save
        layer.training, layer.recording, layer.frozen_statistics = layer.training, True, layer.frozen_statistics
    Layer.changes += 1


def check_batch_size(method: str, batch_size: int | None) -> None:
    """Check that `evaluate` or `predict` was given a number of samples, or None."""
    if batch_size is not None:
        check_int(method, "batch_size", batch_size, why="it is how many samples go through the model at a time")


def batch_rows(X: Any) -> int:
    """Return how many samples of X (N, ...) to send through a model at a time, so that memory is bounded."""
    samples = [max(x, key=len) if isinstance(x, list) else x[0] for x in leaves(X)]  # the largest of each
    numbers: int = sum(
        math.prod(x.shape) * (VECTOR if x.dtype.kind in "iu" and x.dtype != np.uint8 else 1) for x in samples
    )
    return max(1, min(ROWS, NUMBERS // max(1, numbers)))


class Evaluation:
    """The loss and the metrics of a set, counted batch by batch; the loss is weighted by `Loss.total_weight`.

    `expected` is the number of samples, if it is known, or 0. An evaluation that is a `part` of one by several
    processes is only counted: `state` is sent to the process that computes the whole, and added to its own by `merge`.
    """

    def __init__(
        self, model: Layer, loss: Loss, metrics: Mapping[str, Metric | Function], expected: int, *, part: bool = False
    ) -> None:
        self._model, self._dtype, self._loss, self._metrics = model, model.dtype, loss, metrics
        self._total, self._samples = Total(loss), 0
        self._measures = Measures(metrics, loss, expected, part=part)

    def add(self, x: Any, y: Any, *weights: Any) -> None:
        """Add a batch."""
        if weights and not self._samples:
            check_parts_take_weights(self._loss, self._metrics)
        prediction = call(self._model.forward, cast_tree(x, self._dtype))
        self._total.add(x, prediction, y, *weights)
        self._samples += len(first(x))
        self._measures.update(prediction, y, *weights)

    def state(self) -> bytes:
        """Return what was counted."""
        return pickle.dumps((self._samples, self._total.sums, self._measures.state()))

    def merge(self, state: bytes) -> None:
        """Add what another evaluation has counted, of samples that come after this one's."""
        samples, sums, measured = pickle.loads(state)  # from a process of this job
        self._samples += samples
        self._total.merge(sums)
        self._measures.merge(measured)

    def compute(self) -> dict[str, float]:
        """Return the loss and the metrics of all samples."""
        if not self._total.weight:
            what = "only samples that do not count" if self._samples else "no batch: an iterator can be used only once"
            raise ValueError(f"evaluate expected at least one sample, got {what}")
        return self._total.means() | self._measures.compute()


def evaluated(
    model: Layer, loss: Loss, metrics: Mapping[str, Metric | Function], batches: Iterable[Batch]
) -> dict[str, float]:
    """Return the loss and the metrics over all batches of a set."""
    evaluation = Evaluation(model, loss, metrics, batches.samples if isinstance(batches, DataLoader) else 0)
    for batch in batches:
        evaluation.add(*batch)
    return evaluation.compute()


def predicted(model: Layer, X: Any, scale: float | None, batch_size: int | None, collate: Collate | None = None) -> Any:
    """Return the model's outputs for X (N, ...), uint8 multiplied by `scale`; ValueError if they are not as many.

    Outputs for each place of padded sequences become a list of arrays (T_n, ...), without those for the padding.
    """
    samples = len(first(X))
    options: dict[str, Any] = {"scale": scale, "collate": collate, "check": False}
    loader = DataLoader(X, np.zeros(samples, np.int8), batch_size or batch_rows(X), **options)
    dtype, outputs, keeps = model.dtype, GatheredTree(samples, PADDED), _keeps_time(model)
    for x, *_ in loader:
        y = call(model.forward, cast_tree(x, dtype))
        if collate is not None and type(x) is tuple and len(x) == 2 and x[1].dtype == bool:
            y = _without_padding(y, x[1], keeps)
        outputs.add(y)
    if any(len(output) != samples for output in leaves(outputs.tree)):
        raise ValueError(
            f"predict expected samples along the first axis, got X of shape {describe(X)} and outputs of shape "
            f"{describe(outputs.tree)}: one sample? Pass X[np.newaxis]"
        )
    return mapped(lambda output: output.tolist() if output.dtype == object else output, outputs.tree)


def predicted_batches(model: Layer, loader: Iterable[Any], scale: float | None) -> Any:
    """Return the model's outputs for the x of each batch of a loader, in the loader's order."""
    dtype, outputs = model.dtype, GatheredTree(0, PADDED)
    for batch in loader:
        outputs.add(call(model.forward, cast_tree(inputs_of(batch, "predict", "X", scale), dtype)))
    return outputs.tree


def _keeps_time(model: Layer) -> Any:
    """Whether a model has an output for each place of a sequence: one answer, or one for each output of `Heads`."""
    *before, last = model.layers if isinstance(model, Sequential) else (model,)
    if any(layer.removes_time for layer in before):
        return False
    if isinstance(last, Sequential):
        return _keeps_time(last)
    if not isinstance(last, Heads):
        return not last.removes_time
    answers = [_keeps_time(head) for head in last.layers]
    return tuple(answers) if None in last.layers.names else dict(zip(last.keys, answers, strict=True))


def _without_padding(y: Any, real: Mask, keeps: Any) -> Any:
    """Return outputs (N, T, ...) as N arrays (T_n, ...), an array of objects; all other outputs as they are."""
    if type(keeps) in (tuple, dict):
        return joined(lambda pair: _without_padding(pair[0], real, pair[1]), [y, keeps])
    if type(y) in (tuple, dict):
        return mapped(lambda output: _without_padding(output, real, keeps), y)
    if not (keeps and y.ndim > real.ndim and y.shape[: real.ndim] == real.shape):
        return y
    rows = np.empty(len(y), object)
    for n, places in enumerate(real):
        rows[n] = y[n][places]
    return rows
