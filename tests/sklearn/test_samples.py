"""Samples are cut into batches, dense or sparse; their means and deviations count weights."""

import numpy as np
import pytest

pytest.importorskip("sklearn")
from scipy.sparse import csr_matrix

from minnet.sklearn.samples import Samples, Standard, check_sample_weight

X = np.random.default_rng(0).normal([0, 1000, 5], [1, 3, 0], (20, 3))
y = np.arange(20)


def test_batches_of_sparse_rows_are_those_of_dense_ones():
    weight = np.linspace(0, 1, 20)
    for rng in (None, 0):
        dense, sparse = (
            list(Samples(of, y, weight).loader(6, rng if rng is None else np.random.default_rng(0)))
            for of in (X, csr_matrix(X))
        )
        assert len(dense) == 4
        for ours, theirs in zip(dense, sparse, strict=True):
            assert all((a == b).all() for a, b in zip(ours, theirs, strict=True))


def test_samples_without_weight_do_not_count():
    samples = Samples(X, y, np.array([0.0] * 15 + [1.0] * 5)).counted()
    assert samples.y.tolist() == [15, 16, 17, 18, 19]
    assert samples.mean_weight() == 1
    assert Samples(X, y).counted().weight is None
    assert Samples(X, y).mean_weight() == 1
    with pytest.raises(ValueError, match="sample_weight is zero for every sample"):
        Samples(X, y, np.zeros(20)).counted()


def test_split():
    strata = np.repeat([0, 1], [16, 4])
    kept, held_out = Samples(X, y).split(0.25, strata, 0)
    assert sorted([*kept.y, *held_out.y]) == y.tolist()
    assert strata[held_out.y].tolist().count(1) == 1
    for rare in (np.arange(20) // 19, np.arange(20) // 2):  # one with a single sample, and more classes than places
        assert len(Samples(X, y).split(0.25, rare, 0)[1]) == 5
    with pytest.raises(ValueError, match="n_samples=1") as caught:
        Samples(X[:1], y[:1]).split(0.1, None, 0)
    assert "validation_fraction" in caught.value.__notes__[-1]


@pytest.mark.parametrize("convert", [np.asarray, csr_matrix], ids=["dense", "sparse"])
def test_standard(convert):
    weight = np.arange(20) % 3
    copies = X.repeat(weight, axis=0)
    standard = Standard(convert(X), weight, np.dtype(np.float64))
    assert standard.mean == pytest.approx(copies.mean(axis=0))
    assert standard.std == pytest.approx([copies[:, 0].std(), copies[:, 1].std(), 1])  # no deviation counts as 1
    z = standard.layer.forward(copies)
    assert z.mean(axis=0) == pytest.approx(0, abs=1e-10)
    assert (standard.apply(copies) == z).all()


def test_standard_learns_on():
    layer = (standard := Standard(X[:5], None, np.dtype(np.float32))).layer
    standard.update(csr_matrix(X[5:]), None)
    assert standard.layer is layer
    assert standard.mean == pytest.approx(X.mean(axis=0))
    assert layer.std.data == pytest.approx([*X.std(axis=0)[:2], 1], rel=1e-6)
    assert layer.dtype == np.float32


def test_inverse():
    standard = Standard(X, None, np.dtype(np.float64), inverse=True)
    assert standard.layer.forward(standard.apply(X)) == pytest.approx(X)


def test_a_deviation_that_the_dtype_does_not_have_counts_as_none():
    tiny = np.array([[1e-60], [3e-60]])
    assert Standard(tiny, None, np.dtype(np.float64)).std == pytest.approx([1e-60])
    assert Standard(tiny, None, np.dtype(np.float32)).std == [1]


@pytest.mark.parametrize("number", [0, 7, 1e9 / 3, -1.7123456789e18, 1.234567e100])
def test_equal_numbers_become_about_0(number):
    equal = np.full((178, 1), number, np.float64)
    assert abs(Standard(equal, None, np.dtype(np.float64)).layer.forward(equal)).max() < 0.01


def test_numbers_larger_than_those_of_float32():
    some = X[:, :2]
    large = some * 1e100
    standard = Standard(large, None, np.dtype(np.float64))
    assert standard.layer.forward(large) == pytest.approx(Standard(some, None, np.dtype(np.float64)).apply(some))
    for factor, inverse, dtype, name in ((1e200, False, np.float64, "X"), (1e100, True, np.float32, "y")):
        with pytest.raises(ValueError, match=f"deviations of {name} in .* too large .* divide {name}"):
            Standard(X * factor, None, np.dtype(dtype), inverse)


def test_weights():
    assert check_sample_weight(None, X) is None
    assert check_sample_weight(2, X).tolist() == [2.0] * 20
    assert check_sample_weight([1] * 20, X).dtype == np.float64
    for weight, message in (
        ([1] * 19, "inconsistent"),
        ([[1]] * 20, "one number a sample"),
        ([-1] * 20, ">= 0, got -1"),
    ):
        with pytest.raises(ValueError, match=message):
            check_sample_weight(weight, X)
