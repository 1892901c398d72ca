"""Activations, which PyTorch has under the same names, with the same arguments."""

from minnet.layers.activations import Hardtanh, LeakyReLU, ReLU, ReLU6, Sigmoid, Tanh
from minnet.layers.smooth_activations import ELU, GELU, SELU, SiLU, Softplus
from minnet.layers.softmax import LogSoftmax, Softmax
from minnet.torch.entries import entry

for _kind in (ReLU, LeakyReLU, Hardtanh, ReLU6, Sigmoid, Tanh, ELU, GELU, SELU, SiLU, Softplus):
    entry(_kind)
entry(Softmax, lambda layer, to: to.nn.Softmax(-1))
entry(LogSoftmax, lambda layer, to: to.nn.LogSoftmax(-1))
