"""The names of a model's tensors: PyTorch's, and the other ways in which a user may write them."""

from minnet.core.layer import Layer
from minnet.torch.entries import dotted
from minnet.torch.tensors import Placed, joined, modules_of, tensors_of


class Names:
    """The tensors of a model by their names.

    A tensor has the name that it has in PyTorch's module. It is also found by minnet's path (``layers[0].weight``),
    and, where the module has a tensor of several layers, by a name of its own in each of them: the weight of the query
    is in ``self_attn.in_proj_weight``, and is ``attention.query.weight`` in a file whose model has a Linear for it.
    """

    def __init__(self, model: Layer) -> None:
        self.tensors = tensors_of(model)
        self.plain = {path: name for name, path, _ in modules_of(model, plain=True)}  # path of a layer → its name
        self._found: dict[str, Placed] = {}
        for tensor in [*tensors_of(model, plain=True), *self.tensors]:
            module = self.plain[tensor.layer]
            if len(tensor.paths) == 1:
                path = tensor.paths[0].removeprefix(tensor.layer).removeprefix(".")
                self._found[joined(module, dotted(path))] = tensor
            self._found[joined(module, tensor.inside)] = tensor
        self._found |= {tensor.name: tensor for tensor in self.tensors}
        self._longest_first = sorted(filter(None, self.plain), key=len, reverse=True)

    def find(self, name: str) -> Placed | None:
        """Return the tensor of a name, or None."""
        if "[" in name:
            for path in self._longest_first:
                if name.startswith(path + "."):
                    name = joined(self.plain[path], name.removeprefix(path + "."))
                    break
        return self._found.get(name) or self._found.get(dotted(name))

    def path_of(self, module: str) -> str:
        """Return minnet's path of a module, or its name where it is no layer."""
        return next((path for path, name in self.plain.items() if name == module), module)
