"""A DataLoader cuts a data set into batches, in a new order every epoch."""

from __future__ import annotations  # or numpy.random would be imported with minnet, which takes 10 ms

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minnet.data.epoch import Epoch
from minnet.state import State, attributes, merged, set_attributes

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
    rng
        None, an int, or a Generator: where the order, and the transform's randomness, come from.

    Raises
    ------
    ValueError, TypeError
        If X and y have different lengths, are empty or no numbers, or the batch size does not fit.

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
        rng: int | np.random.Generator | None = None,
    ) -> None:
        self.X = _as_data("X", X)
        self.y = _as_data("y", y)
        if len(self.X) != len(self.y):
            raise ValueError(
                f"DataLoader got {len(self.X)} samples in X and {len(self.y)} targets in y: one target a sample"
            )
        if isinstance(batch_size, bool) or not isinstance(batch_size, (int, np.integer)):
            raise TypeError(f"DataLoader expected batch_size to be an int, got {type(batch_size).__name__}")
        if batch_size < 1:
            raise ValueError(f"DataLoader needs batch_size >= 1, got {batch_size}")
        if batch_size > len(self.X) and (fresh or drop_last):
            raise ValueError(
                f"DataLoader cannot make one full batch of {batch_size} from {len(self.X)} samples: "
                "lower batch_size, or leave out fresh and drop_last"
            )
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
        transforms = [attributes(transform) for transform in _transforms(self.transform)]
        return {"samples": list(self.X.shape), "transforms": transforms} | {name: getattr(self, name) for name in names}

    def load_state_dict(self, state: State) -> None:
        """Put the Generator back, and what transforms remember."""
        self.rng = merged(self.rng, state["rng"])
        for transform, remembered in zip(_transforms(self.transform), state["transforms"], strict=True):
            set_attributes(transform, remembered)

    def prepared(self, x: NDArray[Any]) -> NDArray[Any]:
        """Scale and transform the samples of a batch."""
        if x.dtype == np.uint8 and self.scale is not None:
            x = np.multiply(x, np.float32(self.scale), dtype=np.float32)
        return x if self.transform is None else self.transform(x, self.rng)


def _transforms(transform: object) -> list[Any]:
    """List a transform, and those inside it, if they are objects that may remember something."""
    inner = getattr(transform, "transforms", ())
    every = [transform, *(part for other in inner for part in _transforms(other))]
    return [part for part in every if getattr(part, "__dict__", None)]


def _as_data(name: str, data: ArrayLike) -> NDArray[Any]:
    """View the data as an array of numbers with at least one sample."""
    array = np.asarray(data)
    if array.dtype.kind not in "iufb":
        cure = "is it a file name, or ragged?"
        if array.dtype.kind in "US" and array.ndim:
            cure = "number the classes from 0: names, y = np.unique(y, return_inverse=True)"
        raise TypeError(f"DataLoader expected {name} to hold numbers, got {array.dtype}: {cure}")
    if array.ndim == 0:
        raise TypeError(f"DataLoader expected {name} to be an array of samples, got the single number {array}")
    if len(array) == 0:
        raise ValueError(f"DataLoader got no samples: {name} has shape {array.shape}")
    return array
