"""Layer normalization normalizes each sample by itself, so it is the same in training and in eval mode."""

import math

import numpy as np

from minnet.core.arrays import Array, column_sums, filled
from minnet.core.checked import checked
from minnet.core.checks import check_flag, check_floats, check_int
from minnet.core.layer import Layer
from minnet.core.parameter import Parameter
from minnet.layers.normalization.statistics import (
    check_eps,
    inverse_root,
    standardize,
    standardize_backward,
    sum_of_products,
)


class LastAxes(Layer):
    """The base of LayerNorm and RMSNorm: the axes that they normalize, γ, and the check that x has these axes."""

    def __init__(self, normalized_shape: int | tuple[int, ...] | list[int], elementwise_affine: bool) -> None:
        name = type(self).__name__
        sizes = normalized_shape if isinstance(normalized_shape, (tuple, list)) else (normalized_shape,)
        if not sizes:
            raise ValueError(f"{name} needs at least one axis to normalize, got normalized_shape=()")
        self.normalized_shape = tuple(check_int(name, "normalized_shape", size) for size in sizes)
        self._axes = tuple(range(-len(self.normalized_shape), 0))  # the same axes, counted from the end
        self.elementwise_affine = check_flag(name, "elementwise_affine", elementwise_affine)
        self.weight = Parameter(filled(1, self.normalized_shape)) if elementwise_affine else None

    @property
    def mixes_places(self) -> bool:  # type: ignore[override]
        """Whether several axes are normalized together, one of which may be time."""
        return len(self.normalized_shape) > 1

    def check(self, x: Array) -> None:
        """Check that the last axes of x are those that are normalized, and its dtype that of the Parameters."""
        check_floats(self, x, self.dtype)
        if x.shape[-len(self.normalized_shape) :] != self.normalized_shape:
            raise ValueError(
                f"{self.describe()} expected {'x'.join(map(str, self.normalized_shape))} features in the last axes, "
                f"got shape {x.shape}: normalized_shape is the shape of what is normalized together, without the batch"
            )

    def _sum_over_samples(self, x: Array) -> Array:
        """Return the sum over all other axes."""
        return column_sums(x.reshape(-1, math.prod(self.normalized_shape))).reshape(self.normalized_shape)


class LayerNorm(LastAxes):
    """y = γ ∘ (x − μ) / √(v + ε) + β, with μ and v the mean and variance over the last axes of each sample.

    Backward: with x̂ = (x − μ) / √(v + ε) and g = dL/dx̂ = γ ∘ dy,

    - dL/dγ = Σ dy ∘ x̂ and dL/dβ = Σ dy, summed over the leading axes
    - dL/dx = (g − mean of g − x̂ · mean of (g ∘ x̂)) / √(v + ε), with means over the last axes

    J. Ba, J. Kiros and G. Hinton, "Layer normalization", 2016, eq. 3.

    Parameters
    ----------
    normalized_shape
        The sizes of the last axes, which are normalized together: an int D for (..., D), or a tuple.
    eps
        ε, positive.
    elementwise_affine, bias
        ``elementwise_affine=False`` leaves out γ and β, ``bias=False`` only β.

    Attributes
    ----------
    weight, bias : Parameter or None
        γ and β, of shape `normalized_shape`, at first 1 and 0.

    Examples
    --------
    >>> LayerNorm(2).forward(np.array([[1, 3], [10, 30]], np.float32)).round(3).tolist()
    [[-1.0, 1.0], [-1.0, 1.0]]
    """

    def __init__(
        self,
        normalized_shape: int | tuple[int, ...] | list[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
    ) -> None:
        super().__init__(normalized_shape, elementwise_affine)
        self.eps = check_eps("LayerNorm", eps)
        bias = check_flag("LayerNorm", "bias", bias) and elementwise_affine
        self.bias = Parameter(filled(0, self.normalized_shape)) if bias else None

    @checked
    def forward(self, x: Array) -> Array:
        """Map x (..., normalized_shape) to y (the same shape)."""
        y, inverse_std, *_ = standardize(x, self._axes, self.eps)
        self.cache = (y, inverse_std)
        if self.weight is not None:
            y = y * self.weight.data
        if self.bias is not None:
            y += self.bias.data
        return y

    @checked
    def backward(self, dy: Array) -> Array:
        """Add dL/dγ and dL/dβ, and map dy to dx, of the same shape."""
        normalized, inverse_std = self.cache
        if self.bias is not None:
            self.bias.grad += self._sum_over_samples(dy)
        g = dy
        if self.weight is not None:
            self.weight.grad += self._sum_over_samples(dy * normalized)
            g = dy * self.weight.data
        dx, _, _ = standardize_backward(g, normalized, inverse_std, self._axes)
        return dx


class RMSNorm(LastAxes):
    """y = γ ∘ x / √(s + ε), with s the mean of x² over the last axes of each sample.

    It is layer normalization without the mean. Backward: with x̂ = x / √(s + ε) and g = γ ∘ dy,

    - dL/dγ = Σ dy ∘ x̂, summed over the leading axes
    - dL/dx = (g − x̂ · mean of (g ∘ x̂)) / √(s + ε): the part of g along x̂ is subtracted

    B. Zhang and R. Sennrich, "Root mean square layer normalization", NeurIPS 2019, eq. 4.

    Parameters
    ----------
    normalized_shape, elementwise_affine
        As for `LayerNorm`.
    eps
        ε, positive. None: the distance from 1 to the next number of x's dtype, 1.2e-7 in float32.

    Attributes
    ----------
    weight : Parameter or None
        γ, of shape `normalized_shape`, at first 1.

    Examples
    --------
    >>> RMSNorm(2).forward(np.array([[1, 7]], np.float32)).round(3).tolist()
    [[0.20000000298023224, 1.399999976158142]]
    """

    def __init__(
        self,
        normalized_shape: int | tuple[int, ...] | list[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
    ) -> None:
        super().__init__(normalized_shape, elementwise_affine)
        self.eps = None if eps is None else check_eps("RMSNorm", eps)

    @checked
    def forward(self, x: Array) -> Array:
        """Map x (..., normalized_shape) to y (the same shape)."""
        eps = float(np.finfo(x.dtype).eps) if self.eps is None else self.eps
        inverse_rms, _ = inverse_root(x, self._axes, eps)
        normalized: Array = x * inverse_rms
        self.cache = (normalized, inverse_rms)
        return normalized if self.weight is None else normalized * self.weight.data

    @checked
    def backward(self, dy: Array) -> Array:
        """Add dL/dγ, and map dy to dx, of the same shape."""
        normalized, inverse_rms = self.cache
        g = dy
        if self.weight is not None:
            self.weight.grad += self._sum_over_samples(dy * normalized)
            g = dy * self.weight.data
        along = sum_of_products(g, normalized, self._axes) / math.prod(self.normalized_shape)
        dx: Array = inverse_rms * (g - normalized * along)
        return dx
