"""A DataLoader cuts a data set into batches, in its own order or in a random one."""

import math
from typing import Any, Literal

import numpy as np

from minnet.core.arrays import BYTE_SCALE
from minnet.core.checks import check_choice, check_int
from minnet.core.chunked import as_stored
from minnet.core.described import shown
from minnet.core.objects import Objects
from minnet.core.samples import as_data
from minnet.core.state import State, attributes, set_attributes
from minnet.core.stored import windows
from minnet.core.trees import as_tree, check_lengths, first, leaves, mapped, named_leaves, taken
from minnet.core.weights import check_weights
from minnet.data.checks import check_pair
from minnet.data.collate import Collate, as_samples
from minnet.data.epoch import Epoch
from minnet.data.padding import lengths_of
from minnet.data.preparing import Preparing
from minnet.data.transforms import FEW, Transform, warn_of_preparation

SHUFFLES = (False, True, "blocks", "resampled", "bucketed")
DATA = ("X", "y", "sample_weight")  # the attributes that are the data set, which checkpoints leave out


class DataLoader(Preparing):
    """Yield batches (x, y) of a data set, or (x, y, sample_weight); one pass over the loader is one epoch.

    The data set is not copied: a batch is gathered from it, or is a view of it. Images of uint8 stay uint8, a quarter
    of float32's memory, and are scaled batch by batch.

    A model with several inputs takes a tuple or a dict of arrays as X, and so do several targets as y. Then so are x
    and y of a batch, and the Trainer calls ``model.forward(*x)``, or ``model.forward(**x)``.

    Parameters
    ----------
    X
        The samples, along the first axis: an array, a ``np.memmap``, a list, or anything NumPy can
        read as an array. Floats are yielded in their own dtype, integers as they are, uint8 as
        float32 times `scale`. Or several of these, of one length: a tuple, or a dict with names.
        Data larger than memory are what `minnet.data.open_array` or `minnet.data.Shards` returns, an
        array of Zarr, or a data set of h5py: their rows are read batch by batch.
    y
        As many targets, along the first axis, or a tuple or dict of such.
    batch_size
        N, how many samples a batch has; the last one of an epoch may have fewer.
    shuffle
        False: the samples come in their order; True: in a new random order every epoch. ``"blocks"``: in a random order
        that reads files sequentially, and holds 32 MB of them; it is that of True for data that are no larger (see
        docs/large-data.md). ``"resampled"``: every batch is
        a draw of its own, without replacement within it, as in the class notebook. Then an epoch has as many batches
        as make up the data set, but a sample may come twice or not at all; a draw costs O(batch). ``"bucketed"``: as
        True, but the samples of a batch have similar lengths, so that little is padded; see
        `minnet.data.bucketed_order`. X is then a list of sequences, and `collate` pads them.
    drop_last
        Leave out the last batch of an epoch if it is short.
    scale
        What a uint8 X is multiplied by; None leaves it uint8. `Trainer.fit` makes the training loader's scale the
        model's `input_scale`, by which `evaluate`, `predict` and `Predictor` multiply uint8. 1/256 is that of the class
        notebook's data; 1/255 is as good, for a model that is never given the other.
    sample_weight
        (N,) numbers >= 0, not all 0: how much each sample counts in the loss and in the metrics. None: all the same.
        For losses of several heads (`MultiLoss`), it may be a tuple or dict as y is.
    collate
        A function ``(xs, ys) -> (x, y)`` that makes the arrays of a batch from the lists of its samples, such as
        `minnet.data.Pad`. Then X and y may be lists of arrays that have different lengths. uint8 is scaled after it.
    transform
        A function ``(x, rng) -> x`` that changes the samples of a batch after they were scaled, such as
        `minnet.data.augment.Rotate`. It must return a new array; `rng` is the loader's Generator. It is for
        augmentation, which predictions go without. What predictions need, too, is a layer of the model: `Normalize`. If
        X is a tuple or a dict, so is its x.
    check
        Whether to look at every number once, when the loader is made. NaN and infinity are refused. A `DataWarning`
        says if X and y seem to be swapped, if X seems to hold pixels of 0 to 255 as floats, from which a model learns
        badly, or if the `transform` of some samples does not depend on `rng`. Files are not read, nor is X if
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
    >>> loader = DataLoader({"place": X, "time": y / 10}, y, batch_size=2, sample_weight=[1, 1, 0, 2, 1])
    >>> x, y, sample_weight = next(iter(loader))
    >>> x["time"], sample_weight
    (array([0. , 0.1]), array([1, 1]))
    """

    X: Any  # an array, or a tuple or dict of arrays; with `collate`, lists of samples, too
    y: Any
    sample_weight: Any

    def __init__(
        self,
        X: Any,
        y: Any,
        batch_size: int = 128,
        shuffle: bool | Literal["blocks", "resampled", "bucketed"] = False,
        *,
        sample_weight: Any = None,
        drop_last: bool = False,
        scale: float | None = BYTE_SCALE,
        collate: Collate | None = None,
        transform: Transform | None = None,
        check: bool = True,
        rng: int | np.random.Generator | None = None,
    ) -> None:
        read = as_data if collate is None else as_samples
        self.X = as_tree("DataLoader", "X", X, read)
        self.y = as_tree("DataLoader", "y", y, read)
        self.sample_weight = None if sample_weight is None else _as_weights(sample_weight)
        cure = "pass len(X) for all samples in one batch"
        self.batch_size = check_int("DataLoader", "batch_size", batch_size, why=cure)
        self.shuffle = check_choice("DataLoader", "shuffle", shuffle, SHUFFLES)
        self.drop_last = drop_last
        self._prepare_with("DataLoader", scale, collate, transform, rng)
        self._check_arguments()
        if check:
            check_pair("DataLoader", self.X, self.y, transformed=transform is not None)
            if transform is not None and collate is None:
                some = taken(self.X, slice(None, None, math.ceil(self.samples / FEW)))
                warn_of_preparation("DataLoader", transform, mapped(self._scaled, some))

    def _check_arguments(self) -> None:
        """Check that the arguments fit each other."""
        found = [*named_leaves("X", self.X), *named_leaves("y", self.y)]
        if self.sample_weight is not None:
            found += named_leaves("sample_weight", self.sample_weight)
        check_lengths("DataLoader", found)
        if self.batch_size > self.samples and (self.shuffle == "resampled" or self.drop_last):
            raise ValueError(
                f"DataLoader cannot make one full batch of {self.batch_size} from {self.samples} samples: "
                'lower batch_size, or leave out shuffle="resampled" and drop_last'
            )
        if self.shuffle == "bucketed":
            lengths_of(self.X, padded=self.collate is not None)

    @property
    def samples(self) -> int:
        """How many samples there are."""
        return len(first(self.X))

    __repr__ = shown

    def __len__(self) -> int:
        """Return the number of batches of an epoch."""
        batches = self.samples / self.batch_size
        return math.floor(batches) if self.drop_last else math.ceil(batches)

    def __iter__(self) -> Epoch:
        """Begin an epoch; two that run at once do not disturb each other."""
        return Epoch(self)

    def state_dict(self) -> State:
        """Return what decides the next epoch: the settings, the Generator, and what transforms remember.

        A subclass's own attributes are in it as far as they are plain data, or objects with such attributes.
        """
        own = {name: value for name, value in attributes(self).items() if name not in DATA}
        return {"samples": _form(self.X), "attributes": own, "objects": self._objects().state()}

    def load_state_dict(self, state: State) -> None:
        """Put the Generator back, and what transforms remember."""
        set_attributes(self, state["attributes"])
        self._objects().restore(state["objects"])

    def _objects(self) -> Objects:
        objects = Objects([self])
        objects.add("", self, leave=DATA)
        return objects


def _as_weights(sample_weight: Any) -> Any:
    """View weights of samples as an array, or as a tuple or dict of arrays; raise an error if they are no weights."""

    def read(owner: str, name: str, data: Any) -> Any:
        data = as_stored(data)
        for part in windows(data):
            check_weights(owner, name, part)
        return as_data(owner, name, data)

    weights = as_tree("DataLoader", "sample_weight", sample_weight, read)
    if not any(part.any() for leaf in leaves(weights) for part in windows(leaf)):
        raise ValueError(
            "DataLoader got a sample_weight of zero for every sample: give at least one a weight above zero"
        )
    return weights


def _form(X: Any) -> Any:
    """Return the shape of the samples, or the shapes by their names."""
    shapes = {name: list(getattr(leaf, "shape", (len(leaf),))) for name, leaf in named_leaves("X", X)}
    return shapes.get("X", shapes)
