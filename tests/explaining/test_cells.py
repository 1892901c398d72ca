"""Numbers are shown with four digits, and large arrays by their first rows and columns."""

import numpy as np
import pytest

from minnet.explaining.cells import block, number, statistics


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0, "0"), (-0.0466346, "-0.04663"), (2.32129668e-06, "2.321e-6"), (12, "12"), (np.bool_(True), "True")],
)
def test_a_number_has_four_digits(value, shown):
    assert number(value) == shown


def test_a_small_matrix_is_shown_whole():
    assert [line.split() for line in block(np.array([[1.0, 2.0], [3.0, 4.0]]), "", "x")] == [["1", "2"], ["3", "4"]]


def test_of_a_large_matrix_the_first_rows_and_columns_are_shown():
    lines = block(np.arange(200.0).reshape(10, 20), "", "x")
    assert lines[0].split() == ["0", "1", "2", "3", "4", "5", "..."]
    assert "6 more rows" in lines[-1]
    assert "20 columns" in lines[-1]


def test_of_images_the_first_is_shown_with_its_place():
    lines = block(np.ones((2, 3, 2, 2)), "", "x")
    assert lines[0] == "x[0, 0], the first of 6:"


def test_ten_probabilities_are_shown_whole():
    assert " ".join(block(np.arange(10.0)[None], "", "y")).split() == [str(i) for i in range(10)]


def test_statistics_of_a_large_array():
    assert statistics(np.arange(12.0)) == "0 to 11, mean 5.5"
    assert statistics(np.arange(3.0)) == ""
    assert "15 of 20 are 0" in statistics(np.r_[np.ones(5), np.zeros(15)])
