"""Sums over windows are those of NumPy, however many parts they are cut into."""

import numpy as np
import pytest

from minnet.layers.images import sums
from minnet.layers.images.sums import inner_products, totals


@pytest.mark.parametrize(
    ("groups", "m", "pixels", "batch", "o"), [(1, 9, 28, 40, 3), (2, 5, 30, 7, 4), (1, 3, 31, 2, 2)]
)
@pytest.mark.parametrize("small", [1, 100, 1_000, 10_000, 10**9])
def test_inner_products(groups, m, pixels, batch, o, small, monkeypatch):
    """However many parts the sum has, it is the same; also where no number of parts fits."""
    monkeypatch.setattr(sums, "SMALL", small)
    generator = np.random.default_rng(0)
    columns, rows = (
        generator.normal(size=(groups, m, pixels * batch)),
        generator.normal(size=(groups, o, pixels * batch)),
    )
    expected = np.einsum("gmp,gop->gmo", columns, rows)
    np.testing.assert_allclose(inner_products(columns, rows, pixels), expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("parts", [1, 4, 12])
def test_totals(parts):
    rows = np.random.default_rng(0).normal(size=(2, 3, 12))
    np.testing.assert_allclose(totals(rows, parts), rows.sum(axis=2).ravel(), rtol=1e-12)
    assert totals(rows[:, :, :0], parts).tolist() == [0] * 6


@pytest.mark.parametrize("parts", [1, 28, 28 * 16])
def test_totals_of_many_numbers_are_precise(parts):
    """The worst case: equal numbers, whose roundings add up. NumPy 2.0 itself is off by 9e-6, some BLAS by 1e-5."""
    rows = np.full((1, 2, 28 * 2**18), 0.1, np.float32)
    assert totals(rows, parts) == pytest.approx([28 * 2**18 * 0.1] * 2, rel=3e-5)


def test_inner_products_of_nothing():
    assert inner_products(np.ones((1, 2, 0)), np.ones((1, 3, 0)), 4).tolist() == [[[0] * 3] * 2]
