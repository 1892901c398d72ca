"""A DataLoader cuts a data set into batches: every sample, the right ones, and without copying the whole."""

import tracemalloc

import numpy as np
import pytest

from minnet import DataLoader, ReLU

N = 23
X = np.arange(2.0 * N).reshape(N, 2)
Y = np.arange(N)
for shared in (X, Y):
    shared.flags.writeable = False


def labels(loader):
    """Return the labels of one epoch as a list of batches."""
    return [y.tolist() for _, y in loader]


def flat(batches):
    return [label for batch in batches for label in batch]


def peak_of_a_batch(loader):
    """Return how many bytes are allocated, at most, to make a batch that is not the first."""
    batches = iter(loader)
    next(batches)
    tracemalloc.start()
    next(batches)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


# -- epochs


def test_unshuffled_batches_are_in_order():
    assert labels(DataLoader(X[:5], Y[:5], 2)) == [[0, 1], [2, 3], [4]]
    assert labels(DataLoader(X[:5], Y[:5], 2, drop_last=True)) == [[0, 1], [2, 3]]


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("batch_size", [1, 2, 5, N - 1, N, N + 1, 1000])
def test_every_sample_comes_once_an_epoch(shuffle, batch_size):
    loader = DataLoader(X, Y, batch_size, shuffle, rng=0)
    for _ in range(3):
        batches = labels(loader)
        assert sorted(flat(batches)) == Y.tolist()
        assert [len(batch) for batch in batches[:-1]] == [batch_size] * (len(loader) - 1)
        assert len(batches) == len(loader)
        assert 1 <= len(batches[-1]) <= batch_size


@pytest.mark.parametrize(("batch_size", "batches"), [(1, 23), (5, 4), (11, 2), (12, 1), (23, 1)])
@pytest.mark.parametrize("options", [{"shuffle": False}, {"shuffle": True}, {"shuffle": "resampled"}], ids=str)
def test_drop_last_leaves_full_batches_only(options, batch_size, batches):
    loader = DataLoader(X, Y, batch_size, drop_last=True, rng=0, **options)
    assert len(loader) == batches
    assert [len(batch) for batch in labels(loader)] == [batch_size] * batches
    assert len(set(flat(labels(loader)))) == batches * batch_size or "resampled" in options.values()


@pytest.mark.parametrize("options", [{"shuffle": False}, {"shuffle": True}, {"shuffle": "resampled"}], ids=str)
def test_samples_keep_their_targets(options):
    for x, y in DataLoader(X, Y, 4, rng=0, **options):
        np.testing.assert_array_equal(x, np.stack([2 * y, 2 * y + 1], axis=1))


def test_shuffling_mixes_samples_and_not_only_batches():
    batches = labels(DataLoader(X, Y, 5, shuffle=True, rng=0))
    assert all(sorted(batch) != list(range(min(batch), min(batch) + len(batch))) for batch in batches)


# -- randomness


@pytest.mark.parametrize("options", [{"shuffle": True}, {"shuffle": "resampled"}], ids=str)
def test_every_epoch_has_a_new_order_and_the_seed_decides(options):
    first, same, other = (DataLoader(X, Y, 5, rng=seed, **options) for seed in (1, 1, 2))
    epochs = [labels(first) for _ in range(3)]
    assert epochs[0] != epochs[1] != epochs[2] != epochs[0]
    assert [labels(same) for _ in range(3)] == epochs
    assert labels(other) != epochs[0]


def test_a_generator_may_be_given():
    assert labels(DataLoader(X, Y, 5, True, rng=np.random.default_rng(1))) == labels(DataLoader(X, Y, 5, True, rng=1))


def test_the_global_seed_has_no_part_in_it():
    orders = []
    for _ in range(2):
        np.random.seed(0)  # noqa: NPY002
        orders.append(labels(DataLoader(X, Y, 5, shuffle=True)))
    assert orders[0] != orders[1]


