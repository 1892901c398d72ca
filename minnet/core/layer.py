"""A Layer is a function with a memory: `forward` computes the output, `backward` the gradients for that output."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Self, TypeVar

import numpy as np
from numpy.typing import DTypeLike

from minnet.core.arguments import arguments_of
from minnet.core.arrays import BYTE_SCALE, Array
from minnet.core.buffer import Buffer, LayerArray
from minnet.core.checks import check_floats
from minnet.core.described import describe
from minnet.core.layers import Layers
from minnet.core.mismatches import Missing, load_arrays
from minnet.core.parameter import Parameter
from minnet.core.words import OF_LAYERS, answer, without_words

T = TypeVar("T")

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
    given. Parameters, Buffers and other layers are plain attributes (or lists, tuples, dicts of them).
    ``mn.gradcheck.check_layer(layer, x)`` checks all of this.

    A model, which is the outermost layer, says what it expects: `input_scale` is what uint8 inputs are multiplied by
    (1/256 at first, and then the scale of the DataLoader that it was trained with; None leaves them as they are), and
    `class_names`, if you set it, is a list of strings that says what the outputs mean. Copies and files keep both.

    A model of padded sequences is given a mask, which says which places are real; three attributes of a layer say what
    a container does with it. `takes_mask`: it is handed over, ``forward(x, mask=None)``. `removes_time`: behind this
    layer there are no places any more. `mixes_places`: what is at one place of the output depends on other places,
    padding included, and there is no way to leave it out, so that a mask is refused. Without any of them, a layer is
    taken to compute each place by itself.

    The layers of minnet keep their checks apart from their formulas: `check` looks at the input, and
    `minnet.core.checked` puts it before `forward`.
    """

    training: bool = True  # whether it behaves as in training, or as in eval mode
    recording: bool = True  # whether forward keeps what backward needs
    frozen_statistics: bool = False  # whether it behaves as in eval mode while it trains: see `freeze`
    eval_until_fit: bool = False  # whether it is in eval mode because it was loaded: then the next fit trains it
    input_scale: float | None = BYTE_SCALE
    class_names: Sequence[str] | None = None
    takes_mask: bool = False
    removes_time: bool = False
    mixes_places: bool = False
    takes_memory: bool = False  # whether forward(x, memory, ...) is to be given one: see `Decoder`
    changes: ClassVar[int] = 0  # how often the mode, the dtype or the layers of any model changed: see Sequential
    _cache: Any

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        _check_class(cls)
        # A subclass that defines backward anew must not inherit its parent's shortcut around it.
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

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        """Do as `forward` does."""
        return self.forward(*inputs, **options)

    def accumulate_grad(self, dy: Any) -> None:
        """Do as `backward` does, for the layer that reads the data: there, nobody uses dL/dx.

        A layer that can save work that way overrides this; for all others it is `backward`.
        """
        self.backward(dy)

    @property
    def cache(self) -> Any:
        """What the last `forward` kept for `backward`, if `recording`.

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
            problem = f"{name}.backward() before forward(): call forward first"
            if not self.recording:
                problem = (
                    f"{name}'s cache is empty: in eval mode nothing is kept. Before backward(), call train() and then "
                    "forward(). If the layer is to behave as in eval mode all the same, call freeze(statistics=True) "
                    "before these; inside forward(), use a local variable"
                )
            elif not self.training:
                problem += ", and set self.cache there even if not self.training"
            raise RuntimeError(problem) from None

    @cache.setter
    def cache(self, value: Any) -> None:
        if self.recording:
            self.__dict__["_cache"] = value

    def train(self) -> Self:
        """Switch this layer and all inside it to training mode, the mode they start in.

        A layer frozen by ``freeze(statistics=True)`` still behaves as in eval mode, but records for `backward`.
        """
        _check_not_frozen(self)
        self.training, self.recording = not self.frozen_statistics, True
        vars(self).pop("eval_until_fit", None)
        return self._pass_on("train")

    def eval(self) -> Self:
        """Switch to eval mode: `forward` is deterministic and keeps nothing for `backward`."""
        _check_not_frozen(self)
        self.training = self.recording = False
        vars(self).pop("eval_until_fit", None)
        self._forget()
        return self._pass_on("eval")

    def freeze(self, statistics: bool = False) -> Self:
        """Keep the Parameters of this layer and of all inside it as they are: no optimizer changes them.

        It sets their ``trainable`` to False, which checkpoints save.

        Parameters
        ----------
        statistics
            Whether the layers also behave as in eval mode while the rest trains, until `unfreeze`: BatchNorm uses its
            running statistics, as constants, and leaves them as they are; Dropout drops nothing. `backward` is that of
            these formulas. False: BatchNorm goes on with the batch's statistics, and moves its own.
        """
        for parameter in _own(self, Parameter):
            parameter.trainable = False
        if statistics:
            self.frozen_statistics, self.training = True, False
            self._forget()
        return self._pass_on("freeze", statistics)

    def unfreeze(self) -> Self:
        """Undo `freeze`, for this layer and all inside it."""
        for parameter in _own(self, Parameter):
            parameter.trainable = True
        if self.frozen_statistics:
            self.frozen_statistics, self.training = False, self.recording
            self._forget()
        return self._pass_on("unfreeze")

    def named_layers(self, path: str = "") -> Iterator[tuple[str, "Layer"]]:
        """Walk this layer and all inside it, outermost first, as (path, layer).

        Raises
        ------
        ValueError
            If one layer object is reached twice: its two calls would overwrite each other's cache.
        TypeError
            If a layer is a frozen dataclass, or has Parameters, Buffers or layers in a set, which has no order.
        """
        seen: dict[int, str] = {}

        def walk(path: str, layer: Layer) -> Iterator[tuple[str, Layer]]:
            if id(layer) in seen:
                raise ValueError(
                    f"the same {layer.describe()} object stands at {seen[id(layer)] or 'the top'} and at {path}: "
                    "make two layers; to share weights, give both the same Parameter"
                )
            _check_not_frozen(layer)
            seen[id(layer)] = path
            yield path, layer
            for name, child in _attributes(layer):
                if isinstance(child, Layer):
                    yield from walk(f"{path}.{name}" if path else name, child)

        return walk(path, self)

    def named_arrays(self) -> Iterator[tuple[str, Parameter | Buffer]]:
        """Walk Parameters and Buffers as (path, array), such as ``("layers[0].weight", ...)``; a shared one once.

        These are what belongs to the model: files, checkpoints and copies hold all of them, and `astype` converts them.
        """
        seen: set[int] = set()
        for path, _, _, array in every_array(self):
            if id(array) not in seen:
                seen.add(id(array))
                yield path, array

    def named_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Walk the Parameters, which are learned, as (path, Parameter); a shared one once."""
        return ((path, array) for path, array in self.named_arrays() if isinstance(array, Parameter))

    def named_buffers(self) -> Iterator[tuple[str, Buffer]]:
        """Walk the Buffers, which are not learned, as (path, Buffer); a shared one once."""
        return ((path, array) for path, array in self.named_arrays() if isinstance(array, Buffer))

    def parameters(self) -> list[Parameter]:
        """List the Parameters of this layer and of all inside it, in a fixed order, each once."""
        return [parameter for _, parameter in self.named_parameters()]

    def state_dict(self) -> dict[str, Array]:
        """Return copies of all arrays, by their paths: those of `named_arrays`."""
        return {path: array.data.copy() for path, array in self.named_arrays()}

    def load_state_dict(self, state: Mapping[str, Array], strict: bool = True) -> Missing:
        """Copy arrays in, as `state_dict` returned them, all or none.

        Parameters
        ----------
        state
            Path → array, of the same shapes and dtypes.
        strict
            False: arrays that are only in the model stay as they are, and those that are only in the state are left
            out.

        Returns
        -------
        missing_keys, unexpected_keys
            The paths that are only in the model, and those that are only in the state.

        Raises
        ------
        ValueError, TypeError
            If they do not fit, or are not arrays: the message lists the differences, and the model is unchanged.
        """
        return load_arrays(dict(self.named_arrays()), state, strict)

    @property
    def dtype(self) -> "np.dtype[Any] | None":
        """The dtype this layer computes in: that of its Parameters or Buffers; None if it has none and takes any."""
        return next((array.data.dtype for _, array in self.named_arrays()), None)

    def astype(self, dtype: DTypeLike) -> Self:
        """Convert every Parameter and Buffer to float32 or float64, in place, and return the layer itself."""
        for array in _own(self, LayerArray):
            array.astype(dtype)
        self._forget()
        return self._pass_on("astype", dtype)

    def _pass_on(self, method: str, *arguments: Any) -> Self:
        """Call a method of the layers inside this one, which may override it; return this layer."""
        for layer in _own(self, Layer):
            getattr(layer, method)(*arguments)
        Layer.changes += 1
        return self

    def _forget(self) -> None:
        """Drop what belongs to the last forward."""
        for name in ("_cache", "_output", "_plan", "_plans"):
            self.__dict__.pop(name, None)

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of the constructor from which a layer like this one is made, such as by `load_model`.

        They are the attributes with the arguments' names, but for those that only draw first values: ``rng``, ``seed``
        and ``…_init``. A layer of yours that keeps one under another name overrides this, and returns a dict.

        Raises
        ------
        AttributeError
            If an argument is not kept.
        """
        return arguments_of(self)

    def describe(self) -> str:
        """Say in one line what this layer is, such as ``Linear(784, 10)``.

        The arguments are read off ``__init__``: those kept as plain attributes of the same name.
        """
        return describe(self, defaults=True)

    def __repr__(self) -> str:
        children = [(name, child) for name, child in _attributes(self) if isinstance(child, Layer)]
        if not children:
            return self.describe()
        lines = [f"{name}: {child!r}".replace("\n", "\n  ") for name, child in children]
        return self.describe().removesuffix(")") + "\n  " + "\n  ".join(lines) + "\n)"

    def __dir__(self) -> list[str]:
        return without_words(self, super().__dir__())

    def __getstate__(self) -> dict[str, Any]:
        # A copy or a pickle is of the model, not of the batch that last went through it.
        return {name: value for name, value in tuple(vars(self).items()) if name not in TRANSIENT}


answer(Layer, OF_LAYERS)


def every_array(model: Layer) -> Iterator[tuple[str, Layer, str, Parameter | Buffer]]:
    """Walk Parameters and Buffers as (path, its layer, its name there, array): a shared one in each of its places."""
    for path, layer in model.named_layers():
        for name, child in _attributes(layer):
            if isinstance(child, Parameter | Buffer):
                yield (f"{path}.{name}" if path else name), layer, name, child


def _own(layer: Layer, kind: type[T]) -> list[T]:
    """List a layer's own Parameters, Buffers or Layers, but none of the layers inside it."""
    return [part for _, part in _attributes(layer) if isinstance(part, kind)]


