"""The tensors of a model: what its arrays are in a state_dict of PyTorch's, by the table of entries."""

from collections.abc import Iterator
from typing import NamedTuple

from minnet.core.buffer import LayerArray
from minnet.core.layer import Layer, every_array
from minnet.torch.entries import entry_of, own_arrays, parts_of
from minnet.torch.layouts import AS_ITS_OWNER, SAME, Layout, Values


class Placed(NamedTuple):
    """A tensor of a model."""

    name: str  # in PyTorch
    module: str  # the name of the module that it is in; "" is the outermost
    layer: str  # the path of the layer that the module stands for
    paths: tuple[str, ...]  # of the arrays that it is made of
    arrays: tuple[LayerArray, ...]
    layout: Layout

    def values(self) -> Values:
        """Return the values, as PyTorch has them; they may be those of the arrays themselves."""
        return self.layout.to_torch(*(array.data for array in self.arrays))

    @property
    def inside(self) -> str:
        """The name inside its module."""
        return self.name.removeprefix(self.module).removeprefix(".")


def joined(*names: str) -> str:
    """Join names with dots, without those that are empty."""
    return ".".join(name for name in names if name)


def modules_of(model: Layer, plain: bool = False) -> Iterator[tuple[str, str, Layer]]:
    """Walk over a model as PyTorch sees it, outermost first: (name of the module, path of the layer, layer).

    In a `plain` walk every layer is a module of its own, under the names of minnet's attributes.
    """
    layers = dict(model.named_layers())

    def walk(name: str, path: str) -> Iterator[tuple[str, str, Layer]]:
        layer = layers[path]
        yield name, path, layer
        for part, inside in (parts_of if plain else entry_of(layer).parts)(layer).items():
            yield from walk(joined(name, part), joined(path, inside))

    return walk("", "")


def tensors_of(model: Layer, plain: bool = False) -> list[Placed]:
    """List the tensors of a model: those of the state_dict of its module, in its order.

    A shared array is in each of its places. With `plain`, they have the names of minnet's attributes.
    """
    arrays = {path: array for path, _, _, array in every_array(model)}
    found = []
    for module, path, layer in modules_of(model, plain):
        own = set(own_arrays(layer))
        for tensor in entry_of(layer).tensors(layer):
            paths = tuple(joined(path, inside) for inside in tensor.paths)
            if all(p in arrays for p in paths) and not (plain and not own.issuperset(tensor.paths)):
                placed = tuple(arrays[p] for p in paths)
                found.append(Placed(joined(module, tensor.name), module, path, paths, placed, tensor.layout))
    layouts = {tensor.arrays: tensor.layout for tensor in found if tensor.layout is not AS_ITS_OWNER}
    return [
        tensor._replace(layout=layouts.get(tensor.arrays, SAME)) if tensor.layout is AS_ITS_OWNER else tensor
        for tensor in found
    ]
