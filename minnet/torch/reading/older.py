"""The older form of ``torch.save``, before version 1.6: five pickles in a row, and then the numbers.

The pickles are a magic number, the version of the form, facts of the machine, what was saved, and the keys of the
storages. For each key there follow the number of elements (8 bytes) and the elements, all in little endian.
"""

from pathlib import Path
from typing import BinaryIO

from minnet.saving.messages import brief
from minnet.torch.reading.archive import Content
from minnet.torch.reading.places import Piece, Place
from minnet.torch.reading.records import Storage
from minnet.torch.reading.unpickler import CURE, DAMAGED, TensorUnpickler, refused

_MAGIC = 0x1950A86A20F9469CFC6C
_VERSION = 1001
_FOREIGN = "If it holds weights, load it with the program that wrote it, and save them: torch.save(weights, path)."


def read_older(file: BinaryIO, path: Path, size: int) -> Content:
    """Read the older form; CheckpointError if the file is another pickle, or damaged."""
    piece = Piece(file, size)

    def load() -> object:
        return TensorUnpickler(piece, path).run()

    if load() != _MAGIC:
        raise refused(path, "a pickle that torch.save did not write", _FOREIGN)
    version = load()
    if version != _VERSION:
        found = f"{version:,}" if type(version) is int and 0 <= version < 1 << 32 else "something else"
        raise refused(path, f"version {found} of its form", CURE, expected=f"version {_VERSION}")
    load()  # facts of the machine
    unpickler = TensorUnpickler(piece, path)
    values = unpickler.run()
    keys = load()
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys) or len({*keys}) != len(keys):
        raise refused(path, "something else in place of the keys of its storages", DAMAGED)
    return Content(values, _places(piece, file, path, keys, unpickler.storages), "<")


def _places(
    piece: Piece, file: BinaryIO, path: Path, keys: list[str], storages: dict[str, Storage]
) -> dict[str, Place]:
    """Find where the elements of each storage are."""
    places: dict[str, Place] = {}
    for key in keys:
        if key not in storages:
            raise refused(path, f"a storage {brief(key, 40)!r} of no tensor", DAMAGED)
        head = file.read(8)
        piece.left -= len(head)
        count = int.from_bytes(head, "little")
        needed = count * storages[key].element.size
        if len(head) < 8 or needed > piece.left:
            found = f"{max(piece.left, 0):,} bytes where there should be {needed:,} of the storage {brief(key, 40)!r}"
            raise refused(path, found, DAMAGED)
        places[key] = Place(file.tell(), needed)
        file.seek(needed, 1)
        piece.left -= needed
    return places
