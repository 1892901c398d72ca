"""Attention, and the blocks around it: the modules are PyTorch's, but take minnet's arguments, and its mask."""

from typing import Any

from minnet.layers.dropout import Dropout
from minnet.layers.linear import Linear
from minnet.layers.sequences.attention import MultiHeadAttention
from minnet.layers.sequences.decoder import TransformerDecoderBlock
from minnet.layers.sequences.transformer import Block, TransformerBlock
from minnet.torch.entries import Making, Tensor, entry, parts_of
from minnet.torch.layouts import SWAPPED, packed

PROJECTIONS = ("query", "key", "value")


def _attention_tensors(layer: MultiHeadAttention) -> list[Tensor]:
    """Return one tensor of all three projections, or three, where the keys or the values have another length."""
    three = packed(3)
    weights = [Tensor("in_proj_weight", tuple(f"{name}.weight" for name in PROJECTIONS), three)]
    if {layer.key.in_features, layer.value.in_features} != {layer.embed_dim}:
        weights = [Tensor(f"{name[0]}_proj_weight", (f"{name}.weight",), SWAPPED) for name in PROJECTIONS]
    return [
        *weights,
        Tensor("in_proj_bias", tuple(f"{name}.bias" for name in PROJECTIONS), three),
        Tensor("out_proj.weight", ("output.weight",), SWAPPED),
        Tensor("out_proj.bias", ("output.bias",)),
    ]


def _attention(layer: MultiHeadAttention, to: Making) -> Any:
    if layer.dropout is not None and type(layer.dropout) is not Dropout:
        raise TypeError(f"{layer.describe()} drops by {layer.dropout.describe()}: PyTorch's can only have a Dropout")
    return to.own.MultiheadAttention(**layer.arguments())


def _is_usual(block: Block) -> bool:
    """Whether the network of a block is as its constructor made it, which is all that PyTorch's can be."""
    kinds = [type(layer) for layer in block.network.layers]
    dropout = [Dropout] * (block.dropout is not None)
    return kinds == [Linear, kinds[1], *dropout, Linear, *dropout]


def _block_parts(block: Block) -> dict[str, str]:
    if not _is_usual(block):
        return parts_of(block)
    cross = isinstance(block, TransformerDecoderBlock)
    parts = {"self_attn": "attention"}
    if cross:
        parts["multihead_attn"] = "cross_attention"
    parts["linear1"] = "network.layers[0]"
    if block.dropout is None:
        parts["linear2"] = "network.layers[2]"
    else:
        parts |= {"dropout": "network.layers[2]", "linear2": "network.layers[3]"}
    norms = ["attention_norm", *["cross_norm"] * cross, "network_norm"]
    parts |= {f"norm{i}": path for i, path in enumerate(norms, 1)}
    if block.dropout is not None:
        paths = ["dropout", *["cross_dropout"] * cross, "network.layers[4]"]
        parts |= {f"dropout{i}": path for i, path in enumerate(paths, 1)}
    return parts | {"activation": "network.layers[1]"}


def _block(block: Block, to: Making) -> Any:
    name = "TransformerDecoderLayer" if isinstance(block, TransformerDecoderBlock) else "TransformerEncoderLayer"
    if not _is_usual(block):
        raise TypeError(
            f"{block.describe()} has another network than PyTorch's {name}, which is Linear, an activation, Linear: "
            "build it of Residual, LayerNorm, MultiHeadAttention and Sequential"
        )
    sizes = (block.embed_dim, block.num_heads, block.hidden)
    return getattr(to.own, name)(*sizes, block.norm_first, to.parts)


entry(MultiHeadAttention, _attention, tensors=_attention_tensors, parts=lambda layer: {})
entry(TransformerBlock, _block, parts=_block_parts)
entry(TransformerDecoderBlock, _block, parts=_block_parts)
