"""Instance normalization gives each channel of each sample mean 0 and variance 1: a batch norm of single samples."""

from minnet.core.arrays import Array, column_sums
from minnet.core.checks import check_number
from minnet.layers.normalization.batch_norm import ChannelNorm


class _InstanceNorm(ChannelNorm):
    """The base of InstanceNorm1d, 2d and 3d, which differ only in the shapes they take."""

    counts = False
    others = (
        "InstanceNorm1d is for (N, C, L), InstanceNorm2d for (N, C, H, W), InstanceNorm3d for (N, C, D, H, W), or a "
        "single sample without N"
    )

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        *,
        bias: bool = True,
    ) -> None:
        check_number(type(self).__name__, "momentum", momentum)  # None, the mean of all batches, is for batch norms
        super().__init__(num_features, eps, momentum, affine, track_running_stats, bias=bias)

    def check(self, x: Array) -> None:
        """Check that x is (N, C, ...) or (C, ...), of the Parameters' dtype, and has pixels."""
        super().check(x)
        if 0 in x.shape[1:]:
            raise ValueError(
                f"{self.describe()} expected at least one pixel, got {x.shape}: there is nothing to normalize"
            )

    def _together(self, ndim: int) -> tuple[int, ...]:
        """Return the axes of the pixels."""
        return tuple(range(2, ndim))

    def _added(self, numbers: Array) -> Array:
        """Return one number for each channel (C,), added up over the samples if each has its own."""
        return column_sums(numbers.reshape(-1, self.num_features))


class InstanceNorm1d(_InstanceNorm):
    """y = γ ∘ (x − μ) / √(v + ε) + β, with μ and v those of each channel of each signal (N, C, L) or (C, L).

    It is `InstanceNorm2d` with one axis in place of two: see there for the backward, the parameters and the attributes.
    """

    shapes = {3: ", L"}
    single = 2


class InstanceNorm2d(_InstanceNorm):
    """y = γ ∘ (x − μ) / √(v + ε) + β, with μ and v the mean and variance of each channel of each image.

    x is (N, C, H, W), or a single image (C, H, W). Backward, for one channel of one image, with its M = H·W pixels and
    x̂ = (x − μ) / √(v + ε): dL/dx = γ / √(v + ε) · (dy − mean of dy − x̂ · mean of (dy ∘ x̂)), as in `BatchNorm1d`.
    All samples share γ and β, so dL/dγ = Σ dy ∘ x̂ and dL/dβ = Σ dy are sums over the batch, too.

    D. Ulyanov et al., "Instance normalization: the missing ingredient for fast stylization", 2016. Without running
    statistics it is a `GroupNorm` with as many groups as channels, and the same in training and in eval mode.

    With ``track_running_stats=True``, training moves the running statistics towards the mean of the samples' own, and
    eval mode uses them in place of these; then, and after ``freeze(statistics=True)``, they are constants:
    dL/dx = γ / √(v + ε) · dy. **A channel of one pixel** has v = 0, so y = β and dL/dx = 0, where PyTorch raises an
    error; the running statistics stay as they are.

    Parameters
    ----------
    num_features
        C, the number of channels, at least 1.
    eps
        ε, positive.
    momentum
        The weight of the newest batch in the running statistics, 0 to 1.
    affine, bias
        ``affine=True`` gives it γ and β; with ``bias=False`` γ only.
    track_running_stats
        Whether there are running statistics.

    Attributes
    ----------
    weight, bias : Parameter or None
        γ and β, of shape (C,), at first 1 and 0.
    running_mean, running_var : Buffer or None
        The running statistics, of shape (C,), at first 0 and 1. `running_var` is of unbiased variances.
    num_batches_tracked : Buffer or None
        Of shape (): 0. PyTorch's InstanceNorm has it, and does not count.

    Examples
    --------
    >>> import numpy as np
    >>> InstanceNorm2d(1).forward(np.array([[[[1, 3]]], [[[10, 30]]]], np.float32)).round(3).tolist()
    [[[[-1.0, 1.0]]], [[[-1.0, 1.0]]]]
    """

    shapes = {4: ", H, W"}
    single = 3


class InstanceNorm3d(_InstanceNorm):
    """y = γ ∘ (x − μ) / √(v + ε) + β, with μ and v those of each channel of each volume.

    x is (N, C, D, H, W) or (C, D, H, W). It is `InstanceNorm2d` with one axis more: see there for the backward, the
    parameters and the attributes.
    """

    shapes = {5: ", D, H, W"}
    single = 4
