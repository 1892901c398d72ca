"""Kept code is compiled code on the disk. A fault of its files costs only the time to compile.

Numba keeps an index for each function, and numbered files with the code. A damaged file ends every program that reads
it. A full disk ends the program that writes. If two processes write at the same time, or if the disk is full after the
index was written, the index can name code for other arguments or of another Numba. That code would then be run.

Here each signature has one file. It is written beside its place, and then moved there. It begins with a seal: a
checksum of the code, Numba's version, the function's file, the signature and the processor. If the seal is wrong, the
function is compiled anew, and the file is replaced.
"""

import pickle
from hashlib import sha256
from pathlib import Path
from typing import Any
from zlib import crc32

from numba.core.caching import FunctionCache, IndexDataCacheFile

from minnet.core.console import announce


def keep(compiled: Any, function: Any) -> None:
    """Have a function that Numba compiles keep its code on the disk, if there is a folder for it."""
    try:
        compiled._cache = KeptCode(function)  # what `cache=True` does with Numba's own class
    except RuntimeError:  # Numba found no folder that it can write to
        say_once("minnet's folder or the user's cache folder", "not writeable")


class KeptCode(FunctionCache):
    """The code of one function, for all signatures."""

    said = False  # in this process

    def __init__(self, function: Any) -> None:
        super().__init__(function)
        stamp = self._impl.locator.get_source_stamp()
        self._cache_file = SealedFiles(self.cache_path, self._impl.filename_base, stamp)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the code, or None if there is none that can be read."""
        try:
            return super().load_overload(sig, target_context)
        except MemoryError:
            raise
        except Exception:
            # There is no file, or none that can be read, or its code needs another NumPy: pickle raises anything.
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Write the code, or say that this is not possible."""
        try:
            super().save_overload(sig, data)
        except MemoryError:
            raise
        except Exception as error:  # the disk, or a Numba whose methods are others
            say_once(self.cache_path, getattr(error, "strerror", None) or error)


class SealedFiles(IndexDataCacheFile):
    """The files of one function, without an index. A key is the signature, the processor, and the function."""

    def load(self, key: Any) -> Any:
        """Return what was saved, or None if it is damaged or of something else. Raises OSError if there is nothing."""
        sealed = Path(self._path(key)).read_bytes()
        seal, content = sealed[:32], sealed[32:]
        return pickle.loads(content) if seal == self._seal(key, content) else None

    def save(self, key: Any, data: Any) -> None:
        """Write a file, in place of an older one."""
        content = self._dump(data)
        with self._open_for_write(self._path(key)) as file:
            file.write(self._seal(key, content) + content)

    def _path(self, key: Any) -> Any:
        return self._data_path(self._data_name(crc32(repr(key).encode())))

    def _seal(self, key: Any, content: bytes) -> bytes:
        return sha256(repr((self._version, self._source_stamp, key)).encode() + content).digest()


def say_once(folder: str, why: object) -> None:
    """Say where code cannot be kept.

    It is not a warning, because a program that turns warnings into errors would end.
    """
    if not KeptCode.said:
        KeptCode.said = True
        announce(
            f"compiled code cannot be kept in {folder} ({why}), so each new process compiles it again; "
            "the environment variable NUMBA_CACHE_DIR names another folder"
        )
