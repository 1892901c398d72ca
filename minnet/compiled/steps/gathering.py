"""Rows of a data set are gathered by compiled code in the dtype that the network computes with."""

import numpy as np
from numpy.typing import NDArray

from minnet.compiled.foundation.memory import flattened, matrix
from minnet.compiled.foundation.numba_code import compiled
from minnet.core.arrays import Array

Table = NDArray[np.int64]

BYTES, FLOAT32 = 1, 4  # how many bytes a number takes says what it is: float64 has 8


@compiled
def gather(source: Table, scale: float, rows: Table, x: Array) -> None:
    """Write rows of the data set in the dtype of x; bytes are multiplied by `scale`."""
    address, samples, columns, size = source[0], source[1], source[2], source[3]
    if size == BYTES:
        X, factor = matrix(address, samples, columns, np.uint8), np.float32(scale)
        for n in range(len(rows)):
            sample, row = X[rows[n]], x[n]
            for i in range(len(row)):
                row[i] = np.float32(sample[i]) * factor
    elif size == FLOAT32:
        copy_rows(matrix(address, samples, columns, np.float32), rows, x)
    else:
        copy_rows(matrix(address, samples, columns, np.float64), rows, x)


@compiled
def copy(a: Array, b: Array) -> None:
    """Write the numbers of a to b."""
    a, b = flattened(a), flattened(b)
    for i in range(len(a)):
        b[i] = a[i]


@compiled
def copy_rows(X: Array, rows: Table, x: Array) -> None:
    """Write rows of X to x."""
    for n in range(len(rows)):
        sample, row = X[rows[n]], x[n]
        for i in range(len(row)):
            row[i] = sample[i]
