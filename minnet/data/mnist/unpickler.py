"""An array unpickler is Python's own unpickler without the instructions that can do harm: it reads arrays only.

To load a pickle is to run a program, which imports and calls whatever it names. `ArrayUnpickler` knows 36 of the 68
instructions and seven names. It calls none of the seven: what would be called is written down in records.

It is built on ``pickle._Unpickler``, the standard library's unpickler in Python. The one in C cannot be bounded before
the fix of CPython's issue 115952: a file of nine bytes (LONG_BINPUT with the number 2^28) makes it take 4 GB.
"""

import codecs
import pickle
import pickletools
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, ClassVar, cast

import numpy as np

from minnet.data.mnist.bounded import BoundedReader, data_error
from minnet.errors import DataError

PICKLE_CURE = "Likely cause: not mnist.pkl.gz, or a damaged or hostile copy. Fetch the file from a source you trust."
_MAX_READS = 5_000  # mnist.pkl.gz takes 400
_ELEMENT_TYPES = ("f4", "f8", "u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8")
_INSTRUCTIONS = {ord(instruction.code): instruction.name for instruction in pickletools.opcodes}
_INSTRUCTIONS[pickle.PUT[0]] += ", its old text form, protocol 0: write it again with protocol=2"
_HARMLESS = """PROTO NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2 LONG1 SHORT_BINBYTES SHORT_BINUNICODE
    MARK EMPTY_TUPLE TUPLE1 TUPLE2 TUPLE3 TUPLE EMPTY_LIST APPEND APPENDS BINPUT LONG_BINPUT MEMOIZE
    BINGET LONG_BINGET GLOBAL STACK_GLOBAL STOP"""


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


class _Source:
    """A bounded reader with the methods that the unpickler calls, and a bound on how often, so on instructions."""

    def __init__(self, file: BoundedReader) -> None:
        self.file = file
        self.reads = 0

    def read(self, count: int) -> Any:
        self.reads += 1
        if self.reads > _MAX_READS:
            raise pickle.UnpicklingError(f"more than {_MAX_READS:,} instructions and arguments")
        return self.file.read(count)

    def readline(self) -> bytes:
        return self.file.read_line(100) + b"\n"  # two lines are a name


class ArrayUnpickler(pickle._Unpickler):
    """Read a pickle of arrays as tuples, lists, numbers, strings and records, in memory bounded by the file's size."""

    read: Callable[[int], bytes]  # these three are the standard library's
    append: Callable[[object], None]
    stack: list[Any]

    def __init__(self, file: BoundedReader) -> None:
        super().__init__(_Source(file))
        self._file = file

    def run(self) -> object:
        """Return what the program leaves; DataError at the first instruction or name that is not one of arrays."""
        try:
            return self.load()
        except DataError:
            raise
        except pickle.UnpicklingError as error:
            found = str(error)
        except KeyError as error:
            found = f"the instruction {_INSTRUCTIONS.get(error.args[0], f'{error.args[0]:02x}')}"
        except IndexError:
            found = "an instruction that takes something from an empty stack"
        except UnicodeError:
            found = "text that is not Latin-1"
        except Exception as error:  # any that a wrong program provokes in the standard library's methods
            found = f"an instruction that does not fit ({type(error).__name__})"
        found += "; nothing of it was run"
        raise data_error(self._file.path, "a pickle of plain NumPy arrays", found, PICKLE_CURE)

    def find_class(self, module: str, name: str) -> _Name:
        """Return what stands for a function or class of this name."""
        if (module, name) not in _NAMES:
            raise pickle.UnpicklingError(f"a call for {f'{module}.{name}'[:80]!r}")
        return _NAMES[module, name]

    def _frame(self) -> None:
        self.read(8)  # how many bytes to read ahead, which is not done here

    def _bytes(self, size: int) -> None:
        """Read bytes whose number is written in so many bytes; the reader refuses a number above its bound."""
        self.append(self._file.read(int.from_bytes(self.read(size), "little")))

    def _short_string(self) -> None:
        self.append(self.read(self.read(1)[0]).decode("latin-1"))

    def _text(self) -> None:
        """Read text, piece by piece, as its Latin-1 bytes: one wide letter would make all of it four times as large."""
        size = int.from_bytes(self.read(4), "little")
        decoder, data = codecs.getincrementaldecoder("utf-8")(), bytearray()
        for chunk in self._file.chunks(size):
            data += decoder.decode(chunk).encode("latin-1")
        decoder.decode(b"", final=True)
        self.append(data.decode("latin-1") if size < 256 else data)  # a short one may be a name

    def _reduce(self) -> None:
        """Write down what a call would make."""
        arguments, function = self.stack.pop(), self.stack.pop()
        match function, arguments:
            case _Name.ENCODE, (str() | bytearray() as text, "latin1"):
                self.append(_as_bytes(text))
            case _Name.DTYPE, (str() as element, 0, 1) if element in _ELEMENT_TYPES:
                self.append(DTypeRecord(element))
            case _Name.RECONSTRUCT, (_Name.NDARRAY, (0,), kind) if kind in (b"b", "b"):
                self.append(ArrayRecord())
            case _Name.FROMBUFFER, (bytearray() as data, DTypeRecord() as dtype, tuple() as shape, "C" | "F" as order):
                self.append(ArrayRecord(_shape(shape), dtype, order == "F", data))
            case _:
                raise pickle.UnpicklingError("a call with unusual arguments")

    def _build(self) -> None:
        """Write down what a record was empty of, once."""
        state = self.stack.pop()
        match self.stack[-1], state:
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

    dispatch: ClassVar[dict[int, Callable[[Any], None]]] = {
        **{code: pickle._Unpickler.dispatch[code] for code, name in _INSTRUCTIONS.items() if name in _HARMLESS.split()},
        pickle.FRAME[0]: _frame,
        pickle.SHORT_BINSTRING[0]: _short_string,
        pickle.BINUNICODE[0]: _text,
        pickle.BINSTRING[0]: lambda self: self._bytes(4),
        pickle.BINBYTES[0]: lambda self: self._bytes(4),
        pickle.BYTEARRAY8[0]: lambda self: self._bytes(8),
        pickle.REDUCE[0]: _reduce,
        pickle.BUILD[0]: _build,
    }


def _as_bytes(text: str | bytes | bytearray) -> bytes | bytearray:
    """Return the bytes that Latin-1 text stands for: so Python 2 wrote them, and so does protocol 2."""
    return text.encode("latin-1") if isinstance(text, str) else text


def _shape(sizes: tuple[object, ...]) -> tuple[int, ...]:
    if not 1 <= len(sizes) <= 2 or not all(type(size) is int and 0 <= size < 1 << 31 for size in sizes):
        raise pickle.UnpicklingError("an array that is neither a vector nor a matrix")
    return cast(tuple[int, ...], sizes)
