"""Padding and buckets."""

import pickle

import numpy as np
import pytest

from minnet.data import DataLoader, Pad, bucketed_order
from minnet.data.padding import lengths_of

SEQUENCES = [np.array([5, 6, 7]), np.array([8]), np.array([], int), np.array([1, 2])]


def test_sequences_become_one_array_and_a_mask():
    (x, mask), y = Pad()(SEQUENCES, [1, 0, 2, 1])
    assert x.tolist() == [[5, 6, 7], [8, 0, 0], [0, 0, 0], [1, 2, 0]]
    assert mask.tolist() == [[True] * 3, [True, False, False], [False] * 3, [True, True, False]]
    assert (x.dtype, mask.dtype, y.tolist()) == (np.int64, bool, [1, 0, 2, 1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32, np.uint8])
def test_the_dtype_and_the_other_axes_stay(dtype):
    rng = np.random.default_rng(0)
    xs = [rng.integers(0, 9, (n, 2, 3)).astype(dtype) for n in (4, 1, 2)]
    (x, mask), _ = Pad(7)(xs, [0, 0, 0])
    assert x.dtype == dtype
    assert x.shape == (3, 4, 2, 3)
    for row, real, original in zip(x, mask, xs, strict=True):
        np.testing.assert_array_equal(row[real], original)
        assert (row[~real] == 7).all()


def test_an_empty_list_does_not_make_floats_of_words():
    (x, mask), _ = Pad()([[1, 2], []], [0, 1])
    assert (x.dtype, mask.sum()) == (np.int64, 2)
    (x, mask), _ = Pad()([[], []], [0, 1])
    assert x.shape == mask.shape == (2, 0)
    assert x.dtype == np.int64
    for empty in (np.zeros(0, np.float32), np.zeros((0, 3))):
        assert Pad()([empty, empty], [0, 1])[0][0].dtype == empty.dtype


def test_targets_of_each_place_are_padded_too():
    (_, mask), y = Pad(target_value=-100)(SEQUENCES, [x % 3 for x in SEQUENCES])
    assert y.tolist() == [[2, 0, 1], [2, -100, -100], [-100] * 3, [1, 2, -100]]
    np.testing.assert_array_equal(mask, y != -100)


def test_targets_may_be_arrays_or_trees():
    _, y = Pad()(SEQUENCES, list(np.arange(8.0).reshape(4, 2)))
    assert y.tolist() == [[0, 1], [2, 3], [4, 5], [6, 7]]
    _, y = Pad()(SEQUENCES, [{"topic": n, "score": np.array([n / 2])} for n in range(4)])
    assert y["topic"].tolist() == [0, 1, 2, 3]
    assert y["score"].shape == (4, 1)
    _, y = Pad(target_value=-1)(SEQUENCES, [(x, x) for x in SEQUENCES])
    assert y[0].shape == y[1].shape == (4, 3)


@pytest.mark.parametrize(
    ("pad", "xs", "ys", "error", "message"),
    [
        (Pad(), ["cat", "dog"], [0, 1], TypeError, r"Pad expected sequences of numbers, got <U3: number the words"),
        (
            Pad(),
            [1, 2],
            [0, 1],
            ValueError,
            r"with an axis of time, got the single number 1: a sample is an array \(T,",
        ),
        (
            Pad(),
            [np.ones((2, 3)), np.ones((2, 4))],
            [0, 1],
            ValueError,
            r"got the shapes \(2, 3\) and \(2, 4\): time is",
        ),
        (Pad(-1), [np.ones(1, np.uint8)], [0], ValueError, "Pad cannot put the value -1 into sequences of uint8: pass"),
        (Pad(0.5), [[1, 2]], [0], ValueError, "Pad cannot put the value 0.5 into sequences of int64"),
        (
            Pad(target_value=300),
            [[1]],
            [np.ones(1, np.uint8)],
            ValueError,
            "cannot put the target_value 300 into targets",
        ),
        (
            Pad(),
            [[1], [2]],
            [[1], [1, 2]],
            ValueError,
            r"targets of several shapes, \(1,\) and others: .*target_value=-1",
        ),
        (
            Pad(target_value=0),
            [[1]],
            [1],
            ValueError,
            "targets with an axis of time, got the single number 1: leave out",
        ),
        (Pad(), [{"a": [1]}], [0], TypeError, r"one sequence each, got a dict.*: for several inputs, write a function"),
        (Pad(), [([1], [2])], [0], TypeError, "one sequence each, got a tuple of 2"),
    ],
)
def test_what_cannot_be_padded(pad, xs, ys, error, message):
    with pytest.raises(error, match=message):
        pad(xs, ys)


def test_a_pad_says_what_it_is_and_can_be_copied():
    assert repr(Pad()) == "Pad(0)"
    assert repr(pickle.loads(pickle.dumps(Pad(1, -100)))) == "Pad(1, target_value=-100)"


# -- buckets


def padding(order, lengths, size):
    """Return the share of what is padded in the batches of an order."""
    batches = [lengths[order[start : start + size]] for start in range(0, len(order), size)]
    return 1 - lengths.sum() / sum(len(batch) * batch.max() for batch in batches)


