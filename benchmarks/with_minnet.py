"""minnet by its public API, as users write it: a model, a DataLoader and a Trainer, with progress bar and history."""

import contextlib
import io
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import numpy as np
from rounds import Call
from works import HEADS, Data, Weights, Work, digits, initial_weights

import minnet as mn

OPTIONS: dict[str, dict[str, int]] = {  # their name in tables, and the arguments of a Trainer
    "compiled": {"compiled": True},
    "2 threads": {"threads": 2},
    "compiled, 2 threads": {"compiled": True, "threads": 2},
}
PACKAGES = {  # what each option needs; the extra has the name of the option
    "compiled": "numba",
    "threads": "threadpoolctl",
}


def contenders(work: Work, data: Data, remark: Callable[[str], None]) -> list["Minnet"]:
    """Return minnet's ways to do a work."""
    found = [
        Minnet("minnet", work, data),
        Minnet("minnet, composed", work, data, composed=True),
    ]
    if work.key == "W1":
        found.append(Minnet("minnet, uint8", work, digits(uint8=True)))
    for name, options in options_of(work):
        try:
            for option in options:
                mn.extras.require(PACKAGES[option], option)
            found.append(Minnet(f"minnet, {name}", work, data, **options))
        except mn.errors.MissingExtraError as error:
            remark(f"minnet, {name}, is left out: {error}")
    return found


def options_of(work: Work) -> list[tuple[str, dict[str, int]]]:
    """Return the options of a Trainer that a work is done with: one sample cannot be cut for two threads."""
    return [(name, options) for name, options in OPTIONS.items() if work.batch_size > 1 or "threads" not in options]


def predictors(weights: Weights, x: np.ndarray, remark: Callable[[str], None]) -> list[Call]:
    """Return minnet's way to map one image to probabilities."""
    model = mn.Sequential(*dense(weights), mn.Softmax()).eval()
    found = [Call("minnet", lambda: model.forward(x))]
    try:
        predict = mn.Predictor(model)
        found.append(Call("minnet, Predictor", lambda: predict(x)))
    except (AttributeError, mn.errors.MissingExtraError) as error:
        remark(f"minnet's Predictor is left out: {error}")
    return found


def can_compile() -> bool:
    """Whether the packages that compiled=True needs are installed."""
    return find_spec("numba") is not None and find_spec("scipy") is not None


class Minnet:
    """A Trainer with SoftmaxCrossEntropyLoss; or, if `composed`, with Softmax and CrossEntropyLoss."""

    def __init__(self, name: str, work: Work, data: Data, composed: bool = False, **options: int) -> None:
        self.name = name
        layers = MODELS[work.model](work)
        model = mn.Sequential(*layers, *([mn.Softmax()] if composed else []))
        loss = mn.CrossEntropyLoss() if composed else mn.SoftmaxCrossEntropyLoss()
        optimizer = getattr(mn, work.optimizer)(model.parameters(), lr=work.lr)
        self.trainer = mn.Trainer(model, loss, optimizer, **options)
        self.slow_start = 2 if options else 1  # because starting threads takes as long as some steps
        self.loader = mn.DataLoader(data.X, data.y, work.batch_size, shuffle=True, rng=0)

    def run(self, steps: int) -> None:
        """Do so many steps."""
        fit(self.trainer, self.loader, steps=steps)

    def scores(self, X: np.ndarray) -> np.ndarray:
        """Return the model's outputs."""
        return self.trainer.predict(X)


class Terminal(io.StringIO):
    """A terminal in memory, on which minnet's progress bar is drawn without disturbing that of the benchmark."""

    def isatty(self) -> bool:
        """Return True: progress bars are drawn only on terminals."""
        return True


def fit(trainer: mn.Trainer, loader: mn.DataLoader, **options: Any) -> None:
    """Call `trainer.fit` with its progress bar; after Ctrl-C, raise KeyboardInterrupt."""
    with contextlib.redirect_stderr(Terminal()):
        trainer.fit(loader, on_interrupt="raise", **options)


class LastStep(mn.Layer):
    """y = x at the last step. Backward: dy is the gradient there, and 0 everywhere else."""

    def forward(self, x):
        """Map x (N, T, H) to y (N, H)."""
        self.cache = x.shape
        return x[:, -1]

    def backward(self, dy):
        """Map dy (N, H) to dx (N, T, H)."""
        dx = np.zeros(self.cache, dy.dtype)
        dx[:, -1] = dy
        return dx


def dense(weights: Weights) -> list[mn.Layer]:
    """Return Linear layers with ReLU between them."""
    layers: list[mn.Layer] = []
    for W, b in weights:
        linear = mn.Linear(*W.shape)
        linear.weight.data, linear.bias.data = W, b
        layers += [linear, mn.ReLU()]
    return layers[:-1]


def convolution(work: Work) -> list[mn.Layer]:
    """Return two convolutions, each with ReLU and a pooling, and a Linear layer."""
    layers: list[mn.Layer] = [mn.Reshape(1, 28, 28)]
    *kernels, (W, b) = initial_weights(work)
    for kernel, bias in kernels:
        conv = mn.Conv2d(kernel.shape[1], kernel.shape[0], 3, padding=1)
        conv.weight.data, conv.bias.data = kernel.swapaxes(0, 1), bias
        layers += [conv, mn.ReLU(), mn.MaxPool2d(2)]
    linear = mn.Linear(*W.shape)
    linear.weight.data, linear.bias.data = W, b
    return [*layers, mn.Flatten(), linear]


def lstm(work: Work) -> list[mn.Layer]:
    """Return an LSTM, and a Linear layer that reads its last step."""
    inputs, hidden, classes = work.sizes
    return [mn.LSTM(inputs, hidden, rng=0), LastStep(), mn.Linear(hidden, classes, rng=1)]


def transformer(work: Work) -> list[mn.Layer]:
    """Return two transformer blocks, and a Linear layer that reads every token."""
    width, hidden, classes = work.sizes
    blocks = [mn.TransformerBlock(width, HEADS, hidden, dropout=0.0, norm_first=True, rng=i) for i in range(2)]
    return [*blocks, mn.Linear(width, classes, rng=2)]


MODELS = {
    "dense": lambda work: dense(initial_weights(work)),
    "convolution": convolution,
    "lstm": lstm,
    "transformer": transformer,
}
