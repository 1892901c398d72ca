"""Modules of PyTorch's for what only minnet has, and modules that take minnet's arguments; imported when needed.

They are made without values, on the device "meta", and then given those of the layer.
"""

from minnet.torch.modules.attention import MultiheadAttention as MultiheadAttention
from minnet.torch.modules.attention import TransformerDecoderLayer as TransformerDecoderLayer
from minnet.torch.modules.attention import TransformerEncoderLayer as TransformerEncoderLayer
from minnet.torch.modules.containers import Add as Add
from minnet.torch.modules.containers import Concat as Concat
from minnet.torch.modules.containers import Heads as Heads
from minnet.torch.modules.containers import Inputs as Inputs
from minnet.torch.modules.containers import Residual as Residual
from minnet.torch.modules.containers import Sequential as Sequential
from minnet.torch.modules.graph import Divide as Divide
from minnet.torch.modules.graph import Graph as Graph
from minnet.torch.modules.graph import MatMul as MatMul
from minnet.torch.modules.graph import Multiply as Multiply
from minnet.torch.modules.graph import Subtract as Subtract
from minnet.torch.modules.graph import Sum as Sum
from minnet.torch.modules.linear import Transposed as Transposed
from minnet.torch.modules.memories import Decoder as Decoder
from minnet.torch.modules.memories import EncoderDecoder as EncoderDecoder
from minnet.torch.modules.positions import Embedding as Embedding
from minnet.torch.modules.positions import LearnedPosition as LearnedPosition
from minnet.torch.modules.positions import SinusoidalPosition as SinusoidalPosition
from minnet.torch.modules.recurrent import GRU as GRU
from minnet.torch.modules.recurrent import LSTM as LSTM
from minnet.torch.modules.recurrent import RNN as RNN
from minnet.torch.modules.shapes import DropPath as DropPath
from minnet.torch.modules.shapes import GlobalAvgPool2d as GlobalAvgPool2d
from minnet.torch.modules.shapes import Normalize as Normalize
from minnet.torch.modules.shapes import Permute as Permute
from minnet.torch.modules.shapes import PoolTime as PoolTime
from minnet.torch.modules.shapes import Reshape as Reshape
from minnet.torch.modules.shapes import Select as Select
