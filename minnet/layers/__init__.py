"""The layers, one file a family.

All raise the same errors. A constructor raises a TypeError or ValueError if an argument is not of the type, or not in
the range, that the class describes. So does `forward` if x has another shape or another dtype than the Parameters
(without Parameters: float32 or float64), and `backward` if dy has another shape or dtype than the last output.
"""

from typing import TYPE_CHECKING

from minnet.core.words import answer_arguments
from minnet.layers.activations import Hardtanh as Hardtanh
from minnet.layers.activations import LeakyReLU as LeakyReLU
from minnet.layers.activations import LogSigmoid as LogSigmoid
from minnet.layers.activations import ReLU as ReLU
from minnet.layers.activations import ReLU6 as ReLU6
from minnet.layers.activations import Sigmoid as Sigmoid
from minnet.layers.activations import Softsign as Softsign
from minnet.layers.activations import Tanh as Tanh
from minnet.layers.activations import Tanhshrink as Tanhshrink
from minnet.layers.adaptive_pooling import AdaptiveAvgPool1d as AdaptiveAvgPool1d
from minnet.layers.adaptive_pooling import AdaptiveAvgPool2d as AdaptiveAvgPool2d
from minnet.layers.adaptive_pooling import AdaptiveAvgPool3d as AdaptiveAvgPool3d
from minnet.layers.adaptive_pooling import AdaptiveMaxPool1d as AdaptiveMaxPool1d
from minnet.layers.adaptive_pooling import AdaptiveMaxPool2d as AdaptiveMaxPool2d
from minnet.layers.adaptive_pooling import AdaptiveMaxPool3d as AdaptiveMaxPool3d
from minnet.layers.adaptive_pooling import GlobalAvgPool2d as GlobalAvgPool2d
from minnet.layers.arithmetic import Divide as Divide
from minnet.layers.arithmetic import MatMul as MatMul
from minnet.layers.arithmetic import Multiply as Multiply
from minnet.layers.arithmetic import Subtract as Subtract
from minnet.layers.arithmetic import Sum as Sum
from minnet.layers.attention import MultiHeadAttention as MultiHeadAttention
from minnet.layers.average_pooling import AvgPool1d as AvgPool1d
from minnet.layers.average_pooling import AvgPool2d as AvgPool2d
from minnet.layers.average_pooling import AvgPool3d as AvgPool3d
from minnet.layers.batch_norm import BatchNorm1d as BatchNorm1d
from minnet.layers.batch_norm import BatchNorm2d as BatchNorm2d
from minnet.layers.batch_norm import BatchNorm3d as BatchNorm3d
from minnet.layers.branches import Add as Add
from minnet.layers.branches import Concat as Concat
from minnet.layers.branches import Heads as Heads
from minnet.layers.branches import Inputs as Inputs
from minnet.layers.containers import Residual as Residual
from minnet.layers.containers import Sequential as Sequential
from minnet.layers.convolution import Conv1d as Conv1d
from minnet.layers.convolution import Conv2d as Conv2d
from minnet.layers.convolution import Conv3d as Conv3d
from minnet.layers.decoder import TransformerDecoderBlock as TransformerDecoderBlock
from minnet.layers.dropout import Dropout as Dropout
from minnet.layers.dropout import Dropout2d as Dropout2d
from minnet.layers.dropout import DropPath as DropPath
from minnet.layers.embedding import Embedding as Embedding
from minnet.layers.embedding import LearnedPosition as LearnedPosition
from minnet.layers.embedding import SinusoidalPosition as SinusoidalPosition
from minnet.layers.encoder_decoder import Decoder as Decoder
from minnet.layers.encoder_decoder import EncoderDecoder as EncoderDecoder
from minnet.layers.gates import GLU as GLU
from minnet.layers.gates import Hardswish as Hardswish
from minnet.layers.gates import Mish as Mish
from minnet.layers.graph import Graph as Graph
from minnet.layers.group_norm import GroupNorm as GroupNorm
from minnet.layers.hard_activations import Hardshrink as Hardshrink
from minnet.layers.hard_activations import Hardsigmoid as Hardsigmoid
from minnet.layers.hard_activations import Softshrink as Softshrink
from minnet.layers.hard_activations import Threshold as Threshold
from minnet.layers.instance_norm import InstanceNorm1d as InstanceNorm1d
from minnet.layers.instance_norm import InstanceNorm2d as InstanceNorm2d
from minnet.layers.instance_norm import InstanceNorm3d as InstanceNorm3d
from minnet.layers.layer_norm import LayerNorm as LayerNorm
from minnet.layers.layer_norm import RMSNorm as RMSNorm
from minnet.layers.linear import Linear as Linear
from minnet.layers.max_pooling import MaxPool1d as MaxPool1d
from minnet.layers.max_pooling import MaxPool2d as MaxPool2d
from minnet.layers.max_pooling import MaxPool3d as MaxPool3d
from minnet.layers.normalize import Normalize as Normalize
from minnet.layers.pads import CircularPad1d as CircularPad1d
from minnet.layers.pads import CircularPad2d as CircularPad2d
from minnet.layers.pads import CircularPad3d as CircularPad3d
from minnet.layers.pads import ConstantPad1d as ConstantPad1d
from minnet.layers.pads import ConstantPad2d as ConstantPad2d
from minnet.layers.pads import ConstantPad3d as ConstantPad3d
from minnet.layers.pads import ReflectionPad1d as ReflectionPad1d
from minnet.layers.pads import ReflectionPad2d as ReflectionPad2d
from minnet.layers.pads import ReflectionPad3d as ReflectionPad3d
from minnet.layers.pads import ReplicationPad1d as ReplicationPad1d
from minnet.layers.pads import ReplicationPad2d as ReplicationPad2d
from minnet.layers.pads import ReplicationPad3d as ReplicationPad3d
from minnet.layers.pads import ZeroPad1d as ZeroPad1d
from minnet.layers.pads import ZeroPad2d as ZeroPad2d
from minnet.layers.pads import ZeroPad3d as ZeroPad3d
from minnet.layers.prelu import PReLU as PReLU
from minnet.layers.recurrent import GRU as GRU
from minnet.layers.recurrent import LSTM as LSTM
from minnet.layers.recurrent import RNN as RNN
from minnet.layers.select import Select as Select
from minnet.layers.shuffling import ChannelShuffle as ChannelShuffle
from minnet.layers.shuffling import PixelShuffle as PixelShuffle
from minnet.layers.shuffling import PixelUnshuffle as PixelUnshuffle
from minnet.layers.smooth_activations import CELU as CELU
from minnet.layers.smooth_activations import ELU as ELU
from minnet.layers.smooth_activations import GELU as GELU
from minnet.layers.smooth_activations import SELU as SELU
from minnet.layers.smooth_activations import SiLU as SiLU
from minnet.layers.smooth_activations import Softplus as Softplus
from minnet.layers.softmax import LogSoftmax as LogSoftmax
from minnet.layers.softmax import Softmax as Softmax
from minnet.layers.structure import Flatten as Flatten
from minnet.layers.structure import Identity as Identity
from minnet.layers.structure import Permute as Permute
from minnet.layers.structure import Reshape as Reshape
from minnet.layers.tied import Tied as Tied
from minnet.layers.time_pooling import PoolTime as PoolTime
from minnet.layers.transformer import TransformerBlock as TransformerBlock
from minnet.layers.transposed import ConvTranspose1d as ConvTranspose1d
from minnet.layers.transposed import ConvTranspose2d as ConvTranspose2d
from minnet.layers.upsampling import Upsample as Upsample

if not TYPE_CHECKING:  # type checkers read the imports: a computed __all__ would be an empty one to them
    __all__ = [name for name, value in tuple(globals().items()) if isinstance(value, type)]
answer_arguments(globals())
