"""The targets of MNIST's files: IDX, and the pickle."""

import io
import pickle
import struct
import warnings
from functools import cache
from random import Random
from typing import Any

import numpy as np
from mutations import instructions, mutate, mutate_pickle, zipped
from target import Target, unzipped

from minnet.data.mnist.idx import read_idx
from minnet.data.mnist.pickles import read_mnist_pickle
from minnet.errors import DataError

# IDX


@cache
def _idx_samples() -> list[bytes]:
    files = []
    for code, dtype in ((8, "u1"), (9, "i1"), (0x0B, ">i2"), (0x0C, ">i4"), (0x0D, ">f4"), (0x0E, ">f8")):
        for shape in ((5,), (2, 3, 4), (1, 28, 28), (0, 2, 2), (1,) * 8):
            elements = np.arange(np.prod(shape)).astype(dtype).tobytes()
            files.append(struct.pack(f">BBBB{len(shape)}I", 0, 0, code, len(shape), *shape) + elements)
    return files


def _make_idx(random: Random) -> bytes:
    good = bytearray(random.choice(_idx_samples()))
    for _ in range(random.choice((0, 0, 1, 2))):  # most of the header is zeros, which chance would seldom hit
        at = random.choice((2, 3, 4, 7, 8, 11, 12))
        good[at : at + 1] = random.randbytes(1)
    return zipped(random, mutate(random, good, _idx_samples()) if random.random() < 0.9 else bytes(good))


def _check_idx(content: bytes, found: np.ndarray) -> None:
    content = unzipped(content)
    count = content[3]
    shape = struct.unpack(f">{count}I", content[4 : 4 + 4 * count])
    expected = np.frombuffer(
        content[4 + 4 * count :], dict(zip(b"\x08\x09\x0b\x0c\x0d\x0e", _TYPES, strict=True))[content[2]]
    )
    assert found.shape == shape
    assert found.dtype == expected.dtype.newbyteorder("=")
    assert found.flags.writeable
    assert found.astype(expected.dtype).tobytes() == expected.tobytes()


_TYPES = ("u1", "i1", ">i2", ">i4", ">f4", ">f8")


# The pickle of MNIST


@cache
def _pickle_samples() -> list[bytes]:
    files = []
    for dtype, y_dtype in (("u1", "i8"), ("f4", "u1"), (">f8", "i4")):
        X = np.zeros((2, 784), dtype)
        X[:, ::50] = 1
        pairs = ((X, np.array([1, 9], y_dtype)), (X[:1], np.array([0], y_dtype)), (X[1:], np.array([2], y_dtype)))
        for protocol in range(1, 6):
            new = pickle.dumps(pairs, protocol)
            old = new.replace(b"numpy._core", b"numpy.core")  # as NumPy 1 named it
            old = old.replace(b"\x8c\x16numpy.core", b"\x8c\x15numpy.core")
            files += [new, old.replace(b"\x8c\x13numpy.core", b"\x8c\x12numpy.core")]
    return files


@cache
def _programs() -> tuple[list[list[bytes]], list[bytes]]:
    """Return the samples as instructions, and instructions of every kind to put into them."""
    programs = [instructions(content) for content in _pickle_samples()]
    foreign = [bytes([code]) for code in range(256)]
    foreign += [b"cos\nsystem\n", b"cbuiltins\neval\n", b"cnumpy\nndarray\n", b"cnumpy\ndtype\n", b"c_codecs\nencode\n"]
    foreign += [
        b"\x95" + b"\xff" * 8,
        b"\x82\1",
        b"\x84\1\0\0\0",
        b"Pid\n",
        b"ios\nsystem\n",
        b"\x80\5",
        b"J\xff\xff\xff\xff",
    ]
    foreign += [
        b"\x8a\x08" + b"\xff" * 7 + b"\x7f",
        b"I01\n",
        b"K\2",
        b"M\x10\3",
        b"U\1O",
        b"\x8c\2f8",
        b"C\4abcd",
        b"h\1",
        b"h\0",
    ]
    foreign += [
        b"\x96" + b"\xff" * 7 + b"\x7f",
        b"\x8e\0\0\0\x20\0\0\0\0",
        b"T\xff\xff\xff\x7f",
        b"L9L\n",
        b"r\xff\xff\xff\xff",
    ]
    return programs, foreign + [instruction for program in programs for instruction in program if len(instruction) < 50]


def _make_pickle(random: Random) -> bytes:
    programs, foreign = _programs()
    kind = random.random()
    if kind < 0.5:
        content = mutate(random, random.choice(_pickle_samples()), _pickle_samples())
    else:
        content = mutate_pickle(random, random.choice(programs), foreign)
        if kind < 0.6:
            content = mutate(random, content, _pickle_samples()) if content else content
    return zipped(random, content) if random.random() < 0.3 else content


class _OnlyArrays(pickle.Unpickler):
    """Python's unpickler, for files that minnet took already; even so, it gets the names of arrays only."""

    def find_class(self, module: str, name: str) -> Any:
        """Look a name up that makes arrays."""
        if (module, name) == ("_codecs", "encode"):
            return lambda text, _: text.encode("latin-1") if isinstance(text, str) else text
        if module in ("numpy.core.multiarray", "numpy._core.multiarray", "numpy.core.numeric", "numpy._core.numeric"):
            module = module.replace("numpy.core", "numpy._core")
        assert name in ("_reconstruct", "_frombuffer", "ndarray", "dtype")
        return super().find_class(module, name)


def _check_pickle(content: bytes, found: Any) -> None:
    for X, y in found:
        assert X.shape == (len(y), 784)
        assert X.dtype in (np.float32, np.float64, np.uint8)
        assert y.dtype == np.int64
        assert 0 <= y.min() <= y.max() <= 9
        assert X.flags.writeable
        assert X.dtype == np.uint8 or 0 <= X.min() <= X.max() <= 1
    try:
        with warnings.catch_warnings(action="ignore"):
            expected = _OnlyArrays(io.BytesIO(unzipped(content)), encoding="latin-1").load()
    except Exception:  # Python is stricter: it minds the length of frames, for one
        return
    for (X, y), (X0, y0) in zip(found, expected, strict=True):
        np.testing.assert_array_equal(X, X0)
        np.testing.assert_array_equal(y, y0)


MNIST = {
    "idx": Target(_idx_samples, _make_idx, read_idx, DataError, _check_idx),
    "pickle": Target(_pickle_samples, _make_pickle, read_mnist_pickle, DataError, _check_pickle),
}
