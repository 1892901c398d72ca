"""A part of a batch is what one rank learns from."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from minnet.core.trees import first, named_leaves, taken


@dataclass(frozen=True)
class Part:
    """The part of every batch that is a rank's: the rank-th of `size` consecutive parts, as equal as can be."""

    rank: int
    size: int
    rng: np.random.Generator | None = None  # draws for the transform of a loader, or else the loader's own does

    def rows(self, samples: int) -> slice:
        """Return which samples of a batch of so many are this rank's; they may be none.

        Examples
        --------
        >>> [Part(rank, 3).rows(8) for rank in range(3)]
        [slice(0, 2, None), slice(2, 5, None), slice(5, 8, None)]
        """
        return slice(self.rank * samples // self.size, (self.rank + 1) * samples // self.size)

    def of_batch(self, batch: tuple[Any, ...]) -> tuple[Any, ...]:
        """Cut a batch, (x, y) or (x, y, sample_weight); raise ValueError if its arrays are not of the same samples."""
        samples = len(first(batch[0]))
        for name, tree in zip(("x", "y", "sample_weight"), batch, strict=False):
            for path, leaf in named_leaves(name, tree):
                if not isinstance(leaf, np.ndarray | list) or len(leaf) != samples:
                    got = f"shape {np.shape(leaf)}" if isinstance(leaf, np.ndarray) else type(leaf).__name__
                    raise ValueError(
                        f"each rank takes a part of every batch, so minnet expected {path} to have {samples} rows, as "
                        f"many as x, got {got}: let the loader yield such arrays"
                    )
        rows = self.rows(samples)
        return tuple(taken(tree, rows) for tree in batch)
