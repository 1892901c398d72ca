"""Predictions of networks that are more than Linear layers, by minnet and by PyTorch with the same weights."""

from collections.abc import Callable
from typing import Any

import numpy as np
from rivals import Remark, rival
from rounds import Call, Effort, Times, race

import minnet as mn


def block(inputs: int, outputs: int) -> list[mn.Layer]:
    """Return a convolution with BatchNorm and ReLU."""
    return [mn.Conv2d(inputs, outputs, 3, padding=1, rng=0), mn.BatchNorm2d(outputs), mn.ReLU()]


def pooled(inputs: int, outputs: int) -> list[mn.Layer]:
    """Return a convolution with ReLU and max-pooling."""
    return [mn.Conv2d(inputs, outputs, 3, padding=1, rng=0), mn.ReLU(), mn.MaxPool2d(2)]


def lenet() -> list[mn.Layer]:
    """Return LeNet-5, with all connections."""
    means = [mn.Tanh(), mn.AvgPool2d(2)]
    images = [mn.Conv2d(1, 6, 5, padding=2, rng=0), *means, mn.Conv2d(6, 16, 5, rng=1), mn.Tanh(), mn.AvgPool2d(2)]
    sizes = (400, 120, 84, 10)
    dense = [layer for i in range(3) for layer in (mn.Linear(sizes[i], sizes[i + 1], rng=i), mn.Tanh())]
    return [*images, mn.Flatten(), *dense[:-1]]


NETWORKS: dict[str, tuple[Callable[[], list[mn.Layer]], tuple[int, ...]]] = {  # title → layers, shape of the sample
    "LeNet-5, one image": (lenet, (1, 1, 28, 28)),
    "two convolutions (W5), one image": (
        lambda: [*pooled(1, 16), *pooled(16, 32), mn.Flatten(), mn.Linear(1568, 10, rng=0)], (1, 1, 28, 28)
    ),
    "three convolutions with BatchNorm, 3×32×32": (
        lambda: [*block(3, 32), *block(32, 32), mn.MaxPool2d(2), *block(32, 64), mn.MaxPool2d(2), mn.Flatten(),
                 mn.Linear(4096, 10, rng=0)], (1, 3, 32, 32)
    ),
    "784-1024-1024-10, one image": (
        lambda: [mn.Linear(784, 1024, rng=0), mn.ReLU(), mn.Linear(1024, 1024, rng=1), mn.ReLU(),
                 mn.Linear(1024, 10, rng=2)], (1, 784)
    ),
    "two transformer blocks (T), 64 tokens": (
        lambda: [*(mn.TransformerBlock(128, 4, 256, dropout=0.0, norm_first=True, rng=i) for i in range(2)),
                 mn.Linear(128, 10, rng=2)], (1, 64, 128)
    ),
    "LSTM 28-128, 64 steps": (
        lambda: [mn.LSTM(28, 128, rng=0), mn.Select(-1), mn.Linear(128, 10, rng=1)], (1, 64, 28)
    ),
}  # fmt: skip
STEP = "LSTM 28-128, one step"
TITLES = (*NETWORKS, STEP)


def measure(effort: Effort, races: dict[str, Times], remark: Remark) -> None:
    """Time all cases."""
    for title in TITLES:
        races[title] = Times()
        race(contenders(title, remark), effort, title, races[title])


def contenders(title: str, remark: Remark) -> list[Call]:
    """Return the ways to map a sample to the outputs of a network, or to take a step of an LSTM."""
    rng = np.random.default_rng(0)
    if title == STEP:
        model: Any = mn.LSTM(28, 128, rng=0).eval()
        return _steps(model, rng.normal(size=(1, 28)).astype(np.float32), remark)
    make, shape = NETWORKS[title]
    model, x = mn.Sequential(*make()).eval(), rng.normal(size=shape).astype(np.float32)
    found = [Call("minnet", lambda: model.forward(x))]
    if predict := _predictor(model, remark):
        found.append(Call("minnet, Predictor", lambda: predict(x)))
    if rival("with_torch", remark):
        import torch

        module, sample = mn.torch.to_torch(model).eval(), torch.from_numpy(x)
        found.append(Call("PyTorch", torch.inference_mode()(lambda: module(sample))))
    return found


def _steps(model: Any, x: Any, remark: Remark) -> list[Call]:
    _, state = model.step(x)
    found = [Call("minnet", lambda: model.step(x, state)[0])]
    predict: Any = _predictor(mn.Sequential(model), remark)
    if hasattr(predict, "step"):
        found.append(Call("minnet, Predictor", lambda: predict.step(x, (state,))[0]))
    if rival("with_torch", remark):
        import torch

        cell, sample, states = torch.nn.LSTMCell(28, 128), torch.from_numpy(x), [torch.from_numpy(s) for s in state]
        values = mn.torch.state_dict(model)
        cell.load_state_dict({name.removesuffix("_l0"): value for name, value in values.items()})
        found.append(Call("PyTorch", torch.inference_mode()(lambda: cell(sample, states)[0])))
    return found


def _predictor(model: mn.Layer, remark: Remark) -> Any:
    try:
        return mn.Predictor(model)
    except (AttributeError, ValueError, mn.errors.MissingExtraError) as error:  # of an older minnet, too
        remark(f"minnet's Predictor is left out: {error}")
        return None
