"""Memory that a step gives back to the system must be asked for again in the next: zeroed, and mapped page by page."""

from contextlib import suppress

import numpy as np

MOST = 2**25 - 2**16  # bytes: just below the 32 MB from which on glibc maps every block by itself, whatever was freed


def keep_freed_memory() -> None:
    """Let the C library keep up to 64 MB that are free, for the next arrays, in place of the 128 kB it begins with.

    glibc gives back to the system what is free at the end of its memory, beyond a threshold; and blocks beyond another
    one are mapped, and given back, each by itself. Both thresholds move: once a mapped block is freed, the second
    becomes its size, and the first twice that (M_MMAP_THRESHOLD in mallopt(3)). So a block of the largest size for
    which that holds is made and freed; none of its pages is touched. A page that comes back takes up to 4 µs, and the
    temporary arrays of a convolution are thousands of pages: by luck of where they lay, some runs asked for 1,800 in
    every step. Other C libraries are not affected.
    """
    with suppress(MemoryError):  # where memory is as short as that, training may still fit in
        np.empty(MOST, np.uint8)
