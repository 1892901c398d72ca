import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minnet.core.chunked import Chunked, as_stored

X = np.arange(69, dtype=">f4").reshape(23, 3)


class InChunks:
    """What Zarr's arrays have: it counts how often each chunk is read."""

    def __init__(self, array, rows=5):
        self.shape, self.dtype, self.chunks, self.array = array.shape, array.dtype, (rows, *array.shape[1:]), array
        self.read = np.zeros(-(-len(array) // rows), int)

    def __getitem__(self, rows):
        assert isinstance(rows, slice)
        self.read[rows.start // self.chunks[0] : -(-rows.stop // self.chunks[0])] += 1
        return self.array[rows]


def test_batches_read_each_chunk_once():
    data = InChunks(X)
    array = as_stored(data)
    batches = [array[start : start + 3] for start in range(0, 23, 3)]
    np.testing.assert_array_equal(np.concatenate(batches), X)
    assert batches[0].dtype == np.float32
    assert data.read.tolist() == [1] * 5


def test_rows_of_a_batch_read_each_chunk_once():
    data = InChunks(X)
    rows = np.array([21, 0, 4, 11, 1, 20])
    np.testing.assert_array_equal(as_stored(data)[rows], X[rows])
    assert data.read.max() == 1


@given(st.lists(st.lists(st.integers(0, 22), max_size=9) | st.slices(23)), st.integers(1, 30))
def test_rows_are_those_of_the_array(reads, chunk):
    array = Chunked(InChunks(X, chunk))
    for rows in reads:
        np.testing.assert_array_equal(array[rows], X[np.array(rows, int)] if isinstance(rows, list) else X[rows])


def test_an_error_says_which_rows():
    class Broken(InChunks):
        def __getitem__(self, rows):
            raise OSError("disk")

    with pytest.raises(OSError, match="disk") as caught:
        as_stored(Broken(X))[7:8]
    (note,) = caught.value.__notes__
    assert note.startswith("in rows 5 to 9 of ")
    assert note.endswith(".Broken (23, 3) float32")


@pytest.mark.parametrize("chunks", [((5, 5), (3,)), None, "auto", ()])
def test_other_arrays_are_left_alone(chunks):
    data = InChunks(X)
    data.chunks = chunks
    assert as_stored(data) is data
    assert as_stored(X) is X


def test_a_data_set_of_h5py_without_chunks():
    data = InChunks(X)
    data.read_direct, data.chunks = print, None
    data.__class__ = type("Dataset", (), {"__getitem__": lambda self, rows: self.array[rows]})
    np.testing.assert_array_equal(as_stored(data)[[3, 22]], X[[3, 22]])


def test_zarr(tmp_path):
    zarr = pytest.importorskip("zarr")
    data = zarr.create_array(str(tmp_path / "x.zarr"), shape=X.shape, chunks=(5, 2), dtype="float32")
    data[:] = X
    array = as_stored(zarr.open_array(str(tmp_path / "x.zarr"), mode="r"))
    assert repr(array) == "zarr.Array (23, 3) float32"
    np.testing.assert_array_equal(array[[22, 0, 7, 8]], X[[22, 0, 7, 8]])
