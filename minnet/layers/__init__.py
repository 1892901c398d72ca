"""The layers, one file a family."""

from typing import TYPE_CHECKING

from minnet.lazy import later

if TYPE_CHECKING:
    from minnet.layers.activations import Hardtanh, LeakyReLU, ReLU, ReLU6, Sigmoid, Tanh
    from minnet.layers.adaptive_pooling import AdaptiveAvgPool2d, GlobalAvgPool2d
    from minnet.layers.attention import MultiHeadAttention
    from minnet.layers.batch_norm import BatchNorm1d, BatchNorm2d
    from minnet.layers.branches import Add, Concat
    from minnet.layers.containers import Residual, Sequential
    from minnet.layers.convolution import Conv1d, Conv2d
    from minnet.layers.dropout import Dropout, Dropout2d, DropPath
    from minnet.layers.embedding import Embedding, LearnedPosition, SinusoidalPosition
    from minnet.layers.flatten import Flatten
    from minnet.layers.group_norm import GroupNorm
    from minnet.layers.layer_norm import LayerNorm, RMSNorm
    from minnet.layers.linear import Linear
    from minnet.layers.pooling import AvgPool2d, MaxPool2d
    from minnet.layers.recurrent import GRU, LSTM, RNN
    from minnet.layers.smooth_activations import ELU, GELU, SELU, SiLU, Softplus
    from minnet.layers.softmax import LogSoftmax, Softmax
    from minnet.layers.structure import Identity, Permute, Reshape
    from minnet.layers.tied import Tied
    from minnet.layers.transformer import TransformerBlock
    from minnet.layers.transposed import ConvTranspose2d

__all__ = [
    "ELU",
    "GELU",
    "GRU",
    "LSTM",
    "RNN",
    "SELU",
    "AdaptiveAvgPool2d",
    "Add",
    "AvgPool2d",
    "BatchNorm1d",
    "BatchNorm2d",
    "Concat",
    "Conv1d",
    "Conv2d",
    "ConvTranspose2d",
    "DropPath",
    "Dropout",
    "Dropout2d",
    "Embedding",
    "Flatten",
    "GlobalAvgPool2d",
    "GroupNorm",
    "Hardtanh",
    "Identity",
    "LayerNorm",
    "LeakyReLU",
    "LearnedPosition",
    "Linear",
    "LogSoftmax",
    "MaxPool2d",
    "MultiHeadAttention",
    "Permute",
    "RMSNorm",
    "ReLU",
    "ReLU6",
    "Reshape",
    "Residual",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "SinusoidalPosition",
    "Softmax",
    "Softplus",
    "Tanh",
    "Tied",
    "TransformerBlock",
]

__getattr__ = later(
    __name__,
    {
        "activations": (
            "Hardtanh",
            "LeakyReLU",
            "ReLU",
            "ReLU6",
            "Sigmoid",
            "Tanh",
        ),
        "adaptive_pooling": (
            "AdaptiveAvgPool2d",
            "GlobalAvgPool2d",
        ),
        "attention": ("MultiHeadAttention",),
        "batch_norm": (
            "BatchNorm1d",
            "BatchNorm2d",
        ),
        "branches": (
            "Add",
            "Concat",
        ),
        "containers": (
            "Residual",
            "Sequential",
        ),
        "convolution": (
            "Conv1d",
            "Conv2d",
        ),
        "dropout": (
            "Dropout",
            "Dropout2d",
            "DropPath",
        ),
        "embedding": (
            "Embedding",
            "LearnedPosition",
            "SinusoidalPosition",
        ),
        "flatten": ("Flatten",),
        "group_norm": ("GroupNorm",),
        "layer_norm": (
            "LayerNorm",
            "RMSNorm",
        ),
        "linear": ("Linear",),
        "pooling": (
            "AvgPool2d",
            "MaxPool2d",
        ),
        "recurrent": (
            "GRU",
            "LSTM",
            "RNN",
        ),
        "smooth_activations": (
            "ELU",
            "GELU",
            "SELU",
            "SiLU",
            "Softplus",
        ),
        "softmax": (
            "LogSoftmax",
            "Softmax",
        ),
        "structure": (
            "Identity",
            "Permute",
            "Reshape",
        ),
        "tied": ("Tied",),
        "transformer": ("TransformerBlock",),
        "transposed": ("ConvTranspose2d",),
    },
)
