"""Layers are the children of a container: a tuple in which each may have a name, which is an index as its number is."""

import operator
from collections.abc import Iterable, Iterator
from typing import Any, SupportsIndex, TypeVar, overload

T = TypeVar("T", covariant=True)


class Layers(tuple[T, ...]):
    """A tuple of layers, in which ``layers["head"]`` is the layer of that name, as ``layers[1]`` is the second.

    Parameters
    ----------
    layers
        The layers.
    names
        One for each of them, or None for a layer that has none. By default, none has.

    Attributes
    ----------
    names : tuple of str or None
        The names, in the order of the layers.

    Examples
    --------
    >>> layers = Layers(["a Linear", "a Softmax"], ["body", None])
    >>> layers["body"], layers[-1], layers.names
    ('a Linear', 'a Softmax', ('body', None))
    """

    names: tuple[str | None, ...]

    def __new__(cls, layers: Iterable[T] = (), names: Iterable[str | None] | None = None) -> "Layers[T]":
        """Make the tuple, and keep the names beside it."""
        self = super().__new__(cls, layers)
        self.names = (None,) * len(self) if names is None else tuple(names)
        return self

    @overload
    def __getitem__(self, key: SupportsIndex | str) -> T: ...

    @overload
    def __getitem__(self, key: slice) -> "Layers[T]": ...

    def __getitem__(self, key: SupportsIndex | str | slice) -> Any:
        """Return the layer at a place or of a name, or the layers of a slice, with their names."""
        if isinstance(key, slice):
            return Layers(super().__getitem__(key), self.names[key])
        return super().__getitem__(self.place(key))

    def __add__(self, others: tuple[Any, ...]) -> "Layers[Any]":
        """Return these layers and others, with their names."""
        others = others if isinstance(others, Layers) else Layers(others)
        return Layers([*self, *others], [*self.names, *others.names])

    def place(self, key: SupportsIndex | str) -> int:
        """Return the number, from 0, of the layer at a place or of a name; KeyError or IndexError if there is none."""
        if isinstance(key, str):
            if key in self.names:
                return self.names.index(key)
            names = ", ".join(name for name in self.names if name)
            known = f"the names are {names}" if names else "there are only numbers, such as model[0]"
            raise KeyError(f"no layer has the name {key!r}; {known}")
        try:
            place = operator.index(key)
        except TypeError:
            raise TypeError(f"a layer is found by its number or its name, not by a {type(key).__name__}") from None
        if not -len(self) <= place < len(self):
            raise IndexError(f"there is no layer {place}: their numbers are 0 to {len(self) - 1}, or -1 from the end")
        return place % len(self)

    def pairs(self) -> Iterator[tuple[str | None, T]]:
        """Walk over (name, layer)."""
        return zip(self.names, self, strict=True)

    def index_of(self, place: int) -> str:
        """Return the brackets behind ``layers`` that give the layer at a place: ``["head"]``, or ``[1]``."""
        name = self.names[place]
        return f"[{place}]" if name is None else f'["{name}"]'

    def _ipython_key_completions_(self) -> list[str]:
        return [name for name in self.names if name]  # what a notebook offers behind model.layers["

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (tuple(self), self.names)
