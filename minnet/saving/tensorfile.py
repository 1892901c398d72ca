"""A tensor file holds named arrays and strings in the safetensors format, with digests that show any damage.

The format is open: 8 bytes with the length of a header, the header (JSON: each array's dtype, shape and place, and
``__metadata__``, a dict of strings), then the arrays' bytes. It contains no code. minnet's metadata are

- ``format_version`` and ``minnet_version``: the versions that wrote the file;
- ``sha256``: JSON, each array's name → SHA-256 of its bytes;
- ``metadata_sha256``: SHA-256 of all other metadata, and of each array's name, dtype and shape;
- what `minnet.saving.weights` and `minnet.saving.checkpoint` add.

A file that has none of these four, because another tool wrote it, is read without these checks.
"""

import hashlib
import json
import os
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from minnet.errors import CheckpointError
from minnet.saving.messages import brief
from minnet.untrusted.bounded import looks_like
from minnet.version import __version__

FORMAT_VERSION = 1
MAX_HEADER = 1 << 24  # bytes; a network of ten thousand Parameters needs 3 million
TEMPORARY = ".tmp"  # the ending of a file that is not complete yet
OWN = ("format_version", "minnet_version", "sha256", "metadata_sha256")
DAMAGED = "the file is damaged, or not as minnet wrote it: use another copy, or an older checkpoint"


class TensorFile(NamedTuple):
    """The content of a file: named arrays, and metadata."""

    tensors: dict[str, NDArray[Any]]
    metadata: dict[str, str]


def write_tensors(
    path: str | os.PathLike[str], tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]
) -> None:
    """Write arrays and metadata; at any instant, `path` is either the old file or the whole new one.

    Raises OSError if the file cannot be written, ValueError if names and metadata take more than MAX_HEADER bytes.
    """
    from safetensors.numpy import save

    # The library writes memory as it is, so arrays must be C-contiguous; np.ascontiguousarray would add an axis to ().
    arrays = {name: np.asarray(tensor, tensor.dtype.newbyteorder("="), order="C") for name, tensor in tensors.items()}
    text = {"format": "minnet", "format_version": str(FORMAT_VERSION), "minnet_version": __version__, **metadata}
    text["sha256"] = json.dumps({name: _sha256(array) for name, array in arrays.items()})
    text["metadata_sha256"] = _sha256_of_metadata(text, arrays)
    content = save(arrays, text)
    if (size := int.from_bytes(content[:8], "little")) > MAX_HEADER:
        raise ValueError(
            f"{path}: the names and the state of this model take {size:,} bytes, but {MAX_HEADER:,} at most"
        )
    write_whole(Path(os.path.realpath(path)), content)


def write_whole(path: Path, content: bytes) -> None:
    """Write a temporary file, force it to the disk, and then rename it to `path`."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}{TEMPORARY}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):  # which names the temporary file
            error.filename = str(path)
            del error.filename2
        raise
    with suppress(OSError):  # some file systems cannot sync a folder
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def read_tensors(path: str | os.PathLike[str]) -> TensorFile:
    """Read a tensor file, mapped into memory, so that it is never in memory twice.

    The size of the file bounds memory and time, whatever the header claims. Raises OSError if it cannot be read,
    CheckpointError if it is not a safetensors file, or is damaged, or has a newer version of the format.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    check_header(path)
    tensors: dict[str, NDArray[Any]] = {}
    where = ""
    try:
        with safe_open(path, framework="np") as file:
            metadata = dict(file.metadata() or {})
            for name in sorted(file.keys()):
                where = f": the array {brief(name)}"
                tensors[name] = array = file.get_tensor(name)
                if array.dtype.isbuiltin != 1:  # where a package has taught NumPy the dtypes of PyTorch
                    raise TypeError(f"{array.dtype}: mn.torch.load_state_dict reads files with it")
                if not array.size and max(array.shape) > MAX_HEADER:  # it takes no byte, but a loop would take years
                    raise ValueError(f"it claims the shape {array.shape}, and holds nothing")
    except OSError:
        raise
    # The library's error for a dtype that NumPy lacks (bfloat16, float8) depends on its version.
    except (SafetensorError, TypeError, ValueError, KeyError, AttributeError, OverflowError, MemoryError) as error:
        what = "cannot be read" if where else "not a whole safetensors file"
        raise CheckpointError(f"{path}{where}: {what} ({brief(error)}): {DAMAGED}") from None
    _verify(path, tensors, metadata)
    return TensorFile(tensors, metadata)


