"""Operations, of which the graph of an ONNX file is made: each is a small module of minnet's."""

from typing import Any

from minnet.layers import operations
from minnet.torch.entries import Making, entry


def _operation(layer: Any, to: Making) -> Any:
    return getattr(to.own, type(layer).__name__)(**layer.arguments())


def _array(layer: Any, to: Making) -> Any:
    """Make an operation whose argument is an array: the module needs its shape."""
    arguments = layer.arguments() | {"shape": layer.value.data.shape}
    del arguments["value"]
    return getattr(to.own, type(layer).__name__)(**arguments)


for _name in vars(operations)["__all__"]:
    entry(getattr(operations, _name), _array if _name in ("Constant", "Weight", "Fill") else _operation)
