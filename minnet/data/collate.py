"""A collate function makes the arrays of a batch from its samples, which may have different lengths."""

from collections.abc import Callable
from typing import Any

import numpy as np

from minnet.core.checks import named
from minnet.core.masks import refuse_mask
from minnet.core.samples import as_data, check_finite
from minnet.core.trees import first, leaves

Collate = Callable[[list[Any], list[Any]], tuple[Any, Any]]  # (xs, ys) -> (x, y)


def as_samples(owner: str, name: str, data: Any) -> Any:
    """View data as an array of samples, or as a list of samples if these have different lengths, or are no numbers.

    Anything in the list that is no array of numbers, such as a text, is left to the collate function.
    """
    items: Any = data
    if isinstance(data, np.ndarray) and data.dtype == object and data.ndim == 1:
        items = data.tolist()
    if not isinstance(items, list | tuple) or not items:
        return as_data(owner, name, data)
    refuse_mask(owner, name, items)
    arrays = [_as_array(item) for item in items]
    if all(isinstance(array, np.ndarray) and array.shape == arrays[0].shape for array in arrays):
        return np.array(arrays)
    return arrays


def check_samples(owner: str, name: str, samples: Any, cure: str = "") -> None:
    """Raise ValueError if there is NaN or infinity in an array of samples, or in the arrays of a list of samples."""
    for where, array in enumerate(samples) if isinstance(samples, list) else [(None, samples)]:
        if isinstance(array, np.ndarray) and array.size:
            check_finite(owner, name if where is None else f"{name}[{where}]", np.atleast_1d(array), cure)


def collated(collate: Collate, x: Any, y: Any, owner: str = "DataLoader") -> tuple[Any, Any]:
    """Return the batch that a collate function makes of the rows of x and y. TypeError if it makes something else."""
    xs, ys = samples_of(x), samples_of(y)
    batch = collate(xs, ys)
    if not isinstance(batch, tuple) or len(batch) != 2:
        raise TypeError(f"{owner} expected collate(xs, ys) to return the pair (x, y), got {named(batch)}: return both")
    x, y = batch
    for what, part in (("x", x), ("y", y)):
        arrays = leaves(part)
        if not arrays or not all(isinstance(leaf, np.ndarray) and leaf.ndim for leaf in arrays):
            raise TypeError(
                f"{owner} expected collate(xs, ys) to return {what} as an array, or a tuple or dict of arrays, "
                f"got {named(next((leaf for leaf in arrays if not isinstance(leaf, np.ndarray)), part))}"
            )
    if len(first(x)) != len(xs):
        raise ValueError(
            f"{owner} expected collate(xs, ys) to return a batch of {len(xs)} samples along the first axis, got x "
            f"of shape {first(x).shape}"
        )
    return x, y


def _as_array(item: Any) -> Any:
    """Return an item that holds numbers as an array; any other as it is."""
    try:
        array = np.asarray(item)
    except Exception:
        return item
    return array if array.dtype.kind in "iufb" else item


def samples_of(rows: Any) -> list[Any]:
    """List the samples in the rows of a tree: each is an array, or a tuple or dict of arrays, as the tree is."""
    if type(rows) is tuple:
        return list(zip(*rows, strict=True))
    if type(rows) is dict:
        return [dict(zip(rows, sample, strict=True)) for sample in zip(*rows.values(), strict=True)]
    return list(rows)
