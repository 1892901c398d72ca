"""A tensor file is named arrays and a little text, in the safetensors format: written whole, and read right or refused.

The format is open: 8 bytes with the length of a header, the header (JSON: each array's dtype, shape and place, and
``__metadata__``, a dict of strings), then the arrays' bytes. Nothing in it can be run. minnet's metadata are

- ``format_version`` and ``minnet_version``: who wrote it;
- ``sha256``: JSON, each array's name → SHA-256 of its bytes;
- ``metadata_sha256``: SHA-256 of all other metadata, and of each array's name, dtype and shape;
- what the writer adds: see `minnet.saving.weights` and `minnet.saving.checkpoint`.

A file without any of these four, such as another tool writes, is read as it is.
"""

import hashlib
import json
import os
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from minnet.errors import CheckpointError
from minnet.version import __version__

FORMAT_VERSION = 1
MAX_HEADER = 1 << 24  # bytes; a network of ten thousand Parameters needs 3 million
TEMPORARY = ".tmp"  # how the name of a file ends that is not complete yet
OWN = ("format_version", "minnet_version", "sha256", "metadata_sha256")
DAMAGED = "it is damaged, or not what minnet wrote: take another copy, or an older checkpoint"


class TensorFile(NamedTuple):
    """What a file holds: arrays, and strings about them."""

    tensors: dict[str, NDArray[Any]]
    metadata: dict[str, str]


def write_tensors(
    path: str | os.PathLike[str], tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]
) -> None:
    """Write arrays and metadata; at any instant, `path` is the file that was there before, or all of the new one.

    Raises
    ------
    OSError
        If it cannot be written; what was there before is untouched.
    """
    from safetensors.numpy import save

    # The library writes down memory as it lies, so it must lie in order; np.ascontiguousarray would add an axis to ().
    arrays = {name: np.asarray(tensor, tensor.dtype.newbyteorder("="), order="C") for name, tensor in tensors.items()}
    text = {"format": "minnet", "format_version": str(FORMAT_VERSION), "minnet_version": __version__, **metadata}
    text["sha256"] = json.dumps({name: _sha256(array) for name, array in arrays.items()})
    text["metadata_sha256"] = _sha256_of_metadata(text, arrays)
    content = save(arrays, text)
    if (size := int.from_bytes(content[:8], "little")) > MAX_HEADER:
        raise ValueError(f"{path}: the names and the state of this model take {size:,} bytes, {MAX_HEADER:,} at most")
    write_whole(Path(os.path.realpath(path)), content)


def write_whole(path: Path, content: bytes) -> None:
    """Write beside, make sure it is on the disk, and only then give it its name."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}{TEMPORARY}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    with suppress(OSError):  # not every file system lets a folder be synced
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def read_tensors(path: str | os.PathLike[str]) -> TensorFile:
    """Read a tensor file. It is mapped into memory, so that beside the arrays no second copy is made.

    Memory and time are bounded by the size of the file, whatever its header claims.

    Raises
    ------
    FileNotFoundError, OSError
        If there is no such file, or it cannot be read.
    CheckpointError
        If it is not a safetensors file, or damaged, or of a newer version of the format; the message names the
        array that is not as it was written.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    _check_header(path)
    tensors: dict[str, NDArray[Any]] = {}
    where = ""
    try:
        with safe_open(path, framework="np") as file:
            metadata = dict(file.metadata() or {})
            for name in sorted(file.keys()):
                where = f": the array {brief(name)}"
                tensors[name] = file.get_tensor(name)
    except OSError:
        raise
    # Depending on its version, the library has other errors for a dtype that NumPy has not (bfloat16, float8).
    except (SafetensorError, TypeError, ValueError, KeyError, AttributeError, OverflowError, MemoryError) as error:
        what = "cannot be read" if where else "not a whole safetensors file"
        raise CheckpointError(f"{path}{where}: {what} ({brief(error)}): {DAMAGED}") from None
    _verify(path, tensors, metadata)
    return TensorFile(tensors, metadata)


def parse_json(path: Path, name: str, text: str) -> Any:
    """Parse JSON that came from a file.

    Raises
    ------
    CheckpointError
        If it is none.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: its {name} is not JSON ({brief(error)}): {DAMAGED}") from None


def brief(text: object) -> str:
    """Return what may come from a file as a message may show it: on one line, and at most 200 characters of it."""
    return "".join(letter if letter.isprintable() else "?" for letter in str(text)[:200])


def _check_header(path: Path) -> None:
    """Look at the length of the header before anyone acts on it."""
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder: pass a file in it")
    if not path.exists():
        raise FileNotFoundError(f"{path}: there is no such file")
    if not path.is_file():
        raise CheckpointError(f"{path} is not a regular file")
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
    claimed = int.from_bytes(start, "little")
    if len(start) < 8 or claimed > size - 8:
        raise CheckpointError(
            f"{path}: not a whole safetensors file: it has {size:,} bytes, and its header claims {claimed:,}: {DAMAGED}"
        )
    if claimed > MAX_HEADER:
        raise CheckpointError(f"{path}: its header claims {claimed:,} bytes, at most {MAX_HEADER:,} are read")


def _verify(path: Path, tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, str]) -> None:
    """Compare everything with its digest."""
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
        raise CheckpointError(f"{path}: its metadata, or an array's name, dtype or shape, were changed: {DAMAGED}")
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
