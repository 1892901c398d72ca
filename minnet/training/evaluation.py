"""Evaluation computes outputs, loss and metrics with a model in eval mode, batch by batch."""

import itertools
import threading
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minnet.core.arrays import Array, cast
from minnet.core.layer import Layer
from minnet.data.loader import DataLoader
from minnet.losses.base import Loss, weight_of

Metric = Callable[[Array, Any], float]

EVALUATION_BATCH = 1000  # a few MB of MNIST at a time, large enough that the matrix products are fast


class EvaluationMode:
    """While active, the layers are in eval mode; afterwards each behaves and records as it did before.

    Several threads may evaluate at the same time: the first one switches, the last one switches back.
    """

    _lock = threading.Lock()

    def __init__(self, *layers: Layer) -> None:
        self._layers = layers
        self._active = 0

    def __enter__(self) -> None:
        with self._lock:
            if not self._active:
                inner = itertools.chain.from_iterable(layer.named_layers() for layer in self._layers)
                self._modes = [(layer, layer.training, layer.recording) for _, layer in inner]
                for layer in self._layers:
                    layer.eval()
            self._active += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._active -= 1
            if not self._active:
                for layer, training, recording in self._modes:
                    layer.training, layer.recording = training, recording


def start_recording(model: Layer) -> None:
    """Switch a model to training mode, but for the layers in it that were set to eval mode: these only record.

    A model that is in eval mode itself is switched as a whole.
    """
    if not model.training:
        model.train()
    for _, layer in model.named_layers():  # each flag becomes an attribute of its own, which checkpoints save
        layer.training, layer.recording, layer.frozen_statistics = layer.training, True, layer.frozen_statistics
    Layer.changes += 1


def evaluated(model: Layer, loss: Loss, metrics: Mapping[str, Metric], loader: DataLoader) -> dict[str, float]:
    """Return the loss and the metrics over a data set, weighted by samples; the loss by `Loss.total_weight`."""
    sums, samples, dtype = dict.fromkeys(metrics, 0.0), 0, model.dtype
    loss_sum = total = 0.0
    for x, y in loader:
        prediction = model.forward(cast(x, dtype))
        weight = weight_of(loss, x, y)
        one, factor = loss.as_part(weight)
        value = one.forward(prediction, y)
        loss_sum += factor * value if factor else 0.0
        total += weight
        for name, metric in metrics.items():
            sums[name] += float(metric(prediction, y)) * len(x)
        samples += len(x)
    return {"loss": loss_sum / total if total else 0.0} | {name: value / samples for name, value in sums.items()}


def predicted(model: Layer, X: NDArray[Any], scale: float | None) -> Array:
    """Return the model's outputs for X (N, ...), uint8 multiplied by `scale`; ValueError if they are not as many."""
    y, dtype = np.zeros(len(X), np.int8), model.dtype
    loader = DataLoader(X, y, EVALUATION_BATCH, scale=scale, check=False)
    outputs = np.concatenate([model.forward(cast(x, dtype)) for x, _ in loader])
    if len(outputs) != len(X):
        raise ValueError(
            f"predict expected samples along the first axis, got X of shape {X.shape}, of which the model made "
            f"{outputs.shape}: one sample? Pass X[np.newaxis]"
        )
    return outputs
