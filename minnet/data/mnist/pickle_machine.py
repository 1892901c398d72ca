"""A pickle is a program that builds objects; this is an interpreter that can build arrays and nothing else.

Python's own unpickler imports and calls whatever the file names: to load a pickle is to run it. Here nothing
is ever imported or called. The few instructions that write down tuples of arrays are carried out on inert
records of our own; at the first other instruction, or the first other name, the file is refused.
"""

import codecs
import pickle  # for the names of the instructions, and nothing else
import pickletools
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, cast

from minnet.data.mnist.bounded import BoundedReader, data_error
from minnet.errors import DataError

PICKLE_CURE = "Likely cause: not mnist.pkl.gz, or a damaged or hostile copy. Fetch the file from a source you trust."
_INSTRUCTIONS = {instruction.code.encode("latin-1"): instruction.name for instruction in pickletools.opcodes}
_MAX_INSTRUCTIONS = 2_000  # mnist.pkl.gz has 200
_ELEMENT_TYPES = {b"f4", b"f8", b"u1", b"i1", b"u2", b"i2", b"u4", b"i4", b"u8", b"i8"}


class _Name(Enum):
    """What the file may name. These are words to us: none of them stands for the real function."""

    RECONSTRUCT = auto()
    FROMBUFFER = auto()
    NDARRAY = auto()
    DTYPE = auto()
    ENCODE = auto()


_NAMES = {
    (b"numpy.core.multiarray", b"_reconstruct"): _Name.RECONSTRUCT,  # NumPy 1
    (b"numpy._core.multiarray", b"_reconstruct"): _Name.RECONSTRUCT,  # NumPy 2
    (b"numpy.core.numeric", b"_frombuffer"): _Name.FROMBUFFER,  # the same for pickle protocol 5
    (b"numpy._core.numeric", b"_frombuffer"): _Name.FROMBUFFER,
    (b"numpy", b"ndarray"): _Name.NDARRAY,
    (b"numpy", b"dtype"): _Name.DTYPE,
    (b"_codecs", b"encode"): _Name.ENCODE,  # how Python 3 writes bytes in protocol 2: encode(text, "latin1")
}


@dataclass(eq=False)
class DTypeRecord:
    """The record of a dtype: its element type, such as b"f4", and its byte order once that was stated."""

    element: bytes
    order: bytes = b""


@dataclass(eq=False)
class ArrayRecord:
    """The record of an array: empty until its shape, dtype and bytes were stated."""

    shape: tuple[int, ...] = ()
    dtype: DTypeRecord | None = None
    fortran: bool = False
    data: bytes | bytearray = b""


