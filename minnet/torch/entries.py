"""An entry says what a layer is in PyTorch: how its module is made, and where its arrays are in a state_dict.

The entries stand in `minnet.torch.layers`, a family a file. Most need one line, because names and arguments are
PyTorch's::

    entry(ReLU)                              # torch.nn.ReLU(**layer.arguments())
    entry(Linear, weight=SWAPPED)            # and its weight is the other way round there; the bias is the same
    entry(Softmax, lambda layer, to: to.nn.Softmax(-1))  # a function, where the arguments are others
    entry(Permute, lambda layer, to: to.own.Permute(layer.axes))  # a module of minnet's, where PyTorch has none

`Making` is what the function is given beside the layer: ``to.nn`` is ``torch.nn``, ``to.own`` is
`minnet.torch.modules`, and ``to.parts`` are the modules of the layers inside, by their names in PyTorch.

By default, a tensor has the name of its array, and a layer inside the name of its attribute (in a container: its name
or its number). Where that is not so, ``tensors`` returns a `Tensor` for each, and ``parts`` maps names in PyTorch to
the paths of the layers inside; a layer inside that is no part of its own there is left out.

From an entry follow `state_dict`, `load_state_dict` and `to_torch`. A test makes every layer with all of its options,
and compares names, numbers and gradients, so a new layer needs no other test here.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from minnet.core.layer import Layer, every_array
from minnet.layers.containers.container import Container
from minnet.torch.layouts import SAME, Layout


class Tensor(NamedTuple):
    """A tensor of a module: its name there, the paths of the arrays that it is made of, and how."""

    name: str
    paths: tuple[str, ...]
    layout: Layout = SAME


class Making(NamedTuple):
    """What an entry makes a module from, beside the layer."""

    nn: Any  # torch.nn
    own: Any  # minnet.torch.modules
    parts: dict[str, Any]  # the modules of the layers inside, by name
    layouts: dict[str, Layout]  # of the layer's own tensors, by name


Make = Callable[[Any, Making], Any]
Tensors = Callable[[Any], list[Tensor]]
Parts = Callable[[Any], Mapping[str, str]]


class Entry(NamedTuple):
    """What a class of layers is in PyTorch."""

    make: Make
    tensors: Tensors
    parts: Parts


ENTRIES: dict[type[Layer], Entry] = {}


def entry(
    kind: type[Layer],
    make: Make | None = None,
    *,
    tensors: Tensors | None = None,
    parts: Parts | None = None,
    **layouts: Layout,
) -> None:
    """Add a class of layers to the table; the other arguments are layouts of arrays that PyTorch has another way."""

    def own_tensors(layer: Layer) -> list[Tensor]:
        return [Tensor(dotted(path), (path,), layouts.get(path, SAME)) for path in own_arrays(layer)]

    ENTRIES[kind] = Entry(make or _like(kind.__name__), tensors or own_tensors, parts or parts_of)


def entry_of(layer: Layer) -> Entry:
    """Return the entry of a layer; of a class of a user's, where the arrays of the first base that has one are.

    Its module is not made by this entry, because the class may compute something else.
    """
    kind = next(kind for kind in type(layer).__mro__ if kind in ENTRIES)
    return ENTRIES[kind] if kind is type(layer) else ENTRIES[kind]._replace(make=_refuse)


def parts_of(layer: Layer) -> dict[str, str]:
    """Return the layers inside a layer, as their names in PyTorch → their paths."""
    paths: list[str] = []
    for path, _ in layer.named_layers():
        if path and not (paths and path.startswith(paths[-1] + ".")):
            paths.append(path)
    in_container = isinstance(layer, Container)
    return {dotted(path.removeprefix("layers") if in_container else path): path for path in paths}


def own_arrays(layer: Layer) -> list[str]:
    """Return the paths of a layer's own arrays, without those of the layers inside."""
    return [path for path, owner, _, _ in every_array(layer) if owner is layer]


def dotted(path: str) -> str:
    """Return a path as PyTorch writes it: ``blocks[0]`` and ``blocks["a"]`` are blocks.0 and blocks.a."""
    return re.sub(r"\[['\"]?([^\]]*?)['\"]?\]", r".\1", path).removeprefix(".")


def without(module: Any, *names: str) -> Any:
    """Return a module without some of its Parameters, which its constructor cannot leave out."""
    for name in names:
        module.register_parameter(name, None)
    return module


def _like(name: str) -> Make:
    """Return a function that makes PyTorch's module of this name, with the layer's arguments."""
    return lambda layer, to: getattr(to.nn, name)(**layer.arguments())


def _refuse(layer: Layer, to: Making) -> Any:
    raise TypeError(
        f"{layer.describe()} has no counterpart in PyTorch: give its class a method torch(self) that returns a "
        "torch.nn.Module whose state_dict has the names of the layer's arrays"
    )


ENTRIES[Layer] = Entry(_refuse, lambda layer: [Tensor(dotted(path), (path,)) for path in own_arrays(layer)], parts_of)
