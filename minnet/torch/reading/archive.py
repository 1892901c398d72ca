"""The zip form of ``torch.save``: ``NAME/data.pkl`` says what there is, ``NAME/data/0`` and so on hold the numbers."""

import struct
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

from minnet.saving.messages import brief
from minnet.torch.reading.places import Piece, Place, read_place
from minnet.torch.reading.unpickler import CURE, DAMAGED, TensorUnpickler, refused

_MOST_DIRECTORY = 1 << 22  # bytes that list the entries: some 50,000 tensors
_ENCRYPTED, _SIZES_AFTER = 0x41, 8  # bits of an entry's flags
_HEAD = struct.Struct("<4s2x2H4x3I2H")  # the head of an entry: flags, method, three sizes, lengths of name and extra
_SCRIPT = "Load it with torch.jit.load, and save its weights alone: torch.save(model.state_dict(), path)."
_EXPORTED = "Load it with torch.export.load, and save its weights alone: torch.save(program.state_dict, path)."
_STORED = "Unpack it, and pack it again without compression, or load it with PyTorch and save it with torch.save."


class Content(NamedTuple):
    """What a file holds: the values of its pickle, where the bytes of each storage are, and their byte order."""

    values: Any
    places: dict[str, Place]
    order: str


class _Careful:
    """An open file that does not read much at once: zipfile reads all that the end of a file tells it to."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek, self.tell = file.seek, file.tell

    def read(self, count: int = -1) -> bytes:
        if count > _MOST_DIRECTORY:
            raise ValueError(f"a list of entries of {count:,} bytes")
        return self._file.read(count if count >= 0 else 1 << 17)  # the end, where a comment of 64 KB may be

    def seekable(self) -> bool:
        return True


def read_archive(file: BinaryIO, path: Path) -> Content:
    """Read the zip form; CheckpointError if the file is another zip, or one that torch.save would not write."""
    entries, end = _entries(file, path)
    top = _top(path, [entry.orig_filename for entry in entries])
    places = _places(file, path, entries, end)
    order = b"little"  # as of most machines, where nothing is said of it
    if said := places.get(f"{top}byteorder"):
        order = bytes(read_place(file, path, "its byte order", said)) if said.size < 10 else b""
    if order not in (b"little", b"big"):
        raise refused(path, "another byte order than little and big", DAMAGED)
    program = read_place(file, path, "data.pkl", places[f"{top}data.pkl"])
    values = TensorUnpickler(Piece(BytesIO(program), len(program)), path).run()
    folder = f"{top}data/"
    storages = {name.removeprefix(folder): place for name, place in places.items() if name.startswith(folder)}
    return Content(values, storages, "<" if order == b"little" else ">")


def _entries(file: BinaryIO, path: Path) -> tuple[list[zipfile.ZipInfo], int]:
    """List the entries of a zip in the order in which they lie in it, and where the list itself begins."""
    try:
        with zipfile.ZipFile(cast(Any, _Careful(file))) as archive:
            return sorted(archive.infolist(), key=lambda entry: entry.header_offset), archive.start_dir
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, ValueError, struct.error) as error:
        raise refused(path, f"no whole zip archive ({brief(error)})", DAMAGED) from None
    except (OverflowError, EOFError, IndexError, KeyError, TypeError, OSError) as error:  # from a field of the zip
        raise refused(path, f"no whole zip archive ({type(error).__name__})", DAMAGED) from None


def _places(file: BinaryIO, path: Path, entries: list[zipfile.ZipInfo], end: int) -> dict[str, Place]:
    """Find where the bytes of the entries are, each in a place of its own."""
    places: dict[str, Place] = {}
    ends = [entry.header_offset for entry in entries[1:]] + [end]
    for entry, next_start in zip(entries, ends, strict=True):
        name = entry.orig_filename
        if name in places:
            raise refused(path, f"the entry {brief(name)!r} twice", DAMAGED)
        if ".." in name.split("/") or name.startswith("/") or "\\" in name or "\0" in name:
            raise refused(path, f"an entry whose name leads elsewhere, {brief(name)!r}", DAMAGED)
        places[name] = _place(file, path, entry, next_start)
    return places


def _place(file: BinaryIO, path: Path, entry: zipfile.ZipInfo, end: int) -> Place:
    """Find the bytes of one entry, which has to end before the next one begins."""
    what = f"the entry {brief(entry.orig_filename)!r}"
    if entry.flag_bits & _ENCRYPTED:
        raise refused(path, f"{what}, which is encrypted", "Ask for a file that is not.")
    if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
        raise refused(path, f"{what}, which is compressed (torch.save does not compress)", _STORED)
    file.seek(max(entry.header_offset, 0))
    head = file.read(_HEAD.size)
    if entry.header_offset < 0 or len(head) < _HEAD.size or head[:4] != b"PK\3\4":
        raise refused(path, f"{what} listed where no entry begins", DAMAGED)
    _, flags, method, _, packed, size, name_length, extra_length = _HEAD.unpack(head)
    name = file.read(name_length)
    sizes = {packed, size} - {entry.file_size, 0xFFFFFFFF}  # the latter stands for one in the extra field
    if flags & _SIZES_AFTER:
        sizes -= {0}
    encoding = "utf-8" if entry.flag_bits & 0x800 else "cp437"
    if sizes or method != entry.compress_type or name != entry.orig_filename.encode(encoding):
        raise refused(path, f"{what}, of which the list of entries and its own head say different things", DAMAGED)
    start = entry.header_offset + _HEAD.size + name_length + extra_length
    if start + entry.file_size > end:
        raise refused(path, f"{what}, which reaches into the next one, or beyond the end", DAMAGED)
    return Place(start, entry.file_size, entry.CRC)


def _top(path: Path, names: list[str]) -> str:
    """Return the folder in which everything is, with a slash."""
    tops = [name.removesuffix("data.pkl") for name in names if name.count("/") == 1 and name.endswith("/data.pkl")]
    if any(name.endswith("/constants.pkl") or "/code/" in name for name in names):
        raise refused(path, "a TorchScript program (torch.jit.save)", _SCRIPT)
    if any(name.endswith("/models/model.json") or name.startswith("serialized_") for name in names):
        raise refused(path, "an exported program (torch.export.save)", _EXPORTED)
    if len(tops) != 1:
        what = "an archive of NumPy" if any(name.endswith(".npy") for name in names) else "another zip archive"
        count = f"{len(tops)} entries 'NAME/data.pkl'" if tops else "without an entry 'NAME/data.pkl'"
        raise refused(path, f"{what}, {count}", CURE)
    return tops[0]
