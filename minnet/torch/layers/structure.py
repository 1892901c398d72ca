"""Structure layers, which change the shape or the order of the axes."""

from minnet.layers.sequences.select import Select
from minnet.layers.structure import Flatten, Identity, Permute, Reshape
from minnet.torch.entries import entry

entry(Flatten)
entry(Identity)
entry(Permute, lambda layer, to: to.own.Permute(layer.axes))
entry(Select, lambda layer, to: to.own.Select(layer.index, layer.axis))
entry(Reshape, lambda layer, to: to.own.Reshape(layer.shape))
