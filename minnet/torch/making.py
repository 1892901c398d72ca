"""From minnet to PyTorch: the state_dict of a model, and its module."""

from collections import OrderedDict
from typing import Any

import numpy as np

from minnet.core.extras import require
from minnet.core.layer import Layer
from minnet.core.parameter import Parameter
from minnet.torch.entries import Making, entry_of
from minnet.torch.tensors import Placed, joined, modules_of, tensors_of


def state_dict(model: Layer) -> "OrderedDict[str, Any]":
    """Return a model's arrays as a state_dict of PyTorch's: that of ``to_torch(model)``.

    ``torch.save(mn.torch.state_dict(model), path)`` writes it to a file. The values are copied. A shared Parameter is
    there in each of its places.

    Parameters
    ----------
    model
        The model, or any layer. The arrays of a layer of a class of your own are taken as they are.

    Returns
    -------
    OrderedDict of str and torch.Tensor

    Raises
    ------
    MissingExtraError
        If PyTorch is not installed.
    """
    _check_layer("state_dict", model)
    torch = require("torch", "torch")
    return OrderedDict((t.name, torch.from_numpy(np.array(t.values(), order="C"))) for t in tensors_of(model))


def to_torch(model: Layer) -> Any:
    """Make the module of PyTorch's that computes what a model computes, with a copy of its weights.

    Its parts are those of ``torch.nn`` where PyTorch has them; recurrent layers and attention are subclasses, which
    take and return what minnet's do: y alone, and a ``mask`` that is True where a place is real. The rest are small
    modules of `minnet.torch.modules`. Modes (training, eval), dtypes, frozen and shared Parameters carry over. If a
    model has `class_names` or an `input_scale` that was set, they are attributes of the module, which PyTorch does not
    use: multiply bytes by the scale before you pass them.

    Parameters
    ----------
    model
        The model, or any layer. A class of your own has a method ``torch(self)`` that returns a ``torch.nn.Module``.
        Its state_dict must have the names of the layer's arrays, to which it is then set.

    Returns
    -------
    torch.nn.Module

    Raises
    ------
    TypeError
        If a layer has no counterpart; the message names it.
    ValueError
        If Parameters are shared, or frozen, in a way that a module cannot be.
    MissingExtraError
        If PyTorch is not installed.
    """
    _check_layer("to_torch", model)
    torch = require("torch", "torch")
    tensors = tensors_of(model)
    with torch.device("meta"):  # which draws no random numbers, and needs no memory
        module = _made(torch, model, tensors)
    module.load_state_dict(state_dict(model), assign=True)
    _share(module, tensors)
    for name, _, layer in modules_of(model):
        module.get_submodule(name).train(layer.training)
    for tensor in tensors:
        _set_frozen(module, tensor)
    for name in ("class_names", "input_scale"):
        if name in vars(model):
            setattr(module, name, getattr(model, name))
    return module


def _made(torch: Any, model: Layer, tensors: list[Placed]) -> Any:
    """Make the module of a model, whose values come later."""
    from minnet.torch import modules

    layouts: dict[str, dict[str, Any]] = {}
    for tensor in tensors:
        layouts.setdefault(tensor.layer, {})[tensor.inside] = tensor.layout
    layers = dict(model.named_layers())

    def make(name: str, path: str) -> Any:
        layer = layers[path]
        if callable(own := getattr(type(layer), "torch", None)):
            with torch.device("cpu"):
                return _checked(
                    path, layer, own(layer), [t.name.removeprefix(name + ".") for t in tensors if _in(t, name)]
                )
        entry = entry_of(layer)
        parts = OrderedDict((part, make(joined(name, part), joined(path, p))) for part, p in entry.parts(layer).items())
        try:
            return entry.make(layer, Making(torch.nn, modules, parts, layouts.get(path, {})))
        except TypeError as error:
            error.add_note(f"in {path or 'the model'}")
            raise
        except KeyError as error:  # PyTorch's, of a name that its modules use for something else
            raise ValueError(
                f"{path or 'the model'} cannot be a module of PyTorch's: {error}: rename the layer"
            ) from None

    return make("", "")


def _in(tensor: Placed, module: str) -> bool:
    return not module or tensor.name.startswith(module + ".")


def _checked(path: str, layer: Layer, module: Any, expected: list[str]) -> Any:
    """Return a module that a user's layer made, if its state_dict has the names of the layer's arrays."""
    names = list(module.state_dict()) if hasattr(module, "state_dict") else None
    if names is None or sorted(names) != sorted(expected):
        got = f"a {type(module).__name__}" if names is None else f"one with {', '.join(names) or 'none'}"
        raise TypeError(
            f"{path or 'the model'} = {layer.describe()}: its torch() must return a torch.nn.Module whose state_dict "
            f"has the names {', '.join(expected) or 'of no tensors'}, got {got}"
        )
    return module


def _share(module: Any, tensors: list[Placed]) -> None:
    """Let tensors be one where minnet's arrays are."""
    first: dict[int, Placed] = {}
    for tensor in tensors:
        owner = first.setdefault(id(tensor.arrays[0]), tensor)
        for array in tensor.arrays:
            if first.setdefault(id(array), tensor).arrays != tensor.arrays or tensor.layout is not owner.layout:
                raise ValueError(
                    f"{tensor.paths[0]} is shared with {owner.paths[0]}, which PyTorch's modules cannot do"
                )
        if len(set(map(id, tensor.arrays))) < len(tensor.arrays):
            raise ValueError(f"{' and '.join(tensor.paths)} are shared, but one tensor in PyTorch has all of them")
        if owner is not tensor:
            holder, _, name = tensor.name.rpartition(".")
            setattr(module.get_submodule(holder), name, _found(module, owner))


def _set_frozen(module: Any, tensor: Placed) -> None:
    """Let a tensor need no gradient if its Parameters are frozen."""
    trainable = {array.trainable for array in tensor.arrays if isinstance(array, Parameter)}
    if len(trainable) > 1:
        raise ValueError(f"{' and '.join(tensor.paths)} are one tensor in PyTorch: freeze all of them, or none")
    if trainable == {False}:
        _found(module, tensor).requires_grad_(False)


def _found(module: Any, tensor: Placed) -> Any:
    holder, _, name = tensor.name.rpartition(".")
    return getattr(module.get_submodule(holder), name)


def _check_layer(function: str, model: object) -> None:
    if not isinstance(model, Layer):
        raise TypeError(f"{function} expected a Layer of minnet's, got {type(model).__name__}")
