"""Tensors are made of what a file says of them, when all that it says fits the bytes that it holds."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from minnet.saving.messages import brief
from minnet.torch.reading.archive import Content
from minnet.torch.reading.places import read_place
from minnet.torch.reading.records import Tensor, Unreadable, in_native_form
from minnet.torch.reading.unpickler import DAMAGED, refused

Arrays = dict[str, NDArray[Any]]
_Look = tuple[str, int, str, int, tuple[int, ...], tuple[int, ...]]

_MOST_AXES = 32  # of an array of NumPy 1
_LONGEST_EMPTY = 1 << 24  # an axis of an array without numbers: it takes no byte, but a loop would take years
_MOST_REPEATED = 8, 1 << 25  # bytes of all arrays: times the size of the file, and more
_KINDS = "Convert it in PyTorch to a dense tensor of float, integer or bool numbers, and save the state dict again."


def make_arrays(
    file: BinaryIO, path: Path, size: int, content: Content, tensors: Mapping[str, Tensor | Unreadable]
) -> Arrays:
    """Return the arrays of the tensors, each with its own numbers, except that equal looks are one array."""
    looks: dict[_Look, tuple[Tensor, list[str]]] = {}
    left = _MOST_REPEATED[0] * size + _MOST_REPEATED[1]
    for name, tensor in tensors.items():
        try:
            ready = _checked(tensor, content)
        except _WrongError as error:
            raise refused(path, f"the tensor {brief(name)!r}: {brief(error, 400)}", error.cure) from None
        look = _look(ready)
        if look not in looks:
            left -= math.prod(ready.shape) * np.dtype(ready.element.becomes).itemsize
            if left < 0:
                found = f"tensors that repeat the {size:,} bytes of the file too often (at {brief(name)!r})"
                raise refused(path, found, "Save what is repeated once, and expand it later.")
        looks.setdefault(look, (ready, []))[1].append(name)
    return _made(file, path, content, looks, list(tensors))


def _made(
    file: BinaryIO, path: Path, content: Content, looks: dict[_Look, tuple[Tensor, list[str]]], names: list[str]
) -> Arrays:
    """Make the arrays, with the bytes of one storage after the other in memory."""
    arrays: Arrays = {}
    key, data = None, bytearray()
    for look in sorted(looks, key=lambda look: look[0]):
        if look[0] != key:
            key = look[0]
            data = read_place(file, path, f"the storage {brief(key, 40)!r}", content.places[key])
        tensor, same = looks[look]
        arrays.update(dict.fromkeys(same, _make(tensor, data, content.order)))
    return {name: arrays[name] for name in names}


class _WrongError(ValueError):
    """What is wrong with a tensor, and what to do about it."""

    def __init__(self, found: str, cure: str = DAMAGED) -> None:
        super().__init__(found)
        self.cure = cure


def _look(tensor: Tensor) -> _Look:
    storage = tensor.storage
    start = storage.start * storage.element.size
    return storage.key, start, tensor.element.name, tensor.offset, tensor.shape, tensor.strides


def _checked(tensor: Tensor | Unreadable, content: Content) -> Tensor:
    """Return a tensor; an error unless its numbers are all inside of its storage, and that is in the file."""
    if isinstance(tensor, Unreadable):
        raise _WrongError(f"{tensor.what}, which cannot be read here", _KINDS)
    storage, shape, strides = tensor.storage, tensor.shape, tensor.strides
    if len(shape) > _MOST_AXES:
        raise _WrongError(f"{len(shape)} axes, of which at most {_MOST_AXES} can be read")
    if min((tensor.offset, *shape, *strides)) < 0:
        raise _WrongError(f"a negative size, stride or offset ({shape}, {strides}, {tensor.offset})")
    if storage.key not in content.places:
        raise _WrongError(f"its storage {brief(storage.key, 40)!r} is not in the file")
    held, claimed = content.places[storage.key].size, storage.count * storage.element.size
    if storage.start * storage.element.size + claimed > held:
        raise _WrongError(f"its storage claims {claimed:,} bytes, and the file holds {held:,}")
    if 0 in shape:
        if max(shape) > _LONGEST_EMPTY:
            raise _WrongError(f"it claims the shape {shape}, and holds nothing")
        return tensor
    last = tensor.offset + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
    if (last + 1) * tensor.element.size > claimed:
        found = f"shape {shape}, strides {strides} and offset {tensor.offset} reach number {last + 1:,} of a storage"
        raise _WrongError(f"{found} of {claimed // tensor.element.size:,}")
    return tensor


def _make(tensor: Tensor, data: bytearray, order: str) -> NDArray[Any]:
    """Make an array of the bytes of a storage, of which `_checked` has made sure that they are enough."""
    element, storage = tensor.element, tensor.storage
    if 0 in tensor.shape:
        return np.zeros(tensor.shape, element.becomes)
    start = storage.start * storage.element.size + tensor.offset * element.size
    count = (len(data) - start) // element.size
    numbers = np.frombuffer(data, np.dtype(order + element.stored), count, start)
    # The stride of an axis of one number has no meaning, and may be any.
    strides = [
        stride * element.size if size > 1 else 0 for size, stride in zip(tensor.shape, tensor.strides, strict=True)
    ]
    return in_native_form(as_strided(numbers, tensor.shape, strides, writeable=False), element)
