"""Normalize brings data to mean 0 and deviation 1, of any size and kind, and is part of the model."""

import copy
import tracemalloc

import numpy as np
import pytest
from helpers import check_copy, normal_numbers

import minnet as mn
from minnet.errors import DataWarning
from minnet.layers.normalization.normalize import _moments, check_scale

random = np.random.default_rng(0)
floats = normal_numbers(random, 3, 2)
TABLE, PHOTOS, SIGNALS = floats(50, 4), floats(20, 3, 6, 5), floats(20, 7, 3)


# -- the formula


def test_known_values():
    layer = mn.Normalize([1, 2], [2, 4])
    x = np.array([[1, 2], [3, 10]], np.float32)
    assert layer.forward(x).tolist() == [[0, 0], [1, 2]]
    assert layer.backward(np.array([[1, 1], [2, 4]], np.float32)).tolist() == [[0.5, 0.25], [1, 1]]


@pytest.mark.parametrize(
    ("x", "mean", "std", "axis", "shape"),
    [
        (TABLE, 0.5, 2.0, None, (1, 1)),
        (TABLE, [1, 2, 3, 4], 2.0, None, (1, 4)),
        (PHOTOS, [1, 2, 3], [4, 5, 6], None, (1, 3, 1, 1)),
        (PHOTOS, [1, 2, 3, 4, 5], [4, 5, 6, 1, 2], -1, (1, 1, 1, 5)),
        (SIGNALS, [1, 2, 3], [4, 5, 6], 2, (1, 1, 3)),
        (SIGNALS, np.arange(7), np.arange(1, 8), 1, (1, 7, 1)),
        (PHOTOS, np.ones((6, 5)), np.full((6, 5), 2), (2, 3), (1, 1, 6, 5)),
        (SIGNALS, 1.0, 2.0, (), (1, 1, 1)),
    ],
    ids=range(8),
)
def test_each_axis_has_its_own(x, mean, std, axis, shape):
    placed = [np.broadcast_to(values, np.shape(mean)).reshape(shape) for values in (mean, std)]
    expected = (x - placed[0]) / placed[1]
    np.testing.assert_allclose(mn.Normalize(mean, std, axis).forward(x), expected, rtol=1e-6)


def test_it_is_part_of_the_model(tmp_path):
    model = mn.Sequential(mn.Normalize.of(TABLE), mn.Linear(4, 2, rng=0))
    mn.save(model, tmp_path / "m.safetensors")
    empty = mn.Sequential(mn.Normalize(np.zeros(4), np.ones(4)), mn.Linear(4, 2, rng=1))
    other = mn.load(empty, tmp_path / "m.safetensors")
    np.testing.assert_array_equal(other.forward(TABLE), model.forward(TABLE))


def test_copies():
    check_copy(copy.deepcopy, mn.Sequential(mn.Normalize([1, 2, 3], [1, 2, 3]), mn.Linear(3, 2, rng=0)))


def test_nothing_in_it_is_learned():
    model = mn.Sequential(mn.Normalize.of(TABLE), mn.Linear(4, 2, rng=0))
    trainer = mn.Trainer(model, mn.MSELoss(), mn.SGD(model.parameters(), 0.1, weight_decay=0.1))
    before = model.forward(TABLE)
    mean, std = model.layers[0].mean.data.copy(), model.layers[0].std.data.copy()
    trainer.fit(mn.DataLoader(TABLE, TABLE[:, :2].copy(), 10), epochs=1)
    assert (model.layers[0].mean.data == mean).all()
    assert (model.layers[0].std.data == std).all()
    assert (model.forward(TABLE) != before).any()


# -- of data


@pytest.mark.parametrize(
    ("X", "axis", "others"),
    [
        (TABLE, None, (0,)),
        (PHOTOS, None, (0, 2, 3)),
        (SIGNALS, 2, (0, 1)),
        (SIGNALS, -1, (0, 1)),
        (SIGNALS, 1, (0, 2)),
        (PHOTOS, (2, 3), (0, 1)),
        (PHOTOS, (-1, 2), (0, 1)),
        (PHOTOS, (), (0, 1, 2, 3)),
        (floats(300), (), (0,)),
        (floats(1, 3), None, (0,)),
        ((TABLE * 10).astype(np.int64), None, (0,)),
        (TABLE > 3, None, (0,)),
        (TABLE.astype(np.float16), None, (0,)),
    ],
    ids=range(13),
)
def test_means_and_deviations(X, axis, others):
    layer = mn.Normalize.of(X, axis)
    X = X.astype(np.float64)
    std = X.std(axis=others)
    np.testing.assert_allclose(layer.mean.data, X.mean(axis=others), rtol=1e-6)
    np.testing.assert_allclose(layer.std.data, np.where(std == 0, 1, std), rtol=1e-6)
    y = layer.forward(X.astype(np.float32))
    assert y.mean(axis=others) == pytest.approx(np.zeros(std.shape), abs=1e-5)


