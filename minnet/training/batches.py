"""Batches are checked as they come from a loader, and arrays of other libraries become NumPy's."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from minnet.core.arrays import BYTE_SCALE, scaled
from minnet.core.checks import named
from minnet.core.foreign import is_foreign, read
from minnet.core.trees import leaves, mapped
from minnet.data.epoch import Batch

PAIR = "mn.DataLoader(X, y, batch_size=...)"
TARGETS = ("y", "labels", "label", "targets", "target")  # the names under which a batch that is a dict has its targets
WEIGHTS = "sample_weight"


class Batches:
    """An iterable of batches, each of which is checked as it comes; `owner` and `name` are in the message."""

    def __init__(self, owner: str, name: str, batches: Iterable[Any], scale: float | None = BYTE_SCALE) -> None:
        self._owner, self._name, self._batches, self._scale = owner, name, batches, scale

    def __len__(self) -> int:
        """Return how many batches there are; a TypeError, if the iterable does not tell."""
        return len(self._batches)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[Batch]:
        """Begin a pass over the batches."""
        for batch in self._batches:
            yield check_batch(batch, self._owner, self._name, lambda: self._scale)


def check_batch(
    batch: Any,
    owner: str = "fit",
    name: str = "the loader",
    scale: Callable[[], float | None] = lambda: BYTE_SCALE,
) -> Batch:
    """Return the batch (x, y), or (x, y, sample_weight), that a loader yielded, with NumPy's arrays.

    Tensors of PyTorch, or arrays of another library, share their memory with NumPy's, and what is uint8 of an x is
    multiplied by `scale`. A batch may be a list, and a dict with the targets under one of `TARGETS`: what is left in it
    is x. Raises TypeError if it is none of this.
    """
    if type(batch) is tuple and type(batch[0]) is np.ndarray:
        if len(batch) == 2 and type(batch[1]) is np.ndarray:
            return batch
        if len(batch) == 3 and type(batch[1]) is type(batch[2]) is np.ndarray:
            return batch
    got, cure = named(batch), "yield both, x and y"
    if isinstance(batch, Mapping):
        batch, got, cure = _of_names(batch)
    if isinstance(batch, tuple | list) and len(batch) in (2, 3):
        expected = f"{owner} expected {name} to yield"
        x, *others = (_as_tree(part) for part in batch)
        x = mapped(lambda leaf: _read(expected, "x", leaf, scale), x)
        arrays = leaves(x)
        if arrays and all(isinstance(leaf, np.ndarray) for leaf in arrays):
            y = mapped(lambda leaf: _read(expected, "y", leaf), others[0])
            return (x, y, *(mapped(lambda leaf: _read(expected, WEIGHTS, leaf), part) for part in others[1:]))
        got, cure = f"a pair whose x is {named(x)}", "yield np.asarray(x, dtype=np.float32), y"
        if arrays and type(x) in (tuple, dict):
            wrong = next(leaf for leaf in arrays if not isinstance(leaf, np.ndarray))
            got = f"an x that is a {type(x).__name__} with {named(wrong)} in it"
            cure = "yield arrays"
    raise TypeError(f"{owner} expected {name} to yield pairs of arrays (x, y), got {got}: {cure}, or pass {PAIR}")


def may_be_batch(batch: object) -> bool:
    """Whether an item of a list is a batch by its form, or else a row of data."""
    if isinstance(batch, Mapping):
        return not batch.keys().isdisjoint(TARGETS)
    return isinstance(batch, tuple | list) and len(batch) in (2, 3)


def inputs_of(batch: Any, owner: str, name: str, scale: float | None) -> Any:
    """Return the x of a batch to predict for: it may have targets, or be x alone."""
    if isinstance(batch, Mapping):
        rest = {key: value for key, value in batch.items() if key not in (*TARGETS, WEIGHTS)}
        batch = next(iter(rest.values())) if len(rest) == 1 else rest
    elif isinstance(batch, tuple | list) and 1 <= len(batch) <= 3:
        batch = batch[0]
    x, *_ = check_batch((batch, np.zeros(0)), owner, name, lambda: scale)
    return x


def _of_names(batch: Mapping[str, Any]) -> tuple[Any, str, str]:
    """Return the pair or the triple that a batch with names is, and what to say if it is none."""
    found = [key for key in TARGETS if key in batch]
    rest = {key: value for key, value in batch.items() if key not in (*found, WEIGHTS)}
    got = f"a dict of {', '.join(map(repr, batch))}"
    if len(found) != 1 or not rest:
        return None, got, f'yield the targets under one name, such as "{TARGETS[0]}", and x under others'
    x = next(iter(rest.values())) if len(rest) == 1 else rest
    return (x, batch[found[0]], *([batch[WEIGHTS]] if WEIGHTS in batch else [])), got, ""


def _as_tree(part: Any) -> Any:
    """Return a tuple, also of a list of other libraries' arrays, or a dict; anything else as it is."""
    if isinstance(part, list):
        return tuple(part) if part and all(map(is_foreign, part)) else part
    if isinstance(part, tuple):
        return tuple(part)
    return dict(part) if isinstance(part, Mapping) else part


def _read(expected: str, name: str, leaf: Any, scale: Callable[[], float | None] | None = None) -> Any:
    """Return an array of another library as NumPy's, and anything else as it is."""
    if not is_foreign(leaf):
        return leaf
    kind = f"{type(leaf).__module__.partition('.')[0]}.{type(leaf).__name__}"
    try:
        array = read(leaf)
    except Exception as error:
        raise TypeError(
            f"{expected} arrays that NumPy can read, got in {name} a {kind} that it cannot ({error}): yield such as "
            "tensor.detach().cpu()"
        ) from error
    if array.dtype.kind not in "iufb":
        raise TypeError(f"{expected} arrays of numbers, got in {name} a {kind} of {array.dtype}: make numbers of it")
    return array if scale is None or array.dtype != np.uint8 else scaled(array, scale())
