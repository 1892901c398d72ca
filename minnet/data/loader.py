"""A DataLoader cuts a data set into batches, in its own order or in a random one."""

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minnet.core.arrays import BYTE_SCALE, scaled
from minnet.core.checks import check_choice, check_int, check_number
from minnet.core.layer import Layer
from minnet.core.objects import Objects
from minnet.core.samples import as_data
from minnet.core.state import State, attributes, set_attributes
from minnet.data.checks import check_pair
from minnet.data.epoch import Epoch
from minnet.data.transforms import FEW, Transform, warn_of_preparation


class DataLoader:
    """Yield batches (x, y) of a data set; one pass over the loader is one epoch.

    The data set is not copied: a batch is gathered from it, or is a view of it. Images of uint8 stay uint8, a quarter
    of float32's memory, and are scaled batch by batch.

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
        False: the samples come in their order; True: in a new random order every epoch; ``"resampled"``: every batch is
        a draw of its own, without replacement within it, as in the class notebook. Then an epoch has as many batches
        as make up the data set, but a sample may come twice or not at all; a draw costs O(batch).
    drop_last
        Leave out the last batch of an epoch if it is short.
    scale
        What a uint8 X is multiplied by; None leaves it uint8. `Trainer.fit` makes the training loader's scale the
        model's `input_scale`, by which `evaluate`, `predict` and `Predictor` multiply uint8. 1/256 is that of the class
        notebook's data; 1/255 is as good, for a model that is never given the other.
    transform
        A function ``(x, rng) -> x`` that changes the samples of a batch after they were scaled, such as
        `minnet.data.augment.Rotate`. It must return a new array; `rng` is the loader's Generator. It is for
        augmentation, which predictions go without. What predictions need, too, is a layer of the model: `Normalize`.
    check
        Whether to look at every number once, when the loader is made. NaN and infinity are refused. A `DataWarning`
        says if X and y seem to be swapped, if X seems to hold pixels of 0 to 255 as floats, from which a model learns
        badly, or if the `transform` of some samples does not depend on `rng`. A memory map is not read, nor is X if
        there is a `transform`, which may fill its gaps.
    rng
        None, a seed, or a Generator, for the order and for the transform.

    Raises
    ------
    ValueError, TypeError
        If X and y differ in length, are empty, are not numbers, or hold NaN or infinity; if an argument is wrong.

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
        shuffle: bool | Literal["resampled"] = False,
        *,
        drop_last: bool = False,
        scale: float | None = BYTE_SCALE,
        transform: Transform | None = None,
        check: bool = True,
        rng: int | np.random.Generator | None = None,
    ) -> None:
        self.X = as_data("DataLoader", "X", X)
        self.y = as_data("DataLoader", "y", y)
        cure = "pass len(X) for all samples in one batch"
        self.batch_size = check_int("DataLoader", "batch_size", batch_size, why=cure)
        self.shuffle = check_choice("DataLoader", "shuffle", shuffle, (False, True, "resampled"))
        self.drop_last = drop_last
        why = "uint8 is multiplied by it"
        self.scale = None if scale is None else check_number("DataLoader", "scale", scale, above=0, why=why)
        self.transform = transform
        self.rng = np.random.default_rng(rng)
        self._check_arguments()
        if check:
            check_pair("DataLoader", self.X, self.y, transformed=transform is not None)
            if transform is not None:
                some = self.X[:: math.ceil(len(self.X) / FEW)]
                warn_of_preparation("DataLoader", transform, scaled(some, self.scale))

    def _check_arguments(self) -> None:
        """Check that the arguments fit each other."""
        if len(self.X) != len(self.y):
            raise ValueError(
                f"DataLoader got {len(self.X)} samples in X and {len(self.y)} targets in y: expected one target a "
                f"sample. X has shape {self.X.shape} and y {self.y.shape}: samples are along the first axis"
            )
        if self.batch_size > len(self.X) and (self.shuffle == "resampled" or self.drop_last):
            raise ValueError(
                f"DataLoader cannot make one full batch of {self.batch_size} from {len(self.X)} samples: "
                'lower batch_size, or leave out shuffle="resampled" and drop_last'
            )
        if isinstance(self.transform, Layer) or not (self.transform is None or callable(self.transform)):
            raise TypeError(
                f"DataLoader expected transform to be a function (x, rng) -> x, got {type(self.transform).__name__}: "
                "pass one, such as mn.data.augment.Rotate(10)"
            )

    def __len__(self) -> int:
        """Return the number of batches of an epoch."""
        batches = len(self.X) / self.batch_size
        return math.floor(batches) if self.drop_last else math.ceil(batches)

    def __iter__(self) -> Epoch:
        """Begin an epoch; two that run at once do not disturb each other."""
        return Epoch(self)

    def state_dict(self) -> State:
        """Return what decides the next epoch: the settings, the Generator, and what transforms remember.

        A subclass's own attributes are in it as far as they are plain data, or objects with such attributes.
        """
        own = {name: value for name, value in attributes(self).items() if name not in ("X", "y")}
        return {"samples": list(self.X.shape), "attributes": own, "objects": self._objects().state()}

    def load_state_dict(self, state: State) -> None:
        """Put the Generator back, and what transforms remember."""
        set_attributes(self, state["attributes"])
        self._objects().restore(state["objects"])

    def _objects(self) -> Objects:
        objects = Objects([self])
        objects.add("", self, leave=("X", "y"))
        return objects

    def prepared(self, x: NDArray[Any]) -> NDArray[Any]:
        """Scale and transform the samples of a batch."""
        if x.dtype == np.uint8:
            x = scaled(x, self.scale)
        return x if self.transform is None else self.transform(x, self.rng)
