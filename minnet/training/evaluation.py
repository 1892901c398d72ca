"""Evaluation is the mode in which a model is looked at, and not trained."""

import itertools
import threading

from minnet.core.layer import Layer


class Evaluation:
    """While active, model and loss are in eval mode; afterwards each layer is in the mode it was in.

    Several threads may evaluate at the same time: the first switches, the last switches back.
    """

    _lock = threading.Lock()

    def __init__(self, *layers: Layer) -> None:
        self._layers = layers
        self._active = 0

    def __enter__(self) -> None:
        with self._lock:
            if not self._active:
                inner = itertools.chain.from_iterable(layer.named_layers() for layer in self._layers)
                self._modes = [(layer, layer.training) for _, layer in inner]
                for layer in self._layers:
                    layer.eval()
            self._active += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._active -= 1
            if not self._active:
                for layer, training in self._modes:
                    layer.training = training
