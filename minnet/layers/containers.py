"""A container is a layer made of layers: Sequential chains them, Residual adds a way around them.

`branches` has those whose layers stand side by side.
"""

from collections.abc import Sequence
from typing import Any

from minnet.core.arrays import Array
from minnet.core.layer import Layer


class Container(Layer):
    """The base of the containers: it checks the layers, and says where an error happened.

    Parameters
    ----------
    *layers
        At least one. No layer object may come twice, here or inside; a Parameter may.

    Attributes
    ----------
    layers : tuple of Layer
        The layers, first to last.

    Raises
    ------
    TypeError, ValueError
        If something is not a layer, or comes twice. An error inside a layer gains a note that
        says which of the layers it was, and the shape it was given.
    """

    def __init__(self, *layers: Layer) -> None:
        name = type(self).__name__
        if not layers:
            raise ValueError(f"{name} needs at least one layer: {name}(layer, layer, ...)")
        for i, layer in enumerate(layers):
            if isinstance(layer, (list, tuple)):
                raise TypeError(f"{name} takes the layers one by one, not a {type(layer).__name__}: {name}(*layers)")
            if isinstance(layer, type):
                made = f"{layer.__name__}(...)"
                raise TypeError(
                    f"{name} expected a Layer, but layer {i} is the class {layer.__name__}: make one, {made}"
                )
            if not isinstance(layer, Layer):
                raise TypeError(
                    f"{name} expected layers, but layer {i} is a {type(layer).__name__}, not a Layer: derive it from "
                    "mn.Layer; for a function there is a layer, such as mn.Tanh() and mn.ReLU()"
                )
        self.layers = layers

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if name == "layers":
            list(self.named_layers())  # raises if a layer comes twice

    def _say_where(self, error: Exception, i: int, what: str, array: object, giver: int | None = None) -> None:
        """Add a note to an error in layer i, which was given an array by layer number `giver`."""
        name = type(self).__name__
        if array is None and giver is not None:  # the giver is to blame, and not this one
            method = "forward" if what == "input" else "backward"
            error.add_note(
                f"{name}.layers[{giver}] = {self.layers[giver].describe()} returned None: add a return to its {method}"
            )
        shape = getattr(array, "shape", type(array).__name__)
        error.add_note(f"in {name}.layers[{i}] = {self.layers[i].describe()}, {what} shape {shape}")


class Sequential(Container):
    """y = f_n(… f_2(f_1(x))): each layer's output is the next one's input.

    Backward: the chain rule, from the last layer to the first; each turns the dL/dy it is given
    into the dL/dx that the layer before it takes as its own dL/dy.

    Parameters
    ----------
    *layers
        At least one. No layer object may come twice, here or inside; a Parameter may.

    Attributes
    ----------
    layers : tuple of Layer
        The layers, first to last.

    Raises
    ------
    TypeError, ValueError
        If something is not a layer, or comes twice. An error inside a layer gains a note that
        says which of the layers it was, and the shape it was given.

    Examples
    --------
    >>> from minnet import Linear, Softmax
    >>> Sequential(Linear(784, 10), Softmax())
    Sequential(
      layers[0]: Linear(784, 10)
      layers[1]: Softmax()
    )
    """

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if name == "layers":
            # Below the first layer that has Parameters there is nothing to learn. Found once: a step has no time.
            self._first = next((i for i, layer in enumerate(self.layers) if layer.parameters()), 0)
            self._movable = frozenset(i for i, layer in enumerate(self.layers) if i and hasattr(layer, "goes_before"))

    def forward(self, x: Array) -> Array:
        """Map x through all layers."""
        giver = None
        for i in self._order():
            try:
                y = self.layers[i].forward(x)
            except Exception as error:
                self._say_where(error, i, "input", x, giver)
                raise
            x, giver = y, i
        return x

    def backward(self, dy: Array) -> Array:
        """Map dy back through all layers, which add up their Parameters' gradients."""
        return self._backward(dy, 0)

    def accumulate_grad(self, dy: Array) -> None:
        """Add up the gradients; stop where no layer below has any."""
        dy, (i, *above) = self._backward(dy, self._first + 1), self._order()[self._first :]
        try:
            self.layers[i].accumulate_grad(dy)
        except Exception as error:
            self._say_where(error, i, "gradient", dy, above[0] if above else None)
            raise

    def _backward(self, dy: Array, stop: int) -> Array:
        """Map dy back through the layers down to the one that came at place `stop`."""
        giver = None
        for i in reversed(self._order()[stop:]):
            try:
                dx = self.layers[i].backward(dy)
            except Exception as error:
                self._say_where(error, i, "gradient", dy, giver)
                raise
            dy, giver = dx, i
        return dy

    def _order(self) -> Sequence[int]:
        """Return the order of the layers: in training, one may go before its predecessor if the result is the same.

        Its `goes_before` says so (see `MaxPool2d`). In eval mode, where people look at what single layers make, the
        order is the one that was written.
        """
        order = range(len(self.layers))
        if not self._movable or not self.training:
            return order
        moved = list(order)
        for i in self._movable:
            layer: Any = self.layers[i]
            if layer.goes_before(self.layers[i - 1]):
                moved[i - 1], moved[i] = i, i - 1
        return moved


class Residual(Sequential):
    """y = x + f(x), where f is the given layers in sequence.

    Backward: both ways lead to x, so their gradients add up: dL/dx = dy + f's backward(dy).
    It is the same as ``Add(Identity(), Sequential(...))``, where the way around is a branch as well.

    K. He et al., "Deep residual learning for image recognition", CVPR 2016, eq. 1.

    Parameters
    ----------
    *layers
        As for `Sequential`; together they keep the shape.

    Raises
    ------
    ValueError
        In `forward`, if the layers change the shape.
    """

    def forward(self, x: Array) -> Array:
        """Map x to x + f(x), of the same shape."""
        y = super().forward(x)
        if y.shape != x.shape:
            raise ValueError(
                f"Residual adds its input to its layers' output, but they map {x.shape} to {y.shape}: "
                "the layers inside must keep the shape, as Linear(n, n) does"
            )
        return x + y

    def backward(self, dy: Array) -> Array:
        """Map dy to dy + f's backward(dy)."""
        return dy + super().backward(dy)

    def accumulate_grad(self, dy: Array) -> None:
        """Add up the gradients; the way around the layers has none."""
        super().accumulate_grad(dy)
