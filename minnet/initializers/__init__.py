"""An initializer is a function ``(shape, rng) -> array`` that draws a layer's first weights.

Each function below returns one: ``mn.Linear(784, 10, weight_init=mn.initializers.uniform(-1, 1))``. Weights have the
shape (in, out), so an array's fan-in is the size of its first axis and its fan-out the size of its second; axes after
these (a convolution's kernel) multiply both.
"""

from minnet.initializers.base import Initializer as Initializer
from minnet.initializers.base import calculate_gain as calculate_gain
from minnet.initializers.base import draw as draw
from minnet.initializers.base import fans as fans
from minnet.initializers.distributions import constant as constant
from minnet.initializers.distributions import kaiming_normal as kaiming_normal
from minnet.initializers.distributions import kaiming_uniform as kaiming_uniform
from minnet.initializers.distributions import normal as normal
from minnet.initializers.distributions import ones as ones
from minnet.initializers.distributions import trunc_normal as trunc_normal
from minnet.initializers.distributions import uniform as uniform
from minnet.initializers.distributions import xavier_normal as xavier_normal
from minnet.initializers.distributions import xavier_uniform as xavier_uniform
from minnet.initializers.distributions import zeros as zeros
from minnet.initializers.matrices import dirac as dirac
from minnet.initializers.matrices import eye as eye
from minnet.initializers.matrices import orthogonal as orthogonal
from minnet.initializers.matrices import sparse as sparse

__all__ = [
    "Initializer",
    "calculate_gain",
    "constant",
    "dirac",
    "draw",
    "eye",
    "fans",
    "kaiming_normal",
    "kaiming_uniform",
    "normal",
    "ones",
    "orthogonal",
    "sparse",
    "trunc_normal",
    "uniform",
    "xavier_normal",
    "xavier_uniform",
    "zeros",
]
