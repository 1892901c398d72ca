"""Dropout, of which PyTorch has all but the one that drops samples."""

from minnet.layers.dropout import Dropout, Dropout2d, DropPath
from minnet.torch.entries import entry

entry(Dropout)
entry(Dropout2d)
entry(DropPath, lambda layer, to: to.own.DropPath(layer.p))
