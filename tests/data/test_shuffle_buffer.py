"""A shuffle buffer mixes what is in hand, and loses nothing."""

import copy

import numpy as np
import pytest

from minnet.data.shuffle_buffer import ShuffleBuffer
from minnet.data.supply import Supply

X = np.arange(200.0).reshape(100, 2)


def buffer_of(n=100, buffer=20, size=5, listed=False, seed=0):
    items = ((X[i], i) for i in range(n))
    return ShuffleBuffer(Supply(items, False, listed), buffer, size, np.random.default_rng(seed))


def drawn(buffer):
    batches = []
    while (chunk := buffer.draw()) is not None:
        for x, y in zip(*chunk, strict=True):
            np.testing.assert_array_equal(x, X[y])
        batches.append([int(y) for y in chunk[1]])
    return batches


@pytest.mark.parametrize("listed", [False, True])
@pytest.mark.parametrize("buffer", [0, 1, 7, 20, 95, 99, 100, 500])
@pytest.mark.parametrize("n", [0, 3, 5, 97, 100])
def test_each_sample_comes_once(n, buffer, listed):
    batches = drawn(buffer_of(n, buffer, listed=listed))
    flat = [y for ys in batches for y in ys]
    assert sorted(flat) == list(range(n))
    assert [len(ys) for ys in batches] == [5] * (n // 5) + [n % 5] * (n % 5 > 0)
    assert (flat == sorted(flat)) == (buffer == 0 or n < 3)


def test_no_more_than_the_buffer_and_a_batch_are_read_before_they_are_needed():
    read = []
    items = ((read.append(i) or X[i], i) for i in range(100))
    buffer = ShuffleBuffer(Supply(items, False, False), 20, 5, np.random.default_rng(0))
    for batch in range(1, 10):
        buffer.draw()
        assert len(read) == 20 + 5 * batch


def test_a_buffer_of_everything_is_a_uniform_shuffle():
    first = np.zeros((4, 4))
    for seed in range(2000):
        order = [y for ys in drawn(buffer_of(4, buffer=2, size=2, seed=seed)) for y in ys]
        first[order, range(4)] += 1
    assert (abs(first - 500) < 100).all()  # five standard deviations


def test_a_sample_waits_for_as_many_samples_as_the_buffer_holds_on_average():
    items = (((0.0, 0.0), i) for i in range(20_000))
    buffer = ShuffleBuffer(Supply(items, False, False), 10, 5, np.random.default_rng(0))
    waits = [out - max(y - 10, 0) // 5 for out in range(3000) for y in buffer.draw()[1]]
    assert min(waits) == 0
    assert abs(np.mean(waits) - 10 / 5) < 0.2  # batches; the standard error is 0.02


@pytest.mark.parametrize("listed", [False, True])
@pytest.mark.parametrize("done", [0, 1, 10, 16, 18, 20])
def test_a_state_is_gone_on_from(done, listed):
    rng = np.random.default_rng(3)
    items = iter([(X[i], i) for i in range(97)])
    supply = Supply(items, False, listed)
    buffer = ShuffleBuffer(supply, 20, 5, rng)
    for _ in range(done):
        buffer.draw()
    state, rng, left = copy.deepcopy((buffer.state_dict(), rng, list(items)))
    other = ShuffleBuffer(Supply(iter(left), False, listed), 20, 5, rng)
    other.load_state_dict(state)
    expected = ShuffleBuffer(
        Supply(iter([(X[i], i) for i in range(97)]), False, listed), 20, 5, np.random.default_rng(3)
    )
    assert drawn(other) == drawn(expected)[done:]


@pytest.mark.parametrize(
    "change",
    [
        {"free": np.array([0, 0])},
        {"free": np.array([0, 25])},
        {"free": np.array([-1])},
        {"free": np.array([0.5])},
        {"order": np.array([3, 3])},
        {"held": (X, np.arange(100))},
        {"held": (X[:25], np.arange(24))},
    ],
    ids=str,
)
def test_a_state_of_another_buffer(change):
    buffer = buffer_of()
    buffer.draw()
    state = buffer.state_dict()
    with pytest.raises(ValueError, match=r"shuffle buffer|several lengths"):
        buffer_of().load_state_dict(state | change)


def test_how_much_memory_the_samples_take():
    for listed in (False, True):
        buffer = buffer_of(listed=listed)
        assert buffer.bytes() == 0
        buffer.draw()
        assert buffer.bytes() == 25 * (16 + 8 * (not listed))  # a list of int has no bytes of its own
