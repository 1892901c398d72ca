"""The target of arrays in files: .npy, IDX and safetensors, told by their first bytes."""

import io
import tempfile
from functools import cache
from pathlib import Path
from random import Random

import numpy as np
import tensorfiles
from mnist_targets import MNIST
from mutations import mutate, mutate_json
from target import Target

from minnet.data.files.opening import open_array
from minnet.data.mnist.idx import read_idx
from minnet.errors import DataError


@cache
def _tensors() -> list[bytes]:
    files = []
    for kind, dtype in (("F32", "f4"), ("U8", "u1"), ("I64", "i8"), ("F16", "f2"), ("BOOL", "?"), ("BF16", "u2")):
        for shape in ((4, 3), (1,), (0, 2), (2, 2, 2)):
            data = np.arange(np.prod(shape)).astype(dtype).tobytes()
            entry = {"dtype": kind, "shape": list(shape), "data_offsets": [0, len(data)]}
            files.append(tensorfiles.join({"x": entry}, data))
    return files


@cache
def _npys() -> list[bytes]:
    files = []
    for dtype in ("u1", "?", ">i2", "<f4", "f8", ">f8"):
        for array in (np.arange(6).reshape(2, 3), np.arange(6).reshape(2, 3).T, np.arange(4), np.zeros((0, 3))):
            for version in ((1, 0), (2, 0)):
                file = io.BytesIO()
                np.lib.format.write_array(file, array.astype(dtype), version)
                files.append(file.getvalue())
    return files


@cache
def _samples() -> list[bytes]:
    idx = [content for content in MNIST["idx"].samples() if content[2] != 0x0B or len(content) > 8]
    return [*_tensors(), *_npys(), *idx]


def _make(random: Random) -> bytes:
    kind = random.random()
    if kind < 0.3:
        header, data = tensorfiles.parse(random.choice(_tensors()))
        return tensorfiles.join(mutate_json(random, header), data)
    good = bytearray(random.choice(_npys() if kind < 0.8 else _samples()))
    if good[:1] == b"\x93" and random.random() < 0.6:  # the text of the header, which is small in so much padding
        at = random.randrange(8, 80)
        good[at : at + random.randrange(2)] = bytes([random.choice(b"0123456789-(),'<>|fiuObSV \0TrueFalse")])
        return bytes(good)
    return mutate(random, good, _samples())


def _read(path: Path) -> np.ndarray:
    array = open_array(path)
    found = array[:]
    assert np.array_equal(array[np.arange(len(array))[::-1]], found[::-1], equal_nan=found.dtype.kind == "f")
    return found


def _check(content: bytes, found: np.ndarray) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "x")
        path.write_bytes(content)
        if content[:6] == b"\x93NUMPY":
            expected = np.load(path, allow_pickle=False)
        elif content[8:9] == b"{":
            header, data = tensorfiles.parse(content)
            header.pop("__metadata__", None)
            (entry,) = header.values()
            start, end = entry["data_offsets"]
            is_bf16 = entry["dtype"] == "BF16"
            expected = np.frombuffer(data[start:end], "u2" if is_bf16 else tensorfiles.NUMPY[entry["dtype"]])
            if is_bf16:
                expected = (expected.astype("u4") << 16).view("f4")
            expected = expected.reshape(entry["shape"])
        else:
            expected = read_idx(path, max_bytes=1 << 62)
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype.newbyteorder("=")
    assert found.tobytes() == expected.astype(found.dtype).tobytes()


ARRAY = {"array": Target(_samples, _make, _read, DataError, _check)}
