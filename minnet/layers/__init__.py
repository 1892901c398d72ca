"""The layers, one file a family."""

from minnet.layers.activations import ReLU, Sigmoid, Tanh
from minnet.layers.containers import Residual, Sequential
from minnet.layers.dropout import Dropout
from minnet.layers.flatten import Flatten
from minnet.layers.linear import Linear
from minnet.layers.softmax import LogSoftmax, Softmax

__all__ = [
    "Dropout",
    "Flatten",
    "Linear",
    "LogSoftmax",
    "ReLU",
    "Residual",
    "Sequential",
    "Sigmoid",
    "Softmax",
    "Tanh",
]
