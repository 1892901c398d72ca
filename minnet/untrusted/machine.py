"""An inert unpickler is Python's own unpickler without the instructions that can do harm: it runs nothing.

To load a pickle is to run a program, which imports and calls whatever it names. An `InertUnpickler` looks none of
these names up: each reader has a table of the few names that its files need, and what stands for each. What would be
called is written down in records. A name that is not in the table ends the reading.

It is built on ``pickle._Unpickler``, the standard library's unpickler in Python. The one in C cannot be bounded before
the fix of CPython's issue 115952: a file of nine bytes (LONG_BINPUT with the number 2^28) makes it take 4 GB.
"""

import pickle
import pickletools
from collections.abc import Callable
from typing import Any, ClassVar, Protocol

from minnet.errors import CheckpointError, DataError

_INSTRUCTIONS = {ord(instruction.code): instruction.name for instruction in pickletools.opcodes}
_INSTRUCTIONS[pickle.PUT[0]] += ", its old text form, protocol 0: write it again with protocol=2"
_HARMLESS = """PROTO NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2 LONG1 SHORT_BINBYTES SHORT_BINUNICODE
    MARK EMPTY_TUPLE TUPLE1 TUPLE2 TUPLE3 TUPLE EMPTY_LIST APPEND APPENDS BINPUT LONG_BINPUT MEMOIZE
    BINGET LONG_BINGET GLOBAL STACK_GLOBAL STOP"""

Method = Callable[[Any], None]


class Source(Protocol):
    """Where the bytes of a pickle come from; both methods raise an error if there are fewer."""

    def read(self, count: int) -> bytes | bytearray:
        """Read exactly so many bytes."""

    def read_line(self, longest: int) -> bytes:
        """Read a line of at most so many bytes; the newline is taken and not returned."""


class _Counted:
    """A source with the methods that the unpickler calls, and a bound on how often, so on instructions."""

    def __init__(self, source: Source, most_reads: int, longest_line: int) -> None:
        self.source, self.reads = source, 0
        self._most_reads, self._longest_line = most_reads, longest_line

    def read(self, count: int) -> Any:
        self.reads += 1
        if self.reads > self._most_reads:
            raise pickle.UnpicklingError(f"more than {self._most_reads:,} instructions and arguments")
        return self.source.read(count)

    def readline(self) -> bytes:
        return self.source.read_line(self._longest_line) + b"\n"


def methods(names: str) -> dict[int, Method]:
    """Return the standard library's methods of the instructions of these names, by their codes."""
    wanted = names.split()
    return {code: pickle._Unpickler.dispatch[code] for code, name in _INSTRUCTIONS.items() if name in wanted}


class InertUnpickler(pickle._Unpickler):
    """Read a pickle as plain values and records, in memory bounded by its size; a subclass knows the names in it."""

    names: ClassVar[dict[tuple[str, str], Any]] = {}  # (module, name) → what stands for it
    most_reads: ClassVar[int] = 5_000
    longest_line: ClassVar[int] = 100
    encoding_of_text: ClassVar[str] = "Latin-1"

    read: Callable[[int], bytes]  # these four are the standard library's
    append: Callable[[object], None]
    stack: list[Any]
    pop_mark: Callable[[], list[Any]]

    def __init__(self, source: Source) -> None:
        super().__init__(_Counted(source, self.most_reads, self.longest_line))
        self._source = source

    def refusal(self, found: str) -> Exception:
        """Return the error of this reader, with what was found in the file."""
        raise NotImplementedError

    def called(self, function: Any, arguments: Any) -> Any:
        """Return what stands for what a call would make."""
        raise NotImplementedError

    def stated(self, thing: Any, state: Any) -> None:
        """Write down a state that the file has for a thing."""
        raise NotImplementedError

    def run(self) -> object:
        """Return what the program leaves; at the first foreign instruction or name, raise the error of this reader."""
        try:
            return self.load()
        except (DataError, CheckpointError, OSError):
            raise
        except pickle.UnpicklingError as error:
            found = str(error)
        except KeyError as error:
            found = f"the instruction {_INSTRUCTIONS.get(error.args[0], f'{error.args[0]:02x}')}"
        except IndexError:
            found = "an instruction that takes something from an empty stack"
        except UnicodeError:
            found = f"text that is not {self.encoding_of_text}"
        except Exception as error:  # any that a wrong program provokes in the standard library's methods
            found = f"an instruction that does not fit ({type(error).__name__})"
        raise self.refusal(f"{found}; nothing of it was run")

    def find_class(self, module: str, name: str) -> Any:
        """Return what stands for a function or class of this name."""
        if (module, name) not in self.names:
            raise pickle.UnpicklingError(f"a call for {f'{module}.{name}'[:80]!r}")
        return self.names[module, name]

    def _frame(self) -> None:
        self.read(8)  # how many bytes to read ahead, which is not done here

    def _bytes(self, size: int) -> None:
        """Read bytes whose number is written in so many bytes; the source refuses a number above its bound."""
        self.append(self._source.read(int.from_bytes(self.read(size), "little")))

    def _short_string(self) -> None:
        self.append(self.read(self.read(1)[0]).decode("latin-1"))

    def _reduce(self) -> None:
        arguments, function = self.stack.pop(), self.stack.pop()
        self.append(self.called(function, arguments))

    def _build(self) -> None:
        state = self.stack.pop()
        self.stated(self.stack[-1], state)

    dispatch: ClassVar[dict[int, Method]] = {
        **methods(_HARMLESS),
        pickle.FRAME[0]: _frame,
        pickle.SHORT_BINSTRING[0]: _short_string,
        pickle.BINSTRING[0]: lambda self: self._bytes(4),
        pickle.BINBYTES[0]: lambda self: self._bytes(4),
        pickle.BYTEARRAY8[0]: lambda self: self._bytes(8),
        pickle.REDUCE[0]: _reduce,
        pickle.BUILD[0]: _build,
    }
