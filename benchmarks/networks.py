"""Predictions of networks that are more than Linear layers: one image, one sequence, one step of a sequence."""

from collections.abc import Callable
from typing import Any

import numpy as np
import with_minnet
from rivals import Remark, rival
from rounds import Call, Effort, Times, race
from works import WORKS, digits

import minnet as mn

Calls = dict[str, Callable[[], Any]]


def measure(effort: Effort, races: dict[str, Times], remark: Remark) -> None:
    """Time all cases."""
    torch = rival("with_torch", remark)
    for title, case in CASES.items():
        found = case(torch)
        races[title] = Times()
        race([Call(name, call) for name, call in found.items()], effort, title, races[title])


def _minnet(model: mn.Sequential, x: np.ndarray) -> Calls:
    model.eval()
    found: Calls = {"minnet": lambda: model.forward(x)}
    if with_minnet.can_compile():
        predict = mn.Predictor(model)
        found["minnet, Predictor"] = lambda: predict(x)
    return found


def _torch(torch: Any, model: Any, x: np.ndarray) -> Calls:
    model, sample = model.eval(), torch.torch.from_numpy(x)
    return {"PyTorch": torch.torch.inference_mode()(lambda: model(sample))}


def images(torch: Any) -> Calls:
    """Return the predictions of W5's network."""
    work, x = WORKS["W5"], digits().X[:1]
    found = _minnet(mn.Sequential(*with_minnet.convolution(work), mn.Softmax()), x)
    if torch is not None:
        found |= _torch(torch, torch.nn.Sequential(torch.convolution(work), torch.nn.Softmax(dim=-1)), x)
    return found


def colours(torch: Any) -> Calls:
    """Return the predictions of a network of colour images."""
    x = np.random.default_rng(0).random((1, 3, 32, 32), np.float32)
    layers = [mn.Conv2d(3, 32, 3, padding=1, rng=0), mn.BatchNorm2d(32), mn.ReLU(), mn.MaxPool2d(2),
              mn.Conv2d(32, 64, 3, padding=1, rng=1), mn.BatchNorm2d(64), mn.ReLU(), mn.MaxPool2d(2),
              mn.Flatten(), mn.Linear(4096, 10, rng=2), mn.Softmax()]  # fmt: skip
    found = _minnet(mn.Sequential(*layers), x)
    if torch is not None:
        nn = torch.nn
        found |= _torch(torch, nn.Sequential(
            nn.Conv2d(3, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(4096, 10), nn.Softmax(dim=-1)), x)  # fmt: skip
    return found


def step(torch: Any) -> Calls:
    """Return one step of an LSTM and a Linear layer, from the state of the step before."""
    x = np.random.default_rng(0).random((1, 28), np.float32)
    lstm, linear = mn.LSTM(28, 128, rng=0).eval(), mn.Linear(128, 10, rng=1).eval()
    _, state = lstm.step(x)
    found: Calls = {"minnet": lambda: linear.forward(lstm.step(x, state)[0])}
    if with_minnet.can_compile():
        predict = mn.Predictor(mn.Sequential(lstm, linear))
        _, states = predict.step(x)
        found["minnet, Predictor"] = lambda: predict.step(x, states)
    if torch is not None:
        nn = torch.nn
        theirs, last, sample = nn.LSTM(28, 128).eval(), nn.Linear(128, 10).eval(), torch.torch.from_numpy(x[None])
        with torch.torch.inference_mode():
            _, before = theirs(sample)
        found["PyTorch"] = torch.torch.inference_mode()(lambda: last(theirs(sample, before)[0]))
    return found


def sequence(torch: Any) -> Calls:
    """Return the predictions of T's network."""
    work, x = WORKS["T"], np.random.default_rng(0).standard_normal((1, 64, 128), np.float32)
    found = _minnet(mn.Sequential(*with_minnet.transformer(work), mn.Softmax()), x)
    if torch is not None:
        found |= _torch(torch, torch.nn.Sequential(torch.transformer(work), torch.nn.Softmax(dim=-1)), x)
    return found


CASES = {
    "two convolutions (W5), one image": images,
    "two convolutions with BatchNorm, 3×32×32": colours,
    "LSTM 28-128, one step": step,
    "two transformer blocks (T), 64 tokens": sequence,
}
