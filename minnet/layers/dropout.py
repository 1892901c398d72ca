"""Dropout sets random numbers to zero while training, so that no unit can rely on one other.

`Dropout` drops single numbers, `Dropout2d` an image's whole channels, `DropPath` whole samples.
"""

import numpy as np

from minnet.core.arrays import Array
from minnet.core.checks import check_floats, check_gradient
from minnet.core.layer import Layer


class Dropout(Layer):
    """y = m ∘ x while training, y = x in eval mode.

    Each m_i is 0 with probability p and 1/(1 − p) otherwise, drawn anew at every forward. Its mean
    is 1, so the next layer sees the same mean in both modes. Backward: dL/dx = m ∘ dy.

    N. Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting",
    JMLR 15, 2014; scaled in training ("inverted"), section 10.

    Parameters
    ----------
    p
        The probability of dropping a number, 0 <= p < 1.
    rng
        None, an int, or a Generator: where m is drawn from.

    Raises
    ------
    TypeError, ValueError
        If p is not a number, or outside [0, 1).
    """

    _unit = "number"

    def __init__(self, p: float = 0.5, *, rng: int | np.random.Generator | None = None) -> None:
        name = type(self).__name__
        if isinstance(p, bool) or not isinstance(p, (int, float, np.integer, np.floating)):
            raise TypeError(f"{name} expected p to be a number, got {type(p).__name__}: pass p=0.5 to drop half")
        if not 0 <= p < 1:
            cure = f": {p:g} percent is p={p / 100:g}" if 1 < p < 100 else ""
            raise ValueError(f"{name} needs 0 <= p < 1, the probability of dropping a {self._unit}, got {p}{cure}")
        self.p = float(p)
        self.rng = np.random.default_rng(rng)

    def forward(self, x: Array) -> Array:
        """Map x to y, of the same shape."""
        check_floats(self, x)
        shape = self._mask_shape(x)
        if not self.training:
            return x
        keep = self.rng.random(shape, np.float32) >= self.p
        mask = keep.astype(x.dtype) / (1 - self.p)
        self.cache = (mask, x.shape)
        return x * mask

    def backward(self, dy: Array) -> Array:
        """Map dy to dx, of the same shape."""
        mask, shape = self.cache
        check_gradient(self, dy, shape, mask.dtype)
        dx: Array = dy * mask
        return dx

    def _mask_shape(self, x: Array) -> tuple[int, ...]:
        """Return the shape of m, with 1 for the axes along which one number of it serves for all."""
        return x.shape


class Dropout2d(Dropout):
    """y_nc = m_nc · x_nc while training, y = x in eval mode: a channel is kept or dropped as a whole.

    Neighbouring pixels of a channel say nearly the same, so dropping single ones would hide little.
    Each m_nc is 0 with probability p and 1/(1 − p) otherwise. Backward: dL/dx_nc = m_nc · dy_nc.

    J. Tompson et al., "Efficient object localization using convolutional networks", CVPR 2015,
    section 3.2 ("SpatialDropout").

    Parameters
    ----------
    p
        The probability of dropping a channel of a sample, 0 <= p < 1.
    rng
        None, an int, or a Generator: where m is drawn from.

    Raises
    ------
    TypeError, ValueError
        If p is not a number, or outside [0, 1); in `forward`, if x is not of shape (N, C, H, W).
    """

    _unit = "channel"

    def _mask_shape(self, x: Array) -> tuple[int, ...]:
        if x.ndim != 4:
            raise ValueError(
                f"{self.describe()} expected images of shape (N, C, H, W), got {x.shape}: "
                "use Dropout for features, and x[None] for a single image"
            )
        return (*x.shape[:2], 1, 1)


class DropPath(Dropout):
    """y_n = m_n · x_n while training, y = x in eval mode: a sample is kept or dropped as a whole.

    At the end of a branch, ``Residual(..., DropPath(0.1))``, it makes a random part of the samples skip
    the branch ("stochastic depth"). Each m_n is 0 with probability p and 1/(1 − p) otherwise.
    Backward: dL/dx_n = m_n · dy_n.

    G. Huang et al., "Deep networks with stochastic depth", ECCV 2016, eq. 2; but drawn for each sample
    instead of each batch, and scaled while training instead of afterwards (there, eq. 5).

    Parameters
    ----------
    p
        The probability of dropping a sample, 0 <= p < 1; the paper lets it grow from 0 at the first
        branch to 0.5 at the last.
    rng
        None, an int, or a Generator: where m is drawn from.

    Raises
    ------
    TypeError, ValueError
        If p is not a number, or outside [0, 1).
    """

    _unit = "sample"

    def _mask_shape(self, x: Array) -> tuple[int, ...]:
        return (len(x), *[1] * (x.ndim - 1))
