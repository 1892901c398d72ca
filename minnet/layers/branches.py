"""Branches are layers with the same input x; Add and Concat are containers that join their outputs."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from minnet.core.arrays import Array
from minnet.core.checks import check_gradient, check_int
from minnet.core.layer import Layer
from minnet.layers.container import Container


class Branches(Container):
    """The base of Add and Concat: y = join(f_1(x), …, f_n(x)).

    Backward: y depends on x through every branch, so dL/dx = Σ_i dx_i, where dx_i is what branch i returns for its
    part of dy. The branches check x; a subclass's `_parts` compares dy with the last output, and divides it.
    """

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if name == "layers":
            self._learning = [i for i, layer in enumerate(self.layers) if layer.parameters()]

    def backward(self, dy: Array) -> Array:
        """Map dy to the sum of the branches' dx; the branches add up their Parameters' gradients."""
        parts = self._parts(dy)
        return _sum([self._run(i, layer.backward, "gradient", parts[i]) for i, layer in enumerate(self.layers)])

    def accumulate_grad(self, dy: Array) -> None:
        """Add up the gradients, in the branches that have any."""
        parts = self._parts(dy)
        for i in self._learning:
            self._run(i, self.layers[i].accumulate_grad, "gradient", parts[i])

    def _outputs(self, x: Array) -> list[Array]:
        """Return the output of each branch."""
        return [self._run(i, layer.forward, "input", x) for i, layer in enumerate(self.layers)]

    def _run(self, i: int, method: Callable[[Array], Any], what: str, array: Array) -> Any:
        """Call a method of branch i; add a note that says which branch it was to its errors."""
        try:
            return method(array)
        except Exception as error:
            self._say_where(error, i, what, array)
            raise

    def _parts(self, dy: Array) -> list[Array]:
        """Return each branch's part of dy, after a check that dy has the shape and dtype of y."""
        raise NotImplementedError


class Add(Branches):
    """y = f_1(x) + … + f_n(x), where all f_i(x) have one shape.

    Backward: ∂y/∂f_i(x) = 1, so each branch is given dy itself.

    ``Add(Identity(), f)`` is ``Residual(f)``. With another layer in place of Identity, f may change the shape:
    K. He et al., "Deep residual learning for image recognition", CVPR 2016, eq. 2.

    Parameters
    ----------
    *layers, **named
        The branches, as for `Sequential`.

    Examples
    --------
    >>> from minnet import Linear
    >>> Add(Linear(3, 2), Linear(3, 2)).forward(np.ones((4, 3), np.float32)).shape
    (4, 2)
    """

    def forward(self, x: Array) -> Array:
        """Map x to the sum of the branches' outputs, of their shape."""
        outputs = self._outputs(x)
        shapes = [y.shape for y in outputs]
        if len(set(shapes)) > 1:  # NumPy might broadcast them, which nobody wants here
            raise ValueError(
                f"{self.describe()} adds its branches' outputs, but they map {x.shape} to "
                f"{' and '.join(map(str, shapes))}: all must have one shape (Concat joins different ones)"
            )
        self.cache = (shapes[0], outputs[0].dtype)
        return _sum(outputs)

    def _parts(self, dy: Array) -> list[Array]:
        check_gradient(self, dy, *self.cache)
        return [dy] * len(self.layers)


class Concat(Branches):
    """y = the outputs f_1(x), …, f_n(x), one after another along an axis; their other axes agree.

    Backward: each number of y is a number of one f_i(x). So dy is split at the same places, and each
    branch is given its part.

    C. Szegedy et al., "Going deeper with convolutions", CVPR 2015, figure 2; with `Identity` as the first
    branch, G. Huang et al., "Densely connected convolutional networks", CVPR 2017, eq. 2.

    Parameters
    ----------
    *layers, **named
        The branches, as for `Sequential`.
    axis
        The axis: features are the last one, an image's channels are axis 1. It cannot be 0, the batch.

    Examples
    --------
    >>> from minnet import Linear
    >>> Concat(Linear(3, 2), Linear(3, 5)).forward(np.ones((4, 3), np.float32)).shape
    (4, 7)
    """

    def __init__(self, *layers: Layer | Mapping[str, Layer], axis: int = -1, **named: Layer) -> None:
        self.axis = check_int("Concat", "axis", axis, least=None)
        if axis == 0:
            raise ValueError("Concat's axis is 0, the batch: channels of images are axis=1, features axis=-1")
        super().__init__(*layers, **named)

    def forward(self, x: Array) -> Array:
        """Map x to the branches' outputs, joined."""
        outputs = self._outputs(x)
        shapes, axes = [y.shape for y in outputs], outputs[0].ndim
        fits = -axes <= self.axis < axes
        axis = self.axis % axes if fits else axes
        if not fits or len({(*shape[:axis], -1, *shape[axis + 1 :]) for shape in shapes}) > 1:
            raise ValueError(
                f"{self.describe()} joins its branches' outputs along axis {self.axis}, but they map {x.shape} to "
                f"{' and '.join(map(str, shapes))}: "
                + ("all other axes must agree" if fits else "there is no such axis")
            )
        y = np.concatenate(outputs, axis)
        self.cache = (y.shape, y.dtype, axis, np.cumsum([shape[axis] for shape in shapes])[:-1])
        return y

    def _parts(self, dy: Array) -> list[Array]:
        shape, dtype, axis, cuts = self.cache
        check_gradient(self, dy, shape, dtype)
        return np.split(dy, cuts, axis)


def _sum(arrays: list[Array]) -> Array:
    total = arrays[0]
    for array in arrays[1:]:
        total = total + array  # not in place: the first may be the caller's x or dy itself
    return total
