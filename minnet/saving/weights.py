"""Weights are the values of a model's Parameters and Buffers, which `save` writes to a file and `load` reads."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from numpy.typing import NDArray

from minnet.core.console import announce
from minnet.core.layer import Layer
from minnet.core.mismatches import mismatches
from minnet.errors import CheckpointError
from minnet.saving.description import KEY, description_of
from minnet.saving.expectations import expectations, read_expectations
from minnet.saving.load_report import LoadReport
from minnet.saving.messages import listed, shown_model
from minnet.saving.selection import Arrays, Rename, select
from minnet.saving.tensorfile import read_tensors, write_tensors

STATE = "state/"  # the prefix of those arrays in a checkpoint that are not weights
OPTIONS = (
    'For other names: rename={name in the file: name in the model}. For a part of the file: prefix="...". '
    "For what fits: strict=False"
)

L = TypeVar("L", bound=Layer)


def save(model: Layer, path: str | os.PathLike[str]) -> None:
    """Save a model as a safetensors file: its arrays, running statistics included, and how it is made.

    The names of the arrays are those of `Layer.named_arrays`, such as ``layers[0].weight``; a shared one is saved once.
    The metadata say how the model is made, for `load_model` (see `minnet.saving.description`). They hold the model's
    repr (``structure``), its `input_scale` and `class_names`, if `fit` or the user set them, and digests: see
    `minnet.saving.tensorfile`.

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
    >>> other = mn.load_model(path)
    >>> bool((other.layers[0].weight.data == model.layers[0].weight.data).all())
    True
    """
    if not isinstance(model, Layer):
        raise TypeError(f"save(model, path) expected a Layer, got {type(model).__name__}")
    tensors = {name: array.data for name, array in model.named_arrays()}
    described = {"kind": "weights", "structure": repr(model), KEY: description_of(model)}
    write_tensors(path, tensors, described | expectations(model))


def load(
    model: L,
    path: str | os.PathLike[str],
    *,
    strict: bool = True,
    prefix: str = "",
    rename: Rename | None = None,
    report: Callable[[LoadReport], object] | None = None,
    train: bool = False,
) -> L:
    """Load the weights of a file that `save` wrote, or of a checkpoint, into a model of the same structure.

    Any safetensors file will do, if its arrays have the names, shapes and dtypes of the model's Parameters and Buffers.
    The model may be a part of another one: ``mn.load(model.layers[0], "body.safetensors")``. If everything was loaded,
    the model's `input_scale` and `class_names` become those of the file, if it has them; otherwise, or with a prefix,
    they stay.

    Parameters
    ----------
    model
        The model, which is changed in place.
    path
        The file.
    strict
        Whether all arrays must fit. False: those that fit are loaded, and the others of the model stay as they are.
        What was and what was not loaded is said on stderr, or to `report`.
    prefix
        A layer in the file, such as ``'layers[0]'``: only its arrays are loaded, as if it had been saved alone.
    rename
        A dict of names in the file and names in the model, of arrays or of layers, such as ``{"layers[0]":
        'layers["body"]'}``; or a function of a name that returns the new one. None in place of a new name leaves out
        the array or the layer. It comes after `prefix`.
    report
        A function that is called with the `LoadReport`, such as ``print``.
    train
        Whether the model is returned in training mode. By default it is in eval mode, to predict; `Trainer.fit`
        switches it.

    Returns
    -------
    model
        The same object.

    Raises
    ------
    FileNotFoundError, OSError
        If there is no such file, or it cannot be read.
    CheckpointError
        If the file is damaged or does not fit: the message lists the first mismatches, and how many more there are. If
        not even one array fits, or if `prefix` or `rename` has a name that is not in the file. The model is unchanged.
    """
    if not isinstance(model, Layer):
        raise TypeError(f"load(model, path) expected a Layer, got {type(model).__name__}: make the model first")
    tensors, metadata = read_tensors(path)
    expected = read_expectations(Path(path), metadata)
    with naming(path):
        weights, left_out = select(weights_of(tensors), prefix, rename)
    found = _compare(path, model, weights, left_out)
    if strict or not found.loaded:
        _check_fits(path, model, weights, metadata)
    for name, array in model.named_arrays():
        if name in weights and name not in found.mismatched:
            array.data = weights[name]
    if found.complete:
        vars(model).update(expected)
    tell(found, strict, report)
    return set_mode(model, train)


def tell(found: LoadReport, strict: bool, report: Callable[[LoadReport], object] | None) -> None:
    """Give a report to the function that wants it; without one, say on stderr what was left out."""
    if report is not None:
        report(found)
    elif not strict:
        announce(repr(found))


def set_mode(model: L, train: bool) -> L:
    """Switch a model that was loaded to training mode, or to eval mode until it is trained, and return it."""
    if train:
        return model.train()
    model.eval().eval_until_fit = True
    return model


def weights_of(tensors: Arrays) -> dict[str, NDArray[Any]]:
    """Return the weights in a file, without the rest of a checkpoint."""
    return {name: tensor for name, tensor in tensors.items() if not name.startswith(STATE)}


@contextmanager
def naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Name the file in a CheckpointError that does not."""
    try:
        yield
    except CheckpointError as error:
        raise CheckpointError(f"{os.fspath(path)}: {error}") from error.__cause__
    except RecursionError:
        raise CheckpointError(f"{os.fspath(path)}: its description of a model is too deep") from None


def _compare(path: str | os.PathLike[str], model: Layer, weights: Arrays, left_out: list[str]) -> LoadReport:
    """Compare a model with the weights that are selected from a file."""
    loaded, missing, own, mismatched = [], [], set(), {}
    for name, array in model.named_arrays():
        own.add(name)
        if name not in weights:
            missing.append(name)
        elif differing := mismatches([(name, array)], {name: weights[name]}):
            mismatched[name] = differing[-1]
        else:
            loaded.append(name)
    unexpected = tuple(name for name in weights if name not in own)
    return LoadReport(os.fspath(path), tuple(loaded), tuple(missing), mismatched, unexpected, tuple(left_out))


def _check_fits(path: str | os.PathLike[str], model: Layer, weights: Arrays, metadata: Mapping[str, str]) -> None:
    """Raise CheckpointError unless all weights fit the model."""
    if found := mismatches(model.named_arrays(), weights):
        places = f"{len(found):,} place{'s' * (len(found) > 1)}"
        lines = [f"{os.fspath(path)} does not fit the model, in {places}:", *listed(found)]
        if any(name not in weights for name, _ in model.named_arrays()):
            lines.append(OPTIONS)
        if "minnet_version" not in metadata:
            lines.append("For names and layouts of PyTorch's: mn.torch.load_state_dict(model, path)")
        if metadata.get("structure", repr(model)) != repr(model):
            lines += ["The file is of this model:", *shown_model(metadata["structure"])]
        raise CheckpointError("\n  ".join(lines))
