"""Batch normalization gives each channel mean 0 and variance 1 over the batch, then a learned scale and shift."""

import numpy as np

from minnet.core.arrays import Array, filled
from minnet.core.buffer import Buffer
from minnet.core.checked import checked
from minnet.core.checks import check_flag, check_floats, check_int, check_number
from minnet.core.layer import Layer
from minnet.core.parameter import Parameter
from minnet.errors import NonFiniteError
from minnet.layers.normalization.statistics import (
    alone,
    check_eps,
    over_batch,
    per_channel,
    standardize,
    standardize_backward,
    sum_of_products,
)


class ChannelNorm(Layer):
    """The base of the norms that standardize each channel: over the batch, or each sample by itself.

    Those of a kind differ only in the shapes they take.
    """

    mixes_places = True
    shapes: dict[int, str]  # number of axes: the names of those after the channels
    counts: bool = True  # whether batches are counted
    single: int = 0  # the number of axes of a single sample, if there may be one
    others: str = (
        "BatchNorm1d is for (N, C) and (N, C, L), BatchNorm2d for (N, C, H, W), BatchNorm3d for (N, C, D, H, W)"
    )

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        *,
        bias: bool = True,
    ) -> None:
        name = type(self).__name__
        self.num_features = C = check_int(name, "num_features", num_features)
        self.eps = check_eps(name, eps)
        why = "it is the weight of the newest batch, or None for the mean of all batches"
        self.momentum = None if momentum is None else check_number(name, "momentum", momentum, 0, 1, why=why)
        self.affine = check_flag(name, "affine", affine)
        self.track_running_stats = check_flag(name, "track_running_stats", track_running_stats)
        self.weight = Parameter(filled(1, (C,))) if affine else None
        self.bias = Parameter(filled(0, (C,))) if check_flag(name, "bias", bias) and affine else None
        self.running_mean = Buffer(filled(0, (C,))) if track_running_stats else None
        self.running_var = Buffer(filled(1, (C,))) if track_running_stats else None
        self.num_batches_tracked = Buffer(0.0) if track_running_stats else None

    def check(self, x: Array) -> None:
        """Check that x is (N, C) and so on, of the Parameters' dtype."""
        check_floats(self, x, self.dtype)
        axis, known = (0, True) if x.ndim == self.single else (1, x.ndim in self.shapes)
        if not known or x.shape[axis] != self.num_features:
            expected = [f"(N, {self.num_features}{rest})" for rest in self.shapes.values()]
            if self.single:
                expected.append(expected[0].replace("N, ", ""))
            where, cure = ("first", "second")[axis], f"use num_features={x.shape[axis]}" if known else self.others
            raise ValueError(
                f"{self.describe()} expected shape {' or '.join(expected)}, got {x.shape}: "
                f"the channels are the {where} axis; {cure}"
            )

    @checked
    def forward(self, x: Array) -> Array:
        """Map x (N, C, ...) to y (the same shape); in training, move the running statistics towards the batch's."""
        shape = x.shape
        if self.single:  # one sample has its own statistics, so its numbers are to lie together in memory
            x = np.ascontiguousarray(x[None] if x.ndim == self.single else x)
        if self.training or self.running_mean is None or self.running_var is None:
            axes = self._together(x.ndim)
            add_up = over_batch.get() if 0 in axes else alone  # samples normalized together may be on other machines
            y, inverse_std, mean, variance, count = standardize(x, axes, self.eps, add_up)
            self.cache = (y, inverse_std, axes, add_up)
            self._track(mean, variance, count)
        else:
            inverse_std = 1 / np.sqrt(per_channel(self.running_var, x.ndim) + self.eps)
            if not inverse_std.all():
                raise NonFiniteError(
                    f"{type(self).__name__}'s running_var is infinite: the variance of a batch has left the range of "
                    f"{x.dtype} (in float32, numbers beyond 1e19). Scale the inputs, or compute in float64 "
                    "(model.astype), and train anew"
                )
            y = (x - per_channel(self.running_mean, x.ndim)) * inverse_std
            self.cache = (y, inverse_std, None, None)
        if self.weight is not None:
            y = y * per_channel(self.weight, x.ndim)
        if self.bias is not None:
            y += per_channel(self.bias, x.ndim)
        return y.reshape(shape)

    @checked
    def backward(self, dy: Array) -> Array:
        """Add dL/dγ and dL/dβ, and map dy to dx, of the same shape."""
        normalized, inverse_std, axes, add_up = self.cache  # without axes, μ and v are constants
        shape = dy.shape
        if self.single:
            dy = np.ascontiguousarray(dy[None] if dy.ndim == self.single else dy)
        if self.weight is not None:
            # γ is one number for each channel, so it may be multiplied last; then the sums on the way are dβ and dγ.
            inverse_std = inverse_std * per_channel(self.weight, dy.ndim)
        if axes is not None:
            dx, db, dw = standardize_backward(dy, normalized, inverse_std, axes, add_up)
        else:
            axes = (0, *range(2, dy.ndim))
            dx, db = dy * inverse_std, sum_of_products(dy, np.ones(1, dy.dtype), axes)
            dw = sum_of_products(dy, normalized, axes)
        if self.weight is not None:
            self.weight.grad += self._added(dw)
        if self.bias is not None:
            self.bias.grad += self._added(db)
        return dx.reshape(shape)

    def _together(self, ndim: int) -> tuple[int, ...]:
        """Return the axes of the numbers that are normalized together: here, all but the channels."""
        return (0, *range(2, ndim))

    def _added(self, numbers: Array) -> Array:
        """Return one number for each channel (C,), added up over the samples if each has its own."""
        return numbers.reshape(-1)

    def _track(self, mean: Array, variance: Array, count: int) -> None:
        """Move the running statistics towards those of a batch, each of which is of `count` values."""
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        if count < 2 or not len(mean):
            return
        self.num_batches_tracked.data += self.counts
        momentum = 1 / self.num_batches_tracked.data.item() if self.momentum is None else self.momentum
        unbiased = self._added(variance) * (count / (count - 1))
        weight = momentum / len(mean)  # of each sample, if each has its own
        for running, new in ((self.running_mean.data, self._added(mean)), (self.running_var.data, unbiased)):
            running *= 1 - momentum  # not running += momentum * (new - running), which loses a small `new`
            running += weight * new


