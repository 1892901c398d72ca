"""Blocks: each row comes once, windows are bounded, files are read sequentially, and an epoch goes on where it was."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minnet as mn
from minnet.core.stored import Stored
from minnet.data import blocks
from minnet.data.blocks import Blocks, WindowReader
from minnet.data.epoch import Epoch


class Recorded(Stored):
    """An array that keeps what was read of it."""

    def __init__(self, array, chunk=1):
        self.array, self.shape, self.dtype, self.chunk, self.reads = array, array.shape, array.dtype, chunk, []

    def read(self, ranges, out=None):
        self.reads.append(ranges)
        return np.concatenate([self.array[start:stop] for start, stop in ranges], out=out)


@pytest.fixture
def small(monkeypatch):
    """Blocks of 4 rows of 8 bytes, 3 of them in a window."""
    monkeypatch.setattr(blocks, "BLOCK", 32)
    monkeypatch.setattr(blocks, "WINDOW", 96)
    monkeypatch.setattr(blocks, "LEAST", 1)


def numbers(n):
    return np.arange(n, dtype=np.float64)


def labels(loader):
    return [y.tolist() for _, y in loader]


sizes = st.tuples(st.integers(1, 70), st.integers(1, 40), st.integers(1, 5), st.integers(1, 9))


@settings(deadline=None, max_examples=40)
@given(sizes, st.integers(0, 5), st.booleans(), st.data())
def test_any_epoch(size, seed, drop_last, data):
    """Batches are those of the data in memory; each row comes once; the rest of an epoch is as if never left."""
    samples, block, together, batch = size
    before = blocks.BLOCK, blocks.WINDOW, blocks.LEAST
    blocks.BLOCK, blocks.WINDOW, blocks.LEAST = block * 24, block * 24 * together, 1
    try:
        x, y = np.arange(2.0 * samples).reshape(samples, 2), np.arange(samples)
        settings = {"batch_size": min(batch, samples), "shuffle": "blocks", "drop_last": drop_last}
        in_memory = mn.DataLoader(x, y, rng=seed, **settings)
        stored = mn.DataLoader(Recorded(x), Recorded(y), rng=seed, **settings)
        expected = [list(in_memory) for _ in range(2)]
        for epoch in expected:
            found = list(stored)
            assert len(found) == len(epoch)
            for (a, b), (c, d) in zip(found, epoch, strict=True):
                np.testing.assert_array_equal(a, c)
                np.testing.assert_array_equal(b, d)
                np.testing.assert_array_equal(a[:, 0] / 2, b)
        if not drop_last:
            assert sorted(row for _, rows in expected[0] for row in rows.tolist()) == y.tolist()
        done = data.draw(st.integers(0, len(in_memory)))
        first = mn.DataLoader(Recorded(x), Recorded(y), rng=seed, **settings)
        epoch = iter(first)
        begun = [next(epoch) for _ in range(done)]
        other = mn.DataLoader(Recorded(x), Recorded(y), rng=99, **settings)
        other.load_state_dict(first.state_dict())
        rest = list(Epoch(other, epoch.state_dict()))
        assert [b.tolist() for _, b in begun + rest] == [b.tolist() for _, b in expected[0]]
        assert labels(other) == [b.tolist() for _, b in expected[1]]
    finally:
        blocks.BLOCK, blocks.WINDOW, blocks.LEAST = before


def test_a_window_is_read_in_one_go_and_in_the_order_of_the_file(small):
    array = Recorded(numbers(50))
    order = Blocks([array], np.random.default_rng(0))
    assert (order.size, order.together) == (4, 3)
    reader = WindowReader(array, order)
    rows = [order.rows(start, start + 5) for start in range(0, 50, 5)]
    np.testing.assert_array_equal(np.concatenate([reader(part) for part in rows]), np.concatenate(rows))
    assert len(array.reads) == 5
    for ranges in array.reads:
        assert ranges == sorted(ranges)
        assert sum(stop - start for start, stop in ranges) <= 12
    assert sorted(row for ranges in array.reads for a, b in ranges for row in range(a, b)) == list(range(50))


def test_neighbours_are_read_together():
    array = Recorded(numbers(50))
    order = Blocks([array], np.random.default_rng(0))  # all of it is one window
    assert order.ranges(0) == [(0, 50)]
    WindowReader(array, order)(order.rows(0, 10))
    assert array.reads == [[(0, 50)]]


def test_an_epoch_is_a_full_shuffle_of_what_fits_into_a_window():
    found = np.zeros((5, 5))
    order = np.arange(5)
    for seed in range(2000):
        rows = Blocks([numbers(5)], np.random.default_rng(seed)).rows(0, 5)
        found[order, rows] += 1
    assert (abs(found / 2000 - 1 / 5) < 0.05).all()


def test_how_often_two_rows_meet_in_a_batch(monkeypatch):
    """As docs/large-data.md says: 8 rows in 4 blocks, 2 of them in a window, batches of 2."""
    monkeypatch.setattr(blocks, "BLOCK", 16)
    monkeypatch.setattr(blocks, "WINDOW", 32)
    monkeypatch.setattr(blocks, "LEAST", 1)
    met, epochs = np.zeros((8, 8)), 4000
    rng = np.random.default_rng(0)
    for _ in range(epochs):
        a, b = Blocks([numbers(8)], rng).rows(0, 8).reshape(4, 2).T
        met[a, b] += 1
        met[b, a] += 1
    same = np.arange(8) // 2 == np.arange(8)[:, None] // 2
    expected = np.where(same, 1 / 3, 1 / 3 * 1 / 3) * (1 - np.eye(8))
    assert abs(met / epochs - expected).max() < 0.04


def test_every_epoch_has_another_order(small):
    loader = mn.DataLoader(numbers(50), np.arange(50), 10, shuffle="blocks", rng=0)
    first, second = labels(loader), labels(loader)
    assert first != second
    assert labels(mn.DataLoader(numbers(50), np.arange(50), 10, shuffle="blocks", rng=0)) == first


def test_blocks_are_whole_chunks(small):
    order = Blocks([Recorded(numbers(50), chunk=3), numbers(50)], np.random.default_rng(0))
    assert order.size == 3  # two rows are 32 bytes
    assert Blocks([Recorded(numbers(50), chunk=7)], np.random.default_rng(0)).size == 7


def test_large_rows_and_chunks_are_a_few_blocks_of_a_window():
    order = Blocks([np.broadcast_to(np.float64(1), (100, 1 << 20))], np.random.default_rng(0))
    assert (order.size, order.together) == (1, 8)


@pytest.mark.parametrize("part", range(3))
def test_a_part_of_each_batch_is_read(part, small):
    from minnet.mpi.part import Part

    x, y = Recorded(numbers(50)), np.arange(50)
    whole = labels(mn.DataLoader(x, y, 7, shuffle="blocks", rng=0))
    epoch = iter(mn.DataLoader(x, y, 7, shuffle="blocks", rng=0))
    epoch.part = Part(part, 3)
    for (a, b), expected in zip(epoch, whole, strict=True):
        assert a.tolist() == b.tolist() == expected[Part(part, 3).rows(len(expected))]


def test_rows_are_taken_and_put_back(small):
    expected = labels(mn.DataLoader(numbers(50), np.arange(50), 7, shuffle="blocks", rng=0))
    epoch = iter(mn.DataLoader(numbers(50), np.arange(50), 7, shuffle="blocks", rng=0))
    assert epoch.take(3).tolist() == [row for batch in expected[:3] for row in batch]
    epoch.rewind(2)
    assert [y.tolist() for _, y in epoch] == expected[2:]


def test_a_memory_map_is_read_by_windows(small, tmp_path):
    memmap = np.memmap(tmp_path / "x", np.float64, "w+", shape=(50,))
    memmap[:] = numbers(50)
    loader = mn.DataLoader(memmap, np.arange(50), 7, shuffle="blocks", rng=0)
    for x, y in loader:
        np.testing.assert_array_equal(x, y)
        assert not isinstance(x, np.memmap)


def test_lists_for_a_collate_function(small):
    sequences = [np.full(n % 4 + 1, n) for n in range(30)]
    loader = mn.DataLoader(sequences, np.arange(30), 4, shuffle="blocks", collate=mn.data.Pad(), rng=0)
    seen = []
    for (x, _), y in loader:
        assert x[:, 0].tolist() == y.tolist()
        seen += y.tolist()
    assert sorted(seen) == list(range(30))


@pytest.mark.parametrize(
    "change",
    [
        lambda order: order[:-1],
        lambda order: order.astype(float),
        lambda order: order * [-1, *[1] * (len(order) - 1)],
        lambda order: order + np.eye(1, len(order), 1, int)[0],
        lambda order: np.append(order[:-1], order[-2]),
        lambda order: None,
    ],
)
def test_the_state_of_other_blocks_is_refused(change, small):
    loader = mn.DataLoader(numbers(50), np.arange(50), 7, shuffle="blocks", rng=0)
    state = iter(loader).state_dict()
    with pytest.raises(ValueError, match="not one of this loader"):
        Epoch(loader, {"done": 1, "order": change(state["order"])})


def test_the_state_is_small():
    loader = mn.DataLoader(np.zeros((100_000, 100), np.float32), np.zeros(100_000), 7, shuffle="blocks", rng=0)
    assert iter(loader).state_dict()["order"].size < 100


def test_memory_is_bounded_by_the_window(small):
    array = Recorded(numbers(200))
    reader = WindowReader(array, order := Blocks([array], np.random.default_rng(0)))
    for start in range(0, 200, 7):
        reader(order.rows(start, start + 7))
        assert len(reader._memory) <= 12
