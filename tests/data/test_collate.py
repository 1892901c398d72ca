"""A collate function is given the samples of a batch, which may have different lengths, and makes arrays of them."""

import numpy as np
import pytest

import minnet as mn
from minnet.data.collate import as_samples, check_samples

RAGGED = [np.arange(1.0, n + 1) for n in (3, 1, 2, 5, 4)]
Y = np.arange(5)


def padded(xs, ys):
    """Pad with zeros at the end; the mask says what is not padding."""
    longest = max(map(len, xs))
    mask = np.arange(longest) < np.array([[len(x)] for x in xs])
    x = np.zeros(mask.shape)
    x[mask] = np.concatenate(xs)
    return (x, mask), np.array(ys)


@pytest.mark.parametrize("shuffle", [False, True, "resampled"])
def test_each_batch_is_made_of_its_samples(shuffle):
    loader = mn.DataLoader(RAGGED, Y, 2, shuffle, collate=padded, sample_weight=Y + 1, rng=0)
    seen = []
    for (x, mask), y, weight in loader:
        assert x.shape == mask.shape == (len(y), max(len(RAGGED[i]) for i in y))
        for row, inside, label in zip(x, mask, y, strict=True):
            assert np.array_equal(row[inside], RAGGED[label])
        assert np.array_equal(weight, y + 1)
        seen += y.tolist()
    if shuffle != "resampled":
        assert sorted(seen) == Y.tolist()


def test_samples_of_trees_are_trees():
    given = []

    def collate(xs, ys):
        given.append((xs, ys))
        return np.array([len(x["text"]) for x in xs]), {"y": np.stack([y["y"] for y in ys])}

    loader = mn.DataLoader({"text": ["a", "bc", "def"], "age": [1, 2, 3]}, {"y": Y[:3]}, 2, collate=collate)
    (x, y), (last, _) = loader
    assert x.tolist() == [1, 2]
    assert last.tolist() == [3]
    assert y["y"].tolist() == [0, 1]
    assert given[0][0] == [{"text": "a", "age": 1}, {"text": "bc", "age": 2}]


def test_bytes_are_scaled_after_it_and_before_the_transform():
    X = [np.full(n, 128, np.uint8) for n in (1, 2)]
    collate = lambda xs, ys: (np.stack([np.resize(x, 2) for x in xs]), np.array(ys))  # noqa: E731
    ((x, _),) = mn.DataLoader(X, [0, 1], 2, collate=collate, transform=lambda x, rng: x + 1)
    assert x.dtype == np.float32
    assert (x == 1.5).all()


def test_arrays_that_have_one_length_are_one_array():
    assert as_samples("L", "X", [[1, 2], [3, 4]]).shape == (2, 2)
    assert as_samples("L", "X", Y) is Y
    assert [type(item) for item in as_samples("L", "X", [[1, 2], [3]])] == [np.ndarray] * 2
    assert as_samples("L", "X", np.array([[1, 2], "b"], object))[1] == "b"
    with pytest.raises(ValueError, match="no samples"):
        as_samples("L", "X", [])


def test_a_number_that_is_not_finite_is_named():
    X = [np.ones(2), np.array([1.0, 2.0, np.nan])]
    with pytest.raises(ValueError, match=r"expected finite numbers in X\[1\], got 1 NaN .*X\[1\]\[2\]: f"):
        mn.DataLoader(X, [0, 1], collate=padded)
    check_samples("L", "X", ["text", np.ones(2)])


@pytest.mark.parametrize(
    ("collate", "error", "message"),
    [
        (lambda xs, ys: np.array(ys), TypeError, r"to return the pair \(x, y\), got an array of shape \(2,\)"),
        (
            lambda xs, ys: (xs, np.array(ys)),
            TypeError,
            "to return x as an array, or a tuple or dict of arrays, got a",
        ),
        (lambda xs, ys: ((), np.array(ys)), TypeError, "to return x as an array, .* got a tuple of 0"),
        (lambda xs, ys: (np.ones((3, 2)), np.array(ys)), ValueError, "a batch of 2 samples .*, got x of shape"),
    ],
    ids=range(4),
)
def test_what_a_collate_function_must_return(collate, error, message):
    with pytest.raises(error, match=message):
        next(iter(mn.DataLoader(RAGGED, Y, 2, collate=collate)))


def test_it_is_a_function():
    with pytest.raises(TypeError, match=r"^DataLoader expected collate to be a function \(xs, ys\) -> .*, got str"):
        mn.DataLoader(RAGGED, Y, collate="pad")
