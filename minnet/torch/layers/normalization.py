"""Normalizations. In PyTorch, those of a batch and of groups leave out γ and β together, or none of the two."""

from typing import Any

from minnet.layers.normalization.batch_norm import BatchNorm1d, BatchNorm2d, BatchNorm3d
from minnet.layers.normalization.group_norm import GroupNorm
from minnet.layers.normalization.instance_norm import InstanceNorm1d, InstanceNorm2d, InstanceNorm3d
from minnet.layers.normalization.layer_norm import LayerNorm, RMSNorm
from minnet.layers.normalization.normalize import Normalize
from minnet.torch.entries import Making, entry, without
from minnet.torch.layouts import COUNT


def _norm(layer: Any, to: Making) -> Any:
    arguments = layer.arguments()
    bias = arguments.pop("bias")
    module = getattr(to.nn, type(layer).__name__)(**arguments)
    return module if bias or not layer.affine else without(module, "bias")


for kind in (BatchNorm1d, BatchNorm2d, BatchNorm3d, InstanceNorm1d, InstanceNorm2d, InstanceNorm3d):
    entry(kind, _norm, num_batches_tracked=COUNT)
entry(GroupNorm, _norm)
entry(LayerNorm)
entry(RMSNorm)
entry(Normalize, lambda layer, to: to.own.Normalize(layer.mean.data.shape, layer.axis))
