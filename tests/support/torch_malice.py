"""PyTorch's files made to do harm: what each is, and what the message must say."""

import io
import json
import pickle
import struct
import zipfile

import numpy as np
from malice import PAYLOAD
from torch_files import MAGIC, Call, Name, Ordered, Raw, Reference, archive, older, pickled, program, tensor

FLOATS = np.arange(24, dtype="<f4").tobytes()
GOOD = Ordered({"w": tensor("0", 24, (4, 6))})
W = tensor("0", 24, (24,))
END = b"K\0K\1\x85K\1\x85\x89}tR"  # offset, size, stride and so on, at the end of a tensor


def of(*arguments, key="0", count=24, **more):
    """Return a file with a tensor w that is wrong in some way."""
    return archive({"w": tensor(key, count, *arguments, **more)}, {"0": FLOATS})


def entries(*pairs, **options):
    """Return a zip of these entries."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", **options) as whole:
        for name, data in pairs:
            whole.writestr(name, data)
    return file.getvalue()


def changed(mark, field, size, value, number=0, content=None):
    """Return a good file with another value in a field of the nth entry's head, or of the list's nth line."""
    data = bytearray(archive(GOOD, {"0": FLOATS}) if content is None else content)
    at = -1
    for _ in range(number + 1):
        at = data.index(mark, at + 1)
    data[at + field : at + field + size] = value.to_bytes(size, "little")
    return bytes(data)


def safetensors(dtype, size, data):
    """Return a safetensors file of one tensor."""
    width = 4 if dtype == "F32" else 1
    header = json.dumps({"w": {"dtype": dtype, "shape": [size], "data_offsets": [0, size * width]}}).encode()
    return struct.pack("<Q", len(header)) + header + data


HEAD, LINE, LAST = b"PK\3\4", b"PK\1\2", b"PK\5\6"
PROGRAM = pickled(GOOD)
# Each file that runs something in Python's unpickler, in both forms and in several places.
FORMS = {
    "in a zip": lambda payload: archive(payload, {"0": FLOATS}),
    "in the older form": lambda payload: older(payload, {"0": (24, FLOATS)}),
    "in place of the magic number": lambda payload: payload,
    "in place of the facts": lambda payload: pickled(MAGIC) + pickled(1001) + payload + PROGRAM,
    "in place of the keys": lambda payload: older(payload, {}, [])[: -len(pickled([]))] + payload,
}
INSIDE = {
    "as a weight": lambda payload: {"w": payload},
    "beside the weights": lambda payload: {"model": GOOD, "epoch": payload},
    "as a storage": lambda payload: {"w": tensor("0", 24, (24,), kind=payload)},
    "as a reference": lambda payload: {"w": Reference(payload)},
    "as an argument": lambda payload: {"w": Call(Name("torch._utils", "_rebuild_tensor_v2"), (payload, 0))},
    "as hooks": lambda payload: {"w": Raw(program(W)[:-3] + payload.code + b"tR")},
    "as a default": lambda payload: Call(Name("collections", "defaultdict"), (payload,)),
    "as versions": lambda payload: Raw(program({}) + payload.code + b"b"),
}
RUN = Raw(PAYLOAD)

UNSAFE = {
    "torch.load": {"w": Call(Name("torch", "load"), ("x",))},
    "torch.storage._load_from_bytes": {"w": Call(Name("torch.storage", "_load_from_bytes"), ("x",))},
    "torch.hub.load": {"w": Call(Name("torch.hub", "load"), ("x", "y"))},
    "torch.nn.modules.linear.Linear": Call(Name("torch.nn.modules.linear", "Linear")),
    "torch.jit._pickle.build_intlist": [Call(Name("torch.jit._pickle", "build_intlist"), ([1],))],
    "numpy.load": {"w": Call(Name("numpy", "load"), ("x",))},
    "builtins.getattr": {"w": Call(Name("builtins", "getattr"), (Name("torch", "Size"), "__class__"))},
    "builtins.eval": {"w": Call(Name("torch._tensor", "_rebuild_from_type_v2"), (Name("builtins", "eval"), (), (), 1))},
    "__main__.Net": Call(Name("__main__", "Net")),
}
SHAPES = {
    "a size of 2**60": (of((2**60,)), "reach number"),
    "sizes whose product is beyond 64 bits": (of((2**40, 2**40)), "reach number"),
    "sizes whose product is 0 modulo 2**64": (of((2**32, 2**32), (0, 1)), "reach number"),
    "a size of 2**62 with a stride of 0": (of((2**62,), (0,)), "too often"),
    "a matrix that is one number": (of((2**31, 2**31), (0, 0)), "too often"),
    "a size beyond 64 bits": (of((2**64,), (1,)), "no integer of 64 bits"),
    "a size that is a float": (of((2.0,), (1,)), "no integer of 64 bits"),
    "a size that is a bool": (of((True,), (1,)), "no integer of 64 bits"),
    "a size that is a text": (of(("2",), (1,)), "no integer of 64 bits"),
    "a size of 10 million bits": (of((Raw(b"\x8b" + struct.pack("<i", 10**6) + b"\1" * 10**6),), (1,)), "64 bits"),
    "a negative size": (of((-1,), (1,)), "a negative size"),
    "a negative stride": (of((24,), (-1,), 23), "a negative size, stride or offset"),
    "a negative offset": (of((2,), (1,), -1), "a negative size, stride or offset"),
    "an offset beyond the end": (of((2,), (1,), 23), "reach number 25 of a storage of 24"),
    "an offset of 2**62": (of((1,), (1,), 2**62), "reach number"),
    "a stride beyond the end": (of((2, 2), (23, 1)), "reach number 25"),
    "a stride of 2**62": (of((2,), (2**62,)), "reach number"),
    "more strides than sizes": (of((4, 6), (6, 1, 1)), "2 sizes and 3 strides"),
    "40 axes": (of((1,) * 40), "40 axes"),
    "10,000 axes": (of((1,) * 10_000, (1,) * 10_000), "10,000 sizes"),
    "an empty one without end": (of((2**40, 0), (1, 1)), "holds nothing"),
    "a storage that is too short": (of((24,), count=25), "claims 100 bytes, and the file holds 96"),
    "a storage of 2**60": (of((24,), count=2**60), "claims"),
    "a storage of fewer than none": (of((24,), count=-1), "a wrong number of elements"),
    "a storage beyond 64 bits": (of((24,), count=2**70), "a wrong number of elements"),
    "a storage that is not there": (of((24,), key="1"), "its storage '1' is not in the file"),
    "a storage elsewhere": (of((24,), key="../../../etc/passwd"), "is not in the file"),
    "a storage with a long key": (of((24,), key="0" * 1000), "a long key"),
    "a storage with a number as its key": (of((24,), key=0), "no storage"),
    "a wider kind of number": (of((24,), kind="Double"), "claims 192 bytes"),
    "a view outside of its storage": (of((2,), view=(("1", 23, 2),)), "a view of a storage that is not inside"),
    "a view from before it": (of((2,), view=(("1", -1, 2),)), "a view of a storage that is not inside"),
    "numbers that are repeated": (
        archive({f"w{i}": tensor("0", 24, (i + 2**20,), (0,)) for i in range(20)}, {"0": FLOATS}),
        "too often",
    ),
    "complex numbers": (of((2,), kind="ComplexFloat", count=2), "the tensor 'w': complex numbers"),
    "quantized numbers": (of((2,), kind="QInt8", count=2), "the tensor 'w': quantized numbers"),
    "a sparse tensor": (
        archive({"w": Call(Name("torch._utils", "_rebuild_sparse_tensor"), (1, 2))}, {}),
        "the tensor 'w': a sparse tensor",
    ),
}
LONG = b"\x8b" + struct.pack("<i", 10**6) + b"\1" * 10**6  # an integer of 8 million bits
PAIRS, NUMBERS = program([["a", 1]] * 1000), program([1] * 50_000)
PICKLES = {
    "a list in itself": (archive(b"\x80\2]q\0h\0a.", {}), "a list of 1 things"),
    "a dict in itself": (archive(b"\x80\2}q\0X\1\0\0\0ah\0s.", {}), "a dict of 1 things at 'a'"),
    "lists that double": (archive(b"\x80\2]" + b"2\x862\x86" * 1000 + b".", {}), "a tuple"),
    "dicts that double": (
        archive(b"\x80\2}q\0" + b"0}(X\1\0\0\0ah\0X\1\0\0\0bh\0uq\0" * 5000 + b".", {}),
        "a dict of 2 things",
    ),
    "a deep list": (archive(b"\x80\2" + b"]" * 50_000 + b"a" * 49_999 + b".", {}), "a list"),
    "a deep tuple": (archive(b"\x80\2N" + b"\x85" * 100_000 + b".", {}), "a tuple"),
    "a deep tuple as a key": (archive(b"\x80\2}N" + b"\x85" * 200_000 + b"Ns.", {}), "a name that is no text"),
    "a dict as a key": (archive(b"\x80\2}}Ns.", {}), "a name that is no text"),
    "a tensor as a key": (archive(b"\x80\2}" + program(W) + b"Ns.", {}), "a name that is no text"),
    "NaN as a key": (archive({float("nan"): W}, {"0": FLOATS}), "a name that is no text"),
    "a number as a name": (archive({1: W}, {"0": FLOATS}), "a name that is no text"),
    "integers of one hash": (
        archive(b"\x80\2}(" + b"".join(program(i * (2**61 - 1)) + b"N" for i in range(20_000)) + b"u.", {}),
        "a name that is no text",
    ),
    "a long integer": (archive(b"\x80\2\x8b" + struct.pack("<i", 10**6) + b"\1" * 10**6 + b".", {}), "int"),
    "a long integer that claims more": (archive(b"\x80\2\x8b\xff\xff\xff\x7f.", {}), "cut off"),
    "a long integer of fewer than no bytes": (archive(b"\x80\2\x8b\xff\xff\xff\xff.", {}), "negative byte count"),
    "a long integer as a key": (
        archive(b"\x80\2}" + LONG + b"q\0" + b"0" + b"h\0Ns" * 20_000 + b".", {}),
        "a name that is no text",
    ),
    "a long key": (archive({"a" * 20_000: W}, {"0": FLOATS}), "a key of 20,000 letters"),
    "a text that claims more": (archive(b"\x80\2X\xff\xff\xff\xff.", {}), "cut off"),
    "a text of 2**63 bytes": (archive(b"\x80\2\x8d" + b"\xff" * 7 + b"\x7f.", {}), "cut off"),
    "bytes of 2**63": (archive(b"\x80\4\x8e" + b"\xff" * 7 + b"\x7f.", {}), "cut off"),
    "a place of 2**32 - 1 in the memo": (archive(b"\x80\2Nr\xff\xff\xff\xff.", {}), "NoneType"),
    "a name of 2,000 letters": (archive(b"\x80\2c" + b"a" * 2000 + b"\nb\n.", {}), "a line of more than 1,000 bytes"),
    "a number that is slow to match": (
        archive(b"\x80\4X\5\0\0\0torchX" + struct.pack("<I", 60_001) + b"a" + b"1" * 60_000 + b"\x93.", {}),
        "a call for 'torch.a111",
    ),
    "no instruction": (archive(b"", {}), "cut off"),
    "an end too early": (archive(b"\x80\2.", {}), "empty stack"),
    "a pickle of protocol 0": (older(b"(lp0\n.", {}), "the instruction"),
    "a persistent name": (archive(b"\x80\2P0\n.", {}), "the instruction PERSID"),
    "a reference to a module": (older({"w": Reference(("module", 1, 2, 3, 4))}, {}), "a whole model"),
    "pairs that are read again and again": (
        archive(b"\x80\2(" + PAIRS + b"q\0ccollections\nOrderedDict\nq\1" + b"h\1h\0\x85R" * 20_000 + b"t.", {}),
        "a tuple of 20,002 things",
    ),
    "a list that is copied again and again": (
        archive(b"\x80\2(" + NUMBERS + b"q\0cbuiltins\nset\nq\1" + b"h\1h\0\x85R" * 20_000 + b"t.", {}),
        "a tuple of 20,002 things",
    ),
}
ZIPS = {
    "a zip bomb": (entries(("a/data.pkl", bytes(10**8)), compression=zipfile.ZIP_DEFLATED), "compressed"),
    "a compressed pickle": (entries(("a/data.pkl", PROGRAM), compression=zipfile.ZIP_DEFLATED), "compressed"),
    "bzip2": (entries(("a/data.pkl", PROGRAM), compression=zipfile.ZIP_BZIP2), "compressed"),
    "an encrypted entry": (changed(LINE, 8, 2, 1), "encrypted"),
    "strong encryption": (changed(LINE, 8, 2, 0x40), "encrypted"),
    "an entry twice": (None, "the entry 'archive/data/0' twice"),
    "entries that overlap": (None, "reaches into the next one"),
    "entries in one place": (None, "of which the list"),
    "a size in the list that is larger": (changed(LINE, 24, 4, 97, 3, changed(LINE, 20, 4, 97, 3)), "different things"),
    "two sizes in the list": (changed(LINE, 24, 4, 97, 3), "compressed"),
    "a size in the head that is larger": (changed(HEAD, 22, 4, 97, 3), "different things"),
    "another method in the head": (changed(HEAD, 8, 2, 8, 3), "different things"),
    "another name in the head": (changed(HEAD, 30, 1, 65, 3), "different things"),
    "a long name in the head": (changed(HEAD, 26, 2, 65535, 3), "different things"),
    "a long extra field in the head": (changed(HEAD, 28, 2, 65535, 3), "reaches into"),
    "an entry where none begins": (changed(LINE, 42, 4, 5), "where no entry begins"),
    "an entry beyond the end": (changed(LINE, 42, 4, 2**31, 3), "where no entry begins"),
    "a list that is longer": (changed(LAST, 12, 4, 2**31), "no whole zip archive"),
    "a list elsewhere": (changed(LAST, 16, 4, 2**31), "where no entry begins"),
    "a cut zip": (archive(GOOD, {"0": FLOATS})[:-30], "no whole zip archive"),
    "a zip of nothing": (LAST + bytes(18), "another zip archive"),
    "a name that leads up": (archive(GOOD, {"0": FLOATS}, **{"../../../tmp/x": b""}), "leads elsewhere"),
    "a name from the root": (entries(("/etc/passwd", b""), ("a/data.pkl", PROGRAM)), "leads elsewhere"),
    "a name of another system": (entries(("a/..\\x", b""), ("a/data.pkl", PROGRAM)), "leads elsewhere"),
    "two folders": (entries(("a/data.pkl", PROGRAM), ("b/data.pkl", PROGRAM)), "2 entries 'NAME/data.pkl'"),
    "a program of TorchScript": (
        entries(("a/data.pkl", PROGRAM), ("a/constants.pkl", b""), ("a/code/x.py", b"")),
        "a TorchScript program",
    ),
    "another zip": (entries(("a.txt", b"")), "another zip archive"),
    "a byte order of another world": (
        archive(GOOD, {"0": FLOATS}, order="middle"),
        "another byte order than little and big",
    ),
    "a long byte order": (archive(GOOD, {"0": FLOATS}, order="little" * 100), "another byte order"),
    "another checksum": (changed(LINE, 16, 4, 1, 3), "with a wrong CRC-32"),
    "another bit": (archive(GOOD, {"0": FLOATS}).replace(FLOATS, FLOATS[:-1] + b"\0"), "with a wrong CRC-32"),
}
OLDER = {
    "a storage that is cut off": (older(GOOD, {"0": (24, FLOATS)})[:-1], "there should be 96"),
    "a storage without end": (older(GOOD, {"0": (2**61, FLOATS)}), "of the storage '0'"),
    "a storage of fewer than none": (older(GOOD, {"0": (-1, FLOATS)}), "of the storage '0'"),
    "a storage less": (older(GOOD, {}), "its storage '0' is not in the file"),
    "a key of no tensor": (older(GOOD, {"0": (24, FLOATS), "9": (0, b"")}), "a storage '9' of no tensor"),
    "a key twice": (older(GOOD, {"0": (24, FLOATS)}, ["0", "0"]), "in place of the keys"),
    "keys that are no list": (older(GOOD, {}, {"0": 1}), "in place of the keys"),
    "keys that are numbers": (older(GOOD, {}, [0]), "in place of the keys"),
    "another version": (pickled(MAGIC) + pickled(1002) + PROGRAM, "version 1,002"),
    "a version of a million digits": (
        pickled(MAGIC) + b"\x80\2\x8b" + struct.pack("<i", 10**6) + b"\1" * 10**6 + b".",
        "version something else",
    ),
    "a plain pickle": (pickle.dumps({"w": [1.0]}), "a pickle that torch.save did not write"),
    "a tar archive": (b"pickle".ljust(257, b"\0") + b"ustar\0" + bytes(300), "a tar archive"),
    "an empty file": (b"", "nothing: the file is empty"),
    "a page of the web": (b"<!DOCTYPE html>", "text that starts with '<'"),
    "a pointer of Git LFS": (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
    "gzip": (b"\x1f\x8b\x08" + bytes(20), "gzip data"),
    "a safetensors file that is cut off": (safetensors("F32", 9, b""), "what is no whole one"),
    "a safetensors file of float8": (safetensors("F8_E4M3", 1, b"1"), "of the kind F8_E4M3"),
}
OTHER = SHAPES | PICKLES | ZIPS | OLDER


def _overlapping():
    """Return zips whose list says that two entries are in one place, or in each other's."""
    twice = bytearray(entries(("archive/data.pkl", PROGRAM), ("archive/data/0", FLOATS), ("archive/data/1", FLOATS)))
    ZIPS["an entry twice"] = (bytes(twice.replace(b"archive/data/1", b"archive/data/0")), ZIPS["an entry twice"][1])
    data = entries(("archive/data.pkl", PROGRAM), ("archive/data/0", FLOATS), ("archive/data/1", FLOATS))
    second = data.index(HEAD, data.index(HEAD, 5) + 1)
    ZIPS["entries in one place"] = (changed(LINE, 42, 4, second, 1, data), ZIPS["entries in one place"][1])
    longer = struct.pack("<I", len(FLOATS) + 60)
    at = data.index(HEAD, 5)
    inside = bytearray(data)
    inside[at + 18 : at + 26] = longer * 2
    line = data.index(LINE, data.index(LINE) + 1)
    inside[line + 20 : line + 28] = longer * 2
    ZIPS["entries that overlap"] = (bytes(inside), ZIPS["entries that overlap"][1])


def _commented():
    """Return a zip whose list of entries is mostly comments."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as whole:
        for i in range(70):
            entry = zipfile.ZipInfo(f"a/{i}")
            entry.comment = bytes(65_000)
            whole.writestr(entry, b"")
    return file.getvalue()


_overlapping()
ZIPS["a long list of entries"] = (_commented(), "no whole zip archive (a list of entries of 4,")
OTHER |= ZIPS
