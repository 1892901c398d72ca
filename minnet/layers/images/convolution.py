"""A convolution applies one small Linear layer to every window of an image."""

import math
from dataclasses import replace

import numpy as np

from minnet.core.arrays import Array
from minnet.core.checked import checked
from minnet.core.checks import check_choice, check_flag, check_int
from minnet.core.layer import Layer
from minnet.core.parameter import Parameter
from minnet.initializers import Initializer, draw, uniform
from minnet.layers.images.windows import (
    Sizes,
    Windows,
    batch_first,
    batch_last,
    check_images,
    inner_products,
    per_axis,
    totals,
)


class Kernels(Layer):
    """The base of convolutions and of the transposed convolution: their windows, weights and biases."""

    mixes_places = True

    axes: int = 2  # after the channels: 1 for signals, 2 for images, 3 for volumes
    transposed: bool = False  # W is (I/G, O, kernel), or, transposed, (I, O/G, kernel)

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes | str = 0,
        dilation: Sizes = 1,
        groups: int = 1,
        bias: bool = True,
        *,
        weight_init: Initializer | None = None,
        bias_init: Initializer | None = None,
        rng: int | np.random.Generator | None = None,
    ) -> None:
        name = type(self).__name__
        self.in_channels = check_int(name, "in_channels", in_channels)
        self.out_channels = check_int(name, "out_channels", out_channels)
        self.kernel_size, self.stride, self.padding, self.dilation = kernel_size, stride, padding, dilation
        self.groups = check_int(name, "groups", groups)
        if in_channels % groups or out_channels % groups:
            raise ValueError(
                f"{name} needs in_channels and out_channels that groups divides, "
                f"got in_channels={in_channels}, out_channels={out_channels}, groups={groups}"
            )
        kernel, strides, steps = (
            per_axis(name, what, value, self.axes)
            for what, value in (("kernel_size", kernel_size), ("stride", stride), ("dilation", dilation))
        )
        self._windows = Windows(kernel, strides, _borders(name, padding, kernel, strides, steps), steps)
        channels = (in_channels, out_channels // groups) if self.transposed else (in_channels // groups, out_channels)
        rng = np.random.default_rng(rng)
        bound = 1 / math.sqrt(channels[self.transposed] * self._windows.places)
        self.weight = Parameter(draw(weight_init or uniform(-bound, bound), (*channels, *kernel), rng))
        bias = check_flag(name, "bias", bias)
        self.bias = Parameter(draw(bias_init or uniform(-bound, bound), (out_channels,), rng)) if bias else None


class _Convolution(Kernels):
    """Y = Wᵀ @ columns + b, over any number of axes: see `Conv2d`."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes | str = 0,
        dilation: Sizes = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        *,
        weight_init: Initializer | None = None,
        bias_init: Initializer | None = None,
        rng: int | np.random.Generator | None = None,
    ) -> None:
        modes = ("zeros", "reflect", "replicate", "circular")
        self.padding_mode = check_choice(type(self).__name__, "padding_mode", padding_mode, modes)
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias,
            weight_init=weight_init, bias_init=bias_init, rng=rng,
        )  # fmt: skip
        if padding_mode != "zeros":
            self._windows = replace(self._windows, mode=padding_mode)

    def check(self, x: Array) -> None:
        """Check that x is images of I channels, at least as large as a window, of the weights' dtype."""
        check_images(self, x, self._windows, self.in_channels, self.weight.data.dtype)

    @checked
    def forward(self, x: Array) -> Array:
        """Map images x (N, I, H, W), or a single one (I, H, W), to y (N, O, H′, W′)."""
        columns = self._windows.columns(batch_last(x, self.axes))  # (I, K, H′, W′, N)
        grid = columns.shape[2:]
        matrix = self._matrix()  # (G, I/G·K, O/G)
        columns = columns.reshape(*matrix.shape[:2], math.prod(grid))  # (G, I/G·K, P), P = H′·W′·N
        self.cache = (columns, grid, x.shape)
        y = matrix.swapaxes(1, 2) @ columns  # (G, O/G, P)
        if self.bias is not None:
            y += self.bias.data.reshape(self.groups, -1, 1)
        return batch_first(y.reshape(self.out_channels, *grid), x.shape)

    @checked
    def backward(self, dy: Array) -> Array:
        """Add dL/dW and dL/db, and map dy (N, O, H′, W′) to dx (N, I, H, W)."""
        d_columns = self._matrix() @ self._add_gradients(dy)  # (G, I/G·K, P)
        _, grid, shape = self.cache
        d_columns = d_columns.reshape(self.in_channels, self._windows.places, *grid)
        return batch_first(self._windows.scatter(d_columns, shape[-self.axes :]), shape)

    @checked
    def accumulate_grad(self, dy: Array) -> None:
        """Add dL/dW and dL/db only: dL/dx is more than half of backward's time."""
        self._add_gradients(dy)

    def _add_gradients(self, dy: Array) -> Array:
        """Add dL/dW and dL/db, and return dy as (G, O/G, P)."""
        columns, grid, _ = self.cache
        rows = batch_last(dy, self.axes).reshape(self.groups, self.out_channels // self.groups, math.prod(grid))
        dw = inner_products(columns, rows, math.prod(grid[:-1]))  # (G, I/G·K, O/G)
        self._add_weight_gradient(dw)
        if self.bias is not None:
            self.bias.grad += totals(rows, grid[0])
        return rows

    def _add_weight_gradient(self, dw: Array) -> None:
        """Add dL/dW, given in the layout of `_matrix`."""
        dw = dw.reshape(self.groups, -1, self._windows.places, dw.shape[2])  # (G, I/G, K, O/G)
        self.weight.grad += dw.transpose(1, 0, 3, 2).reshape(self.weight.data.shape)

    def _matrix(self) -> Array:
        """Return the weights as Linear's W, from a window to the outputs: (G, I/G·K, O/G), one for each group."""
        w, places = self.weight.data, self._windows.places
        w = w.reshape(len(w), self.groups, -1, places).transpose(1, 0, 3, 2)  # (G, I/G, K, O/G)
        return w.reshape(self.groups, w.shape[1] * places, -1)


class Conv1d(_Convolution):
    """y[o, t] = b_o + Σ_i Σ_k x[i, s·t + d·k] W[i, o, k].

    It is `Conv2d` with one axis in place of two, for signals, and for sequences of shape (N, channels, L): see there
    for the backward, the parameters and the attributes. W has the shape (I/groups, O, k).

    Examples
    --------
    >>> layer = Conv1d(1, 4, 5, padding="same", rng=0)
    >>> layer.forward(np.ones((2, 1, 30), np.float32)).shape
    (2, 4, 30)
    """

    axes = 1


class Conv3d(_Convolution):
    """y[o, z, h, w] = b_o + Σ_i Σ_j Σ_k Σ_l x[i, s·z + d·j, s·h + d·k, s·w + d·l] W[i, o, j, k, l].

    It is `Conv2d` with one axis more, for volumes (N, I, D, H, W), such as scans or videos: see there for the
    backward, the parameters and the attributes. W has the shape (I/groups, O, k, k, k).

    Examples
    --------
    >>> layer = Conv3d(1, 4, 3, padding=1, rng=0)
    >>> layer.forward(np.ones((2, 1, 5, 8, 8), np.float32)).shape
    (2, 4, 5, 8, 8)
    """

    axes = 3


class Conv2d(_Convolution):
    """y[o, h, w] = b_o + Σ_i Σ_k Σ_l x[i, s·h + d·k, s·w + d·l] W[i, o, k, l].

    It is a Linear layer for windows. Each window of k x k pixels and I channels has I·k·k numbers, and
    the same matrix W of shape (I·k·k, O) maps each window to O numbers. So the windows are copied into
    the columns of a matrix (I·k·k, windows), and the rest is `Linear` with all matrices
    transposed: Y (O, windows) = Wᵀ @ columns + b. Backward is Linear's, too:

    - dL/dW = ``columns @ dY.T``, and dL/db is the sum of dY over the windows
    - dL/d columns = ``W @ dY``. A pixel that is in several windows is in several columns, so its
      gradients are added: dL/dx is the columns, each added to the pixels from which it was copied.

    The columns hold k·k times as many numbers as the image. That memory pays for the speed of one large matrix product
    (K. Chellapilla et al., "High performance convolutional neural networks for document processing", IWFHR 2006). The
    formula is that of Y. LeCun et al., "Gradient-based learning applied to document recognition", Proc. IEEE 86, 1998.
    In mathematics it is called a cross-correlation, because the kernel is not reversed.

    Parameters
    ----------
    in_channels, out_channels
        I and O, at least 1: x is (N, I, H, W), or a single image (I, H, W), and at least as large as a window.
    kernel_size, stride, dilation
        The window's size, the distance to the next window (s), and the distance to the next pixel inside a
        window (d): one int for both axes or (vertical, horizontal).
    padding
        How many pixels are added on each side of the image: an int, (vertical, horizontal), "valid" for none,
        or "same" for as many as leave H and W unchanged, which needs stride 1. If their number is odd, one more
        is added after the image than before it.
    groups
        Into how many groups the channels are divided, a divisor of I and O: the outputs of a group depend on the
        inputs of that group only. With groups = I each channel is filtered by itself ("depthwise").
    bias, weight_init, bias_init, rng
        As for `Linear`, with F = I/groups·k·k, the numbers of a window, in place of I: by default uniform in ±1/√F.
    padding_mode
        What the added pixels are: "zeros", or copies of pixels: "reflect" for the mirror image, "replicate" for the
        outermost pixel, "circular" for the opposite side (see `ReflectionPad2d`, `ReplicationPad2d`, `CircularPad2d`).

    Attributes
    ----------
    weight, bias : Parameter
        W, of shape (I/groups, O, k, k): PyTorch's with the first two axes swapped; and b, of shape (O,) or None.

    Examples
    --------
    >>> layer = Conv2d(1, 16, 3, padding=1, rng=0)
    >>> layer.forward(np.ones((8, 1, 28, 28), np.float32)).shape
    (8, 16, 28, 28)
    """


def _borders(
    owner: str, padding: Sizes | str, kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]
) -> tuple[tuple[int, int], ...]:
    """Return how many pixels are added before and after the image, for each axis."""
    if padding == "valid":
        return ((0, 0),) * len(kernel)
    if padding == "same":
        if max(stride) > 1:
            raise ValueError(f"{owner} needs stride 1 for padding='same', got {stride}: give the padding as a number")
        around = [d * (k - 1) for k, d in zip(kernel, dilation, strict=True)]
        return tuple((n // 2, n - n // 2) for n in around)
    if isinstance(padding, str):
        raise ValueError(f"{owner} expected padding to be an int, a tuple, 'same' or 'valid', got {padding!r}")
    return tuple((n, n) for n in per_axis(owner, "padding", padding, len(kernel), least=0))
