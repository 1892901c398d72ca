"""Records are what a file of PyTorch says of its tensors: where the numbers are, and how they are laid out."""

from dataclasses import dataclass
from typing import Any

import numpy as np

Index = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Element:
    """One kind of number: its name, its size in bytes, how a file holds it and what it becomes.

    `stored` is a NumPy dtype without byte order. It is "" for numbers that have no place in NumPy, such as quantized
    ones; then `name` says what they are.
    """

    name: str
    size: int = 1
    stored: str = ""
    becomes: str = ""


@dataclass(eq=False, slots=True)
class Storage:
    """A piece of memory that tensors look at: `count` elements from element `start` of the bytes with this key."""

    key: str
    element: Element
    count: int
    start: int = 0


@dataclass(eq=False, slots=True)
class Tensor:
    """A look at a storage: from element `offset` on, with a size and a stride (in elements) for each axis."""

    storage: Storage
    element: Element
    offset: int
    shape: Index
    strides: Index


@dataclass(eq=False, slots=True)
class Unreadable:
    """A tensor of a kind that has no place here, such as a sparse one."""

    what: str


@dataclass(eq=False, slots=True)
class Other:
    """Something that training checkpoints hold beside the weights, and that nobody asks for here."""

    what: str


ARRAY = "a NumPy array"  # what an Other may be; a weight may be one, by mistake

ELEMENTS = {
    name: Element(name, np.dtype(stored).itemsize, stored, becomes)
    for name, stored, becomes in (
        ("float64", "f8", "f8"),
        ("float32", "f4", "f4"),
        ("float16", "f2", "f4"),
        ("bfloat16", "u2", "f4"),  # the upper half of a float32
        ("int64", "i8", "i8"),
        ("int32", "i4", "i4"),
        ("int16", "i2", "i2"),
        ("int8", "i1", "i1"),
        ("uint64", "u8", "u8"),
        ("uint32", "u4", "u4"),
        ("uint16", "u2", "u2"),
        ("uint8", "u1", "u1"),
        ("bool", "u1", "?"),
    )
}


def in_native_form(stored: "np.ndarray[Any, Any]", element: Element) -> "np.ndarray[Any, Any]":
    """Return a new array of numbers as NumPy has them: half and bfloat16 as float32, bools as 0 and 1."""
    if element.name == "bfloat16":
        bits = stored.astype(np.uint32, order="C")
        bits <<= np.uint32(16)
        return bits.view(np.float32)
    if element.name == "bool":
        return np.array(stored != 0, order="C")
    with np.errstate(invalid="ignore"):  # a signalling NaN may warn
        return stored.astype(element.becomes, order="C")
