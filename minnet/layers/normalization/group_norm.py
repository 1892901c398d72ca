"""Group normalization normalizes some channels of one sample together, and does not depend on the batch."""

import math

from minnet.core.arrays import Array, filled, sums
from minnet.core.checked import checked
from minnet.core.checks import check_flag, check_floats, check_int
from minnet.core.layer import Layer
from minnet.core.parameter import Parameter
from minnet.layers.normalization.statistics import check_eps, per_channel, standardize, standardize_backward


class GroupNorm(Layer):
    """y = γ ∘ (x − μ) / √(v + ε) + β, with μ and v the mean and variance of each group of channels of each sample.

    Backward: as in `LayerNorm`, with means over the C/G channels of a group and all axes after them. γ and β have one
    number for each channel, so dL/dγ = Σ dy ∘ x̂ and dL/dβ = Σ dy are sums over all axes but the channels.

    Y. Wu and K. He, "Group normalization", ECCV 2018, section 3. With one group it is a layer norm over
    (C, H, W), with as many groups as channels an `InstanceNorm2d`.

    Parameters
    ----------
    num_groups, num_channels
        G, at least 1, and C, a multiple of G: x is (N, C, ...).
    eps, affine, bias
        As for `BatchNorm1d`.

    Attributes
    ----------
    weight, bias : Parameter or None
        γ and β, of shape (C,), at first 1 and 0.

    Examples
    --------
    >>> import numpy as np
    >>> GroupNorm(2, 4).forward(np.array([[1, 3, 10, 30]], np.float32)).round(3).tolist()
    [[-1.0, 1.0, -1.0, 1.0]]
    """

    mixes_places = True

    def __init__(
        self, num_groups: int, num_channels: int, eps: float = 1e-5, affine: bool = True, *, bias: bool = True
    ) -> None:
        self.num_groups = check_int("GroupNorm", "num_groups", num_groups)
        self.num_channels = check_int("GroupNorm", "num_channels", num_channels)
        if num_channels % num_groups:
            raise ValueError(
                f"GroupNorm needs num_channels to be a multiple of num_groups, got {num_channels} channels "
                f"in {num_groups} groups"
            )
        self.eps = check_eps("GroupNorm", eps)
        self.affine = check_flag("GroupNorm", "affine", affine)
        self.weight = Parameter(filled(1, (num_channels,))) if affine else None
        self.bias = Parameter(filled(0, (num_channels,))) if check_flag("GroupNorm", "bias", bias) and affine else None

    def check(self, x: Array) -> None:
        """Check that x is (N, C, ...), of the Parameters' dtype."""
        check_floats(self, x, self.dtype)
        if x.ndim < 2 or x.shape[1] != self.num_channels or 0 in x.shape[2:]:
            raise ValueError(
                f"{self.describe()} expected shape (N, {self.num_channels}, ...), got {x.shape}: the channels are the "
                "second axis, and num_channels is their number"
            )

    @checked
    def forward(self, x: Array) -> Array:
        """Map x (N, C, ...) to y (the same shape)."""
        grouped, inverse_std, *_ = standardize(self._grouped(x), (2,), self.eps)
        y = grouped.reshape(x.shape)
        self.cache = (y, inverse_std)
        if self.weight is not None:
            y = y * per_channel(self.weight, x.ndim)
        if self.bias is not None:
            y += per_channel(self.bias, x.ndim)
        return y

    @checked
    def backward(self, dy: Array) -> Array:
        """Add dL/dγ and dL/dβ, and map dy to dx, of the same shape."""
        normalized, inverse_std = self.cache
        others = (0, *range(2, dy.ndim))
        if self.bias is not None:
            self.bias.grad += sums(dy, others).reshape(-1)
        g = dy
        if self.weight is not None:
            self.weight.grad += sums(dy * normalized, others).reshape(-1)
            g = dy * per_channel(self.weight, dy.ndim)
        dx, _, _ = standardize_backward(self._grouped(g), self._grouped(normalized), inverse_std, (2,))
        return dx.reshape(dy.shape)

    def _grouped(self, x: Array) -> Array:
        """Return x (N, C, ...) as (N, G, the numbers of a group)."""
        return x.reshape(len(x), self.num_groups, math.prod(x.shape[1:]) // self.num_groups)
