"""A workload is what the doctor times: predictions and training steps of two models, and the products in them."""

import time
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from minnet.callbacks import Callback, Training
from minnet.core.arrays import Array
from minnet.core.layer import Layer
from minnet.data.loader import DataLoader
from minnet.layers import Linear, ReLU, Sequential, Softmax
from minnet.losses import CrossEntropyLoss
from minnet.optimizers import SGD
from minnet.stopwatch import Job, More, timed
from minnet.training.trainer import Trainer

NOTEBOOK, WIDE, BATCH = (784, 10), (784, 1024, 1024, 10), 128


def jobs(notebook: Sequence[int] = NOTEBOOK, wide: Sequence[int] = WIDE, samples: int = 10_000) -> dict[str, Job]:
    """Return what is timed: predictions, training steps, products.

    Parameters
    ----------
    notebook, wide
        The sizes of the two models' layers. The first is the same for both.
    samples
        How many random images they learn from, at least a batch.
    """
    rng = np.random.default_rng(0)

    def random(*shape: int) -> Array:
        return rng.random(shape, np.float32)

    x, weight, dy = random(BATCH, notebook[0]), random(notebook[0], notebook[-1]), random(BATCH, notebook[-1])
    halves, square = x.reshape(2, BATCH // 2, -1), random(wide[1], wide[1])
    small, large = _model(notebook).eval(), _model(wide).eval()
    return {
        "predict_notebook": timed(lambda: small.forward(x[:1])),
        "predict_wide": timed(lambda: large.forward(x[:1])),
        "step_notebook": _training(notebook, samples),
        "step_wide": _training(wide, samples),
        "product_large": timed(lambda: square @ square),
        "product_forward": timed(lambda: x @ weight),
        "product_halves": timed(lambda: halves @ weight),
        "product_gradient": timed(lambda: x.T @ dy),
    }


class _Stamps(Callback):
    """Note when each step ends, and stop when it is enough."""

    def __init__(self, more: More) -> None:
        self.more = more
        self.seconds: list[float] = []

    def on_step_end(self, trainer: Training) -> None:
        self.seconds.append(time.perf_counter())
        if not self.more(self.seconds):
            trainer.stop()


def _model(sizes: Sequence[int]) -> Sequential:
    layers: list[Layer] = []
    for i, (inside, outside) in enumerate(pairwise(sizes)):
        layers += [Linear(inside, outside, rng=i), ReLU()]
    return Sequential(*layers[:-1], Softmax())


def _training(sizes: Sequence[int], samples: int) -> Job:
    """Return the job of making training steps as a user does: with a Trainer, and a shuffled loader of bytes."""
    rng, model = np.random.default_rng(0), _model(sizes)
    images = rng.integers(256, size=(samples, sizes[0]), dtype=np.uint8)
    batches = DataLoader(images, rng.integers(sizes[-1], size=samples), BATCH, shuffle=True, drop_last=True, rng=0)
    trainer = Trainer(model, CrossEntropyLoss(), SGD(model.parameters(), lr=0.01))

    def job(more: More) -> list[float]:
        stamps = _Stamps(more)
        trainer.fit(batches, steps=10**6, callbacks=[stamps], progress=False)
        return stamps.seconds

    return job
