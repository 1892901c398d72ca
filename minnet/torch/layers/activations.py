"""Activations, which PyTorch has under the same names, with the same arguments."""

from minnet.layers.activations.classic import (
    Hardtanh,
    LeakyReLU,
    LogSigmoid,
    ReLU,
    ReLU6,
    Sigmoid,
    Softsign,
    Tanh,
    Tanhshrink,
)
from minnet.layers.activations.gates import GLU, Hardswish, Mish
from minnet.layers.activations.hard import Hardshrink, Hardsigmoid, Softshrink, Threshold
from minnet.layers.activations.prelu import PReLU
from minnet.layers.activations.smooth import CELU, ELU, GELU, SELU, SiLU, Softplus
from minnet.layers.softmax import LogSoftmax, Softmax
from minnet.torch.entries import entry

for _kind in (
    *(ReLU, LeakyReLU, PReLU, Hardtanh, ReLU6, Hardsigmoid, Hardshrink, Softshrink, Threshold),
    *(Sigmoid, LogSigmoid, Tanh, Tanhshrink, Softsign, ELU, CELU, GELU, SELU, SiLU, Softplus, Mish, Hardswish),
):
    entry(_kind)
entry(GLU, lambda layer, to: to.nn.GLU(layer.axis))
entry(Softmax, lambda layer, to: to.nn.Softmax(-1))
entry(LogSoftmax, lambda layer, to: to.nn.LogSoftmax(-1))
