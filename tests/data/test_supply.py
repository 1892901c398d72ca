"""A supply hands out samples, so many at a time, whatever the source yields."""

import numpy as np
import pytest

from minnet.data.supply import Supply, joined_chunks, rows_of, size_of

N = 23
X, Y = np.arange(2.0 * N).reshape(N, 2), np.arange(N)


def cut(*sizes):
    """Return batches of these sizes."""
    ends = np.cumsum(sizes)
    return [(X[end - size : end], Y[end - size : end]) for size, end in zip(sizes, ends, strict=True)]


def taken(supply, n):
    """Return the ys that a supply hands out, n at a time."""
    found = []
    while (chunk := supply.take(n)) is not None:
        found.append([int(y) for y in chunk[1]])
    return found


@pytest.mark.parametrize("listed", [False, True])
@pytest.mark.parametrize("n", [1, 4, 5, 22, 23, 24])
@pytest.mark.parametrize("sizes", [None, (23,), (5, 5, 5, 8), (1, 0, 11, 11), (22, 1)], ids=str)
def test_each_sample_comes_once_and_in_order(sizes, n, listed):
    items = zip(X, Y, strict=True) if sizes is None else cut(*sizes)
    found = taken(Supply(iter(items), sizes is not None, listed), n)
    assert [y for ys in found for y in ys] == Y.tolist()
    assert [len(ys) for ys in found] == [n] * (N // n) + [N % n] * (N % n > 0)


def test_x_is_an_array_or_a_list_of_samples():
    x, y = Supply(iter(cut(3)), True, False).take(3)
    assert (x.shape, y.tolist()) == ((3, 2), [0, 1, 2])
    x, y = Supply(iter(cut(3)), True, True).take(3)
    assert [sample.tolist() for sample in x] == X[:3].tolist()


@pytest.mark.parametrize("kind", ["tuple", "dict"])
@pytest.mark.parametrize("batches", [False, True])
def test_several_inputs_with_weights(kind, batches):
    def tree(rows):
        return (X[rows], Y[rows] + 0.5) if kind == "tuple" else {"a": X[rows], "b": Y[rows] + 0.5}

    rows = [slice(0, 4), slice(4, 6)] if batches else range(6)
    supply = Supply(iter([(tree(row), Y[row], Y[row] / 2) for row in rows]), batches, False)
    x, y, weights = supply.take(5)
    a, b = x if kind == "tuple" else x.values()
    np.testing.assert_array_equal(a, X[:5])
    np.testing.assert_array_equal(b, Y[:5] + 0.5)
    assert (y.tolist(), weights.tolist()) == ([0, 1, 2, 3, 4], [0, 0.5, 1, 1.5, 2])
    assert size_of(supply.take(9)) == 1


def test_a_tuple_of_numbers_is_one_row():
    x, _ = Supply(iter([((1.0, 2.0), 0), ((3.0, 4.0), 1)]), False, False).take(2)
    assert x.tolist() == [[1, 2], [3, 4]]


def test_an_iterator_is_not_asked_again_when_it_has_ended():
    class Once:
        left = 3

        def __iter__(self):
            return self

        def __next__(self):
            assert self.left >= 0
            self.left -= 1
            if self.left < 0:
                raise StopIteration
            return X[0], 1

    assert taken(Supply(Once(), False, False), 2) == [[1, 1], [1]]


@pytest.mark.parametrize(
    ("items", "batches", "error", "message"),
    [
        ([X[0]], False, TypeError, "a source of samples .x, y.*got an array.*batches=True"),
        ([(X[0],)], False, TypeError, "yield both, x and y"),
        ([(X[:2], Y[:3])], True, ValueError, "Stream got 2 samples in x and 3 targets in y"),
        ([(X[0], 1), (X[0], 1, 2.0)], False, ValueError, "give all of them a weight"),
        ([(X[0], 1), (X[0, :1], 1)], False, ValueError, "x to be an array, got rows of 1 to 2 entries.*mn.data.Pad"),
        ([(X[0], "a")], False, TypeError, "Stream expected y to hold numbers"),
        ([(X[:2], Y[:2]), (X[2:4].astype(np.float32), Y[2:4])], True, ValueError, "got x float32 .* after x float64"),
        ([(X[:2], Y[:2]), (X[2:4, :1], Y[2:4])], True, ValueError, "alike, got x float64 .1,."),
    ],
)  # fmt: skip
def test_what_a_source_must_not_yield(items, batches, error, message):
    supply = Supply(iter(items), batches, False)
    with pytest.raises(error, match=message):
        taken(supply, 2)


def test_rows_of_a_chunk_and_chunks_joined():
    chunk = ({"a": X, "b": Y}, list(Y))
    some = rows_of(chunk, np.array([3, 1]))
    assert (some[0]["b"].tolist(), some[1]) == ([3, 1], [3, 1])
    both = joined_chunks([some, rows_of(chunk, slice(5, 7))])
    assert (both[0]["b"].tolist(), both[1], size_of(both)) == ([3, 1, 5, 6], [3, 1, 5, 6], 4)
    np.testing.assert_array_equal(both[0]["a"], X[[3, 1, 5, 6]])
