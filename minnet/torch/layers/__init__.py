"""The table of conversions, complete: each file has the entries of a family of layers (see `minnet.torch.entries`)."""

from minnet.torch.layers import activations as activations
from minnet.torch.layers import attention as attention
from minnet.torch.layers import containers as containers
from minnet.torch.layers import convolution as convolution
from minnet.torch.layers import dropout as dropout
from minnet.torch.layers import embedding as embedding
from minnet.torch.layers import graph as graph
from minnet.torch.layers import images as images
from minnet.torch.layers import linear as linear
from minnet.torch.layers import normalization as normalization
from minnet.torch.layers import operations as operations
from minnet.torch.layers import pooling as pooling
from minnet.torch.layers import recurrent as recurrent
from minnet.torch.layers import structure as structure
