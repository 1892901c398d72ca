"""A state dict is read from any file that PyTorch's users save weights in, without PyTorch."""

import os
from pathlib import Path
from typing import Any, BinaryIO

from numpy.typing import NDArray

from minnet.saving.tensorfile import size_of_file
from minnet.torch.reading.archive import Content, read_archive
from minnet.torch.reading.nested import state_dict_in
from minnet.torch.reading.older import read_older
from minnet.torch.reading.tensor_file import read_tensor_file
from minnet.torch.reading.tensors import make_arrays
from minnet.torch.reading.unpickler import DAMAGED, refused
from minnet.untrusted.bounded import looks_like

_TAR = "Load it with a PyTorch of version 1 (torch.load), and save it again (torch.save)."


def read_state_dict(path: str | os.PathLike[str], key: str | None = None) -> dict[str, NDArray[Any]]:
    """Read the weights in a file of PyTorch, without PyTorch, and without running anything that is in the file.

    Parameters
    ----------
    path
        What ``torch.save`` wrote (``.pt``, ``.pth``), in its zip form or in the older one; or a ``.safetensors`` file.
    key
        Where in a training checkpoint the state dict is, such as "model_state", with dots for deeper ones. It may be
        left out if there is only one dict of tensors.

    Returns
    -------
    state_dict
        Each tensor's name → array. Tensors that share their numbers in the file (tied weights) are one array.
        float16 and bfloat16 become float32; all other kinds of numbers stay.

    Raises
    ------
    FileNotFoundError
        If there is no such file; another OSError if it cannot be read.
    CheckpointError
        If the file is of another kind, is damaged, wants to call something, or holds no state dict, or several.
    """
    path = Path(path)
    size = size_of_file(path)
    with path.open("rb") as file:
        head = file.read(264) if size else b""
        file.seek(0)
        if _is_safetensors(path, size, head):
            return _of_safetensors(path, key)
        content = _content(file, path, size, head)
        tensors = state_dict_in(content.values, path, key)
        return make_arrays(file, path, size, content, tensors)


def _is_safetensors(path: Path, size: int, head: bytes) -> bool:
    """Whether a file begins as a safetensors file does, or is named so and is no other."""
    named = path.suffix == ".safetensors" and head[:2] not in (b"PK", b"\x80\2")
    return named or (head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= size - 8)


def _of_safetensors(path: Path, key: str | None) -> dict[str, NDArray[Any]]:
    """Read a safetensors file, in which nothing is nested."""
    if key is not None:
        raise refused(path, "a safetensors file, in which no dict is in another", "Leave out the key.", "nested dicts")
    return read_tensor_file(path)


def _content(file: BinaryIO, path: Path, size: int, head: bytes) -> Content:
    """Read what a file says of itself, by its first bytes."""
    if head[:4] in (b"PK\3\4", b"PK\5\6"):
        return read_archive(file, path)
    if head[257:262] == b"ustar":
        raise refused(path, "a tar archive, as PyTorch wrote it before version 0.2", _TAR)
    if head[:1] == b"\x80" or head[:6] == b"L11954":  # a pickle, or one of protocol 1 that begins with a long number
        return read_older(file, path, size)
    found, cause = looks_like(head)
    raise refused(path, found, cause if "damaged" not in cause else DAMAGED)
