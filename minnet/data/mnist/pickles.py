"""The pickle of MNIST is the file ``mnist.pkl.gz`` of many courses, which is read without running it."""

import math
import os
from typing import Any

import numpy as np
import numpy.typing as npt

from minnet.data.mnist.unpickler import PICKLE_CURE, ArrayRecord, ArrayUnpickler
from minnet.untrusted.bounded import BoundedReader, data_error, looks_like

_Pair = tuple[npt.NDArray[Any], npt.NDArray[np.int64]]

_MAX_BYTES = 1 << 29  # mnist.pkl.gz holds 220 MB; with float64 pixels it would hold 440 MB


def read_mnist_pickle(path: str | os.PathLike[str]) -> tuple[_Pair, _Pair, _Pair]:
    """Read ``mnist.pkl.gz``, the form of MNIST that many courses use, without running it.

    Parameters
    ----------
    path
        A pickle of ``((train_X, train_y), (validation_X, validation_y), (test_X, test_y))``, gzipped or not,
        written by Python 2 or 3 in pickle's protocol 1 to 5.

    Returns
    -------
    train, validation, test
        Three pairs: X of shape (N, 784) in the file's own dtype (float32 in [0, 1] in the usual file;
        float64, or uint8 in [0, 255], are read as well), and y of shape (N,), int64 in 0..9.

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    DataError
        If the file cannot be read, is damaged, too large, holds anything else, or asks for another import or call.
    """
    with BoundedReader(path, _MAX_BYTES) as file:
        start = file.peek(64)
        if start[:1] not in (b"\x80", b"(", b"]", b"c"):  # a protocol number, or (before protocol 2) an instruction
            raise data_error(file.path, "a pickle", *looks_like(start))
        content = ArrayUnpickler(file).run()
        file.expect_end()
    match content:
        case ((ArrayRecord(), ArrayRecord()), (ArrayRecord(), ArrayRecord()), (ArrayRecord(), ArrayRecord())):
            pass
        case _:
            raise data_error(file.path, "three pairs (X, y) of arrays", "something else", PICKLE_CURE)
    try:
        if sum(len(record.data) for pair in content for record in pair) > _MAX_BYTES:
            raise ValueError("arrays that share their bytes")
        train, validation, test = (_checked_pair(_build(X), _build(y)) for X, y in content)
    except ValueError as error:
        raise data_error(file.path, "images (N, 784) and their labels (N,)", str(error), PICKLE_CURE) from None
    return train, validation, test


def _build(record: ArrayRecord) -> npt.NDArray[Any]:
    if record.dtype is None or record.dtype.dtype is None:
        raise ValueError("an array without content")
    dtype = record.dtype.dtype
    if math.prod(record.shape) * dtype.itemsize != len(record.data):
        raise ValueError(f"an array of shape {record.shape} and type {dtype} with {len(record.data):,} bytes")
    data = bytearray(record.data) if isinstance(record.data, bytes) else record.data  # bytes would be read-only
    array = np.frombuffer(data, dtype).reshape(record.shape, order="F" if record.fortran else "C")
    return np.ascontiguousarray(array.astype(dtype.newbyteorder("="), copy=False))


def _checked_pair(X: npt.NDArray[Any], y: npt.NDArray[Any]) -> _Pair:
    if X.ndim != 2 or X.shape[1] != 784 or y.ndim != 1:
        raise ValueError(f"shapes {X.shape} and {y.shape}")
    if len(X) != len(y) or len(y) == 0:
        raise ValueError(f"{len(X):,} images and {len(y):,} labels")
    if X.dtype not in (np.float32, np.float64, np.uint8) or y.dtype.kind not in "iu":
        raise ValueError(f"images of type {X.dtype} and labels of type {y.dtype}")
    with np.errstate(invalid="ignore"):  # a signalling NaN may warn; then the comparison is false, as for any NaN
        if X.dtype != np.uint8 and not (X.min() >= 0 and X.max() <= 1):
            raise ValueError(f"pixels from {X.min()} to {X.max()} (0 to 1 are meant)")
    if not (y.min() >= 0 and y.max() <= 9):
        raise ValueError(f"labels from {y.min()} to {y.max()} (0 to 9 are meant)")
    return X, y.astype(np.int64, copy=False)