@pytest.mark.parametrize("rows", [1, 2, 7, 8, 9, 64, 100])
@pytest.mark.parametrize("size", [1, 3, 8, 64, 200])
def test_every_row_comes_once(rows, size):
    rng = np.random.default_rng(rows)
    for lengths in (rng.integers(0, 50, rows), np.zeros(rows, int), np.full(rows, 7)):
        order = bucketed_order(lengths, size, rng)
        assert np.array_equal(np.sort(order), np.arange(rows))


def test_little_is_padded():
    rng = np.random.default_rng(0)
    lengths = rng.lognormal(4, 0.8, 2000).astype(int) + 1
    shares = [padding(bucketed_order(lengths, 32, rng), lengths, 32) for _ in range(5)]
    assert max(shares) < 0.2
    assert padding(rng.permutation(2000), lengths, 32) > 0.6


def test_the_order_is_random():
    rng = np.random.default_rng(0)
    lengths = np.arange(100)
    orders = [bucketed_order(lengths, 10, rng) for _ in range(50)]
    firsts = np.array([lengths[order[:10]].mean() for order in orders])
    assert firsts.min() < 15
    assert firsts.max() > 85  # the batches are shuffled
    assert len({tuple(sorted(order[:10])) for order in orders}) > 15  # and are made of other rows each time
    same = [bucketed_order(np.full(20, 5), 4, rng) for _ in range(20)]
    assert len({tuple(order) for order in same}) == 20


def test_the_short_batch_is_the_last_and_of_any_length():
    rng = np.random.default_rng(0)
    lengths = np.arange(95)
    last = np.array([lengths[bucketed_order(lengths, 10, rng)[90:]].mean() for _ in range(100)])
    assert last.min() < 20
    assert last.max() > 75


def test_the_same_seed_is_the_same_order():
    lengths = np.random.default_rng(0).integers(1, 99, 50)
    one, two = (bucketed_order(lengths, 8, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(one, two)


# -- in a loader


def ragged(rows=50):
    rng = np.random.default_rng(1)
    return [rng.integers(1, 9, n) for n in rng.integers(1, 30, rows)], np.arange(rows)


@pytest.mark.parametrize("shuffle", [False, True, "bucketed", "resampled"])
def test_a_loader_pads_each_batch(shuffle):
    X, y = ragged()
    for (x, mask), rows in DataLoader(X, y, 8, shuffle, collate=Pad(), rng=0):
        lengths = [len(X[row]) for row in rows]
        assert x.shape == mask.shape == (len(rows), max(lengths))
        for row, tokens, real in zip(rows, x, mask, strict=True):
            np.testing.assert_array_equal(tokens[real], X[row])


def test_a_loader_of_buckets_yields_every_sample_once_in_batches_of_similar_lengths():
    X, y = ragged(100)
    loader = DataLoader(X, y, 8, "bucketed", collate=Pad(), rng=0)
    passes = [[(mask.mean(), rows) for (_, mask), rows in loader] for _ in range(2)]
    for one in passes:
        assert len(one) == len(loader) == 13
        assert sorted(np.concatenate([rows for _, rows in one])) == list(range(100))
        assert np.mean([share for share, _ in one]) > 0.85
    assert [rows.tolist() for _, rows in passes[0]] != [rows.tolist() for _, rows in passes[1]]
    assert len(list(DataLoader(X, y, 8, "bucketed", collate=Pad(), drop_last=True))) == 12


def test_weights_go_with_their_samples():
    X, y = ragged()
    for (_, mask), rows, v in DataLoader(X, y, 8, "bucketed", sample_weight=y / 2, collate=Pad(), rng=0):
        np.testing.assert_array_equal(v, rows / 2)
        np.testing.assert_array_equal(mask.sum(axis=1), [len(X[row]) for row in rows])


def test_buckets_need_several_lengths():
    X, y = [np.ones(4, int)] * 5, np.arange(5)  # which happen to have one length
    batches = list(DataLoader(X, y, 2, "bucketed", collate=Pad(), rng=0))
    assert sorted(np.concatenate([rows for _, rows in batches])) == [0, 1, 2, 3, 4]
    for X in (np.ones((5, 3)), (np.ones((5, 3)), np.ones((5, 3), bool)), {"a": np.ones((5, 3))}):
        with pytest.raises(
            ValueError, match=r"list of sequences of several lengths for shuffle=.bucketed., got .*Pad\(\)"
        ):
            DataLoader(X, np.arange(5), shuffle="bucketed")
    with pytest.raises(ValueError, match="got a tuple of 2: pass such a list"):
        DataLoader((ragged(5)[0], np.ones((5, 2))), y, shuffle="bucketed", collate=Pad())
    assert lengths_of([[1, 2], []]).tolist() == [2, 0]


@pytest.mark.parametrize("arguments", [("x",), (None,), (0, "x")])
def test_what_pads_is_a_number(arguments):
    with pytest.raises(TypeError, match=r"Pad expected (value|target_value) to be a number"):
        Pad(*arguments)
