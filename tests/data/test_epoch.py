import numpy as np
import pytest

import minnet as mn
from minnet.data.augment import Shift
from minnet.data.epoch import Epoch

X = np.arange(22, dtype=np.float32).reshape(11, 2)
Y = np.arange(11)
SETTINGS = [{}, {"shuffle": True}, {"shuffle": "resampled"}, {"shuffle": True, "drop_last": True}, {"drop_last": True}]


def loader(rng=0, **settings):
    return mn.DataLoader(X, Y, 3, rng=rng, **settings)


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("done", [0, 1, 3, 4])
def test_it_goes_on_where_it_was(settings, done):
    whole = loader(**settings)
    expected = [y.tolist() for _ in range(2) for _, y in whole]

    first = loader(**settings)
    epoch = iter(first)
    begun = [y.tolist() for _, (_, y) in zip(range(done), epoch, strict=False)]
    other = loader(rng=99, **settings)
    other.load_state_dict(first.state_dict())
    rest = [y.tolist() for _, y in Epoch(other, epoch.state_dict())]
    assert begun + rest + [y.tolist() for _, y in other] == expected


def test_it_goes_on_with_the_transform():
    images = np.random.default_rng(0).random((8, 16), dtype=np.float32)
    make = [mn.DataLoader(images, Y[:8], 2, shuffle=True, transform=Shift(1), rng=1) for _ in range(2)]
    expected = [x for x, _ in make[0]]
    epoch = iter(make[1])
    got = [next(epoch)[0]]
    other = mn.DataLoader(images, Y[:8], 2, shuffle=True, transform=Shift(1), rng=7)
    other.load_state_dict(make[1].state_dict())
    got += [x for x, _ in Epoch(other, epoch.state_dict())]
    assert all(np.array_equal(a, b) for a, b in zip(got, expected, strict=True))


@pytest.mark.parametrize("settings", SETTINGS)
def test_it_knows_the_rows_of_the_last_batch(settings):
    epoch = iter(loader(**settings))
    for _, y in epoch:
        assert np.array_equal(Y[epoch.rows], y)


@pytest.mark.parametrize(
    "state",
    [
        {"done": 5, "order": None},
        {"done": -1, "order": None},
        {"done": 1, "order": np.arange(11)},
    ],
)
def test_the_state_of_another_loader_is_refused(state):
    with pytest.raises(ValueError, match=r"are done|not one of this loader"):
        Epoch(loader(), state)


@pytest.mark.parametrize("order", [None, np.arange(10), np.arange(11.0), np.full(11, 11), np.full(11, -1), [0] * 11])
def test_an_order_that_is_none_is_refused(order):
    with pytest.raises(ValueError, match="not one of this loader"):
        Epoch(loader(shuffle=True), {"done": 1, "order": order})


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("steps", [[1, 1, 1, 1], [2, 9], [9], [0, 3, 1]])
def test_rows_that_are_taken_are_those_of_the_batches(settings, steps):
    whole, other = loader(**settings), loader(**settings)
    expected = [y.tolist() for _ in range(2) for _, y in whole]
    rows = []
    for _ in range(2):
        epoch = iter(other)
        for step in steps:
            taken = epoch.take(step)
            assert taken.dtype == np.int64
            rows += Y[taken].tolist()
        assert not len(epoch.take(5))
        assert next(epoch, None) is None
    assert rows == [label for batch in expected for label in batch]


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("kept", [0, 1, 2])
def test_what_was_taken_can_be_rewound(settings, kept):
    whole, other = loader(**settings), loader(**settings)
    expected = [y.tolist() for _, y in whole] + [y.tolist() for _, y in whole]
    epoch = iter(other)
    epoch.take(3)
    epoch.rewind(kept)
    assert [y.tolist() for _, y in epoch] + [y.tolist() for _, y in other] == expected[kept:]
