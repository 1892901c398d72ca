"""Pads, upsampling and shuffles of images, which have the same names and arguments in PyTorch."""

from minnet.layers.images import pads
from minnet.layers.images.shuffling import ChannelShuffle, PixelShuffle, PixelUnshuffle
from minnet.layers.images.upsampling import Upsample
from minnet.torch.entries import entry

for mode in ("Constant", "Zero", "Reflection", "Replication", "Circular"):
    for axes in "123":
        entry(getattr(pads, f"{mode}Pad{axes}d"))
entry(Upsample)
entry(PixelShuffle)
entry(PixelUnshuffle)
entry(ChannelShuffle)
