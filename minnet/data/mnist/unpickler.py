"""An array unpickler reads the pickle of MNIST: it reads arrays only.

`ArrayUnpickler` knows 36 of the 68 instructions of a pickle and seven names. It calls none of the seven.
"""

import codecs
import pickle
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar, cast

import numpy as np

from minnet.untrusted.bounded import BoundedReader, data_error
from minnet.untrusted.machine import InertUnpickler, Method

PICKLE_CURE = "Likely cause: not mnist.pkl.gz, or a damaged or hostile copy. Fetch the file from a source you trust."
_ELEMENT_TYPES = ("f4", "f8", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8")


# The functions and classes that a file may name; none of the real ones is ever looked up.
_Name = Enum("_Name", "RECONSTRUCT FROMBUFFER NDARRAY DTYPE ENCODE")
_NAMES = {
    ("numpy.core.multiarray", "_reconstruct"): _Name.RECONSTRUCT,  # NumPy 1
    ("numpy._core.multiarray", "_reconstruct"): _Name.RECONSTRUCT,  # NumPy 2
    ("numpy.core.numeric", "_frombuffer"): _Name.FROMBUFFER,  # the same for pickle protocol 5
    ("numpy._core.numeric", "_frombuffer"): _Name.FROMBUFFER,
    ("numpy", "ndarray"): _Name.NDARRAY,
    ("numpy", "dtype"): _Name.DTYPE,
    ("_codecs", "encode"): _Name.ENCODE,  # how Python 3 writes bytes in protocol 2: encode(text, "latin1")
}


@dataclass(eq=False)
class DTypeRecord:
    """What a file says of a dtype: its element type, and the whole dtype once the byte order was stated."""

    element: str
    dtype: "np.dtype[Any] | None" = None


@dataclass(eq=False)
class ArrayRecord:
    """What a file says of an array: nothing until its shape, dtype and bytes were stated."""

    shape: tuple[int, ...] = ()
    dtype: DTypeRecord | None = None
    fortran: bool = False
    data: bytes | bytearray = b""


class ArrayUnpickler(InertUnpickler):
    """Read a pickle of arrays as tuples, lists, numbers, strings and records, in memory bounded by the file's size."""

    names = _NAMES

    def __init__(self, file: BoundedReader) -> None:
        super().__init__(file)
        self._file = file

    def refusal(self, found: str) -> Exception:
        """Return an error that says what was found in place of arrays."""
        return data_error(self._file.path, "a pickle of plain NumPy arrays", found, PICKLE_CURE)

    def _text(self) -> None:
        """Read text, piece by piece, as its Latin-1 bytes: one wide letter would make all of it four times as large."""
        size = int.from_bytes(self.read(4), "little")
        decoder, data = codecs.getincrementaldecoder("utf-8")(), bytearray()
        for chunk in self._file.chunks(size):
            data += decoder.decode(chunk).encode("latin-1")
        decoder.decode(b"", final=True)
        self.append(data.decode("latin-1") if size < 256 else data)  # a short one may be a name

    def called(self, function: Any, arguments: Any) -> Any:
        """Write down what a call would make."""
        match function, arguments:
            case _Name.ENCODE, (str() | bytearray() as text, "latin1"):
                return _as_bytes(text)
            case _Name.DTYPE, (str() as element, 0, 1) if element in _ELEMENT_TYPES:
                return DTypeRecord(element)
            case _Name.RECONSTRUCT, (_Name.NDARRAY, (0,), kind) if kind in (b"b", "b"):
                return ArrayRecord()
            case _Name.FROMBUFFER, (bytearray() as data, DTypeRecord() as dtype, tuple() as shape, "C" | "F" as order):
                return ArrayRecord(_shape(shape), dtype, order == "F", data)
            case _:
                raise pickle.UnpicklingError("a call with unusual arguments")

    def stated(self, thing: Any, state: Any) -> None:
        """Write down what a record was empty of, once."""
        match thing, state:
            case DTypeRecord(dtype=None) as record, (3, "<" | ">" | "|" as order, None, None, None, -1, -1, 0):
                record.dtype = np.dtype(order.replace("|", "=") + record.element)
            case ArrayRecord(dtype=None) as record, (
                1,
                tuple() as shape,
                DTypeRecord() as dtype,
                0 | 1 as fortran,
                str() | bytes() | bytearray() as data,
            ):
                record.shape, record.dtype = _shape(shape), dtype
                record.fortran, record.data = bool(fortran), _as_bytes(data)
            case _:
                raise pickle.UnpicklingError("an unusual state for an object")

    dispatch: ClassVar[dict[int, Method]] = {**InertUnpickler.dispatch, pickle.BINUNICODE[0]: _text}


def _as_bytes(text: str | bytes | bytearray) -> bytes | bytearray:
    """Return the bytes that Latin-1 text stands for: so Python 2 wrote them, and so does protocol 2."""
    return text.encode("latin-1") if isinstance(text, str) else text


def _shape(sizes: tuple[object, ...]) -> tuple[int, ...]:
    if not 1 <= len(sizes) <= 2 or not all(type(size) is int and 0 <= size < 1 << 31 for size in sizes):
        raise pickle.UnpicklingError("an array that is neither a vector nor a matrix")
    return cast(tuple[int, ...], sizes)
