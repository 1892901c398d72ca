"""A Stream makes batches of whatever yields samples: a file that is read row by row, a database, a network."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from minnet.core.arrays import BYTE_SCALE
from minnet.core.checks import check_flag, check_int, named
from minnet.core.described import shown
from minnet.data.collate import Collate
from minnet.data.preparing import Preparing
from minnet.data.stream_pass import StreamPass
from minnet.data.transforms import Transform


class Stream(Preparing):
    """Yield batches (x, y), or (x, y, sample_weight), of the samples that a source yields; it is a loader of `fit`.

    Samples need not fit into memory, nor does anybody need to know how many there are. A source that never ends is
    trained on with ``fit(steps=...)``. One that ends makes an epoch, and is iterated over anew for the next.

    Parameters
    ----------
    source
        What yields samples (x, y), or (x, y, weight): an iterable; or a function without arguments that returns an
        iterator, such as a generator function, which is called anew for each epoch. x and y are arrays, numbers, or
        tuples or dicts of arrays. All samples have one shape and dtype, unless there is a `collate`. A bare iterator
        can be used for one epoch only.
    batch_size
        How many samples a batch has; the last one of an epoch may have fewer.
    buffer
        How many samples are held in memory to shuffle them. Each batch is a random draw of the samples in hand, which
        are `buffer` and one batch, and the next samples take the places of those. So a sample waits for about
        ``buffer / batch_size`` batches: samples that are further apart in the source than a few times `buffer` do not
        come into one batch. 0: the samples come in the order of the source.
    batches
        Whether the source yields batches of samples, of any size, in place of samples. They are cut and joined to
        `batch_size`. That is much faster than samples one by one.
    drop_last, scale, collate, transform
        As of `minnet.DataLoader`. The model's `input_scale` becomes `scale` if the samples are uint8.
    rng
        None, a seed, or a Generator, for the order and for the transform. The source has its own.

    Raises
    ------
    TypeError, ValueError
        If an argument is wrong. In a pass, if the source yields no samples, or samples that are not alike.

    Notes
    -----
    A checkpoint keeps the state at the beginning of the epoch, and a run that is resumed reads the batches that are
    done once more. A source that has the methods `state_dict` and `load_state_dict`, or whose iterator has them, is put
    in its place instead: ``iter(source)``, after `load_state_dict`, goes on from there. Then the checkpoint holds the
    samples in the buffer, too, if they take at most 64 MB; of a larger buffer, the batches are read once more.

    Examples
    --------
    >>> def rows():
    ...     for i in range(5):
    ...         yield np.array([i, i / 2]), i % 2
    >>> [y.tolist() for x, y in Stream(rows, batch_size=2)]
    [[0, 1], [0, 1], [0]]
    >>> mixed = Stream(rows, batch_size=2, buffer=3, rng=0)
    >>> sorted(x[0] for batch in mixed for x in batch[0])
    [np.float64(0.0), np.float64(1.0), np.float64(2.0), np.float64(3.0), np.float64(4.0)]
    """

    def __init__(
        self,
        source: Iterable[Any] | Callable[[], Iterable[Any]],
        batch_size: int = 128,
        *,
        buffer: int = 0,
        batches: bool = False,
        drop_last: bool = False,
        scale: float | None = BYTE_SCALE,
        collate: Collate | None = None,
        transform: Transform | None = None,
        rng: int | np.random.Generator | None = None,
    ) -> None:
        is_data = isinstance(source, tuple | Mapping | str | bytes) or hasattr(source, "__array__")
        if is_data or not (isinstance(source, Iterable) or callable(source)):
            raise TypeError(
                "Stream expected a source that yields samples (x, y), or a function that returns one, got "
                f"{named(source)}: data in memory, or in files of arrays, take mn.DataLoader(X, y)"
            )
        self.source: Any = source
        self.batch_size = check_int("Stream", "batch_size", batch_size)
        self.buffer = check_int("Stream", "buffer", buffer, 0, "it is the number of samples that are mixed")
        self.batches = check_flag("Stream", "batches", batches)
        self.drop_last = check_flag("Stream", "drop_last", drop_last)
        self._prepare_with("Stream", scale, collate, transform, rng)
        self.of_bytes = False  # whether a batch was uint8 before it was scaled

    __repr__ = shown

    @property
    def is_function(self) -> bool:
        """Whether the source is a function, which is called for each pass."""
        return isinstance(self.source, type) or not isinstance(self.source, Iterable)

    def __iter__(self) -> StreamPass:
        """Begin a pass over the source."""
        return StreamPass(self)