def parse_json(path: Path, name: str, text: str, *, unique: bool = False) -> Any:
    """Parse JSON from a file; `unique`: no object may have a key twice. Raises CheckpointError if it is not JSON."""
    try:
        return json.loads(text, object_pairs_hook=_without_doubles if unique else None)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: its {name} is not JSON ({brief(error)}): {DAMAGED}") from None


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has a key twice")
    return found


def size_of_file(path: Path) -> int:
    """Return how many bytes a file has; an error if there is none, or if it is a folder, a device or a pipe."""
    try:
        status = path.stat()  # not exists(): from Python 3.14 on, it is False of a file that may not be looked at, too
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: there is no such file") from None
    if S_ISDIR(status.st_mode):
        raise IsADirectoryError(f"{path} is a folder: pass a file in it")
    if not S_ISREG(status.st_mode):
        raise CheckpointError(f"{path} is not a regular file")
    return status.st_size


def check_header(path: Path) -> None:
    """Check the length of the header before the library believes it."""
    size = size_of_file(path)
    with path.open("rb") as file:
        start = file.read(64) if size else b""  # one without a size, as in /proc, is a window into the system
    claimed = int.from_bytes(start[:8], "little")
    if len(start) < 8 or claimed > size - 8:
        raise CheckpointError(f"{path}: not a whole safetensors file: {_seems(start, size, claimed)}")
    if claimed > MAX_HEADER:
        raise CheckpointError(f"{path}: its header claims {claimed:,} bytes, but minnet reads at most {MAX_HEADER:,}")


def _seems(start: bytes, size: int, claimed: int) -> str:
    """Say what a file is that does not begin as a safetensors file does, and what to do about it."""
    if start[:4] == b"PK\3\4" or start[2:4] == b"\x8a\n":
        return "it may be one that torch.save wrote: mn.torch.load_state_dict(model, path)"
    found, cause = looks_like(start)
    if size and not found.startswith("bytes"):
        return f"it is {found}\n{cause}"
    header = f", but its header claims {claimed:,}" if len(start) >= 8 else ""
    return f"it has {size:,} bytes{header}: {DAMAGED}"


def _verify(path: Path, tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]) -> None:
    """Compare arrays and metadata with their digests."""
    if not any(key in metadata for key in OWN):
        return
    if missing := [key for key in OWN if key not in metadata]:
        raise CheckpointError(f"{path}: its metadata lack {', '.join(missing)}: {DAMAGED}")
    version = metadata["format_version"]
    if version != str(FORMAT_VERSION):
        raise CheckpointError(
            f"{path}: written in format version {version[:20]!r} by minnet {brief(metadata['minnet_version'][:20])}; "
            f"this minnet, {__version__}, reads version {FORMAT_VERSION}: update minnet"
        )
    if _sha256_of_metadata(metadata, tensors) != metadata["metadata_sha256"]:
        raise CheckpointError(f"{path}: its metadata, or an array's name, dtype or shape, have changed: {DAMAGED}")
    digests = parse_json(path, "sha256", metadata["sha256"])
    if not isinstance(digests, dict) or digests.keys() != tensors.keys():
        names = sorted(tensors.keys() ^ digests.keys()) if isinstance(digests, dict) else []
        raise CheckpointError(f"{path}: its digests are not those of its arrays {brief(', '.join(names))}: {DAMAGED}")
    if wrong := [name for name, tensor in tensors.items() if _sha256(tensor) != digests[name]]:
        raise CheckpointError(f"{path}: the SHA-256 of {brief(', '.join(wrong))} is wrong: {DAMAGED}")


def _sha256(array: NDArray[Any]) -> str:
    return hashlib.sha256(array.reshape(-1).view(np.uint8).data).hexdigest()


def _sha256_of_metadata(metadata: Mapping[str, str], tensors: Mapping[str, NDArray[Any]]) -> str:
    strings = {key: value for key, value in metadata.items() if key != "metadata_sha256"}
    arrays = {name: [str(array.dtype), list(array.shape)] for name, array in tensors.items()}
    return hashlib.sha256(json.dumps([strings, arrays], sort_keys=True).encode()).hexdigest()
