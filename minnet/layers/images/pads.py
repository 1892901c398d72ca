"""Pads make images larger: they continue them beyond their edges, and nothing is learned."""

from dataclasses import replace

from minnet.core.arrays import Array
from minnet.core.checked import checked
from minnet.core.checks import check_int, check_number
from minnet.core.layer import Layer
from minnet.layers.images.borders import Borders
from minnet.layers.images.windows import Sizes, batch_first, batch_last, check_images, one_pixel


class _Pad(Layer):
    """The base of all: y is x with its borders, see `Borders`."""

    mixes_places = True

    axes: int = 2  # after the channels: 1 for signals, 2 for images, 3 for volumes
    mode: str = "constant"

    def __init__(self, padding: Sizes) -> None:
        name, count = type(self).__name__, 2 * self.axes
        if isinstance(padding, list) or (isinstance(padding, tuple) and len(padding) != count):
            sides = ("left", "right", "top", "bottom", "front", "back")[:count]
            error = TypeError if isinstance(padding, list) else ValueError
            raise error(
                f"{name} expected padding to be an int or a tuple of {count} ({', '.join(sides)}), got {padding!r}"
            )
        each = padding if isinstance(padding, tuple) else (padding,) * count
        least = 0 if self.mode == "circular" else None
        each = tuple(check_int(name, "padding", n, least, why="it is a number of pixels") for n in each)
        self.padding = padding
        self._borders = Borders(tuple(zip(each[-2::-2], each[::-2], strict=True)), self.mode)

    def check(self, x: Array) -> None:
        """Check that x is a batch of images, or one image, that can be continued so far."""
        check_images(self, x, one_pixel(self.axes))
        self._borders.check(self, x.shape[-self.axes :], x.shape)

    @checked
    def forward(self, x: Array) -> Array:
        """Map images x (N, C, H, W), or a single one (C, H, W), to y (N, C, H′, W′)."""
        self.cache = x.shape
        return batch_first(self._borders.pad(batch_last(x, self.axes)), x.shape)

    @checked
    def backward(self, dy: Array) -> Array:
        """Map dy (N, C, H′, W′) to dx (N, C, H, W)."""
        shape = self.cache
        return batch_first(self._borders.unpad(batch_last(dy, self.axes), shape[-self.axes :]), shape)


class _ConstantPad(_Pad):
    """The base of those with another number than 0."""

    def __init__(self, padding: Sizes, value: float) -> None:
        super().__init__(padding)
        self.value = check_number(type(self).__name__, "value", value)
        self._borders = replace(self._borders, value=self.value)


class ConstantPad2d(_ConstantPad):
    """y = x with a border of one number around each image.

    Backward: dL/dx is dy without the border, because the number is a constant.

    Parameters
    ----------
    padding
        How many columns are added on the left and on the right, and how many rows at the top and at the bottom: one int
        for all four sides or (left, right, top, bottom). A negative number cuts so many off. x is (N, C, H, W), or a
        single image (C, H, W).
    value
        The number.

    Examples
    --------
    >>> import numpy as np
    >>> ConstantPad2d((2, 0, 0, 1), 7).forward(np.ones((1, 1, 1, 2)))
    array([[[[7., 7., 1., 1.],
             [7., 7., 7., 7.]]]])
    """


class ConstantPad1d(_ConstantPad):
    """y = x with some numbers before and after each signal (N, C, L) or (C, L).

    See `ConstantPad2d` for the backward and the parameters; `padding` is an int or (left, right).
    """

    axes = 1


class ConstantPad3d(_ConstantPad):
    """y = x with a border of one number around each volume (N, C, D, H, W) or (C, D, H, W).

    See `ConstantPad2d` for the backward and the parameters; `padding` is an int or (left, right, top, bottom, front,
    back).
    """

    axes = 3


class ZeroPad2d(_Pad):
    """y = x with zeros around each image (N, C, H, W) or (C, H, W).

    Backward: dL/dx is dy without the border. It is ``ConstantPad2d(padding, 0)``: see there for `padding`.

    Examples
    --------
    >>> import numpy as np
    >>> ZeroPad2d(1).forward(np.ones((8, 3, 28, 28), np.float32)).shape
    (8, 3, 30, 30)
    """


class ZeroPad1d(_Pad):
    """y = x with zeros before and after each signal (N, C, L) or (C, L): see `ConstantPad1d`."""

    axes = 1


class ZeroPad3d(_Pad):
    """y = x with zeros around each volume (N, C, D, H, W) or (C, D, H, W): see `ConstantPad3d`."""

    axes = 3


class ReflectionPad2d(_Pad):
    """y = x continued by its mirror image, whose axis is the outermost pixel: 3 2 **1 2 3** 2 1.

    Backward: each pixel of the border is a copy of a pixel of the image, so its dy is added to that pixel's.

    The border is smaller than the image. `padding` is that of `ConstantPad2d`.

    Examples
    --------
    >>> import numpy as np
    >>> ReflectionPad2d((2, 1, 0, 0)).forward(np.array([[[[1.0, 2, 3]]]]))
    array([[[[3., 2., 1., 2., 3., 2.]]]])
    """

    mode = "reflect"


class ReflectionPad1d(_Pad):
    """y = x continued by its mirror image: `ReflectionPad2d` for signals (N, C, L) or (C, L)."""

    axes, mode = 1, "reflect"


class ReflectionPad3d(_Pad):
    """y = x continued by its mirror image: `ReflectionPad2d` for volumes (N, C, D, H, W) or (C, D, H, W)."""

    axes, mode = 3, "reflect"


class ReplicationPad2d(_Pad):
    """y = x continued by its outermost pixel: 1 1 **1 2 3** 3 3.

    Backward: each pixel of the border is a copy of a pixel of the image, so its dy is added to that pixel's.

    `padding` is that of `ConstantPad2d`.

    Examples
    --------
    >>> import numpy as np
    >>> ReplicationPad2d((2, 1, 0, 0)).forward(np.array([[[[1.0, 2, 3]]]]))
    array([[[[1., 1., 1., 2., 3., 3.]]]])
    """

    mode = "replicate"


class ReplicationPad1d(_Pad):
    """y = x continued by its outermost pixel: `ReplicationPad2d` for signals (N, C, L) or (C, L)."""

    axes, mode = 1, "replicate"


class ReplicationPad3d(_Pad):
    """y = x continued by its outermost pixel: `ReplicationPad2d` for volumes (N, C, D, H, W) or (C, D, H, W)."""

    axes, mode = 3, "replicate"


class CircularPad2d(_Pad):
    """y = x continued by its opposite side, as on a ring: 2 3 **1 2 3** 1 2.

    Backward: each pixel of the border is a copy of a pixel of the image, so its dy is added to that pixel's.

    The border is at most as large as the image. `padding` is that of `ConstantPad2d`, and not negative.

    Examples
    --------
    >>> import numpy as np
    >>> CircularPad2d((2, 1, 0, 0)).forward(np.array([[[[1.0, 2, 3]]]]))
    array([[[[2., 3., 1., 2., 3., 1.]]]])
    """

    mode = "circular"


class CircularPad1d(_Pad):
    """y = x continued by its opposite side: `CircularPad2d` for signals (N, C, L) or (C, L)."""

    axes, mode = 1, "circular"


class CircularPad3d(_Pad):
    """y = x continued by its opposite side: `CircularPad2d` for volumes (N, C, D, H, W) or (C, D, H, W)."""

    axes, mode = 3, "circular"