@pytest.mark.parametrize("shuffle", [False, True])
def test_two_iterations_at_once_do_not_disturb_each_other(shuffle):
    loader = DataLoader(X, Y, 3, shuffle, rng=0)
    first, second = [], []
    for (_, a), (_, b) in zip(loader, loader, strict=True):
        first += a.tolist()
        second += b.tolist()
    assert sorted(first) == sorted(second) == Y.tolist()
    assert (first != second) == shuffle


def test_an_epoch_that_was_broken_off_leaves_nothing_behind():
    loader = DataLoader(X, Y, 3)
    next(iter(loader))
    assert labels(loader)[0] == [0, 1, 2]


# -- resampled batches


def test_a_resampled_batch_never_repeats_a_sample():
    loader = DataLoader(X, Y, 11, shuffle="resampled", rng=0)
    for batch in (batch for _ in range(200) for batch in labels(loader)):
        assert len(set(batch)) == 11


def test_a_resampled_batch_may_be_the_whole_data_set():
    assert sorted(labels(DataLoader(X, Y, N, shuffle="resampled", rng=0))[0]) == Y.tolist()


@pytest.mark.parametrize("size", [1, 5, 20])
def test_resampled_batches_are_uniform_draws(size):
    """Chi-square over N = 23 samples, whose counts lack a share size/N of a multinomial's variance."""
    loader = DataLoader(X, Y, size, shuffle="resampled", rng=0)
    draws = [batch for _ in range(4000 // len(loader)) for batch in labels(loader)]
    for counts, share in [
        (np.bincount(np.ravel(draws), minlength=N), size / N),  # a batch as a whole
        (np.bincount([batch[0] for batch in draws], minlength=N), 1 / N),  # its first place
    ]:
        expected = counts.sum() / N
        chi_square = ((counts - expected) ** 2 / expected).sum() / (1 - share) * (N - 1) / N
        freedom = N - 1
        assert abs(chi_square - freedom) < 6 * np.sqrt(2 * freedom)


def test_resampled_batches_come_as_often_as_make_up_the_data():
    assert len(DataLoader(X, Y, 5, shuffle="resampled")) == 5
    assert [len(batch) for batch in labels(DataLoader(X, Y, 5, shuffle="resampled"))] == [5] * 5


# -- memory


def test_a_resampled_batch_costs_the_same_however_large_the_data_set():
    peaks = []
    for n in (10_000, 1_000_000):
        peaks.append(
            peak_of_a_batch(DataLoader(np.zeros((n, 1), np.uint8), np.zeros(n, np.uint8), 128, shuffle="resampled"))
        )
    assert max(peaks) < 20_000  # an array of a byte a sample would be a million


LARGE = np.zeros((20_000, 101), np.float32)  # 8 MB
LARGE_Y = np.zeros((20_000, 2), np.int64)


@pytest.mark.parametrize("options", [{"shuffle": False}, {"shuffle": True}, {"shuffle": "resampled"}], ids=str)
@pytest.mark.parametrize(
    "x",
    [LARGE, LARGE[:, 1:], LARGE[::2], LARGE[::-1], np.asfortranarray(LARGE)],
    ids=["as it is", "without its first column", "every other row", "backwards", "in Fortran order"],
)
def test_a_batch_never_copies_the_data_set(x, options):
    loader = DataLoader(x, np.zeros(len(x), np.int64), 10, rng=0, **options)
    assert np.shares_memory(loader.X, x)
    assert peak_of_a_batch(loader) < 50_000  # a batch is 4 kB


@pytest.mark.parametrize("options", [{"shuffle": True}, {"shuffle": "resampled"}], ids=str)
def test_a_batch_never_copies_a_column_of_targets_as_a_whole(options):
    loader = DataLoader(LARGE, LARGE_Y[:, 0], 10, rng=0, **options)
    assert peak_of_a_batch(loader) < 50_000  # the column is 160 kB


# -- what the batches hold


@pytest.mark.parametrize("scale", [0, -1.0, np.inf, np.nan])
def test_a_scale_that_is_none_is_refused(scale):
    with pytest.raises(ValueError, match=r"^DataLoader needs .*scale .*uint8 is multiplied by it"):
        DataLoader(X, Y, scale=scale)
    with pytest.raises(TypeError, match=r"^DataLoader expected scale to be a number, got str"):
        DataLoader(X, Y, scale="1/255")


@pytest.mark.parametrize("options", [{"shuffle": False}, {"shuffle": True}, {"shuffle": "resampled"}], ids=str)
def test_bytes_become_exactly_their_256ths_and_stay_bytes_in_memory(options):
    images = np.arange(256, dtype=np.uint8).reshape(256, 1)
    loader = DataLoader(images, np.arange(256), 256, rng=0, **options)
    ((x, y),) = loader
    assert x.dtype == np.float32
    np.testing.assert_array_equal(x[:, 0], y / 256)
    assert loader.X.dtype == np.uint8
    assert np.shares_memory(loader.X, images)
    np.testing.assert_array_equal(images[:, 0], np.arange(256))


@pytest.mark.parametrize(("scale", "expected"), [(1 / 255, 1.0), (1, 255.0), (np.float64(2), 510.0)])
def test_another_scale(scale, expected):
    ((x, _),) = DataLoader(np.array([[255]], np.uint8), [0], scale=scale)
    assert x.dtype == np.float32
    assert x[0, 0] == pytest.approx(expected, rel=1e-7)


def test_without_a_scale_bytes_stay_bytes():
    ((x, _),) = DataLoader(np.array([[255]], np.uint8), [0], scale=None)
    assert x.dtype == np.uint8
    assert x[0, 0] == 255


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16, np.int64, np.int8, np.uint16, bool])
@pytest.mark.parametrize("options", [{"shuffle": False}, {"shuffle": True}], ids=str)
def test_other_dtypes_and_targets_stay_as_they_are(dtype, options):
    for x, y in DataLoader(X.astype(dtype), Y.astype(np.uint8), 5, rng=0, **options):
        assert x.dtype == dtype
        assert y.dtype == np.uint8
        np.testing.assert_array_equal(x, X[y].astype(dtype))