def _attributes(layer: Layer) -> Iterator[tuple[str, Any]]:
    """Yield a layer's own Parameters, Buffers and Layers, as (name, object): attributes, and in their containers."""
    for name, value in tuple(vars(layer).items()):  # a copy, because another thread's forward may add what it asked
        if name not in TRANSIENT:
            yield from _unfold(name, value)


def _unfold(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Yield the Parameters, Buffers and Layers in a value: itself, or what lists, tuples, deques and dicts hold."""
    if isinstance(value, (LayerArray, Layer)):
        yield name, value
    elif isinstance(value, Layers):
        for i, item in enumerate(value):
            yield from _unfold(name + value.index_of(i), item)
    elif isinstance(value, (list, tuple, deque)):
        for i, item in enumerate(value):
            yield from _unfold(f"{name}[{i}]", item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _unfold(f"{name}[{key!r}]", item)
    elif isinstance(value, (set, frozenset)):
        for item in value:
            for _, found in _unfold(name, item):
                raise TypeError(
                    f"{name} is a set that holds a {type(found).__name__}, and a set has no order: make it a list"
                )


def _check_class(cls: type[Layer]) -> None:
    """Raise TypeError if a class would hide its Parameters from the walk over its layers' attributes."""
    for base in cls.__mro__:
        slots = vars(base).get("__slots__", ())
        if hidden := {*([slots] if isinstance(slots, str) else slots)} - {"__dict__", "__weakref__"}:
            raise TypeError(
                f"{cls.__name__} has __slots__ ({', '.join(sorted(hidden))}), where Parameters are not found: "
                "leave out __slots__ (of a dataclass: slots=True)"
            )
    for name, value in vars(cls).items():
        for path, found in _unfold(name, value):
            raise TypeError(
                f"{cls.__name__}.{path} is a {type(found).__name__} of the class: all its layers would share it, and "
                f"no optimizer or file would find it. Make it in __init__, self.{name} = ..."
            )


def _check_not_frozen(layer: Layer) -> None:
    if getattr(getattr(type(layer), "__dataclass_params__", None), "frozen", False):
        raise TypeError(
            f"{type(layer).__name__} is a frozen dataclass, but a layer changes: it keeps self.cache, and its "
            "mode (training, recording): leave out frozen=True"
        )
