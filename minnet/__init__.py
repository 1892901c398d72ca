"""minnet: deep learning in NumPy, every layer a class with a `forward` and the matching `backward`."""

from importlib import import_module
from typing import TYPE_CHECKING

from minnet import callbacks, data, errors, extras, initializers, metrics, schedules
from minnet.data import DataLoader
from minnet.history import History
from minnet.layer import Layer
from minnet.layers import (
    Dropout,
    Flatten,
    Linear,
    LogSoftmax,
    ReLU,
    Residual,
    Sequential,
    Sigmoid,
    Softmax,
    Tanh,
)
from minnet.losses import CrossEntropyLoss, Loss, MSELoss, NLLLoss, SoftmaxCrossEntropyLoss
from minnet.optimizers import SGD, Optimizer
from minnet.parameter import Parameter
from minnet.summary import summary
from minnet.trainer import Trainer

if TYPE_CHECKING:
    from minnet import gradcheck, plots

__version__ = "0.1.0"

__all__ = [
    "SGD",
    "CrossEntropyLoss",
    "DataLoader",
    "Dropout",
    "Flatten",
    "History",
    "Layer",
    "Linear",
    "LogSoftmax",
    "Loss",
    "MSELoss",
    "NLLLoss",
    "Optimizer",
    "Parameter",
    "ReLU",
    "Residual",
    "Sequential",
    "Sigmoid",
    "Softmax",
    "SoftmaxCrossEntropyLoss",
    "Tanh",
    "Trainer",
    "callbacks",
    "data",
    "errors",
    "extras",
    "gradcheck",
    "initializers",
    "metrics",
    "plots",
    "schedules",
    "summary",
]


def __getattr__(name: str) -> object:
    # Who only trains does not wait for these two.
    if name in ("gradcheck", "plots"):
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
