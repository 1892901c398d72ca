import numpy as np
import pytest

from minnet.torch.reading.records import ELEMENTS, in_native_form


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("name", ["float64", "float32", "int64", "int32", "int16", "int8", "uint64", "uint32", "uint8"])
def test_most_kinds_stay(name, order):
    numbers = np.array([[1, 2], [3, 100]], np.dtype(name).newbyteorder(order))
    found = in_native_form(numbers.T, ELEMENTS[name])
    np.testing.assert_array_equal(found, numbers.T.astype(name), strict=True)
    assert found.flags.c_contiguous
    assert found.flags.writeable


def test_half_becomes_float32():
    numbers = np.array([0.5, -65504, np.inf, 2**-24, np.nan], np.float16)
    np.testing.assert_array_equal(in_native_form(numbers, ELEMENTS["float16"]), numbers.astype(np.float32), strict=True)


def test_bfloat16_is_the_upper_half_of_float32():
    numbers = np.array([1, -2.5, 3e38, 2**-130, np.inf, np.nan], np.float32)
    stored = (numbers.view(np.uint32) >> 16).astype(np.uint16)
    found = in_native_form(stored, ELEMENTS["bfloat16"])
    np.testing.assert_allclose(found[:4], numbers[:4], rtol=2**-7)
    np.testing.assert_array_equal(found[[0, 1, 4, 5]], numbers[[0, 1, 4, 5]], strict=True)


def test_bools_are_0_and_1():
    found = in_native_form(np.array([0, 1, 2, 255], np.uint8), ELEMENTS["bool"])
    assert found.tolist() == [False, True, True, True]
    assert set(found.tobytes()) == {0, 1}
    assert in_native_form(np.ones((2, 3), np.uint8).T, ELEMENTS["bool"]).flags.c_contiguous


def test_a_signalling_nan_is_read_without_a_warning():
    assert np.isnan(in_native_form(np.array([0x7D01], np.uint16).view(np.float16), ELEMENTS["float16"])).all()
