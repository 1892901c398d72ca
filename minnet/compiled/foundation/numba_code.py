"""Numba code is Python functions that Numba compiles to machine code when they are first called.

The code is kept on the disk: in the folder ``__pycache__`` beside the file, or in the user's cache folder
(`NUMBA_CACHE_DIR` names another). Numba compiles a function anew when its own file has changed, and does not look at
the files of the functions that it calls. So the name of each function, by which Numba finds the code, ends with a
checksum of all files in `minnet.compiled`. What stands on the disk is read and written by `kept_code`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from zlib import crc32

from minnet.core.extras import require

numba = require("numba", "compiled")

from minnet.compiled.foundation.kept_code import keep  # noqa: E402 - `require` says how to install Numba

Function = TypeVar("Function", bound=Callable[..., Any])


def _checksum() -> str:
    check = 0
    for path in sorted(Path(__file__).parent.parent.rglob("*.py")):
        check = crc32(path.read_bytes(), check)
    return f"{check:08x}"


CHECKSUM = _checksum()


def compiled(function: Function) -> Function:
    """Have Numba compile a function when it is first called, and keep the code on the disk for the next process.

    `fastmath` only allows sums to be taken in any order. All functions are inlined: a function that is called would be
    compiled in another way in the process that compiles it than in those that read it from the disk, and sums could
    round differently.
    """
    return _compiled(function, {"reassoc", "contract", "nsz"})


def exactly(function: Function) -> Function:
    """Do as `compiled`, but leave the order of additions as it is written."""
    return _compiled(function, {"contract"})


def as_numpy(function: Function) -> Function:
    """Do as `compiled`, but round each operation as NumPy does, so that results have NumPy's bits."""
    return _compiled(function, set())


def _compiled(function: Function, fastmath: set[str]) -> Function:
    function.__qualname__ += f"_{CHECKSUM}"
    options = {"nogil": True, "forceinline": True, "fastmath": fastmath, "error_model": "numpy"}
    result: Function = numba.njit(**options)(function)
    keep(result, function)
    return result
