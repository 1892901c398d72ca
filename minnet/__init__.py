"""minnet: deep learning in NumPy, every layer a class with a `forward` and the matching `backward`."""

from minnet import callbacks, data, errors, extras, gradcheck, initializers, metrics, plots, schedules
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
