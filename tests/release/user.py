"""A user's typed module, which must pass ``mypy --strict`` against the installed package, and run."""

from collections import OrderedDict
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

import minnet as mn

Floats = NDArray[np.floating[Any]]


class Scale(mn.Layer):
    """y = w · x, one w a feature."""

    def __init__(self, features: int) -> None:
        self.weight = mn.Parameter(np.ones(features, np.float32))

    def forward(self, x: Floats) -> Floats:
        self.cache = x
        return x * self.weight.data

    def backward(self, dy: Floats) -> Floats:
        x: Floats = self.cache
        self.weight.grad += (x * dy).sum(axis=0)
        return dy * self.weight.data


class HalfSquare(mn.Loss):
    """L = mean of (p − t)² / 2, over all numbers."""

    def forward(self, prediction: Floats, target: ArrayLike) -> float:
        difference = prediction - np.asarray(target, prediction.dtype)
        self.cache = difference
        return float(np.mean(difference**2) / 2)

    def backward(self) -> Floats:
        difference: Floats = self.cache
        return difference / np.asarray(difference.size, difference.dtype)


class Worst(mn.metrics.Metric):
    """The largest error."""

    better: Literal["min", "max"] | None = "min"

    def reset(self) -> None:
        self.worst = 0.0

    def update(self, prediction: Floats, target: ArrayLike) -> None:
        self.worst = max(self.worst, float(np.abs(prediction - np.asarray(target)).max()))

    def compute(self) -> float:
        return self.worst


class CountSteps(mn.callbacks.Callback):
    """How many steps a fit made."""

    def __init__(self) -> None:
        self.steps = 0

    def on_step_end(self, trainer: mn.callbacks.Training) -> None:
        self.steps += 1


class SignDescent(mn.Optimizer):
    """p ← p − lr · sign(g)."""

    def update(self, i: int, p: Floats, g: Floats, group: dict[str, Any]) -> None:
        p -= group["lr"] * np.sign(g)


def train() -> float:
    """Train all of it, save it, load it, and return its worst error."""
    x = np.random.default_rng(0).normal(size=(64, 3)).astype(np.float32)
    target = x * np.array([1, 2, 3], np.float32)
    model = mn.Sequential(Scale(3), mn.Identity())
    trainer = mn.Trainer(model, HalfSquare(), SignDescent(model.parameters(), lr=0.01), metrics={"worst": Worst()})
    counted = CountSteps()
    history: mn.History = trainer.fit(mn.DataLoader(x, target, batch_size=16), epochs=50, callbacks=[counted])
    assert counted.steps == 200 == history[-1]["step"]
    worst: float = trainer.evaluate((x, target))["worst"]
    prediction: Floats = trainer.predict(x)
    assert prediction.shape == (64, 3)
    return worst


def compose() -> mn.Sequential:
    """Use a model as a list with names, call it, and copy its state."""
    model = mn.Sequential(OrderedDict(body=mn.Linear(3, 4), head=Scale(4)))
    model.append(mn.ReLU(), "relu").insert("head", mn.Identity()).extend([mn.ReLU()])
    layer: mn.Layer = model.layers["head"]
    weight: Floats = model["head"].weight.data
    names: tuple[str | None, ...] = model.layers.names
    part: mn.Sequential = model[:2] + mn.Sequential(last=mn.Tanh())
    popped: mn.Layer = model.pop()
    assert layer in model
    assert popped not in model
    assert "relu" in names
    assert weight.shape == (4,)
    y: Floats = model(np.ones((2, 3), np.float32))
    loss: float = mn.MSELoss()(y, y)
    state: dict[str, Floats] = model.state_dict()
    missing, unexpected = mn.Sequential(body=mn.Linear(3, 4)).load_state_dict(state, strict=False)
    assert loss == 0 == len(missing)
    assert unexpected == ['layers["head"].weight']
    return part


if __name__ == "__main__":
    assert len(compose()) == 3
    assert train() < 0.1
