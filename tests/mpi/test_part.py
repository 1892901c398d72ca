"""A part of a batch is what one rank learns from."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minnet.mpi.part import Part


@given(st.integers(0, 30), st.integers(1, 9))
def test_parts_are_the_batch_and_nearly_equal(samples, size):
    rows = np.arange(samples)
    parts = [rows[Part(rank, size).rows(samples)] for rank in range(size)]
    assert np.concatenate(parts).tolist() == rows.tolist()
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_cuts_each_array_of_a_batch():
    batch = {"a": np.arange(4), "b": np.arange(8).reshape(4, 2)}, (np.arange(4), [1, 2, 3, 4]), np.ones(4)
    x, y, weights = Part(1, 2).of_batch(batch)
    assert x["b"].tolist() == [[4, 5], [6, 7]]
    assert y[1] == [3, 4]
    assert weights.tolist() == [1, 1]


@pytest.mark.parametrize("y", [np.zeros(3), 7, "text"])
def test_refuses_what_cannot_be_cut(y):
    with pytest.raises(ValueError, match=r"expected y to have 4 rows, as many as x, got"):
        Part(0, 2).of_batch((np.zeros(4), y))
