"""A channel moves plain values between two processes: numbers, texts, lists, dicts and arrays of numbers.

Nothing that it reads is run: there is no pickle, and only the bytes, dtype and shape of an array are taken over. So one
of the two processes may be hostile.
"""

import json
import math
import socket
import threading
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

_DTYPES = frozenset(["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16"])
CODES = {np.dtype(name).str[1:]: name for name in _DTYPES}  # the code of each dtype that is sent
MOST_BYTES = 256 << 20  # of the arrays of one message, and of one layer
_LONGEST_HEADER = 4 << 20
_MOST_AXES = 32
_MOST_KEPT = 1000  # characters of a text that stands for a value which is not plain


class ChannelError(Exception):
    """The other process sent something that is no message."""


class ClosedError(ChannelError):
    """The other process closed the channel, or ended."""


class Gone(BaseException):
    """The other process has ended, or can no longer be used. No check may take this for an error of a layer.

    Attributes
    ----------
    status : str
        "time", "ended", "forged" or "grader" (which could not start it).
    message : str
        What happened, for people.
    """

    def __init__(self, status: str, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


class Opaque:
    """What arrives in place of a value that is not plain: it has only a text."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __repr__(self) -> str:
        return f"<{self.kind}>"


class Channel:
    """One end of a socket over which two processes exchange values.

    Parameters
    ----------
    end
        A socket; the channel owns it.
    most_bytes
        How large the arrays of one message may be in all.
    """

    def __init__(self, end: socket.socket, most_bytes: int = MOST_BYTES) -> None:
        self._socket, self._most_bytes = end, most_bytes
        self._sending = threading.Lock()

    def close(self) -> None:
        """Close this end."""
        self._socket.close()

    def send(self, value: Any, seconds: float | None = None) -> None:
        """Send a value; TimeoutError if the other process does not take it in that time."""
        arrays: list[NDArray[Any]] = []
        header = json.dumps(_encoded(value, arrays)).encode()
        parts = [len(header).to_bytes(4, "big") + header, *(np.ascontiguousarray(a).tobytes() for a in arrays)]
        try:
            with self._sending:
                self._socket.settimeout(seconds)
                self._socket.sendall(b"".join(parts))
        except TimeoutError:
            raise
        except OSError as error:
            raise ClosedError(f"the channel is closed ({error})") from None

    def receive(self, seconds: float | None = None) -> Any:
        """Return the next value.

        Raises
        ------
        TimeoutError
            If it is not there in that time.
        ChannelError
            If the channel was closed, or what came is no message.
        """
        until = None if seconds is None else time.monotonic() + seconds
        length = int.from_bytes(self._read(4, until), "big")
        if length > _LONGEST_HEADER:
            raise ChannelError(f"a message of {length:,} bytes, without its arrays")
        text = self._read(length, until)
        try:
            return self._decoded(json.loads(bytes(text)), [self._most_bytes], until)
        except TimeoutError:
            raise
        except (ValueError, TypeError, KeyError, IndexError, RecursionError, OverflowError) as error:
            raise ChannelError(f"no message: {type(error).__name__}") from None

    def _read(self, count: int, until: float | None) -> bytearray:
        data = bytearray(count)
        view = memoryview(data)
        while view:
            left = None if until is None else until - time.monotonic()
            if left is not None and left <= 0:
                raise TimeoutError
            self._socket.settimeout(left)
            try:
                got = self._socket.recv_into(view)
            except TimeoutError:
                raise
            except OSError:
                got = 0
            if not got:
                raise ClosedError("the channel is closed")
            view = view[got:]
        return data

    def _decoded(self, code: Any, left: list[int], until: float | None) -> Any:
        """Return the value of a code; arrays are read as they come, in this order."""
        if not isinstance(code, list):
            if code is None or isinstance(code, bool | int | float | str):
                return code
            raise TypeError
        kind, rest = code
        if kind in ("a", "n"):
            array = self._array(rest, left, until)
            return array[()] if kind == "n" else array
        if kind == "d":
            return {str(key): self._decoded(item, left, until) for key, item in rest}
        if kind == "o":
            return Opaque(str(rest)[:_MOST_KEPT])
        return {"l": list, "t": tuple}[kind](self._decoded(item, left, until) for item in rest)

    def _array(self, form: Any, left: list[int], until: float | None) -> NDArray[Any]:
        dtype, shape, packed, writeable = form
        if dtype not in _DTYPES or len(shape) > _MOST_AXES or not all(type(n) is int and n >= 0 for n in shape):
            raise ValueError
        size = math.prod(shape) * np.dtype(dtype).itemsize
        left[0] -= size
        if left[0] < 0:
            raise ChannelError(f"arrays of more than {self._most_bytes:,} bytes")
        array = np.frombuffer(self._read(size, until), dtype).reshape(shape)
        if not packed and array.ndim:  # an array with gaps stays one
            array = np.repeat(array[..., None], 2, axis=-1)[..., 0]
        array.flags.writeable = bool(writeable)
        return array


def _encoded(value: Any, arrays: list[NDArray[Any]]) -> Any:
    """Return a code of a value for JSON; its arrays are appended to the list."""
    if value is None or isinstance(value, bool | str):
        return value
    if type(value) is int:
        return value if abs(value) < 1 << 200 else ["o", "int"]  # Python refuses to read longer ones
    if type(value) is float:
        return value
    if isinstance(value, np.ndarray | np.generic) and value.dtype.str[1:] in CODES:
        arrays.append(np.asarray(value, value.dtype.newbyteorder("=")))
        flags = np.asarray(value).flags
        kind = "a" if isinstance(value, np.ndarray) else "n"
        return [kind, [CODES[value.dtype.str[1:]], list(value.shape), flags.c_contiguous, flags.writeable]]
    if isinstance(value, dict):
        return ["d", [[str(key), _encoded(item, arrays)] for key, item in value.items()]]
    if isinstance(value, list | tuple):
        return ["t" if isinstance(value, tuple) else "l", [_encoded(item, arrays) for item in value]]
    return ["o", f"an array of {value.dtype}" if isinstance(value, np.ndarray) else type(value).__name__]
