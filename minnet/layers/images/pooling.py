"""Pooling makes images smaller: each window becomes one number, channel by channel, and nothing is learned."""

from minnet.core.arrays import Array
from minnet.core.checks import check_flag
from minnet.core.layer import Layer
from minnet.layers.images.windows import Sizes, Windows, check_images, per_axis


class Pooling(Layer):
    """The base of max- and average-pooling: their windows, and the check that an image holds one."""

    mixes_places = True

    axes: int = 2  # after the channels: 1 for signals, 2 for images, 3 for volumes

    def __init__(
        self, kernel_size: Sizes, stride: Sizes | None, padding: Sizes, dilation: Sizes, ceil_mode: bool
    ) -> None:
        name = type(self).__name__
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding
        self.ceil_mode = check_flag(name, "ceil_mode", ceil_mode)
        kernel = per_axis(name, "kernel_size", kernel_size, self.axes)
        strides = kernel if stride is None else per_axis(name, "stride", stride, self.axes)
        around = per_axis(name, "padding", padding, self.axes, least=0)
        if any(2 * p > k for p, k in zip(around, kernel, strict=True)):
            raise ValueError(
                f"{name} needs a padding of at most half the kernel, got padding={padding} and "
                f"kernel_size={kernel_size}: a window could lie wholly outside the image"
            )
        steps = per_axis(name, "dilation", dilation, self.axes)
        self._windows = Windows(kernel, strides, tuple((p, p) for p in around), steps, self.ceil_mode)

    def check(self, x: Array) -> None:
        """Check that x is a batch of images, or one image, at least as large as a window."""
        check_images(self, x, self._windows)
