"""Weights are the values of a model's Parameters and Buffers, which `save` writes to a file and `load` reads."""

import os
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from minnet.core.layer import Layer
from minnet.errors import CheckpointError
from minnet.saving.description import KEY, description_of
from minnet.saving.expectations import expectations, read_expectations
from minnet.saving.messages import listed, shown_model
from minnet.saving.tensorfile import read_tensors, write_tensors

STATE = "state/"  # the prefix of those arrays in a checkpoint that are not weights

L = TypeVar("L", bound=Layer)


def save(model: Layer, path: str | os.PathLike[str]) -> None:
    """Save a model's weights, running statistics included, as a safetensors file.

    The names of the arrays are those of `Layer.named_arrays`, such as ``layers[0].weight``; a shared one is saved once.
    The metadata are the model's repr (``structure``), its `input_scale` and `class_names`, if `fit` or the user set
    them, and digests: see `minnet.saving.tensorfile`.

    Parameters
    ----------
    model
        The model, or any layer.
    path
        The file, usually ``….safetensors``. If it exists, it is replaced in one instant.

    Raises
    ------
    OSError
        If the file cannot be written; a file that was there before is unchanged.

    Examples
    --------
    >>> import minnet as mn
    >>> path = getfixture("tmp_path") / "model.safetensors"
    >>> model = mn.Sequential(mn.Linear(3, 2, rng=0), mn.Softmax())
    >>> mn.save(model, path)
    >>> other = mn.load(mn.Sequential(mn.Linear(3, 2, rng=1), mn.Softmax()), path)
    >>> bool((other.layers[0].weight.data == model.layers[0].weight.data).all())
    True
    """
    if not isinstance(model, Layer):
        raise TypeError(f"save(model, path) expected a Layer, got {type(model).__name__}")
    tensors = {name: array.data for name, array in model.named_arrays()}
    described = {"kind": "weights", "structure": repr(model), KEY: description_of(model)}
    write_tensors(path, tensors, described | expectations(model))


def load(model: L, path: str | os.PathLike[str], *, train: bool = False) -> L:
    """Load the weights of a file that `save` wrote, or of a checkpoint, into a model of the same structure.

    Any safetensors file will do, if its arrays have the names, shapes and dtypes of the model's Parameters and Buffers.
    The model's `input_scale` and `class_names` become those of the file, if it has them.

    Parameters
    ----------
    model
        The model, which is changed in place.
    path
        The file.

    Returns
    -------
    model
        The same object.

    Raises
    ------
    FileNotFoundError, OSError
        If there is no such file, or it cannot be read.
    CheckpointError
        If the file is damaged or does not fit: the message lists the first mismatches, and how many
        more there are; the model is unchanged.
    """
    if not isinstance(model, Layer):
        raise TypeError(f"load(model, path) expected a Layer, got {type(model).__name__}: make the model first")
    tensors, metadata = read_tensors(path)
    weights = {name: tensor for name, tensor in tensors.items() if not name.startswith(STATE)}
    if found := mismatches(model, weights):
        places = f"{len(found):,} place{'s' * (len(found) > 1)}"
        lines = [f"{os.fspath(path)} does not fit the model, in {places}:", *listed(found)]
        if metadata.get("structure", repr(model)) != repr(model):
            lines += ["The file is of this model:", *shown_model(metadata["structure"])]
        raise CheckpointError("\n  ".join(lines))
    expected = read_expectations(Path(path), metadata)
    for name, array in model.named_arrays():
        array.data = weights[name]
    vars(model).update(expected)
    return set_mode(model, train)


def set_mode(model: L, train: bool) -> L:
    """Switch a model that was loaded to training mode, or to eval mode, and return it."""
    return model.train() if train else model.eval()


def mismatches(model: Layer, weights: dict[str, NDArray[Any]]) -> list[str]:
    """List the differences between a model and the weights of a file, a line for each."""
    own = {name: array.data for name, array in model.named_arrays()}
    lines = []
    for name, array in own.items():
        if name not in weights:
            lines.append(f"{name}: in the model, not in the file")
        elif weights[name].shape != array.shape or weights[name].dtype != array.dtype:
            lines.append(f"{name}: {_describe(array)} in the model, {_describe(weights[name])} in the file")
    lines += [f"{name}: in the file, not in the model" for name in weights if name not in own]
    if any(name in weights and weights[name].dtype != array.dtype for name, array in own.items()):
        kinds = {str(array.dtype) for array in weights.values()}
        if len(kinds) == 1 and kinds <= {"float32", "float64"}:
            lines.insert(0, f"For the dtype: model.astype(np.{kinds.pop()}) before loading")  # a long list is cut
    return lines


def _describe(array: NDArray[np.generic]) -> str:
    return f"{array.shape} {array.dtype}"
