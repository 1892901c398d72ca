"""A target is a reader of minnet with good files for it, wrongs to do to them, and what is right to come of it."""

import contextlib
import gzip
import zlib
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, NamedTuple


class Target(NamedTuple):
    """One reader to fuzz.

    Attributes
    ----------
    samples : callable
        () → good files.
    make : callable
        (random) → a mutated file.
    read : callable
        path → what the reader returns.
    refusal : type
        The one error that it may raise.
    check : callable
        (content, what was read): raises AssertionError if that is not what the file holds.
    memory : int
        How many bytes it may take for any file, however small.
    """

    samples: Callable[[], list[bytes]]
    make: Callable[[Random], bytes]
    read: Callable[[Path], Any]
    refusal: type[Exception]
    check: Callable[[bytes, Any], None]
    memory: int = 1 << 22


def unzipped(content: bytes) -> bytes:
    return gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content


def size_unpacked(content: bytes) -> int:
    """Return how many bytes a file holds, which is what the memory for reading it is measured by."""
    if content[:2] != b"\x1f\x8b":
        return len(content)
    with contextlib.suppress(zlib.error):
        return len(content) + len(zlib.decompressobj(31).decompress(content, 1 << 26))
    return 1032 * len(content)  # gzip can say no more with so little
