"""Dropout sets random numbers to zero while training, so that no unit can rely on another one.

`Dropout` drops single numbers, `Dropout2d` an image's whole channels, `DropPath` whole samples.
"""

import numpy as np

from minnet.core.arrays import Array
from minnet.core.checked import checked
from minnet.core.checks import check_floats, check_number
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
        The probability of dropping a number, 0 <= p <= 1. With 1, all of y and of dL/dx is 0.
    rng
        None, an int, or a Generator: where m is drawn from.
    """

    _unit = "number"
    _own: int | None = None  # along so many leading axes each place has its own number of m; None: along all

    def __init__(self, p: float = 0.5, *, rng: int | np.random.Generator | None = None) -> None:
        why = f"it is the probability of dropping a {self._unit}"
        self.p = check_number(type(self).__name__, "p", p, 0, 1, why=why)
        self.rng = np.random.default_rng(rng)

    @checked
    def forward(self, x: Array) -> Array:
        """Map x to y, of the same shape."""
        if not self.training:
            self.cache = None
            return x
        own = x.shape[: self._own]
        remains = self.rng.random((*own, *[1] * (x.ndim - len(own))), np.float32) >= self.p
        self.cache = mask = remains.astype(x.dtype) / (1 - self.p or 1)  # p = 1 drops all
        return x * mask

    @checked
    def backward(self, dy: Array) -> Array:
        """Map dy to dx, of the same shape."""
        mask = self.cache
        dx: Array = dy if mask is None else dy * mask
        return dx


class Dropout2d(Dropout):
    """y_nc = m_nc · x_nc while training, y = x in eval mode: a channel is dropped as a whole or not at all.

    Neighbouring pixels of a channel of images (N, C, H, W) are nearly equal, so dropping single ones would hide
    little. Each m_nc is 0 with probability p and 1/(1 − p) otherwise. Backward: dL/dx_nc = m_nc · dy_nc.

    J. Tompson et al., "Efficient object localization using convolutional networks", CVPR 2015,
    section 3.2 ("SpatialDropout").

    Parameters
    ----------
    p, rng
        As for `Dropout`, with a sample's channels in place of numbers.
    """

    _unit = "channel"
    _own = 2

    def check(self, x: Array) -> None:
        """Check that x is a batch of images."""
        check_floats(self, x)
        if x.ndim != 4:
            raise ValueError(
                f"{self.describe()} expected images of shape (N, C, H, W), got {x.shape}: "
                "use Dropout for features, and x[None] for a single image"
            )


class DropPath(Dropout):
    """y_n = m_n · x_n while training, y = x in eval mode: a sample is dropped as a whole or not at all.

    At the end of a branch, ``Residual(..., DropPath(0.1))``, it makes random samples skip the branch
    ("stochastic depth"). Each m_n is 0 with probability p and 1/(1 − p) otherwise. Backward: dL/dx_n = m_n · dy_n.

    G. Huang et al., "Deep networks with stochastic depth", ECCV 2016, eq. 2; but m is drawn for each sample
    instead of each batch, and scaled while training instead of afterwards (their eq. 5).

    Parameters
    ----------
    p, rng
        As for `Dropout`, with samples in place of numbers; the paper lets p grow from 0 at the first branch to 0.5 at
        the last.
    """

    _unit = "sample"
    _own = 1
