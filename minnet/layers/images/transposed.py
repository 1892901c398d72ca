"""A transposed convolution is the backward of a convolution: each input pixel is added to a window of the output."""

import math

import numpy as np

from minnet.core.arrays import Array
from minnet.core.checked import checked
from minnet.initializers import Initializer
from minnet.layers.images.convolution import Kernels
from minnet.layers.images.windows import Sizes, batch_first, batch_last, check_images, one_pixel, per_axis


class _Transposed(Kernels):
    """y = columns added to the pixels of their windows, over any number of axes: see `ConvTranspose2d`."""

    transposed = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes = 0,
        output_padding: Sizes = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Sizes = 1,
        *,
        weight_init: Initializer | None = None,
        bias_init: Initializer | None = None,
        rng: int | np.random.Generator | None = None,
    ) -> None:
        name = type(self).__name__
        per_axis(name, "padding", padding, self.axes, least=0)  # "same" and "valid" are for convolutions only
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias,
            weight_init=weight_init, bias_init=bias_init, rng=rng,
        )  # fmt: skip
        self.output_padding = output_padding
        self._beyond = per_axis(name, "output_padding", output_padding, self.axes, least=0)
        steps = zip(self._windows.stride, self._windows.dilation, strict=True)
        if any(n >= max(step) for n, step in zip(self._beyond, steps, strict=True)):
            raise ValueError(
                f"{name} needs output_padding below the stride or the dilation, "
                f"got output_padding={output_padding}, stride={stride}, dilation={dilation}"
            )

    def check(self, x: Array) -> None:
        """Check that x is images of I channels, of the weights' dtype, and that y has at least one pixel."""
        check_images(self, x, one_pixel(self.axes), self.in_channels, self.weight.data.dtype)
        size = self._output_size(x)
        if min(size) < 1:
            raise ValueError(
                f"{self.describe()} would make an image of {'x'.join(map(str, size))} pixels from shape {x.shape}: "
                "the padding cuts off all of it; use less padding"
            )

    @checked
    def forward(self, x: Array) -> Array:
        """Map images x (N, I, H, W), or a single one (I, H, W), to y (N, O, H′, W′)."""
        images = batch_last(x, self.axes)  # (I, H, W, N)
        grid = images.shape[1:]
        matrix = self._matrix()  # (G, I/G, O/G·K)
        rows = images.reshape(*matrix.shape[:2], math.prod(grid))  # (G, I/G, P), P = H·W·N
        self.cache = (rows, grid, x.shape)
        columns = matrix.swapaxes(1, 2) @ rows  # (G, O/G·K, P)
        columns = columns.reshape(self.out_channels, self._windows.places, *grid)
        y = self._windows.scatter(columns, self._output_size(x))  # (O, H′, W′, N)
        if self.bias is not None:
            y += self.bias.data.reshape(-1, *[1] * (y.ndim - 1))
        return batch_first(y, x.shape)

    @checked
    def backward(self, dy: Array) -> Array:
        """Add dL/dW and dL/db, and map dy (N, O, H′, W′) to dx (N, I, H, W)."""
        dx = self._matrix() @ self._add_gradients(dy)  # (G, I/G, P)
        _, grid, shape = self.cache
        return batch_first(dx.reshape(self.in_channels, *grid), shape)

    @checked
    def accumulate_grad(self, dy: Array) -> None:
        """Add dL/dW and dL/db only."""
        self._add_gradients(dy)

    def _add_gradients(self, dy: Array) -> Array:
        """Add dL/dW and dL/db, and return dL/d columns, (G, O/G·K, P·N)."""
        rows, grid, _ = self.cache
        dy = batch_last(dy, self.axes)  # (O, H′, W′, N)
        d_columns = self._windows.columns(dy, grid[:-1])  # (O, K, H, W, N)
        d_columns = d_columns.reshape(self.groups, self._matrix().shape[2], rows.shape[2])
        self.weight.grad += (rows @ d_columns.swapaxes(1, 2)).reshape(self.weight.data.shape)
        if self.bias is not None:
            self.bias.grad += dy.sum(axis=tuple(range(1, dy.ndim)))
        return d_columns

    def _matrix(self) -> Array:
        """Return the weights as G matrices, (G, I/G, O/G·K)."""
        i, *rest = self.weight.data.shape
        return self.weight.data.reshape(self.groups, i // self.groups, math.prod(rest))

    def _output_size(self, x: Array) -> tuple[int, ...]:
        """Return the size of y: (H′, W′) for images."""
        w = self._windows
        axes = zip(x.shape[-self.axes :], w.stride, w.padding, w.extent, self._beyond, strict=True)
        return tuple((n - 1) * s - sum(pad) + extent + beyond for n, s, pad, extent, beyond in axes)


class ConvTranspose1d(_Transposed):
    """y[o, s·t + d·k] += x[i, t] W[i, o, k] for all i, t, k, from y = b_o on.

    It is `ConvTranspose2d` with one axis in place of two, for signals (N, I, L) or (I, L): see there for the backward,
    the parameters and the attributes. W has the shape (I, O/groups, k).

    Examples
    --------
    >>> layer = ConvTranspose1d(16, 8, 4, stride=2, padding=1, rng=0)
    >>> layer.forward(np.ones((4, 16, 50), np.float32)).shape
    (4, 8, 100)
    """

    axes = 1


class ConvTranspose2d(_Transposed):
    """y[o, s·h + d·k, s·w + d·l] += x[i, h, w] W[i, o, k, l] for all i, h, w, k, l, from y = b_o on.

    A convolution is linear in the image, and its backward multiplies by the transposed matrix:
    ``W @ dY``, added to the pixels of each window. Here that backward is the forward, so this layer makes
    images larger where a convolution makes them smaller. And its backward is a convolution's forward:

    - forward: columns = ``Wᵀ @ X``, each added to the pixels of its window of y; + b
    - backward: dL/d columns = the windows of dy, hence dL/dX = ``W @ d_columns``,
      dL/dW = ``X @ d_columns.T``, and dL/db is the sum of dy over the pixels

    where X is (I, pixels), W is (I, O·k·k), and columns are (O·k·k, pixels), one for each pixel of x. It is
    the transpose of a convolution, and not its inverse. V. Dumoulin and F. Visin, "A guide to
    convolution arithmetic for deep learning", 2016, chapter 4.

    Parameters
    ----------
    in_channels, out_channels
        I and O, at least 1: x is (N, I, H, W), or a single image (I, H, W).
    kernel_size, stride, dilation
        Those of the convolution of which this is the transpose: one int for both axes or (vertical, horizontal).
    padding
        How many pixels, but not all, are cut off on each side of the output, where that convolution adds zeros.
    output_padding
        How many rows at the lower edge, and columns at the right, the output has beyond the size
        (H − 1)·s − 2·padding + d·(k − 1) + 1. A convolution with a stride maps images of several sizes
        to the same size; this chooses one of them. Below the stride or the dilation.
    groups, bias, weight_init, bias_init, rng
        As for `Conv2d`, but with F = O/groups·k·k.

    Attributes
    ----------
    weight, bias : Parameter
        W, of shape (I, O/groups, k, k), as in PyTorch; and b, of shape (O,) or None.

    Examples
    --------
    >>> layer = ConvTranspose2d(16, 8, 2, stride=2, rng=0)
    >>> layer.forward(np.ones((4, 16, 7, 7), np.float32)).shape
    (4, 8, 14, 14)
    """
