"""Poolings, of images and of sequences."""

from minnet.layers.adaptive_pooling import AdaptiveAvgPool2d, GlobalAvgPool2d
from minnet.layers.average_pooling import AvgPool2d
from minnet.layers.max_pooling import MaxPool2d
from minnet.layers.time_pooling import PoolTime
from minnet.torch.entries import entry

entry(MaxPool2d)
entry(AvgPool2d)
entry(AdaptiveAvgPool2d)
entry(GlobalAvgPool2d, lambda layer, to: to.own.GlobalAvgPool2d())
entry(PoolTime, lambda layer, to: to.own.PoolTime(layer.how))
