"""A Network is what an estimator keeps from one fit to the next: the model, its loss, and the scales of X and y."""

from dataclasses import dataclass

import numpy as np

from minnet.core.arrays import Array
from minnet.core.layer import Layer
from minnet.layers import Sequential
from minnet.losses import Loss
from minnet.sklearn.samples import Samples, Standard


@dataclass
class Network:
    """A model that is trained on X, beginning with its standardisation, if there is one, and a loss for its outputs."""

    model: Layer
    loss: Loss
    outputs: int
    rng: np.random.Generator
    of_x: Standard | None = None
    of_y: Standard | None = None
    samples: int = 0
    weights: float = 0.0  # of these, added up

    @property
    def whole(self) -> Layer:
        """The model whose outputs are in the units of y, in eval mode."""
        model = self.model
        if self.of_y is not None:
            layers = model.layers if isinstance(model, Sequential) else (model,)
            model = Sequential(*layers, self.of_y.layer)
        return model.eval()

    @property
    def dtype(self) -> "np.dtype[np.floating]":
        """The dtype that it computes in."""
        return self.model.dtype or np.dtype(np.float64)

    @property
    def mean_weight(self) -> float:
        """What a sample counts on average."""
        return self.weights / self.samples

    def count(self, samples: Samples) -> None:
        """Count samples, and add up their weights."""
        self.samples += len(samples)
        self.weights += len(samples) * samples.mean_weight()

    def learn_from(self, samples: Samples) -> None:
        """Take further samples into the mean weight, and the means and deviations of X and y."""
        self.count(samples)
        if self.of_x is not None:
            self.of_x.update(samples.X, samples.weight)
        if self.of_y is not None:
            self.of_y.update(samples.y, samples.weight)

    def predicted(self, outputs: Array) -> Array:
        """Return outputs in the units of y."""
        return outputs if self.of_y is None else self.of_y.layer.forward(outputs)