@pytest.mark.parametrize("rows", [1, 2, 1023, 20_001])
@pytest.mark.parametrize("far", [0, 1e6])
def test_blocks_add_up_to_the_exact_values(rows, far):
    X = np.random.default_rng(rows).normal(size=(rows, 7)) * np.logspace(-3, 3, 7) + far
    mean, std = _moments(X, (1,))
    exact = X.astype(np.longdouble)
    np.testing.assert_array_less(np.abs(mean - exact.mean(axis=0)), 1e-14 * (np.logspace(-3, 3, 7) + far))
    np.testing.assert_allclose(std, exact.std(axis=0).astype(float), rtol=1e-10, atol=1e-14)


def test_as_scikit_learn_has_it():
    preprocessing = pytest.importorskip("sklearn.preprocessing")
    for seed in range(30):
        generator = np.random.default_rng(seed)
        X = generator.normal(generator.normal(0, 100), 3, (generator.integers(2, 3000), generator.integers(1, 9)))
        X[:, 0] = 0.1
        theirs = preprocessing.StandardScaler().fit(X)
        mean, std = _moments(X, (1,))
        np.testing.assert_allclose(mean, theirs.mean_, rtol=1e-12)
        np.testing.assert_allclose(np.where(std == 0, 1, std), theirs.scale_, rtol=1e-12)
        layer = mn.Normalize.of(X).astype(np.float64)
        np.testing.assert_allclose(layer.forward(X), theirs.transform(X), rtol=1e-4, atol=1e-4)  # float32 constants


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.uint8])
def test_a_memory_map_is_read_some_samples_at_a_time(dtype, tmp_path):
    X = np.memmap(tmp_path / "X", dtype, "w+", shape=(200_000, 40))  # 8 to 64 MB
    X[:] = np.arange(40) % 8
    X[::2] += np.dtype(dtype).type(2)
    tracemalloc.start()
    layer = mn.Normalize.of(X, scale=1.0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4_000_000
    np.testing.assert_allclose(layer.mean.data, np.arange(40) % 8 + 1, rtol=1e-6)
    np.testing.assert_allclose(layer.std.data, 1, rtol=1e-6)


def test_equal_numbers_become_zero():
    X = np.column_stack([np.full(1000, 0.1), np.full(1000, 1e9), np.zeros(1000), np.arange(1000)])
    layer = mn.Normalize.of(X)
    assert layer.std.data[:3].tolist() == [1, 1, 1]
    y = layer.forward(X.astype(np.float32))
    assert (y[:, :3] == 0).all()
    assert y[:, 3].std() == pytest.approx(1)


@pytest.mark.parametrize("column", [1.7e9 + np.arange(10.0), 0.3 + 1e-17 * np.arange(10), 1e-42 * np.arange(10.0)])
def test_what_float32_cannot_tell_apart_is_warned_of(column):
    if (column == column[0]).all():
        column[0] = np.nextafter(column[1], 1)
    with pytest.warns(DataWarning, match=r"which float32 cannot tell from 0.*subtract the mean") as caught:
        layer = mn.Normalize.of(np.column_stack([np.arange(10.0), column]))
    assert layer.std.data[1] == 1
    assert layer.std.data[0] > 1
    assert caught[0].filename == __file__


def test_bytes_are_in_units_of_what_the_layer_is_given():
    X = random.integers(0, 256, (500, 784), np.uint8)
    model = mn.Sequential(mn.Normalize.of(X), mn.Linear(784, 3, rng=0))
    ((x, _),) = mn.DataLoader(X, np.zeros(500, int), 500)
    y = model.layers[0].forward(x)
    np.testing.assert_allclose(y.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(y.std(axis=0), 1, rtol=1e-5)
    assert model.layers[0].scale == 1 / 256
    other = mn.Normalize.of(X, scale=1 / 255)
    np.testing.assert_allclose(other.mean.data, X.mean(axis=0) / 255, rtol=1e-6)
    assert mn.Normalize.of(X / 1.0).scale is None


@pytest.mark.parametrize("scale", [1.0, 1 / 255, None])
def test_another_scale_than_that_of_the_data_is_refused(scale):
    X = random.integers(0, 256, (40, 4), np.uint8)
    model = mn.Sequential(mn.Normalize.of(X), mn.Linear(4, 3, rng=0))
    trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), 0.1))
    loader = mn.DataLoader(X, np.arange(40) % 3, scale=scale)
    message = (
        r"^layers\[0\] = Normalize\(means \(4,\)\) was computed from uint8 times 0.00390625, .* pass the same scale to"
    )
    with pytest.raises(ValueError, match=message):
        trainer.fit(loader, epochs=1)
    model.input_scale = scale
    for use in (lambda: trainer.evaluate((X, loader.y)), lambda: trainer.predict(X)):
        with pytest.raises(ValueError, match=message):
            use()
    if scale:
        model.layers = (mn.Normalize.of(X, scale=scale), model.layers[1])
        trainer.fit(loader, epochs=1)


