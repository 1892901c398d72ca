"""A Layer is a function with a memory: `forward` computes the output, `backward` the gradients for that output."""

import inspect
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import DTypeLike

from minnet.core.arrays import BYTE_SCALE
from minnet.core.checks import check_floats
from minnet.core.parameter import Parameter

# The attributes that belong to the last forward, or to what was asked so far: no copy, pickle or checkpoint has them.
TRANSIENT = frozenset(("_asked", "_cache", "_output", "_plan", "_plans"))


class Layer:
    """The base of every layer, container and loss.

    A layer of your own is a class with `forward` and `backward`; nothing has to be registered and
    no ``super().__init__()`` called::

        class Square(mn.Layer):                 # y = x²
            def forward(self, x):
                self.cache = x
                return x * x

            def backward(self, dy):             # dL/dx = 2x · dL/dy
                return 2 * self.cache * dy

    `forward` may keep one thing for `backward`, in ``self.cache``. `backward` returns dL/dx and
    *adds* the gradients of its Parameters to their ``grad``. Neither writes into an array it was
    given. Parameters and other layers are plain attributes (or lists, tuples, dicts of them).
    ``mn.gradcheck.check_layer(layer, x)`` checks all of this.

    The layers of minnet keep their checks apart from their formulas: `check` looks at the input, and
    `minnet.core.checked` puts it before `forward`.
    """

    training: bool = True
    input_scale: float | None = BYTE_SCALE  # of a model: what uint8 inputs are multiplied by; None leaves them
    class_names: Sequence[str] | None = None  # of a model: what its outputs mean
    changes: ClassVar[int] = 0  # how often the mode, the dtype or the layers of any model changed: see Sequential
    _cache: Any

    def __init_subclass__(cls, **options: Any) -> None:
        # A subclass that defines backward anew must not inherit its parent's shortcut around it.
        super().__init_subclass__(**options)
        if "backward" in vars(cls) and "accumulate_grad" not in vars(cls):
            cls.accumulate_grad = Layer.accumulate_grad  # type: ignore[method-assign]

    def check(self, *inputs: Any, **options: Any) -> None:
        """Check an input of `forward`, for methods that are `checked`: here, that it is an array of floats.

        A `Sequential` asks once for each new (shape, dtype). So `check` looks at these two, and at values only where
        one look is enough; values that can be wrong in any batch, such as indices, are looked at by `forward`.

        Raises
        ------
        TypeError, ValueError
            If `forward` cannot compute with it.
        """
        check_floats(self, inputs[0])

    def forward(self, *inputs: Any, **options: Any) -> Any:
        """Compute the output: of one array x for a layer, of (prediction, target) for a loss."""
        raise NotImplementedError(f"{type(self).__name__} has no forward: define forward(self, x)")

    def backward(self, *gradients: Any, **options: Any) -> Any:
        """Add dL/dp to each Parameter's grad and return dL/dx, given dL/dy for the last forward."""
        raise NotImplementedError(f"{type(self).__name__} has no backward: define backward(self, dy)")

    def accumulate_grad(self, dy: Any) -> None:
        """Do as `backward` does, for the layer that reads the data: there, nobody uses dL/dx.

        A layer that can save work that way overrides this; for all others it is `backward`.
        """
        self.backward(dy)

    @property
    def cache(self) -> Any:
        """What the last `forward` in training mode kept for `backward`.

        In eval mode `forward` keeps nothing, so that any number of threads may call it.

        Raises
        ------
        RuntimeError
            If there is nothing: `backward` was called before `forward`, or in eval mode.
        """
        try:
            return self.__dict__["_cache"]
        except KeyError:
            name = type(self).__name__
            if self.training:
                raise RuntimeError(f"{name}.backward() before forward(): call forward first") from None
            raise RuntimeError(
                f"{name}'s cache is empty: in eval mode nothing is kept. Before backward(), call train() and "
                "forward(); inside forward(), use a local variable"
            ) from None

    @cache.setter
    def cache(self, value: Any) -> None:
        if self.training:
            self.__dict__["_cache"] = value

    def train(self) -> Self:
        """Switch this layer and all inside it to training mode, the mode they start in."""
        for _, layer in self.named_layers():
            layer.training = True
        Layer.changes += 1
        return self

    def eval(self) -> Self:
        """Switch to eval mode: `forward` is deterministic and keeps nothing for `backward`."""
        for _, layer in self.named_layers():
            layer.training = False
            layer._forget()
        Layer.changes += 1
        return self

    def named_layers(self, path: str = "") -> Iterator[tuple[str, "Layer"]]:
        """Walk this layer and all inside it, outermost first, as (path, layer).

        Raises
        ------
        ValueError
            If one layer object is reached twice: its two calls would overwrite each other's cache.
        """
        seen: dict[int, str] = {}

        def walk(path: str, layer: Layer) -> Iterator[tuple[str, Layer]]:
            if id(layer) in seen:
                raise ValueError(
                    f"the same {layer.describe()} object stands at {seen[id(layer)] or 'the top'} and at {path}: "
                    "make two layers; to share weights, give both the same Parameter"
                )
            seen[id(layer)] = path
            yield path, layer
            for name, child in _attributes(layer):
                if isinstance(child, Layer):
                    yield from walk(f"{path}.{name}" if path else name, child)

        return walk(path, self)

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Walk the Parameters as (path, Parameter), such as ``("layers[0].weight", ...)``; a shared one once."""
        seen: set[int] = set()
        for path, layer in self.named_layers():
            for name, child in _attributes(layer):
                if isinstance(child, Parameter) and id(child) not in seen:
                    seen.add(id(child))
                    yield (f"{path}.{name}" if path else name), child

    def parameters(self) -> list[Parameter]:
        """List the Parameters of this layer and of all inside it, in a fixed order, each once."""
        return [parameter for _, parameter in self.named_parameters()]

    @property
    def dtype(self) -> "np.dtype[Any] | None":
        """The dtype this layer computes in: that of its Parameters; None if it has none and takes any."""
        return next((parameter.data.dtype for _, parameter in self.named_parameters()), None)

    def astype(self, dtype: DTypeLike) -> Self:
        """Convert every Parameter to float32 or float64, in place, and return the layer itself."""
        for parameter in self.parameters():
            parameter.astype(dtype)
        for _, layer in self.named_layers():
            layer._forget()
        Layer.changes += 1
        return self

    def _forget(self) -> None:
        """Drop what belongs to the last forward."""
        for name in ("_cache", "_output", "_plan", "_plans"):
            self.__dict__.pop(name, None)

    def describe(self) -> str:
        """Say in one line what this layer is, such as ``Linear(784, 10)``.

        The arguments are read off ``__init__``: those kept as plain attributes of the same name.
        """
        shown = []
        for name, argument in inspect.signature(type(self).__init__).parameters.items():
            value = vars(self).get(name, self)
            if isinstance(value, np.generic):
                value = value.item()
            if value is None and argument.default is True:  # a part that was left out, such as Linear's bias
                value = False
            if isinstance(value, (bool, int, float, str, tuple)) and not _holds_layers(value):
                shown.append(f"{value!r}" if argument.default is argument.empty else f"{name}={value!r}")
        return f"{type(self).__name__}({', '.join(shown)})"

    def __repr__(self) -> str:
        children = [(name, child) for name, child in _attributes(self) if isinstance(child, Layer)]
        if not children:
            return self.describe()
        lines = [f"{name}: {child!r}".replace("\n", "\n  ") for name, child in children]
        return self.describe().removesuffix(")") + "\n  " + "\n  ".join(lines) + "\n)"

    def __getstate__(self) -> dict[str, Any]:
        # A copy or a pickle is of the model, not of the batch that last went through it.
        return {name: value for name, value in tuple(vars(self).items()) if name not in TRANSIENT}


def _attributes(layer: Layer) -> Iterator[tuple[str, Any]]:
    """Yield a layer's own Parameters and child Layers, as (name, object), those in lists, tuples, dicts too."""

    def unfold(name: str, value: Any) -> Iterator[tuple[str, Any]]:
        if isinstance(value, (Parameter, Layer)):
            yield name, value
        elif isinstance(value, (list, tuple)):
            for i, item in enumerate(value):
                yield from unfold(f"{name}[{i}]", item)
        elif isinstance(value, dict):
            for key, item in value.items():
                yield from unfold(f"{name}[{key!r}]", item)

    for name, value in tuple(vars(layer).items()):  # a copy, because another thread's forward may add what it asked
        if name not in TRANSIENT:
            yield from unfold(name, value)


def _holds_layers(value: object) -> bool:
    return isinstance(value, tuple) and any(isinstance(item, (Layer, Parameter)) for item in value)
