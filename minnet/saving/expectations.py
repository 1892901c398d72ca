"""Expectations say what a model's inputs and outputs mean: `input_scale` and `class_names`, in its files, too."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from minnet.core.layer import Layer
from minnet.errors import CheckpointError
from minnet.saving.messages import brief
from minnet.saving.tensorfile import DAMAGED, parse_json

NAMES = ("input_scale", "class_names")


def expectations(model: Layer) -> dict[str, str]:
    """Return those that were set, as JSON for the metadata of a file; an error if the class names are no strings."""
    check_class_names(model)
    stated = {name: value for name, value in vars(model).items() if name in NAMES}
    return {
        name: json.dumps(list(value) if name == "class_names" and value else value) for name, value in stated.items()
    }


def read_expectations(path: Path, metadata: dict[str, str]) -> dict[str, Any]:
    """Return those in the metadata of a file of minnet's; CheckpointError if one is not what `expectations` wrote."""
    if "minnet_version" not in metadata:  # another tool may use these names for something else
        return {}
    found = {name: parse_json(path, name, metadata[name]) for name in NAMES if name in metadata}
    for name, value in found.items():
        if not is_expectation(name, value):
            what = "a number above 0" if name == "input_scale" else "a list of strings"
            raise CheckpointError(f"{path}: its {name} is {brief(value)}, and not {what}, or null: {DAMAGED}")
    return found


def is_expectation(name: str, value: object) -> bool:
    """Whether a value from a file can be the expectation of this name."""
    if value is None or name == "class_names":
        return value is None or _are_names(value)
    return type(value) in (int, float) and 0 < value < math.inf  # type: ignore[operator]


def check_class_names(model: Layer, classes: int | None = None) -> None:
    """Check that a model's class names are a list of strings, one a class, if it has any: TypeError or ValueError."""
    names = model.class_names
    if names is None:
        return
    if not _are_names(names):
        raise TypeError(f"model.class_names must be a list of strings, one for each class, got {brief(repr(names))}")
    if classes not in (None, len(names)):
        raise ValueError(
            f"model.class_names must have one name for each of the model's {classes} outputs, got {len(names)}"
        )


def _are_names(names: object) -> bool:
    return isinstance(names, Sequence) and not isinstance(names, str) and all(isinstance(name, str) for name in names)
