"""IDX is the file format of MNIST: a magic number, the sizes of the dimensions, then the numbers in order."""

import math
import os

import numpy as np
import numpy.typing as npt

from minnet.untrusted.bounded import BoundedReader, data_error, looks_like

_ELEMENT_TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MAX_DIMENSIONS = 8  # the format allows 255; MNIST needs 3
_DAMAGED = "Likely cause: not an IDX file, or a damaged one. Fetch the file again."
_MAX_BYTES = 1 << 28  # the largest file of MNIST holds 47 MB


def read_idx(path: str | os.PathLike[str], *, max_bytes: int = _MAX_BYTES) -> npt.NDArray[np.integer | np.floating]:
    """Read an IDX file, gzipped or not, as an array.

    The format, all numbers big-endian (Y. LeCun, C. Cortes, C. J. C. Burges, "The MNIST database of handwritten
    digits", section "The IDX file format", http://yann.lecun.com/exdb/mnist/)::

        2 bytes          zero
        1 byte           element type: 08 uint8, 09 int8, 0B int16, 0C int32, 0D float32, 0E float64
        1 byte           D, the number of dimensions
        D x 4 bytes      their sizes
        the rest         the elements, the last dimension varying fastest

    Parameters
    ----------
    path
        The file, gzipped or not; its name does not matter.
    max_bytes
        How many bytes it may hold, unpacked. The memory taken is bounded by this and by what is in the file, not by
        what the header claims.

    Returns
    -------
    array
        Of the file's shape and element type, in native byte order, C-contiguous and writeable.

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    DataError
        If the file cannot be read, is not IDX, or not as long as its header says.
    """
    with BoundedReader(path, max_bytes) as file:
        dtype, shape = read_header(file)
        # Sizes of zero are left out, because NumPy refuses (0, 4294967295, 4294967295), which holds nothing.
        claimed = math.prod(size for size in shape if size) * dtype.itemsize
        if claimed > max_bytes:
            found = f"a header that claims the shape {shape}: {claimed:,} bytes"
            cure = "Likely cause: a damaged header. Fetch the file again (or raise max_bytes if it is right)."
            raise data_error(file.path, f"at most {max_bytes:,} bytes of data", found, cure)
        elements = file.read(math.prod(shape) * dtype.itemsize)
        file.expect_end()
    array = np.frombuffer(elements, dtype=dtype)
    if not dtype.isnative:  # swapped in place, because a second array would double the memory
        array = array.byteswap(inplace=True).view(dtype.newbyteorder("="))
    return array.reshape(shape)


def read_header(file: BoundedReader) -> tuple[np.dtype[np.integer | np.floating], tuple[int, ...]]:
    """Read the header of an IDX file: the dtype and the shape. Raises DataError."""
    start = file.peek(64)
    if start[:2] != b"\0\0" or len(start) < 4:
        raise data_error(file.path, "an IDX file (it starts with bytes 00 00)", *looks_like(start))
    magic = file.read(4)
    if magic[2] not in _ELEMENT_TYPES:
        expected = "an IDX element type (" + ", ".join(f"{code:02x}" for code in _ELEMENT_TYPES) + ")"
        raise data_error(file.path, expected, f"{magic[2]:02x}", _DAMAGED)
    if not 1 <= magic[3] <= _MAX_DIMENSIONS:
        raise data_error(file.path, f"1 to {_MAX_DIMENSIONS} dimensions", f"{magic[3]}", _DAMAGED)
    shape = tuple(int.from_bytes(file.read(4), "big") for _ in range(magic[3]))
    return np.dtype(_ELEMENT_TYPES[magic[2]]), shape
