"""The layers, one folder a family.

All raise the same errors. A constructor raises a TypeError or ValueError if an argument is not of the type, or not in
the range, that the class describes. So does `forward` if x has another shape or another dtype than the Parameters
(without Parameters: float32 or float64), and `backward` if dy has another shape or dtype than the last output.
"""

from typing import TYPE_CHECKING

from minnet.core.words import answer_arguments
from minnet.layers.activations.classic import Hardtanh as Hardtanh
from minnet.layers.activations.classic import LeakyReLU as LeakyReLU
from minnet.layers.activations.classic import LogSigmoid as LogSigmoid
from minnet.layers.activations.classic import ReLU as ReLU
from minnet.layers.activations.classic import ReLU6 as ReLU6
from minnet.layers.activations.classic import Sigmoid as Sigmoid
from minnet.layers.activations.classic import Softsign as Softsign
from minnet.layers.activations.classic import Tanh as Tanh
from minnet.layers.activations.classic import Tanhshrink as Tanhshrink
from minnet.layers.activations.gates import GLU as GLU
from minnet.layers.activations.gates import Hardswish as Hardswish
from minnet.layers.activations.gates import Mish as Mish
from minnet.layers.activations.hard import Hardshrink as Hardshrink
from minnet.layers.activations.hard import Hardsigmoid as Hardsigmoid
from minnet.layers.activations.hard import Softshrink as Softshrink
from minnet.layers.activations.hard import Threshold as Threshold
from minnet.layers.activations.prelu import PReLU as PReLU
from minnet.layers.activations.smooth import CELU as CELU
from minnet.layers.activations.smooth import ELU as ELU
from minnet.layers.activations.smooth import GELU as GELU
from minnet.layers.activations.smooth import SELU as SELU
from minnet.layers.activations.smooth import SiLU as SiLU
from minnet.layers.activations.smooth import Softplus as Softplus
from minnet.layers.containers.branches import Add as Add
from minnet.layers.containers.branches import Concat as Concat
from minnet.layers.containers.branches import Heads as Heads
from minnet.layers.containers.branches import Inputs as Inputs
from minnet.layers.containers.graph import Graph as Graph
from minnet.layers.containers.sequential import Residual as Residual
from minnet.layers.containers.sequential import Sequential as Sequential
from minnet.layers.dropout import Dropout as Dropout
from minnet.layers.dropout import Dropout2d as Dropout2d
from minnet.layers.dropout import DropPath as DropPath
from minnet.layers.images.adaptive_pooling import AdaptiveAvgPool1d as AdaptiveAvgPool1d
from minnet.layers.images.adaptive_pooling import AdaptiveAvgPool2d as AdaptiveAvgPool2d
from minnet.layers.images.adaptive_pooling import AdaptiveAvgPool3d as AdaptiveAvgPool3d
from minnet.layers.images.adaptive_pooling import AdaptiveMaxPool1d as AdaptiveMaxPool1d
from minnet.layers.images.adaptive_pooling import AdaptiveMaxPool2d as AdaptiveMaxPool2d
from minnet.layers.images.adaptive_pooling import AdaptiveMaxPool3d as AdaptiveMaxPool3d
from minnet.layers.images.adaptive_pooling import GlobalAvgPool2d as GlobalAvgPool2d
from minnet.layers.images.average_pooling import AvgPool1d as AvgPool1d
from minnet.layers.images.average_pooling import AvgPool2d as AvgPool2d
from minnet.layers.images.average_pooling import AvgPool3d as AvgPool3d
from minnet.layers.images.convolution import Conv1d as Conv1d
from minnet.layers.images.convolution import Conv2d as Conv2d
from minnet.layers.images.convolution import Conv3d as Conv3d
from minnet.layers.images.max_pooling import MaxPool1d as MaxPool1d
from minnet.layers.images.max_pooling import MaxPool2d as MaxPool2d
from minnet.layers.images.max_pooling import MaxPool3d as MaxPool3d
from minnet.layers.images.pads import CircularPad1d as CircularPad1d
from minnet.layers.images.pads import CircularPad2d as CircularPad2d
from minnet.layers.images.pads import CircularPad3d as CircularPad3d
from minnet.layers.images.pads import ConstantPad1d as ConstantPad1d
from minnet.layers.images.pads import ConstantPad2d as ConstantPad2d
from minnet.layers.images.pads import ConstantPad3d as ConstantPad3d
from minnet.layers.images.pads import ReflectionPad1d as ReflectionPad1d
from minnet.layers.images.pads import ReflectionPad2d as ReflectionPad2d
from minnet.layers.images.pads import ReflectionPad3d as ReflectionPad3d
from minnet.layers.images.pads import ReplicationPad1d as ReplicationPad1d
from minnet.layers.images.pads import ReplicationPad2d as ReplicationPad2d
from minnet.layers.images.pads import ReplicationPad3d as ReplicationPad3d
from minnet.layers.images.pads import ZeroPad1d as ZeroPad1d
from minnet.layers.images.pads import ZeroPad2d as ZeroPad2d
from minnet.layers.images.pads import ZeroPad3d as ZeroPad3d
from minnet.layers.images.shuffling import ChannelShuffle as ChannelShuffle
from minnet.layers.images.shuffling import PixelShuffle as PixelShuffle
from minnet.layers.images.shuffling import PixelUnshuffle as PixelUnshuffle
from minnet.layers.images.transposed import ConvTranspose1d as ConvTranspose1d
from minnet.layers.images.transposed import ConvTranspose2d as ConvTranspose2d
from minnet.layers.images.upsampling import Upsample as Upsample
from minnet.layers.linear import Linear as Linear
from minnet.layers.normalization.batch_norm import BatchNorm1d as BatchNorm1d
from minnet.layers.normalization.batch_norm import BatchNorm2d as BatchNorm2d
from minnet.layers.normalization.batch_norm import BatchNorm3d as BatchNorm3d
from minnet.layers.normalization.group_norm import GroupNorm as GroupNorm
from minnet.layers.normalization.instance_norm import InstanceNorm1d as InstanceNorm1d
from minnet.layers.normalization.instance_norm import InstanceNorm2d as InstanceNorm2d
from minnet.layers.normalization.instance_norm import InstanceNorm3d as InstanceNorm3d
from minnet.layers.normalization.layer_norm import LayerNorm as LayerNorm
from minnet.layers.normalization.layer_norm import RMSNorm as RMSNorm
from minnet.layers.normalization.normalize import Normalize as Normalize
from minnet.layers.operations.arithmetic import Divide as Divide
from minnet.layers.operations.arithmetic import MatMul as MatMul
from minnet.layers.operations.arithmetic import Multiply as Multiply
from minnet.layers.operations.arithmetic import Subtract as Subtract
from minnet.layers.operations.arithmetic import Sum as Sum
from minnet.layers.sequences.attention import MultiHeadAttention as MultiHeadAttention
from minnet.layers.sequences.decoder import TransformerDecoderBlock as TransformerDecoderBlock
from minnet.layers.sequences.embedding import Embedding as Embedding
from minnet.layers.sequences.embedding import LearnedPosition as LearnedPosition
from minnet.layers.sequences.embedding import SinusoidalPosition as SinusoidalPosition
from minnet.layers.sequences.encoder_decoder import Decoder as Decoder
from minnet.layers.sequences.encoder_decoder import EncoderDecoder as EncoderDecoder
from minnet.layers.sequences.recurrent import GRU as GRU
from minnet.layers.sequences.recurrent import LSTM as LSTM
from minnet.layers.sequences.recurrent import RNN as RNN
from minnet.layers.sequences.select import Select as Select
from minnet.layers.sequences.time_pooling import PoolTime as PoolTime
from minnet.layers.sequences.transformer import TransformerBlock as TransformerBlock
from minnet.layers.softmax import LogSoftmax as LogSoftmax
from minnet.layers.softmax import Softmax as Softmax
from minnet.layers.structure import Flatten as Flatten
from minnet.layers.structure import Identity as Identity
from minnet.layers.structure import Permute as Permute
from minnet.layers.structure import Reshape as Reshape
from minnet.layers.tied import Tied as Tied

if not TYPE_CHECKING:  # type checkers read the imports: a computed __all__ would be an empty one to them
    __all__ = [name for name, value in tuple(globals().items()) if isinstance(value, type)]
answer_arguments(globals())