class ArrayInterpreter:
    """Pickle's stack machine, of which only the harmless instructions are there."""

    def __init__(self, file: BoundedReader):
        self._file = file
        self._stack: list[Any] = []
        self._below: list[list[Any]] = []  # the stacks set aside by MARK
        self._memo: dict[int, Any] = {}

    def run(self) -> object:
        """Carry out the program; return what it leaves: tuples, lists, numbers, strings, records."""
        for _ in range(_MAX_INSTRUCTIONS):
            code = bytes(self._file.read(1))
            if code == pickle.STOP:
                return self._pop()
            self._step(code)
        raise self._refuse(f"more than {_MAX_INSTRUCTIONS:,} instructions")

    def _step(self, code: bytes) -> None:
        push = self._stack.append
        match code:
            case pickle.PROTO:
                if (protocol := self._number(1)) > pickle.HIGHEST_PROTOCOL:
                    raise self._refuse(f"protocol {protocol}")
            case pickle.FRAME:  # only says how many bytes to read ahead
                self._number(8)
            case pickle.NONE:
                push(None)
            case pickle.NEWTRUE | pickle.NEWFALSE:
                push(code == pickle.NEWTRUE)
            case pickle.INT:  # protocol 1 writes False and True as 00 and 01; its numbers are binary
                if (line := self._file.read_line(2)) not in (b"00", b"01"):
                    raise self._refuse("a number written as text")
                push(line == b"01")
            case pickle.BININT:
                push(self._number(4, signed=True))
            case pickle.BININT1:
                push(self._number(1))
            case pickle.BININT2:
                push(self._number(2))
            case pickle.LONG1:
                if (size := self._number(1)) > 8:
                    raise self._refuse("a number of more than 64 bits")
                push(self._number(size, signed=True))
            case pickle.SHORT_BINSTRING | pickle.SHORT_BINBYTES:
                push(self._string(self._number(1)))
            case pickle.BINSTRING | pickle.BINBYTES:
                push(self._string(self._number(4)))
            case pickle.BYTEARRAY8:
                push(self._string(self._number(8)))
            case pickle.SHORT_BINUNICODE:
                push(self._text(self._number(1)))
            case pickle.BINUNICODE:
                push(self._text(self._number(4)))
            case pickle.MARK:
                self._below.append(self._stack)
                self._stack = []
            case pickle.EMPTY_TUPLE:
                push(())
            case pickle.TUPLE1 | pickle.TUPLE2 | pickle.TUPLE3:
                size = (pickle.TUPLE1, pickle.TUPLE2, pickle.TUPLE3).index(code) + 1
                items = [self._pop() for _ in range(size)]
                push(tuple(reversed(items)))
            case pickle.TUPLE:
                items = self._pop_to_mark()
                self._stack.append(tuple(items))
            case pickle.EMPTY_LIST:
                push([])
            case pickle.APPEND | pickle.APPENDS:
                items = [self._pop()] if code == pickle.APPEND else self._pop_to_mark()
                if type(self._top()) is not list:
                    raise self._refuse("an append to what is not a list")
                self._top().extend(items)
            case pickle.BINPUT:
                self._memo[self._number(1)] = self._top()
            case pickle.LONG_BINPUT:
                self._memo[self._number(4)] = self._top()
            case pickle.MEMOIZE:
                self._memo[len(self._memo)] = self._top()
            case pickle.BINGET:
                push(self._recall(self._number(1)))
            case pickle.LONG_BINGET:
                push(self._recall(self._number(4)))
            case pickle.GLOBAL:
                push(self._name(self._file.read_line(100), self._file.read_line(100)))
            case pickle.STACK_GLOBAL:
                name, module = self._pop(), self._pop()
                push(self._name(module, name))
            case pickle.REDUCE:
                arguments, function = self._pop(), self._pop()
                push(self._call(function, arguments))
            case pickle.BUILD:
                state = self._pop()
                self._fill(self._top(), state)
            case pickle.PUT:
                raise self._refuse("its old text form, protocol 0: write it again with protocol=2")
            case _:
                raise self._refuse(f"the instruction {_INSTRUCTIONS.get(code, code.hex())}")

    def _number(self, size: int, signed: bool = False) -> int:
        return int.from_bytes(self._file.read(size), "little", signed=signed)

    def _string(self, size: int) -> bytes | bytearray:
        data = self._file.read(size)
        return bytes(data) if size < 256 else data  # short ones may be names, which are looked up

    def _text(self, size: int) -> bytes | bytearray:
        """Read text as its Latin-1 bytes: Python 2's strings and Python 3's are then the same to us."""
        decoder = codecs.getincrementaldecoder("utf-8")()
        data = bytearray()
        try:
            for chunk in self._file.chunks(size):
                data += decoder.decode(chunk).encode("latin-1")
            decoder.decode(b"", final=True)
        except UnicodeError:
            raise self._refuse("text that is not Latin-1") from None
        return bytes(data) if size < 256 else data

    def _top(self) -> Any:
        if not self._stack:
            raise self._refuse("an empty stack")
        return self._stack[-1]

    def _pop(self) -> Any:
        item = self._top()
        self._stack.pop()
        return item

    def _pop_to_mark(self) -> list[Any]:
        if not self._below:
            raise self._refuse("no mark on the stack")
        items, self._stack = self._stack, self._below.pop()
        return items

    def _recall(self, index: int) -> Any:
        if index not in self._memo:
            raise self._refuse("a memory that was never written")
        return self._memo[index]

    def _name(self, module: object, name: object) -> _Name:
        if not isinstance(module, bytes) or not isinstance(name, bytes):
            raise self._refuse("a name that is not text")
        if (module, name) not in _NAMES:
            full = f"{module.decode('latin-1')}.{name.decode('latin-1')}"
            raise self._refuse(f"a call for {full[:80]!r}")
        return _NAMES[module, name]

    def _call(self, function: object, arguments: object) -> object:
        """Carry out a call on records: what it would have built is noted, and nothing is built."""
        match function, arguments:
            case _Name.ENCODE, (bytes() | bytearray() as text, b"latin1"):
                return text
            case _Name.DTYPE, (bytes() as element, 0, 1) if element in _ELEMENT_TYPES:
                return DTypeRecord(element)
            case _Name.RECONSTRUCT, (_Name.NDARRAY, (0,), b"b"):
                return ArrayRecord()
            case _Name.FROMBUFFER, (
                bytes() | bytearray() as data,
                DTypeRecord() as dtype,
                tuple() as shape,
                b"C" | b"F" as order,
            ):
                return ArrayRecord(self._shape(shape), dtype, order == b"F", data)
        raise self._refuse("a call with unusual arguments")

    def _fill(self, record: object, state: object) -> None:
        """State what a record was empty of, once."""
        match record, state:
            case DTypeRecord(order=b""), (3, b"<" | b">" | b"|" as order, None, None, None, -1, -1, 0):
                record.order = order
            case ArrayRecord(dtype=None), (
                1,
                tuple() as shape,
                DTypeRecord() as dtype,
                0 | 1 as fortran,
                bytes() | bytearray() as data,
            ):
                record.shape, record.dtype = self._shape(shape), dtype
                record.fortran, record.data = bool(fortran), data
            case _:
                raise self._refuse("an unusual state for an object")

    def _shape(self, sizes: tuple[object, ...]) -> tuple[int, ...]:
        if not 1 <= len(sizes) <= 2 or not all(type(size) is int and 0 <= size < 1 << 31 for size in sizes):
            raise self._refuse("an array that is neither a vector nor a matrix")
        return cast(tuple[int, ...], sizes)

    def _refuse(self, found: str) -> DataError:
        return data_error(
            self._file.path, "a pickle of plain NumPy arrays", f"{found}; nothing of it was run", PICKLE_CURE
        )
