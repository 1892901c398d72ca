"""What a user passes as data becomes an array of numbers, or is refused with the cure; looking costs little memory."""

import re
import tracemalloc

import numpy as np
import pytest

import minnet as mn
from minnet.core.samples import BLOCK, as_data, check_finite


def peak(function):
    tracemalloc.start()
    function()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


# -- what can be read as an array


class Tensor:
    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("it requires grad")


@pytest.mark.parametrize("data", [[[1, 2], [3, 4]], np.ones((2, 2)), ((True,), (False,)), np.zeros(1, np.uint8)])
def test_numbers_are_read(data):
    array = as_data("L", "X", data)
    np.testing.assert_array_equal(array, np.asarray(data))
    assert not isinstance(data, np.ndarray) or array is data


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (
            "x.npy",
            TypeError,
            "to hold numbers, got <U5: is it a file name? Load it first: np.load('x.npy'), or mn.data.open",
        ),
        (["cat", "dog"], TypeError, "to hold numbers, got <U3: number the classes from 0: names, y = np.unique"),
        (["1", "2.5e3"], TypeError, "to hold numbers, got <U5: they are text: convert them, np.asarray(X, dtype="),
        ([b"1"], TypeError, "to hold numbers, got |S1: they are text: convert them"),
        ([None, 1.0], TypeError, "to hold numbers, got object: it holds NoneType and float: fill what is missing"),
        ([["a", 1.0, None]], TypeError, "got object: it holds NoneType and float and str: drop the columns"),
        (np.array([["a", 1.0]], object), TypeError, "got object: it holds float and str: drop the columns of text"),
        (np.array([1, 2], object), TypeError, "got object: it holds int: pass X.astype(np.float32)"),
        (np.array([[1], [1, 2]], object), TypeError, "got object: is it ragged? Cut the rows"),
        (np.zeros(2, [("a", "f4"), ("b", "f4")]), TypeError, "name its columns: np.stack([X[column] for column"),
        (np.zeros(2, "M8[D]"), TypeError, "got datetime64[D]: make numbers of the times"),
        (np.zeros(2, complex), TypeError, "got complex128: real numbers are needed"),
        (3.0, TypeError, "to be an array of samples, got the single number 3.0: pass all samples at once"),
        (Tensor(), TypeError, "to be an array, got a Tensor that NumPy cannot read (it requires grad): pass"),
        ({"a": 1}, TypeError, "to be an array, got a dict of 'a': pass one of its arrays, as X[key]"),
        (iter([1]), TypeError, "which can be read only once: pass list(X)"),
        (list, TypeError, "to be an array, got the class list"),
        ([[1, 2], [3]], ValueError, "to be an array, got rows of 1 to 2 entries: ragged rows make no array"),
        ([[1, 2], 3], ValueError, "to be an array, got entries of several kinds: ragged rows"),
        (
            [np.ones((3, 2)), np.ones((3, 4))],
            ValueError,
            "a list of arrays of several shapes: several arrays of 3 ",
        ),
        (mn.DataLoader([[1.0]], [0]), TypeError, "got object: it is a DataLoader, no array; loader.X is one"),
    ],
    ids=range(21),
)
def test_what_is_no_array_of_numbers_is_refused_with_the_cure(data, error, message):
    with pytest.raises(error, match=f"^L expected X .*{re.escape(message)}"):
        as_data("L", "X", data)


def test_no_samples():
    with pytest.raises(ValueError, match=r"^L got no samples: X has shape \(0, 3\), expected at least one row"):
        as_data("L", "X", np.zeros((0, 3)))


# -- NaN and infinity


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("layout", [lambda x: x, np.asfortranarray, lambda x: x[::-1], lambda x: x[:, :, 1:]])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_one_bad_number_is_found_wherever_it_is(dtype, layout, bad):
    array = layout(np.ones((3 * BLOCK // 20, 4, 6), dtype))
    check_finite("L", "X", array)
    for place in [(0, 0, 0), (len(array) // 2, 3, 1), (len(array) - 1, 3, 4)]:
        array[place] = bad
        what = "1 NaN" if np.isnan(bad) else "1 infinite"
        message = f"L expected finite numbers in X, got {what} in 1 of {len(array):,} samples, the first at X[{place}]"
        with pytest.raises(ValueError, match="^" + re.escape(message.replace("[(", "[").replace(")]", "]"))):
            check_finite("L", "X", array)
        array[place] = 1


@pytest.mark.parametrize(
    ("shape", "cure"),
    [((9,), "keep = np.isfinite(y);"), ((9, 2), "np.isfinite(y).all(axis=1);"), ((9, 1, 2), "y).all(axis=(1, 2));")],
)
def test_how_many_there_are_and_the_cure(shape, cure):
    y = np.zeros(shape)
    y[2], y[5], y.reshape(9, -1)[5, 0] = np.nan, -np.inf, np.nan
    each = y[0].size
    counts = f"{each + 1} NaN" + (f" and {each - 1} infinite" if each > 1 else "")
    first = ", ".join(["2", *["0"] * (len(shape) - 1)])
    with pytest.raises(ValueError, match=re.escape(f"{counts} in 2 of 9 samples, the first at y[{first}]")) as raised:
        check_finite("L", "y", y)
    assert cure in str(raised.value)
    assert "np.nan_to_num(y)" in str(raised.value)


def test_the_cures_work():
    X, y = np.ones((4, 3)), np.arange(4)
    X[1, 2], X[3] = np.nan, np.inf
    keep = np.isfinite(X).all(axis=1)
    assert mn.DataLoader(X[keep], y[keep]).y.tolist() == [0, 2]
    mn.DataLoader(np.nan_to_num(X), y)
    mn.DataLoader(X, y, check=False)


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, bool])
def test_only_floats_are_looked_at(dtype):
    check_finite("L", "X", np.ones(3, dtype))


def test_large_and_small_numbers_are_no_false_alarm():
    check_finite("L", "X", np.array([3e38, -3e38, 1e-45], np.float32))


@pytest.mark.parametrize("bad", [False, True])
@pytest.mark.parametrize("layout", [lambda x: x, np.asfortranarray, lambda x: x[:, 1:]])
def test_looking_takes_no_memory_of_the_datas_size(layout, bad):
    X = layout(np.ones((100_000, 20), np.float32))
    X[5] = np.nan if bad else 1

    def look():
        try:
            check_finite("L", "X", X)
        except ValueError:
            assert bad

    assert peak(look) < 1_000_000  # a byte a number would be two


def test_a_memory_map_is_not_read(tmp_path):
    X = np.memmap(tmp_path / "X", np.float32, "w+", shape=(10, 3))
    X[:] = np.nan
    for part in (X, X[2:], np.asarray(X), np.asarray(X)[2:].T):
        check_finite("L", "X", part)
    with pytest.raises(ValueError, match="30 NaN"):
        check_finite("L", "X", np.array(X))