# -- what is refused


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 0), "needs std > 0, got 0: pass 1 where all numbers are equal"),
        ((0, -1), "needs std > 0, got -1"),
        ((0, 1e-60), "needs std > 0, got 1e-60"),
        ((np.nan, 1), "needs mean to be finite numbers"),
        ((0, [1, np.inf]), "needs std to be finite numbers"),
        ((1e40, 1), "needs mean to be finite numbers of float32"),
        (([1, 2], [1, 2, 3]), r"mean and std of one shape, got \(2,\) and \(3,\)"),
        (([[1, 2]], 1), r"got shape \(1, 2\): say which axis"),
        (([1, 2], 1, (1, 2)), r"as many axes as axis=\(1, 2\) names, got shape \(2,\)"),
        (([1, 2], 1, ()), r"as many axes as axis=\(\) names, got shape \(2,\)"),
        ((1, 1, 1), r"as many axes as axis=1 names, got shape \(\)"),
    ],
)
def test_arguments(arguments, message):
    with pytest.raises(ValueError, match=f"^Normalize .*{message}"):
        mn.Normalize(*arguments)


def test_arguments_of_another_kind():
    with pytest.raises(TypeError, match=r"^Normalize expected mean to be numbers, got <U1"):
        mn.Normalize("a", 1)
    with pytest.raises(TypeError, match=r"^Normalize expected axis to be an int"):
        mn.Normalize([1, 2], 1, "1")
    with pytest.raises(TypeError, match=r"^Normalize expected std to be a plain array, got a masked array"):
        mn.Normalize(1, np.ma.masked_array([1.0, 2.0], [True, False]))


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (mn.Normalize([1, 2], 1), (5, 3), r"expected sizes \(2,\) along the axes \(1,\) of x, got \(3,\) in"),
        (mn.Normalize([1, 2], 1), (2,), r"expected x of shape \(N, F\) or \(N, C, H, W\), got \(2,\): say which axis"),
        (mn.Normalize([1, 2], 1), (5, 2, 2), r"got \(5, 2, 2\): say which axis has .* axis=2 for \(N, T, F\)"),
        (mn.Normalize([1, 2], 1, 2), (5, 2), r"one of 1 to 1 for x of shape \(5, 2\), got 2: .* one sample"),
        (mn.Normalize([1, 2], 1, 0), (2, 2), "the samples are along axis 0"),
        (mn.Normalize(np.ones((2, 2)), 1, (2, 1)), (5, 2, 2), "in order"),
    ],
    ids=range(6),
)
def test_shapes(layer, shape, message):
    with pytest.raises(ValueError, match=message):
        layer.forward(np.ones(shape, np.float32))


@pytest.mark.parametrize(
    ("X", "options", "error", "message"),
    [
        (SIGNALS, {}, ValueError, r"X of shape \(N, F\) or \(N, C, H, W\), got \(20, 7, 3\): say which axis"),
        (TABLE[:, 0], {}, ValueError, r"got \(50,\): say which axis"),
        (TABLE, {"axis": 0}, ValueError, r"axis to be one of 1 to 1 for X of shape \(50, 4\), got 0"),
        (TABLE, {"axis": 2}, ValueError, r"axis to be one of 1 to 1"),
        (TABLE[:0], {}, ValueError, "got no samples"),
        (TABLE[:, :0], {}, ValueError, r"samples with numbers, got X of shape \(50, 0\)"),
        (np.array([[1, np.nan]]), {}, ValueError, r"finite numbers in X, got 1 NaN in 1 of 1 samples"),
        (np.array([[1e200], [-1e200]]), {}, ValueError, "whose squares are finite in float64"),
        (["a"], {}, TypeError, "to hold numbers"),
        (np.zeros((2, 2), np.uint8), {"scale": 0}, ValueError, "needs scale > 0"),
        (np.zeros((2, 2), np.uint8), {"scale": None}, TypeError, "scale to be a number"),
        (np.ma.masked_array([[1.0, 2.0]], [[True, False]]), {}, TypeError, "with 1 of 2 numbers masked"),
    ],
    ids=range(12),
)
def test_data(X, options, error, message):
    with pytest.raises(error, match=rf"^Normalize.of .*{message}"):
        mn.Normalize.of(X, **options)


def test_the_scale_of_a_model():
    model = mn.Sequential(mn.Linear(2, 2))
    assert check_scale(model, model.input_scale) == 1 / 256
    for bad, error in [(0, ValueError), (-1.0, ValueError), (np.inf, ValueError), ("1", TypeError), (True, TypeError)]:
        with pytest.raises(error, match=r"^Sequential .*input_scale"):
            check_scale(model, bad)


def test_the_layer_that_reads_the_data_asks_for_no_gradient_of_it():
    model = mn.Sequential(mn.Normalize.of(TABLE), mn.Linear(4, 2, rng=0))
    y = model.forward(TABLE)
    model.accumulate_grad(np.ones_like(y))
    assert (model.layers[1].weight.grad != 0).all()
