"""Mismatches are the differences between a model's arrays and those that are to be loaded into them."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from minnet.core.buffer import LayerArray
from minnet.core.checks import named
from minnet.core.masks import refuse_mask


class Missing(NamedTuple):
    """The paths of arrays that `Layer.load_state_dict` did not load, under the names that PyTorch gives them."""

    missing_keys: list[str]
    unexpected_keys: list[str]


def mismatches(
    arrays: Iterable[tuple[str, LayerArray]], weights: Mapping[str, NDArray[Any]], where: str = "the file"
) -> list[str]:
    """List how arrays differ in names, shapes and dtypes from the weights that come from somewhere, a line for each."""
    own = {name: array.data for name, array in arrays}
    lines = []
    for name, array in own.items():
        if name not in weights:
            lines.append(f"{name}: in the model, not in {where}")
        elif weights[name].shape != array.shape or weights[name].dtype != array.dtype:
            lines.append(f"{name}: {_describe(array)} in the model, {_describe(weights[name])} in {where}")
    lines += [f"{name}: in {where}, not in the model" for name in weights if name not in own]
    if any(name in weights and weights[name].dtype != array.dtype for name, array in own.items()):
        kinds = {str(array.dtype) for array in weights.values()}
        if len(kinds) == 1 and kinds <= {"float32", "float64"}:
            lines.insert(0, f"For the dtype: model.astype(np.{kinds.pop()}) before loading")  # a long list is cut
    return lines


def load_arrays(own: Mapping[str, LayerArray], state: Mapping[str, Any], strict: bool) -> Missing:
    """Copy what `Layer.state_dict` returned into arrays, all or none: see `Layer.load_state_dict`."""
    if not isinstance(state, Mapping):
        raise TypeError(
            f"load_state_dict expected a dict of paths and arrays, got {named(state)}: for a file, there is "
            "mn.load(model, path)"
        )
    for path, values in state.items():
        refuse_mask("load_state_dict", path, values, of_samples=False)
    given = {path: np.asarray(values) for path, values in state.items()}
    missing = Missing([path for path in own if path not in given], [path for path in given if path not in own])
    if not strict:
        given = {path: values for path, values in given.items() if path in own}
    compared = own.items() if strict else [(path, own[path]) for path in given]
    if found := mismatches(compared, given, "the state"):
        raise ValueError("\n  ".join(["the state does not fit the model:", *found]))
    for path, values in given.items():
        own[path].data = values
    return missing


def _describe(array: NDArray[Any]) -> str:
    return f"{array.shape} {array.dtype}"
