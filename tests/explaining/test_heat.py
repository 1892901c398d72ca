"""An array of a picture: with numbers where they fit, as pictures where its rows are pixels."""

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from minnet.explaining.heat import LEAST, heat


def test_a_small_matrix_has_its_numbers():
    planned = heat(np.array([[0.5, -0.25, 0.0], [1.0, 2e-9, 3.0]]), 3.0)
    assert planned.texts == [["0.5", "−0.25", "0", "1", "2e−9", "3"]]
    assert planned.inches[0] <= 3.0
    assert planned.size >= LEAST


def test_numbers_that_do_not_fit_are_left_out():
    assert heat(np.full((2, 30), 0.125), 3.0).texts == []
    assert heat(np.full((30, 2), 0.125), 3.0).texts == []
    assert heat(np.full((2, 10), -0.0001234), 3.0).texts == []
    assert heat(np.full((2, 10), -0.3), 3.0).texts != []


@pytest.mark.parametrize(
    ("shape", "asked", "matrices", "cut", "drawn"),
    [
        ((3, 784), (), 3, (28, 28), ""),
        ((20, 784), (), 4, (28, 28), "rows 0, 1, 2, 3 of 20"),
        ((784, 10), (), 4, (28, 28), "columns 0, 1, 2, 3 of 10"),
        ((784, 10), (300, 5), 4, (28, 28), "columns 0, 1, 2, 5 of 10"),
        ((64, 100, 3), (), 4, (100, 3), "4 of 64 matrices"),
        ((2, 2, 3, 3), (), 4, (3, 3), ""),
        ((2, 8, 3, 3), (1, 5, 0, 0), 4, (3, 3), "4 of 16 matrices"),
        ((784,), (), 1, (28, 28), ""),
        ((40, 30), (), 1, (40, 30), ""),
        ((5,), (), 1, (1, 5), ""),
    ],
)
def test_which_matrices_are_cut_out(shape, asked, matrices, cut, drawn):
    planned = heat(np.ones(shape), 3.0, asked)
    assert [matrix.shape for matrix in planned.matrices] == [cut] * matrices
    assert planned.drawn == drawn
    assert sum(int(mark.sum()) for mark in planned.marks) == bool(asked)
    assert max(planned.inches) <= 3.0 + 1e-9


def test_a_column_of_weights_is_the_picture_of_its_pixels():
    weights = np.random.default_rng(0).normal(size=(784, 10))
    planned = heat(weights, 3.0, (29, 7))
    np.testing.assert_array_equal(planned.matrices[1], weights[:, 1].reshape(28, 28))
    assert planned.marks[3][1, 1]


def test_integers_have_numbers_and_no_colour():
    planned = heat(np.array([0, 9, 3]), 3.0)
    assert planned.texts == [["0", "9", "3"]]
    assert not planned.colours[0].any()
