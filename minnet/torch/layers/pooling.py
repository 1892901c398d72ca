"""Poolings, of images and of sequences."""

from minnet.layers.images import adaptive_pooling, average_pooling, max_pooling
from minnet.layers.images.adaptive_pooling import GlobalAvgPool2d
from minnet.layers.sequences.time_pooling import PoolTime
from minnet.torch.entries import entry

for axes in "123":
    entry(getattr(max_pooling, f"MaxPool{axes}d"))
    entry(getattr(average_pooling, f"AvgPool{axes}d"))
    entry(getattr(adaptive_pooling, f"AdaptiveAvgPool{axes}d"))
    entry(getattr(adaptive_pooling, f"AdaptiveMaxPool{axes}d"))
entry(GlobalAvgPool2d, lambda layer, to: to.own.GlobalAvgPool2d())
entry(PoolTime, lambda layer, to: to.own.PoolTime(layer.how))
