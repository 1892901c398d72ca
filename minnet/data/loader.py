"""A DataLoader cuts a data set into batches, in a new order every epoch."""

from __future__ import annotations  # or numpy.random would be imported with minnet, which takes 10 ms

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minnet.core.state import State, attributes, set_attributes, update_in_place
from minnet.data.checks import as_data, check_finite, warn_of_pixels, warn_of_swapped
from minnet.data.epoch import Epoch

Batch = tuple[NDArray[Any], NDArray[Any]]
Rows = NDArray[np.integer[Any]]


class DataLoader:
    """Yield batches (x, y) of a data set; one pass over the loader is one epoch.

    The data are used where they lie, and never copied as a whole: a batch is one gather. Images
    held as uint8 stay uint8, a quarter of float32's memory, and are scaled as they are gathered.

    Parameters
    ----------
    X
        The samples, along the first axis: an array, a ``np.memmap``, a list, or anything NumPy can
        read as an array. Floats are yielded in their own dtype, integers as they are, uint8 as
        float32 times `scale`.
    y
        As many targets, along the first axis.
    batch_size
        N, how many samples a batch has; the last one of an epoch may have fewer.
    shuffle
        True: in a new random order every epoch; False: as they lie.
    drop_last
        Leave out the last batch of an epoch if it is short.
    fresh
        True: every batch is a draw of its own, without replacement within it, as the class notebook
        does. An epoch then is as many batches as make up the data set, but a sample may come twice
        or not at all. A draw costs O(batch), however large the data set.
    scale
        What a uint8 X is multiplied by; None leaves it uint8.
    transform
        A function ``(x, rng) -> x`` that changes the samples of a batch after they were scaled, such as
        `minnet.data.augment.Rotate`. It must return a new array; `rng` is the loader's Generator.
    check
        Look at every number once, as the loader is made: NaN and infinity are refused, X and y that seem swapped
        and floats that seem to be pixels of 0 to 255 are warned of (which learn badly: give X / 255, or uint8).
        A memory map is not read for this. An X with a `transform`, which may fill its gaps and scale it, is not
        looked at. False: not at all, for who knows what the numbers are.
    rng
        None, an int, or a Generator: where the order, and the transform's randomness, come from.

    Raises
    ------
    ValueError, TypeError
        If X and y have different lengths, are empty or no numbers, or hold NaN or infinity; if the batch size does
        not fit.

    Warns
    -----
    DataWarning
        If X looks like pixels that were not scaled, or X and y look swapped. Once that is known to be meant,
        ``check=False`` or ``warnings.simplefilter("ignore", mn.errors.DataWarning)`` silences it.

    Examples
    --------
    >>> X, y = np.arange(10.0).reshape(5, 2), np.arange(5)
    >>> loader = DataLoader(X, y, batch_size=2)
    >>> [y.tolist() for x, y in loader]
    [[0, 1], [2, 3], [4]]
    >>> len(loader)
    3
    """

    def __init__(
        self,
        X: ArrayLike,
        y: ArrayLike,
        batch_size: int = 128,
        shuffle: bool = False,
        *,
        drop_last: bool = False,
        fresh: bool = False,
        scale: float | None = 1 / 256,
        transform: Callable[[NDArray[Any], np.random.Generator], NDArray[Any]] | None = None,
        check: bool = True,
        rng: int | np.random.Generator | None = None,
    ) -> None:
        self.X = as_data("DataLoader", "X", X)
        self.y = as_data("DataLoader", "y", y)
        if len(self.X) != len(self.y):
            raise ValueError(
                f"DataLoader got {len(self.X)} samples in X and {len(self.y)} targets in y: expected one target a "
                f"sample. X has shape {self.X.shape} and y {self.y.shape}: samples are along the first axis"
            )
        if isinstance(batch_size, bool) or not isinstance(batch_size, (int, np.integer)):
            got = type(batch_size).__name__
            if isinstance(batch_size, float | np.floating):
                got += f" {batch_size}: pass int({batch_size})"
            raise TypeError(f"DataLoader expected batch_size to be an int, got {got}")
        if batch_size < 1:
            raise ValueError(
                f"DataLoader needs batch_size >= 1, got {batch_size}: pass len(X) for all samples in one batch"
            )
        if batch_size > len(self.X) and (fresh or drop_last):
            raise ValueError(
                f"DataLoader cannot make one full batch of {batch_size} from {len(self.X)} samples: "
                "lower batch_size, or leave out fresh and drop_last"
            )
        if transform is not None and not callable(transform):
            raise TypeError(
                f"DataLoader expected transform to be a function (x, rng) -> x, got {type(transform).__name__}: "
                "pass one, such as mn.data.augment.Rotate(10)"
            )
        if check:
            warn_of_swapped("DataLoader", self.X, self.y, stacklevel=2)
            check_finite("DataLoader", "y", self.y)
            if transform is None:
                check_finite("DataLoader", "X", self.X)
                warn_of_pixels("DataLoader", "X", self.X, stacklevel=2)
        self.batch_size = int(batch_size)
        self.shuffle = shuffle
        self.drop_last = drop_last
        self.fresh = fresh
        self.scale = scale
        self.transform = transform
        self.rng = np.random.default_rng(rng)

    def __len__(self) -> int:
        """Return the number of batches of an epoch."""
        batches = len(self.X) / self.batch_size
        return math.floor(batches) if self.drop_last else math.ceil(batches)

    def __iter__(self) -> Epoch:
        """Begin an epoch; two that run at once do not disturb each other."""
        return Epoch(self)

    def state_dict(self) -> State:
        """Return what decides the next epoch: the settings, and the Generator."""
        names = ("batch_size", "shuffle", "drop_last", "fresh", "scale", "rng")
        transforms = [attributes(transform) for transform in _stateful(self.transform)]
        return {"samples": list(self.X.shape), "transforms": transforms} | {name: getattr(self, name) for name in names}

    def load_state_dict(self, state: State) -> None:
        """Put the Generator back, and what transforms remember."""
        self.rng = update_in_place(self.rng, state["rng"])
        for transform, remembered in zip(_stateful(self.transform), state["transforms"], strict=True):
            set_attributes(transform, remembered)

    def prepared(self, x: NDArray[Any]) -> NDArray[Any]:
        """Scale and transform the samples of a batch."""
        if x.dtype == np.uint8 and self.scale is not None:
            x = np.multiply(x, np.float32(self.scale), dtype=np.float32)
        return x if self.transform is None else self.transform(x, self.rng)


def all_transforms(transform: object) -> list[Any]:
    """List a loader's transform, and those inside it; None is none."""
    inner = [part for other in getattr(transform, "transforms", ()) for part in all_transforms(other)]
    return [] if transform is None else [transform, *inner]


def _stateful(transform: object) -> list[Any]:
    """List those that are objects, which may remember something."""
    return [part for part in all_transforms(transform) if getattr(part, "__dict__", None)]
