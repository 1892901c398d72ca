"""Convolutions: the kernels are (in, out, ...) here, and (out, in, ...) in PyTorch; those of a transposed one agree."""

from minnet.layers.images.convolution import Conv1d, Conv2d, Conv3d
from minnet.layers.images.transposed import ConvTranspose1d, ConvTranspose2d
from minnet.torch.entries import entry
from minnet.torch.layouts import SWAPPED

for kind in (Conv1d, Conv2d, Conv3d):
    entry(kind, weight=SWAPPED)
entry(ConvTranspose1d)
entry(ConvTranspose2d)