@pytest.mark.parametrize("shape", [(), (3,), (4, 4), (2, 3, 4)])
@pytest.mark.parametrize("options", [{"shuffle": False}, {"shuffle": True}], ids=str)
def test_samples_and_targets_of_any_shape(shape, options):
    x, y = next(iter(DataLoader(np.ones((N, *shape)), np.ones((N, *shape)), 5, rng=0, **options)))
    assert x.shape == y.shape == (5, *shape)


@pytest.mark.parametrize("options", [{"shuffle": True}, {"shuffle": "resampled"}], ids=str)
def test_batches_stay_when_the_loader_goes_on(options):
    batches = list(DataLoader(X, Y, 5, rng=0, **options))
    for i, (x, y) in enumerate(batches):
        np.testing.assert_array_equal(x, X[y])
        assert not any(np.shares_memory(x, other) for other, _ in batches[:i])


# -- where the data lie


@pytest.mark.parametrize("options", [{"shuffle": False}, {"shuffle": True}, {"shuffle": "resampled"}], ids=str)
def test_a_memmap_is_not_loaded(tmp_path, options):
    images = np.memmap(tmp_path / "images", np.uint8, "w+", shape=(100_000, 50))
    images[:] = (np.arange(100_000) % 251)[:, None]
    targets = np.arange(100_000)
    tracemalloc.start()
    loader = DataLoader(images, targets, 10, rng=0, **options)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10_000
    assert np.shares_memory(loader.X, images)
    assert peak_of_a_batch(loader) < 50_000  # the file is 5 MB
    x, y = next(iter(loader))
    np.testing.assert_array_equal(x, np.repeat(y[:, None] % 251, 50, axis=1) / 256)


class Table:
    """As a pandas DataFrame or a PyTorch tensor: not an array, but with a way to be read as one."""

    def __init__(self, values):
        self.values = values

    def __len__(self):
        return len(self.values)

    def __getitem__(self, column):
        raise KeyError(column)

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.values, dtype)


@pytest.mark.parametrize("kind", [np.ndarray.tolist, Table, lambda array: tuple(array.tolist())])
def test_lists_and_anything_that_numpy_reads(kind):
    ((x, y),) = DataLoader(kind(X), kind(Y), N)
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(y, Y)


# -- what does not fit


