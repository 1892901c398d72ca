"""A model file says how its model is made: `load_model` makes it, without the script that trained it."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from minnet.core.layer import Layer
from minnet.errors import CheckpointError
from minnet.saving.building import build_model
from minnet.saving.description import KEY, LONGEST, VERSION
from minnet.saving.expectations import read_expectations
from minnet.saving.messages import brief
from minnet.saving.tensorfile import parse_json, read_tensors
from minnet.saving.weights import naming, set_mode, weights_of

HOW_ELSE = "make the model in your script, and then mn.load(model, path)"


def load_model(
    path: str | os.PathLike[str], *, custom: Mapping[str, type[Layer]] | None = None, train: bool = False
) -> Any:
    """Make the model that `save`, or a checkpoint, wrote to a file, with its weights.

    The file has no code. It names classes of minnet and their arguments, which their constructors check, so that a file
    from a stranger makes nothing but such layers, in no more memory than a few times its size. The model has the
    dtype, `input_scale`, `class_names`, and what was frozen, of the model that was saved. Its Generators are new.

    Parameters
    ----------
    path
        The file.
    custom
        Your own classes of layers, by name: ``{"Maxout": Maxout}``. They are called with the arguments in the file,
        which are those that `Layer.arguments` returned.
    train
        Whether the model is returned in training mode. By default it is in eval mode, to predict; `Trainer.fit`
        switches it.

    Returns
    -------
    model
        Of the class that was saved, such as a `Sequential`.

    Raises
    ------
    FileNotFoundError, OSError
        If there is no such file, or it cannot be read.
    CheckpointError
        If the file is damaged, or does not say how its model is made (then `load` takes the weights into a model that
        your script makes); if it names a class, or an argument, that is neither minnet's nor in `custom`.

    Examples
    --------
    >>> import minnet as mn
    >>> path = getfixture("tmp_path") / "model.safetensors"
    >>> mn.save(mn.Sequential(mn.Linear(3, 2), mn.Dropout(0.1), mn.Softmax()), path)
    >>> mn.load_model(path)
    Sequential(
      layers[0]: Linear(3, 2)
      layers[1]: Dropout(p=0.1)
      layers[2]: Softmax()
    )
    """
    if isinstance(path, Layer):
        raise TypeError(
            f"load_model(path) expected a file, got a {type(path).__name__}: mn.load(model, path) loads into one"
        )
    classes = _checked(custom)
    tensors, metadata = read_tensors(path)
    expected = read_expectations(Path(path), metadata)
    description = _description(Path(path), metadata)
    with naming(path):
        model: Any = build_model(description, weights_of(tensors), classes)
    vars(model).update(expected)
    return set_mode(model, train)


def _description(path: Path, metadata: dict[str, str]) -> Any:
    """Return the description in a file's metadata; CheckpointError, if there is none."""
    if KEY not in metadata or "minnet_version" not in metadata:
        raise CheckpointError(
            f"{path} does not say how its model is made, because mn.save did not write it: {HOW_ELSE}"
        )
    if len(metadata[KEY]) > LONGEST:
        raise CheckpointError(
            f"{path}: its description of a model takes {len(metadata[KEY]):,} letters, of {LONGEST:,}"
        )
    described = parse_json(path, "description of a model", metadata[KEY], unique=True)
    version = described.get("version") if type(described) is dict else None
    if type(version) is int and version > VERSION:
        raise CheckpointError(
            f"{path}: its description of a model has version {brief(version)}, this minnet reads {VERSION}"
        )
    if version != VERSION:
        raise CheckpointError(f"{path}: its description of a model is not as minnet writes it")
    if "undescribed" in described:
        raise CheckpointError(
            f"{path} has the weights, but does not say how the model is made, because "
            f"{brief(described['undescribed'], 400)}: {HOW_ELSE}"
        )
    return described


def _checked(custom: Mapping[str, type[Layer]] | None) -> Mapping[str, type[Layer]]:
    if custom is None:
        return {}
    if not isinstance(custom, Mapping):
        raise TypeError(
            f"load_model expected custom to be a dict of names and classes, got {type(custom).__name__}: pass "
            'custom={"Maxout": Maxout}'
        )
    for name, kind in custom.items():
        if not (isinstance(name, str) and isinstance(kind, type) and issubclass(kind, Layer)):
            raise TypeError(
                f"load_model expected custom to map names to classes derived from mn.Layer, got {name!r}: {kind!r}"
            )
    return custom