class BatchNorm1d(ChannelNorm):
    """y = γ ∘ (x − μ) / √(v + ε) + β, with μ and v the mean and variance of each channel over the batch.

    x is (N, C) or (N, C, L). Backward, for one channel with its M = N·L values, x̂ = (x − μ) / √(v + ε):

    - dL/dγ = Σ dy ∘ x̂ and dL/dβ = Σ dy
    - dL/dx = γ / √(v + ε) · (dy − mean of dy − x̂ · mean of (dy ∘ x̂)), because μ and v depend on every x

    S. Ioffe and C. Szegedy, "Batch normalization: accelerating deep network training by reducing
    internal covariate shift", ICML 2015, algorithm 1 and section 3.

    In eval mode running statistics are used instead of the batch's, so that a sample's output does not depend on
    the other samples. Then, and after ``freeze(statistics=True)``, they are constants: dL/dx = γ / √(v + ε) · dy.
    Training updates them: r ← (1 − momentum) · r + momentum · (the batch's).

    **A batch with one value in each channel** has v = 0, so y = β and dL/dx = 0, where PyTorch raises an error. Its
    unbiased variance would be 0/0, so the running statistics stay as they are; after an empty batch they do, too.

    **In a job of several processes** (`minnet.MPI`), each has a part of the batch, whose own mean and variance it uses,
    as PyTorch does; the running statistics are the mean over the processes. With ``mn.MPI(synchronised=True)``, μ and v
    are those of the whole batch, as of PyTorch's SyncBatchNorm; then n processes compute what one would.

    **A batch of numbers beyond 10¹⁹** in float32 has a variance that float32 cannot hold. y is right in training, but
    `running_var` is infinite then, and eval mode raises a `NonFiniteError`.

    Parameters
    ----------
    num_features
        C, the number of channels, at least 1.
    eps
        ε, positive.
    momentum
        The weight of the newest batch in the running statistics, 0 to 1 (an optimizer's momentum is the weight of the
        older ones). None: the mean of all batches so far.
    affine, bias
        ``affine=False`` leaves out γ and β, ``bias=False`` only β.
    track_running_stats
        False: there are no running statistics, and eval mode uses the batch's.

    Attributes
    ----------
    weight, bias : Parameter or None
        γ and β, of shape (C,), at first 1 and 0.
    running_mean, running_var : Buffer or None
        The running statistics, of shape (C,), at first 0 and 1. `running_var` is of unbiased variances, M/(M − 1) · v.
    num_batches_tracked : Buffer or None
        Of shape (): the number of batches so far.

    Examples
    --------
    >>> x = np.array([[1, 10], [3, 30]], np.float32)
    >>> BatchNorm1d(2).forward(x).round(3).tolist()
    [[-1.0, -1.0], [1.0, 1.0]]
    """

    shapes = {2: "", 3: ", L"}


class BatchNorm2d(ChannelNorm):
    """y = γ ∘ (x − μ) / √(v + ε) + β, channel by channel of images (N, C, H, W).

    See `BatchNorm1d` for the backward, the parameters and the attributes. A channel's mean and variance are those
    of its M = N·H·W pixels.

    S. Ioffe and C. Szegedy, ICML 2015, section 3.2.

    Examples
    --------
    >>> BatchNorm2d(3).forward(np.ones((5, 3, 8, 8), np.float32)).shape
    (5, 3, 8, 8)
    """

    shapes = {4: ", H, W"}


class BatchNorm3d(ChannelNorm):
    """y = γ ∘ (x − μ) / √(v + ε) + β, channel by channel of volumes (N, C, D, H, W).

    See `BatchNorm1d` for the backward, the parameters and the attributes. A channel's mean and variance are those
    of its M = N·D·H·W values.
    """

    shapes = {5: ", D, H, W"}
