"""From PyTorch to minnet: a state_dict, from a file or as a dict, is loaded into a model."""

import os
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from minnet.core.console import warn
from minnet.core.layer import Layer
from minnet.errors import CheckpointError, DataWarning
from minnet.layers.sequences.embedding import Embedding
from minnet.saving.load_report import LoadReport
from minnet.saving.selection import Rename, select
from minnet.saving.weights import naming, set_mode, tell
from minnet.torch.comparing import Comparison
from minnet.torch.given import arrays_of
from minnet.torch.layouts import Values
from minnet.torch.tensors import joined

L = TypeVar("L", bound=Layer)


def load_state_dict(
    model: L,
    file_or_dict: str | os.PathLike[str] | Mapping[str, Any],
    *,
    strict: bool = True,
    prefix: str = "",
    rename: Rename | None = None,
    key: str | None = None,
    report: Callable[[LoadReport], object] | None = None,
    train: bool = False,
) -> L:
    """Load a state_dict of PyTorch's into a model of the same structure.

    Layouts are converted: matrices (out, in) become (in, out), gates and the projections of attention are unpacked.
    float16 and bfloat16 become float32, and all numbers the dtype of the model's arrays, as PyTorch does it.

    Layers are found by their names, never by their order. ``nn.Sequential`` and `Sequential` number their layers alike,
    and an attribute ``self.encoder`` there is a layer with the name ``encoder`` here. For other names, there is
    `rename`; if a file does not fit, the error proposes one. BatchNorm's ``num_batches_tracked`` may be missing or
    left over.

    Parameters
    ----------
    model
        The model, which is changed in place, or a part of one.
    file_or_dict
        A file that ``torch.save`` wrote (``.pt``, ``.pth``; of either form), a safetensors file, or a dict of names
        and tensors or arrays. It is read without PyTorch.
    strict, prefix, report, train
        As for `minnet.load`.
    rename
        As for `minnet.load`, from names in the file to those in the model, which may be PyTorch's or minnet's:
        ``{"fc1": "layers[0]"}`` and ``{"fc1": "0"}`` mean the same.
    key
        Where a file holds other things beside the state_dict, the key under which it stands, such as ``"model"``. By
        default it is found if there is only one.

    Returns
    -------
    model
        The same object, in eval mode until it is trained, unless `train`.

    Raises
    ------
    FileNotFoundError, OSError
        If there is no such file, or it cannot be read.
    CheckpointError
        If the file is damaged or malicious, or does not fit the model: the message lists the first differences. The
        model is unchanged.

    Examples
    --------
    >>> import numpy as np
    >>> import minnet as mn
    >>> model = mn.Sequential(mn.Linear(3, 2), mn.ReLU())
    >>> theirs = {"0.weight": np.ones((2, 3), np.float32), "0.bias": np.zeros(2, np.float32)}
    >>> mn.torch.load_state_dict(model, theirs)[0].weight.data.shape
    (3, 2)
    """
    if not isinstance(model, Layer):
        raise TypeError(
            f"load_state_dict(model, file) expected a Layer, got {type(model).__name__}: make the model first"
        )
    where, arrays = arrays_of(file_or_dict, key)
    with naming(where):
        _check_whose(model, arrays)
        given, left_out = select(arrays, prefix, rename)
    found = Comparison(where, model, given)
    if any(found.problems()) and (strict or not found.values):
        raise CheckpointError(found.error())
    for path, array in model.named_arrays():
        if path in found.values:
            array.data = found.values[path]
    _warn_of_padding(model, found.values)
    tell(found.report(left_out), strict, report)
    return set_mode(model, train)


def _check_whose(model: Layer, arrays: Mapping[str, Values]) -> None:
    """Raise CheckpointError if the names are minnet's: a square matrix would fit, and be transposed."""
    if own := [path for path, _ in model.named_arrays() if "[" in path and path in arrays]:
        raise CheckpointError(
            f"its names are minnet's, such as {own[0]!r}, and not PyTorch's: model.load_state_dict(state), or "
            "mn.load(model, path) for a file"
        )


def _warn_of_padding(model: Layer, loaded: Mapping[str, Values]) -> None:
    """Warn if a row that pads is not zero, of which y is: in PyTorch, y is that row."""
    for path, layer in model.named_layers():
        if not isinstance(layer, Embedding) or layer.padding_idx is None or joined(path, "weight") not in loaded:
            continue
        if layer.weight.data[layer.padding_idx].any():
            warn(
                f"{path or 'the model'} = {layer.describe()} returns 0 for {layer.padding_idx}, where PyTorch's "
                "returns that row of the weights, which is not 0 here: unless a mask leaves these places out, make it "
                "without padding_idx",
                DataWarning,
            )
