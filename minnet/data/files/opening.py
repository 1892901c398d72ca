"""Open an array in a file, whatever its form: the first bytes tell."""

import os
from pathlib import Path
from stat import S_ISDIR, S_ISREG

from minnet.core.checks import check_path
from minnet.data.files.array_file import ArrayFile
from minnet.data.files.headers import idx_layout, npy_layout, safetensors_layout
from minnet.errors import DataNotFoundError
from minnet.untrusted.bounded import data_error, looks_like, unreadable

_FORMS = ".npy, IDX or safetensors"
_CURES = {  # first bytes → what they are, and what to do
    b"\x1f\x8b": ("gzip data", "Rows cannot be found in it: unpack it once, with gunzip; or read it whole, read_idx."),
    b"PK": ("a zip archive, such as .npz", "Store each of its arrays: np.save(name, np.load(path)[name])."),
    b"\x89HDF": ("an HDF5 file", "Open it with h5py, and pass the data set: h5py.File(path)[name]."),
}


def open_array(path: str | os.PathLike[str], name: str | None = None) -> ArrayFile:
    """Open an array in a file that may be larger than memory: .npy, IDX, or a tensor of a safetensors file.

    Only the header is read. ``array[rows]`` reads the rows of a slice or an index. `DataLoader`, ``evaluate``,
    ``predict`` and ``Normalize.of`` take it as they take an array, and read a batch, or a few megabytes, at a time.

    The rows come in the processor's byte order and in C order, bfloat16 as float32; all other dtypes as they are.

    Parameters
    ----------
    path
        The file; its first bytes tell the form, and its name does not matter.
    name
        Which tensor of a safetensors file; it may be left out if there is only one.

    Raises
    ------
    DataNotFoundError
        If there is no such file.
    DataError
        If it is none of these forms, is damaged, or is not as long as its header says; and when rows are read, if the
        file was changed since: the message names the file and the rows.
    TypeError, ValueError
        If `path` or `name` is no text or path, or if there is a `name`, but the file is not of safetensors.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from pathlib import Path
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = Path(folder.name, "X.npy")
    >>> np.save(path, np.arange(12.0).reshape(4, 3))
    >>> X = open_array(path)
    >>> X.shape, X[1:2]
    ((4, 3), array([[3., 4., 5.]]))
    >>> folder.cleanup()
    """
    file = check_path("open_array", "path", path)
    if not (name is None or isinstance(name, str)):
        raise TypeError(f"open_array expected name to be a text, got {type(name).__name__}: pass the name of a tensor")
    try:
        status = file.stat()
        _check_kind(file, status.st_mode)
        with file.open("rb") as content:
            start = content.read(64) if status.st_size else b""
        return _opened(file, status, start, name)
    except (FileNotFoundError, NotADirectoryError):
        raise DataNotFoundError(f"there is no file {file}") from None
    except OSError as error:
        raise unreadable(file, error) from None


def _opened(file: Path, status: os.stat_result, start: bytes, name: str | None) -> ArrayFile:
    size = status.st_size
    may_be_idx = start[:2] == b"\0\0" and int.from_bytes(start[:8], "little") > size - 8
    if start[8:9] == b"{" and not may_be_idx:
        return ArrayFile(file, safetensors_layout(file, size, name), status, name)
    is_npy = start[:6] == b"\x93NUMPY"
    if not is_npy and start[:2] != b"\0\0":
        found, cure = next((cure for magic, cure in _CURES.items() if start.startswith(magic)), looks_like(start))
        raise data_error(file, f"an array as {_FORMS}", found, cure)
    layout = npy_layout(file, size) if is_npy else idx_layout(file, size)
    if name is not None:
        kind = ".npy" if is_npy else "IDX"
        raise ValueError(f"open_array got name={name!r}, but {file} is {kind}, which has one array: leave out name")
    return ArrayFile(file, layout, status)


def _check_kind(file: Path, mode: int) -> None:
    """Refuse a folder, and what may never end, such as a pipe."""
    if S_ISDIR(mode):
        cure = "Pass the file of an array. An array of Zarr is opened by its package: zarr.open_array(path)."
        raise data_error(file, f"a file, {_FORMS}", "a folder", cure)
    if not S_ISREG(mode):
        raise data_error(file, f"a file, {_FORMS}", "a device or a pipe", "Give the path of the file itself.")
