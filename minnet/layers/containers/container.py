"""A container is a layer made of layers: its base class keeps them as a list with names, and checks them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NoReturn, Self, SupportsIndex

from minnet.core.arguments import arguments_of
from minnet.core.checks import named
from minnet.core.layer import Layer
from minnet.core.layers import Layers
from minnet.core.trees import describe

Pairs = list[tuple[str | None, Layer]]


class Container(Layer):
    """The base of the containers: a list of layers, whose errors say where they happened.

    It is used as a list: ``model[0]``, ``model[-1]``, ``len(model)``, ``for layer in model``, ``layer in model``, and
    with the methods of a list that are below. A layer may have a name, which is an index as well: ``model["head"]``.

    After a change of the layers, what was remembered of the last `forward` is dropped; a layer that joins a model in
    eval mode is switched to eval mode. An optimizer that was made before has the Parameters of before: make it anew,
    or the new ones are not trained (`Trainer.fit` warns).

    Parameters
    ----------
    *layers
        The layers, one by one; or a dict (an OrderedDict) of names and layers.
    **named
        Further layers, with their names.

    Attributes
    ----------
    layers : Layers
        The layers, as a tuple in which names are indices, too; ``layers.names`` are the names, None where there is
        none. Assigning a dict replaces all of them, and so does a tuple or a list, in which those of before keep their
        names.

    Raises
    ------
    TypeError, ValueError
        If there is no layer, something that is none, or one object twice; if a name is no identifier, is there twice,
        or is an attribute that all such containers have. The container is then as it was.
    """

    layers: Layers[Layer]

    def __init__(self, /, *layers: Layer | Mapping[str, Layer], **named: Layer) -> None:
        alone = layers[0] if len(layers) == 1 else None
        given: Any = alone.items() if isinstance(alone, Mapping) else [(None, layer) for layer in layers]
        self._set_pairs([*given, *named.items()])

    def arguments(self) -> dict[str, Any]:
        """Return the constructor's arguments; the named layers are among the others, with their names."""
        return arguments_of(self, besides=["named"])

    def __setattr__(self, name: str, value: Any) -> None:
        if name != "layers":
            if "layers" in vars(self) and name in self.layers.names:  # it would be an attribute beside the layer
                kind = type(self).__name__
                raise AttributeError(f"{kind} has a layer {name!r}: model[{name!r}] = layer puts another in its place")
            super().__setattr__(name, value)
            return
        before: Layers[Layer] = vars(self).get("layers", Layers())
        layers = value
        if isinstance(value, Mapping):
            layers = Layers(value.values(), value)
        elif not isinstance(value, Layers):  # layers that were there before keep their names
            names, layers = {id(layer): name for name, layer in before.pairs()}, tuple(value)
            layers = Layers(layers, [names.get(id(layer)) for layer in layers])
        self._check_layers(layers)
        super().__setattr__("layers", layers)
        try:
            list(self.named_layers())  # raises if a layer comes twice
        except Exception:
            vars(self).update(layers=before) if before else vars(self).pop("layers")
            raise
        self._forget()
        Layer.changes += 1
        if not self.recording:
            for layer in layers:
                if not any(layer is other for other in before):
                    layer.eval()

    @property
    def takes_mask(self) -> bool:  # type: ignore[override]
        """Whether one of the layers takes the mask of padded sequences."""
        return any(layer.takes_mask for layer in self.layers)

    @property
    def removes_time(self) -> bool:  # type: ignore[override]
        """Whether one of the layers removes the time axis."""
        return any(layer.removes_time for layer in self.layers)

    @property
    def mixes_places(self) -> bool:  # type: ignore[override]
        """Whether one of the layers mixes the places of sequences."""
        return any(layer.mixes_places for layer in self.layers)

    def mask_users(self, in_sequence: bool) -> list[bool]:
        """Return of each layer whether it is given the mask; a ValueError or TypeError, if that cannot be done.

        If the layers stand `in_sequence`, those behind one that removes the time axis have no places any more.
        """
        users, has_places = [], True
        for i, layer in enumerate(self.layers):
            takes = has_places and layer.takes_mask
            if has_places and layer.mixes_places and not takes:
                raise ValueError(
                    f"{self._place_of(i)} cannot be given a mask: its output at one place of a sequence depends on "
                    "other places, on the padding, too. Put it after PoolTime, which leaves no padding, use a layer "
                    "that computes each place by itself (LayerNorm for BatchNorm1d), or pass sequences of one length "
                    "without a mask"
                )
            users.append(takes)
            has_places = has_places and not (in_sequence and layer.removes_time)
        if not any(users):
            raise TypeError(
                f"{type(self).__name__} was given a mask, but none of its layers takes one: those that do are RNN, "
                "GRU, LSTM, MultiHeadAttention, TransformerBlock, PoolTime and Select, and your own with takes_mask = "
                "True and forward(x, mask=None)"
            )
        return users

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.layers)

    def __contains__(self, item: object) -> bool:
        return item in self.layers.names if isinstance(item, str) else any(item is layer for layer in self.layers)

    def __getitem__(self, key: SupportsIndex | str) -> Any:  # of a class that only the running program knows
        if isinstance(key, slice):
            name = type(self).__name__
            raise TypeError(f"a part of a {name} is not a {name}: its layers are model.layers[a:b]")
        return self.layers[key]

    def __setitem__(self, key: SupportsIndex | str, layer: Layer) -> None:
        """Put a layer in the place of another one, whose name it takes over."""
        if isinstance(key, slice):
            raise TypeError("one layer is replaced at a time: model[i] = layer. For all of them: model.layers = (...)")
        pairs = self._pairs()
        place = self.layers.place(key)
        pairs[place] = (pairs[place][0], layer)
        self._set_pairs(pairs)

    def __delitem__(self, key: SupportsIndex | str | slice) -> None:
        pairs = self._pairs()
        del pairs[key if isinstance(key, slice) else self.layers.place(key)]
        self._set_pairs(pairs)

    def __iadd__(self, layers: Iterable[Layer] | Mapping[str, Layer]) -> Self:
        return self.extend(layers)

    def append(self, layer: Layer, name: str | None = None) -> Self:
        """Add a layer behind the last one, and return the container."""
        self._set_pairs([*self._pairs(), (name, layer)])
        return self

    def extend(self, layers: Iterable[Layer] | Mapping[str, Layer]) -> Self:
        """Add layers behind the last one, with their names if they have any, and return the container."""
        if isinstance(layers, Container):
            added: Pairs = layers._pairs()
        elif isinstance(layers, Mapping):
            added = list(layers.items())
        else:
            added = [(None, layer) for layer in layers]
        self._set_pairs([*self._pairs(), *added])
        return self

    def insert(self, index: SupportsIndex | str, layer: Layer, name: str | None = None) -> Self:
        """Put a layer before the one at a place or of a name (``len(model)``: behind the last); return the container.

        IndexError or KeyError, if there is none.
        """
        pairs = self._pairs()
        place = len(pairs) if index == len(pairs) else self.layers.place(index)
        pairs.insert(place, (name, layer))
        self._set_pairs(pairs)
        return self

    def pop(self, index: SupportsIndex | str = -1) -> Any:
        """Take a layer out, by default the last, and return it."""
        layer = self.layers[index]
        del self[index]
        return layer

    def _pairs(self) -> Pairs:
        """Return a new list of the names and the layers."""
        return list(self.layers.pairs())

    def _set_pairs(self, pairs: Pairs) -> None:
        self.layers = Layers([layer for _, layer in pairs], [name for name, _ in pairs])

    def _check_layers(self, layers: Layers[Any]) -> None:
        """Raise a TypeError or a ValueError if these cannot be the layers."""
        kind = type(self).__name__
        if not layers:
            raise ValueError(f"{kind} needs at least one layer: {kind}(layer, layer, ...)")
        for i, (name, layer) in enumerate(zip(layers.names, layers, strict=True)):
            place = f"layer {i}" if name is None else f"layer {name!r}"
            if isinstance(layer, (list, tuple, Mapping)):
                stars = "**" if isinstance(layer, Mapping) else "*"
                raise TypeError(
                    f"{kind} takes the layers one by one, not a {type(layer).__name__}: {kind}({stars}layers)"
                )
            if isinstance(layer, type):
                raise TypeError(
                    f"{kind} expected a Layer, but {place} is the class {layer.__name__}: make one, "
                    f"{layer.__name__}(...)"
                )
            if not isinstance(layer, Layer):
                raise TypeError(
                    f"{kind} expected layers, but {place} is {named(layer)}, not a Layer: derive it from "
                    "mn.Layer; for a function there is a layer, such as mn.Tanh() and mn.ReLU()"
                )
        for i, name in enumerate(layers.names):
            if name is not None:
                self._check_name(name, layers.names[:i])

    def _check_name(self, name: object, before: tuple[str | None, ...]) -> None:
        kind = type(self).__name__
        if not isinstance(name, str):
            raise TypeError(f"{kind} expected the name of a layer to be a string, got {name!r}")
        if not name.isidentifier():
            raise ValueError(
                f"{kind} got {name!r} as the name of a layer: it must be a word of letters, digits and _, such as "
                "encoder or block_2, because it is a part of the names of the arrays in a file"
            )
        if name in before:
            raise ValueError(f"{kind} got two layers with the name {name!r}: each needs its own")
        if name == "layers" or name in vars(self) or hasattr(type(self), name):
            raise ValueError(f"{kind} has an attribute {name!r} already: give the layer another name")

    def _say_where(self, error: Exception, i: int, what: str, array: object, giver: int | None = None) -> None:
        """Add a note to an error in layer i, which was given an array by layer number `giver`."""
        if array is None and giver is not None:  # the giver is to blame, and not this one
            method = "forward" if what == "input" else "backward"
            error.add_note(f"{self._place_of(giver)} returned None: add a return to its {method}")
        shape = describe(array) if type(array) in (tuple, dict) else getattr(array, "shape", type(array).__name__)
        error.add_note(f"in {self._place_of(i)}, {what} shape {shape}")

    def _place_of(self, i: int) -> str:
        return f"{type(self).__name__}.layers{self.layers.index_of(i)} = {self.layers[i].describe()}"

    def _ipython_key_completions_(self) -> list[str]:
        return self.layers._ipython_key_completions_()

    def __array__(self, *_: Any, **options: Any) -> NoReturn:
        # NumPy would take it for a list, and make an array of its layers.
        name = type(self).__name__
        raise TypeError(f"a {name} is not an array: model.forward(x) maps one, and model.parameters() has its weights")
