"""A PReLU is a LeakyReLU that learns its slope."""

import numpy as np

from minnet.core.arrays import Array, filled, sums
from minnet.core.checked import checked
from minnet.core.checks import check_floats, check_int, check_number
from minnet.core.layer import Layer
from minnet.core.parameter import Parameter
from minnet.core.special import split_where


class PReLU(Layer):
    """y = max(x, 0) + a · min(x, 0), where the slope a is learned: one number, or one for each channel.

    Backward: dL/dx = dy where x > 0 and a · dy elsewhere; dL/da = Σ dy · min(x, 0), over all numbers that a acts on.

    Weight decay draws a to 0, which makes a ReLU of it. The paper uses none here: ``decay_biases=False`` of an
    optimizer leaves out a, and all other Parameters of fewer than two axes.

    K. He et al., "Delving deep into rectifiers: surpassing human-level performance on ImageNet classification", ICCV
    2015, section 2.1.

    Parameters
    ----------
    num_parameters
        1, or the number of channels, which are axis 1 of x.
    init
        The first value of a.

    Attributes
    ----------
    weight : Parameter
        a, of shape (num_parameters,).

    Examples
    --------
    >>> PReLU(2).forward(np.array([[-4, 4], [4, -4]], np.float32)).tolist()
    [[-1.0, 4.0], [4.0, -1.0]]
    """

    def __init__(self, num_parameters: int = 1, init: float = 0.25) -> None:
        self.num_parameters = check_int("PReLU", "num_parameters", num_parameters)
        self.init = check_number("PReLU", "init", init)
        self.weight = Parameter(filled(self.init, (self.num_parameters,)))

    def check(self, x: Array) -> None:
        """Check that x is of the Parameter's dtype, and has as many channels as there are slopes."""
        check_floats(self, x, self.dtype)
        if self.num_parameters > 1 and (x.ndim < 2 or x.shape[1] != self.num_parameters):
            cure = f"use num_parameters={x.shape[1]}, or 1" if x.ndim > 1 else "use num_parameters=1"
            raise ValueError(
                f"{self.describe()} expected shape (N, {self.num_parameters}, ...), got {x.shape}: the channels are "
                f"the second axis; {cure}"
            )

    @checked
    def forward(self, x: Array) -> Array:
        """Map x (N, channels, ...) to y (the same shape); any shape, if there is one slope."""
        negative = np.minimum(x, 0)
        self.cache = x > 0, negative
        y: Array = np.maximum(x, 0)
        y += self._slopes(x.ndim) * negative
        return y

    @checked
    def backward(self, dy: Array) -> Array:
        """Add dL/da, and map dy to dx, of the same shape."""
        positive, negative = self.cache
        dx, below = split_where(positive, dy)  # below is dy where x <= 0, and 0 elsewhere
        axes = (0, *range(2, dy.ndim)) if self.num_parameters > 1 else tuple(range(dy.ndim))
        self.weight.grad += sums(below * negative, axes).reshape(-1)
        below *= self._slopes(dy.ndim)
        dx += below
        return dx

    def _slopes(self, ndim: int) -> Array:
        """View a so that it broadcasts to the channels of x."""
        return self.weight.data.reshape(-1, *[1] * (ndim - 2)) if self.num_parameters > 1 else self.weight.data
