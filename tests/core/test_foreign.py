"""Arrays of other libraries are read as NumPy's, by their protocols."""

import numpy as np
import pytest

import minnet as mn
from minnet.core.foreign import is_foreign, read


class Bfloat16:
    """An array of a dtype that NumPy does not know, as PyTorch's tensors (`float`) or as JAX's arrays (`astype`)."""

    dtype = "torch.bfloat16"

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        raise TypeError("bfloat16")


class LikeTorch(Bfloat16):
    def float(self):
        return self.array


class LikeJax(Bfloat16):
    dtype = "bfloat16"

    def astype(self, dtype):
        return self.array.astype(dtype)


@pytest.mark.parametrize("kind", [LikeTorch, LikeJax])
def test_bfloat16_becomes_float32(kind):
    array = np.arange(3, dtype=np.float32)
    assert is_foreign(kind(array))
    np.testing.assert_array_equal(read(kind(array)), array)
    loader = mn.DataLoader(kind(array.reshape(3, 1)), [0, 1, 2], 3)  # and wherever data are taken
    np.testing.assert_array_equal(loader.X, array.reshape(3, 1))


def test_what_is_foreign():
    mapped = np.arange(3).view(np.ndarray)
    for value in (mapped, np.float32(1), [1, 2], 1.0, "text", None, mn.Parameter([1.0]), mn.Buffer([1.0])):
        assert not is_foreign(value)


def test_anything_else_is_read_as_numpy_does():
    np.testing.assert_array_equal(read([[1, 2], [3, 4]]), [[1, 2], [3, 4]])
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})
    assert is_foreign(frame)
    assert is_foreign(frame["a"])
    np.testing.assert_array_equal(read(frame), [[1, 3], [2, 4]])
