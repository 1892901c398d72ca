"""A layout says where in a file the rows of an array are, as the file's header says. Headers may lie."""

import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from minnet.untrusted.bounded import data_error

BFLOAT16 = np.dtype("V2")  # NumPy has no such floats: they are read as float32
DAMAGED = "Likely cause: a file that is damaged, or not complete yet. Write it again."
_LARGEST = 1 << 60  # bytes of a row, and rows: NumPy counts to 2^63


class Layout(NamedTuple):
    """Where an array is in a file."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]  # in the file; a big-endian one may be
    offset: int  # bytes before the first number
    fortran: bool = False  # whether the first axis varies fastest, so that a row is scattered over the file

    @property
    def row_bytes(self) -> int:
        """How many bytes a row takes in the file."""
        return math.prod(self.shape[1:]) * self.dtype.itemsize

    def check(self, path: Path, size: int, *, ends: bool = True) -> "Layout":
        """Return itself, or raise DataError if a file of `size` bytes cannot hold it; `ends`: and no byte more."""
        if not self.shape:
            raise data_error(path, "an array of rows", "a single number", "Store it with an axis of samples.")
        claim = f"a header that claims the shape {brief_shape(self.shape)}"
        if not all(0 <= length < _LARGEST for length in self.shape) or not 0 < self.row_bytes < _LARGEST:
            raise data_error(path, "rows of at least one number", claim, DAMAGED)
        end = self.offset + self.shape[0] * self.row_bytes
        if end > size or (ends and end != size):
            raise data_error(path, f"{end:,} bytes, because of {claim}, {self.dtype}", f"{size:,} bytes", DAMAGED)
        return self


def check_numbers(path: Path, dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return a dtype, or raise DataError if it is not one of real numbers."""
    if dtype.hasobject:
        cure = "minnet unpickles no file. Load it where you trust it, and store it as an array of numbers."
        raise data_error(path, "numbers", "Python objects, which are a pickle", cure)
    if dtype.kind not in "iufb":
        raise data_error(path, "real numbers", f"{str(dtype)[:80]}", "Store it as an array of numbers.")
    return dtype


def brief_shape(shape: tuple[int, ...]) -> str:
    """Return the text of a shape, short even if it is a lie."""
    text = str(shape)
    return text if len(text) <= 80 else f"{text[:76]} ..."
