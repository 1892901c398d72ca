"""Convolutions: the kernels are (in, out, ...) here, and (out, in, ...) in PyTorch; those of a transposed one agree."""

from minnet.layers.convolution import Conv1d, Conv2d
from minnet.layers.transposed import ConvTranspose2d
from minnet.torch.entries import entry
from minnet.torch.layouts import SWAPPED

entry(Conv1d, weight=SWAPPED)
entry(Conv2d, weight=SWAPPED)
entry(ConvTranspose2d)