@pytest.mark.parametrize(
    ("x", "y", "error", "message"),
    [
        (X, Y[:-1], ValueError, "23 samples in X and 22 targets in y: expected one target a sample"),
        (X[:0], Y[:0], ValueError, r"no samples: X has shape \(0, 2\)"),
        ([], [], ValueError, r"no samples: X has shape \(0,\)"),
        (5.0, Y, TypeError, "X to be an array of samples, got the single number 5.0"),
        (X, 3, TypeError, "y to be an array of samples, got the single number 3"),
        ("train-images.gz", Y, TypeError, "X to hold numbers, got <U15: is it a file name"),
        (X, ["cat"] * N, TypeError, "y to hold numbers, got <U3"),
        (X, [None] * N, TypeError, "y to hold numbers, got object"),
        (X.astype(complex), Y, TypeError, "X to hold numbers, got complex128"),
        (iter(X), Y, TypeError, "X to be an array, got an iterator, which can be read only once: pass list"),
    ],
)
def test_data_that_do_not_fit(x, y, error, message):
    with pytest.raises(error, match=f"^DataLoader (got|expected) {message}"):
        DataLoader(x, y)


@pytest.mark.parametrize(
    ("batch_size", "error", "message"),
    [
        (0, ValueError, r"needs batch_size >= 1, got 0: pass len\(X\) for all samples in one batch"),
        (-5, ValueError, r"needs batch_size >= 1, got -5: pass len\(X\) for all samples in one batch"),
        (
            2.0,
            TypeError,
            r"expected batch_size to be an int, got float 2.0: pass a whole number, such as batch_size=int\(2.0\)",
        ),
        (True, TypeError, "expected batch_size to be an int, got bool"),
        (None, TypeError, "expected batch_size to be an int, got NoneType"),
    ],
)
def test_batch_sizes_that_make_no_sense(batch_size, error, message):
    with pytest.raises(error, match=f"^DataLoader {message}$"):
        DataLoader(X, Y, batch_size)


@pytest.mark.parametrize("options", [{"shuffle": "resampled"}, {"drop_last": True}], ids=str)
def test_no_full_batch_can_be_made(options):
    with pytest.raises(ValueError, match="one full batch of 24 from 23 samples: lower batch_size, or leave out"):
        DataLoader(X, Y, N + 1, **options)


@pytest.mark.parametrize("shuffle", [None, "shuffled", 2])
def test_shuffle_is_one_of_five(shuffle):
    with pytest.raises(
        ValueError,
        match=r"^DataLoader expected shuffle to be one of False, True, 'blocks', 'resampled', 'bucketed', got ",
    ):
        DataLoader(X, Y, shuffle=shuffle)


@pytest.mark.parametrize("transform", ["rotate", 3])
def test_a_transform_is_a_function(transform):
    with pytest.raises(
        TypeError, match=r"^DataLoader expected transform to be a function \(x, rng\) -> x, got (str|int): "
    ):
        DataLoader(X, Y, transform=transform)


@pytest.mark.parametrize("batch_size", [np.int64(5), np.uint8(5)])
def test_a_batch_size_may_be_a_numpy_integer(batch_size):
    assert len(DataLoader(X, Y, batch_size)) == 5
    assert len(labels(DataLoader(X, Y, batch_size))) == 5


def test_read_only_data_are_welcome():
    for options in ({}, {"shuffle": True}, {"shuffle": "resampled"}):
        assert labels(DataLoader(X, Y, 5, **options))


def test_batches_that_are_views_protect_the_data_set():
    X = np.ones((4, 2))
    x, y = next(iter(DataLoader(X, np.arange(4), 2)))
    with pytest.raises(ValueError, match="read-only"):
        x *= 0
    with pytest.raises(ValueError, match="read-only"):
        y[0] = 7
    X[0] = 5  # the data set itself stays the user's


def test_a_layer_is_no_transform():
    """A layer can be called, but not as (x, rng)."""
    with pytest.raises(TypeError, match=r"expected transform to be a function .* got ReLU"):
        DataLoader(np.ones((4, 2)), np.arange(4), transform=ReLU())
