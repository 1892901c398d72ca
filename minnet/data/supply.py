"""A supply hands out the samples of a source, so many at a time, whether the source yields samples or batches."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np

from minnet.core.checks import named
from minnet.core.samples import as_data
from minnet.core.state import State
from minnet.core.trees import as_tree, check_lengths, first, leaves, mapped, named_leaves
from minnet.data.collate import samples_of

Chunk = tuple[Any, ...]  # x and y of some samples, and maybe their weights: trees of arrays, or lists for a collate
NAMES = ("x", "y", "sample_weight")


class Supply:
    """The samples that an iterator yields, one by one or in `batches`.

    x and y are arrays of all samples, or lists of them if they are to be `listed` for a collate function.
    """

    def __init__(self, items: Iterator[Any], batches: bool, listed: bool) -> None:
        self.rest: Chunk | None = None  # what is left of the last batch
        self.ended = False
        self._items, self._batches, self._listed = items, batches, listed
        self._form: list[Any] | None = None  # what the first samples were

    def take(self, samples: int) -> Chunk | None:
        """Return the next samples; fewer if the source ends, None if it has ended."""
        found: list[Chunk] = []
        while samples > 0 and (chunk := self._next(samples)) is not None:
            if (size := size_of(chunk)) > samples:
                self.rest = rows_of(chunk, slice(samples, None))
                chunk = rows_of(chunk, slice(samples))
            samples -= size
            found.append(chunk)
        return joined_chunks(found) if found else None

    def state_dict(self) -> State:
        """Return what is left of the last batch, and whether the iterator has ended."""
        return {"rest": self.rest, "ended": self.ended}

    def restore(self, state: State) -> None:
        """Go on with an iterator that is where it was when `state_dict` returned a state."""
        check_chunk(state["rest"])
        self.rest, self.ended = state["rest"], bool(state["ended"])

    def _next(self, samples: int) -> Chunk | None:
        """Return what is left of the last batch, or else the next one, or else so many samples."""
        if self.rest is not None:
            rest, self.rest = self.rest, None
            return rest
        while not self.ended:
            items = list(islice(self._items, 1 if self._batches else samples))
            self.ended = len(items) < (1 if self._batches else samples)
            if items and (chunk := self._read(items)) is not None:
                return chunk
        return None

    def _read(self, items: list[Any]) -> Chunk | None:
        """Return a batch, or a list of samples, as a chunk; None if it holds no sample."""
        what = "batches" if self._batches else "samples"
        for item in items:
            if not isinstance(item, tuple | list) or len(item) not in (2, 3):
                raise TypeError(
                    f"Stream expected a source of {what} (x, y) or (x, y, sample_weight), got {named(item)}: yield "
                    f"both, x and y{'' if self._batches else '; of a source of batches, say so: batches=True'}"
                )
        if self._batches:
            if all(hasattr(leaf, "__len__") and not len(leaf) for leaf in leaves(items[0][0])):
                return None  # a filter may have left nothing
            chunk: Chunk = tuple(map(self._of_batch, NAMES, items[0]))
            check_lengths(
                "Stream", [pair for name, part in zip(NAMES, chunk, strict=False) for pair in _named(name, part)]
            )
        elif len({len(item) for item in items}) > 1:
            raise ValueError("Stream got samples with a weight and samples without one: give all of them a weight")
        else:
            chunk = tuple(map(self._of_samples, NAMES, zip(*items, strict=True)))
        self._check_form(chunk)
        return chunk

    def _of_batch(self, name: str, part: Any) -> Any:
        if not self._listed or name == NAMES[2]:
            return as_tree("Stream", name, part, as_data)
        if isinstance(part, dict):
            part = {key: list(leaf) for key, leaf in part.items()}
        return samples_of(part)

    def _of_samples(self, name: str, part: tuple[Any, ...]) -> Any:
        if self._listed and name != NAMES[2]:
            return list(part)
        sample = part[0]
        if isinstance(sample, dict):
            return {key: as_data("Stream", f'{name}["{key}"]', [one[key] for one in part]) for key in sample}
        if isinstance(sample, tuple) and any(getattr(leaf, "ndim", 0) for leaf in sample):
            places = enumerate(zip(*part, strict=True))
            return tuple(as_data("Stream", f"{name}[{i}]", list(same)) for i, same in places)
        return as_data("Stream", name, list(part))

    def _check_form(self, chunk: Chunk) -> None:
        """Check that samples are of one shape and dtype, because those of several batches come into one."""
        pairs = [pair for name, part in zip(NAMES, chunk, strict=False) for pair in _named(name, part)]
        form = [(name, leaf.dtype, leaf.shape[1:]) for name, leaf in pairs if isinstance(leaf, np.ndarray)]
        if self._form is None:
            self._form = form
        if form != self._form:
            now, before = (
                ", ".join(f"{name} {dtype} {shape}" for name, dtype, shape in one) for one in (form, self._form)
            )
            raise ValueError(
                f"Stream expected samples that are alike, got {now} after {before}: convert them in the source, such "
                "as with np.asarray(x, np.float32); samples of several lengths take collate=mn.data.Pad()"
            )


def check_chunk(chunk: Any) -> None:
    """Raise ValueError if what comes from a file is neither a chunk nor None."""
    if chunk is None:
        return
    if type(chunk) is not tuple or len(chunk) not in (2, 3):
        raise ValueError("the samples that were kept are no x and y")
    found = [leaf for part in chunk for leaf in leaves(part)]
    if not found or not all(isinstance(leaf, list) or (isinstance(leaf, np.ndarray) and leaf.ndim) for leaf in found):
        raise ValueError("the samples that were kept are no arrays, and no lists")
    if len({len(leaf) for leaf in found}) > 1:
        raise ValueError("the samples that were kept have several lengths")


def size_of(chunk: Chunk) -> int:
    """Return how many samples a chunk has."""
    return len(first(chunk[0]))


def rows_of(chunk: Chunk, rows: Any) -> Chunk:
    """Return some samples of a chunk; `rows` is a slice, which gives a view, or an array of indices."""

    def read(leaf: Any) -> Any:
        if isinstance(rows, slice):
            return leaf[rows]
        return [leaf[row] for row in rows] if isinstance(leaf, list) else leaf.take(rows, axis=0)

    return tuple(mapped(read, part) for part in chunk)


def joined_chunks(chunks: list[Chunk]) -> Chunk:
    """Return one chunk of the samples of several."""
    if len(chunks) == 1:
        return chunks[0]
    return tuple(_joined(list(parts)) for parts in zip(*chunks, strict=True))


def _joined(parts: list[Any]) -> Any:
    if type(parts[0]) is tuple:
        return tuple(_joined(list(same)) for same in zip(*parts, strict=True))
    if type(parts[0]) is dict:
        return {key: _joined([part[key] for part in parts]) for key in parts[0]}
    return [sample for part in parts for sample in part] if isinstance(parts[0], list) else np.concatenate(parts)


def _named(name: str, part: Any) -> list[tuple[str, Any]]:
    return list(named_leaves(name, part))
