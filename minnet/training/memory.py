"""Memory that a step frees is kept for the next step, because the system takes time to give it again."""

from contextlib import suppress

import numpy as np

MOST = 2**25 - 2**16  # bytes: just below 32 MB, from which on glibc always maps each block by itself


def keep_freed_memory() -> None:
    """Let the C library keep up to 64 MB of free memory for the next arrays; without this, glibc keeps 128 kB.

    glibc returns free memory at the end of its heap to the system if there is more than a threshold. Blocks above
    another threshold are mapped, and returned, each by itself. When a mapped block is freed, the second threshold
    becomes its size, and the first one twice its size (M_MMAP_THRESHOLD in mallopt(3)). So this makes and frees a
    block of the largest size for which that holds, and touches none of its pages. The system takes up to 4 µs to give
    a page again, and the temporary arrays of a convolution have thousands of pages: depending on where the arrays
    lay, some runs asked for 1,800 pages in every step. Other C libraries are not affected.
    """
    with suppress(MemoryError):  # so little memory may still be enough for training
        np.empty(MOST, np.uint8)
