"""What is shown of a large array: the ends, and what is around the number that matters."""

import numpy as np
import pytest

from minnet.explaining.abridged import focus, matrices, some, strength


@pytest.mark.parametrize(
    ("size", "most", "centre", "expected"),
    [
        (3, 6, 0, [0, 1, 2]),
        (6, 6, 5, [0, 1, 2, 3, 4, 5]),
        (9, 6, 0, [0, 1, 2, 3, None, 8]),
        (9, 6, 8, [0, None, 5, 6, 7, 8]),
        (100, 6, 50, [0, None, 48, 49, 50, 51, None, 99]),
        (100, 6, 2, [0, 1, 2, 3, None, 99]),
    ],
)
def test_the_ends_and_what_is_around_the_centre(size, most, centre, expected):
    assert some(size, most, centre) == expected
    assert centre in some(size, most, centre)


def test_the_focus_is_where_number_and_gradient_are_large():
    values, gradient = np.array([[0.0, 9.0], [2.0, 1.0]]), np.array([[9.0, 0.0], [1.0, 1.0]])
    assert focus(values, gradient) == (1, 0)
    assert focus(values, None) == focus(values, np.zeros((2, 2))) == (0, 1)
    assert focus(np.array([np.nan, 1.0]), None) == (1,)
    assert focus(np.zeros((0, 2)), None) == ()


def test_the_matrices_of_an_array():
    assert [place for place, _ in matrices(np.zeros((2, 3, 4, 5)), 2, (1, 2, 0, 0))] == [(0, 0), (1, 2)]
    assert [place for place, _ in matrices(np.zeros((2, 4, 5)), 3, (0, 0, 0))] == [(0,), (1,)]
    ((place, matrix),) = matrices(np.arange(3.0), 2, (0,))
    assert place == ()
    assert matrix.tolist() == [[0, 1, 2]]


def test_the_strength_of_colours():
    assert strength(np.array([-4.0, 2.0, np.nan, np.inf])).tolist() == [-1, 0.5, 0, 1]
    assert np.abs(strength(np.array([1e-17, -1e-18]))).max() < 1e-6
    assert strength(np.array([], np.float64)).tolist() == []
