"""Branches are layers side by side: Add, Concat and Heads give all of them the same x, Inputs each its own."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from minnet.core.arrays import Array
from minnet.core.checks import check_gradient, check_int
from minnet.core.checks import named as what_is
from minnet.core.layer import Layer
from minnet.core.layers import Layers
from minnet.core.trees import describe
from minnet.layers.containers.container import Container
from minnet.layers.sequences.masks import Mask


class Branches(Container):
    """The base of Add, Concat and Heads: y = join(f_1(x), …, f_n(x)).

    Backward: y depends on x through every branch, so dL/dx = Σ_i dx_i, where dx_i is what branch i returns for its
    part of dy. The branches check x; a subclass's `_parts` compares dy with the last output, and divides it. A branch
    whose part is None has no share in L: it is left out.
    """

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if name == "layers":
            self._learning = [i for i, layer in enumerate(self.layers) if layer.parameters()]

    def backward(self, dy: Any) -> Any:
        """Map dy to the sum of the branches' dx; the branches add up their Parameters' gradients."""
        return _sum(self._gradients(dy))

    def accumulate_grad(self, dy: Any) -> None:
        """Add up the gradients, in the branches that have any."""
        parts = self._parts(dy)
        for i in self._learning:
            if parts[i] is not None:
                self._run(i, self.layers[i].accumulate_grad, "gradient", parts[i])

    def _gradients(self, dy: Any) -> list[Any]:
        """Return what the branches pass back, each for its part of dy."""
        parts = enumerate(self._parts(dy))
        return [self._run(i, self.layers[i].backward, "gradient", part) for i, part in parts if part is not None]

    def _outputs(self, x: Array, mask: Mask | None) -> list[Array]:
        """Return the output of each branch; the mask of padded sequences goes to those that take one."""
        given: list[dict[str, Any]] = [{}] * len(self.layers)
        if mask is not None:
            given = [{"mask": mask} if takes else {} for takes in self.mask_users(in_sequence=False)]
        return [self._run(i, layer.forward, "input", x, **given[i]) for i, layer in enumerate(self.layers)]

    def _run(self, i: int, method: Callable[..., Any], what: str, array: Array, **options: Any) -> Any:
        """Call a method of branch i; add a note that says which branch it was to its errors."""
        try:
            return method(array, **options)
        except Exception as error:
            self._say_where(error, i, what, array)
            raise

    def _parts(self, dy: Any) -> list[Any]:
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

    def forward(self, x: Array, mask: Mask | None = None) -> Array:
        """Map x to the sum of the branches' outputs, of their shape."""
        outputs = self._outputs(x, mask)
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

    axis = -1

    def __init__(self, /, *layers: Layer | Mapping[str, Layer], axis: int = -1, **named: Layer) -> None:
        self.axis = check_int("Concat", "axis", axis, least=None)
        if axis == 0:
            raise ValueError("Concat's axis is 0, the batch: channels of images are axis=1, features axis=-1")
        super().__init__(*layers, **named)

    def forward(self, x: Array, mask: Mask | None = None) -> Array:
        """Map x to the branches' outputs, joined."""
        return self._joined(self._outputs(x, mask), x.shape)

    def _joined(self, outputs: list[Array], given: Any) -> Array:
        """Join the branches' outputs; an error, of an input of the shape `given`, if they do not fit each other."""
        shapes, axes = [y.shape for y in outputs], outputs[0].ndim
        fits = -axes <= self.axis < axes
        axis = self.axis % axes if fits else axes
        if not fits or len({(*shape[:axis], -1, *shape[axis + 1 :]) for shape in shapes}) > 1:
            raise ValueError(
                f"{self.describe()} joins its branches' outputs along axis {self.axis}, but they map {given} to "
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


class Heads(Branches):
    """Several outputs: {name_k: f_k(x)} of layers with names, or (f_1(x), …, f_n(x)) of layers without.

    It ends a model that is to predict several things of one x; each output has a loss of its own in `MultiLoss`.

    Backward: dy is a dict or tuple as y is, of the gradients of L in each output; dL/dx is the sum of what the heads
    return for theirs. A head whose gradient is not there (or None) has no share in L, so it passes nothing on, and its
    weights learn nothing.

    Parameters
    ----------
    *layers, **named
        The heads, as for `Sequential`; all of them with a name, or none.

    Examples
    --------
    >>> from minnet import Linear
    >>> heads = Heads(digit=Linear(8, 10), angle=Linear(8, 1))
    >>> y = heads.forward(np.ones((4, 8), np.float32))
    >>> y["digit"].shape, y["angle"].shape
    ((4, 10), (4, 1))
    """

    @property
    def keys(self) -> list[str] | list[int]:
        """The names of the outputs, or their numbers if they have none."""
        names = [name for name in self.layers.names if name is not None]
        return names or list(range(len(self.layers)))

    def forward(self, x: Array, mask: Mask | None = None) -> Any:
        """Map x to the outputs of all heads."""
        outputs = self._outputs(x, mask)
        self.cache = [(y.shape, y.dtype) for y in outputs]
        return dict(zip(self.keys, outputs, strict=True)) if None not in self.layers.names else tuple(outputs)

    def _parts(self, dy: Any) -> list[Any]:
        keys, outputs, kind = self.keys, self.cache, dict if None not in self.layers.names else tuple
        fits = type(dy) is kind and (not set(dy) - set(keys) if kind is dict else len(dy) == len(keys))
        parts = [dy.get(key) if isinstance(dy, dict) else dy[key] for key in keys] if fits else []
        if all(part is None for part in parts):
            form = f"a dict of {', '.join(map(repr, keys))}" if kind is dict else f"a tuple of {len(keys)}"
            got = f"a dict of {', '.join(map(repr, dy))}" if isinstance(dy, dict) else what_is(dy)
            raise TypeError(
                f"{self.describe()}.backward expected {form}, one gradient an output, got {got}: is the loss an "
                "mn.MultiLoss with these names?"
            )
        for part, output in zip(parts, outputs, strict=True):
            if part is not None:
                check_gradient(self, part, *output)
        return parts

    def _check_layers(self, layers: Layers[Any]) -> None:
        super()._check_layers(layers)
        _check_names(type(self).__name__, layers.names)


class Inputs(Concat):
    """Several inputs: y = the outputs f_1(x_1), …, f_n(x_n) of branches that each have an input of their own, joined.

    It begins a model that is given several arrays: ``forward(image=..., table=...)`` of layers with names, or
    ``forward(x_1, x_2)``. The outputs are joined along the last axis; their other axes agree. For an input that is to
    be used as it is, there is `Identity`.

    Backward: dy is split at the same places; dL/dx is a dict, or a tuple, of what each branch returns for its part.

    Parameters
    ----------
    *layers, **named
        The branches, as for `Sequential`; all of them with a name, or none.

    Examples
    --------
    >>> from minnet import Identity, Linear
    >>> inputs = Inputs(image=Linear(6, 4), table=Identity())
    >>> inputs.forward(image=np.ones((5, 6), np.float32), table=np.ones((5, 3), np.float32)).shape
    (5, 7)
    """

    def __init__(self, *layers: Layer | Mapping[str, Layer], **named: Layer) -> None:
        Container.__init__(self, *layers, **named)  # without Concat's axis, which is the last

    def forward(self, *inputs: Any, mask: Mask | None = None, **named: Any) -> Array:
        """Map the inputs, one a branch, to the branches' outputs, joined.

        A mask of padded sequences goes to the branches that take one.
        """
        xs = self._inputs(inputs, named)
        given = [{"mask": mask} if mask is not None and layer.takes_mask else {} for layer in self.layers]
        if mask is not None and not any(given):
            self.mask_users(in_sequence=False)  # which raises the error
        outputs = [self._run(i, self.layers[i].forward, "input", x, **given[i]) for i, x in enumerate(xs)]
        y = self._joined(outputs, describe(named or inputs))
        if self.recording:
            self.cache = (*self.cache, list(named))
        return y

    def backward(self, dy: Array) -> Any:
        """Map dy to a dict or tuple of each input's gradient; the branches add up their Parameters' gradients."""
        gradients, names = self._gradients(dy), self.cache[-1]
        if not names:
            return tuple(gradients)
        found = dict(zip(self.layers.names, gradients, strict=True))
        return {name: found[name] for name in names}

    def _parts(self, dy: Array) -> list[Array]:
        shape, dtype, axis, cuts, _ = self.cache
        check_gradient(self, dy, shape, dtype)
        return np.split(dy, cuts, axis)

    def _inputs(self, inputs: tuple[Any, ...], named: dict[str, Any]) -> list[Any]:
        """Return the input of each branch; a TypeError, if they are others."""
        names = self.layers.names
        if named and not inputs and named.keys() == set(names):
            return [named[str(name)] for name in names]
        if not named and len(inputs) == len(names):
            return list(inputs)
        expected = ", ".join(f"{name}=..." if name else f"x_{i}" for i, name in enumerate(names, 1))
        got = ", ".join([*map(what_is, inputs), *(f"{name}=..." for name in named)]) or "nothing"
        raise TypeError(
            f"{self.describe()} takes {len(names)} inputs, forward({expected}), got {got}: in a DataLoader, X is "
            + ("a dict with these names" if any(names) else "a tuple of as many arrays")
        )

    def _check_layers(self, layers: Layers[Any]) -> None:
        super()._check_layers(layers)
        _check_names(type(self).__name__, layers.names)


def _check_names(kind: str, names: tuple[str | None, ...]) -> None:
    if None in names and any(names):
        raise ValueError(f"{kind} expected all of its layers to have names, or none, got {names}")


def _sum(arrays: list[Array]) -> Array:
    total = arrays[0]
    for array in arrays[1:]:
        total = total + array  # not in place: the first may be the caller's x or dy itself
    return total
