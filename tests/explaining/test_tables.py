"""A table of numbers in HTML."""

from xml.etree import ElementTree

import numpy as np
import pytest

from minnet.explaining.explanation import Quantity
from minnet.explaining.tables import figure, measured, signed


def quantity(values, gradient=None, slopes=None, letters=None):
    return Quantity("x", letters or tuple("ABCD"[: np.ndim(values)]), np.array(values), gradient, slopes or {})


def rows(html):
    return [
        ["".join(cell.itertext()) for cell in row] for row in ElementTree.fromstring(f"<div>{html}</div>").iter("tr")
    ]


def test_a_matrix_has_its_indices_at_the_edge():
    one = quantity([[1.0, -0.25], [0.0, 3e-9]])
    assert rows(figure("x", one, one.values)) == [["A \\ B", "0", "1"], ["0", "1", "−0.25"], ["1", "0", "3e−9"]]


def test_a_vector_is_one_row():
    one = quantity([1.0, 2.0, 3.0])
    assert rows(figure("x", one, one.values)) == [["0", "1", "2"], ["1", "2", "3"]]
    assert "(A,) = (3,)" in figure("x", one, one.values)


@pytest.mark.parametrize(("value", "shown"), [(0.5, "= 0.5"), (np.zeros((0, 3)), "= (empty)")])
def test_one_number_and_none(value, shown):
    assert shown in figure("x", quantity(value), np.array(value))


def test_a_large_matrix_keeps_the_number_that_was_asked_about():
    one = quantity(np.arange(10_000.0).reshape(100, 100))
    shown = rows(figure("x", one, one.values, asked=(40, 60)))
    assert [row[0] for row in shown] == ["A \\ B", "0", "…", "38", "39", "40", "41", "…", "99"]
    assert "4060" in shown[5]
    assert "<td>…</td>" in figure("x", one, one.values)
    assert 'class="mn-asked"' in figure("x", one, one.values, asked=(40, 60))


def test_some_matrices_of_an_array_with_more_axes():
    one = quantity(np.ones((3, 2, 2, 2)))
    html = figure("x", one, one.values)
    assert "x[0, 0]" in html
    assert "x[0, 1]" in html
    assert "… and 4 more" in html


def test_finite_differences_are_a_table_like_the_gradients_or_a_list():
    gradient = np.array([[1.0, -2.0]])
    small = quantity([[3.0, 4.0]], gradient, {(0, 0): 1.0, (0, 1): -2.0})
    assert rows(measured(small))[1] == ["0", "1", "−2"]
    large = quantity(np.ones(20), np.arange(20.0), {(19,): 19.0, (18,): 17.5})
    assert rows(measured(large))[1:] == [["x[19]", "19", "19"], ["x[18]", "18", "17.5"]]
    assert "They differ in 1 of 2 entries, such as x[18]: 18 by backward, 17.5" in measured(large)
    assert "They differ" not in measured(small)
    assert measured(quantity([1.0], np.ones(1))) == measured(quantity([1.0])) == ""


def test_integers_and_truths_have_no_colour():
    for values in ([[1, 2]], [[True, False]]):
        assert "rgba" not in figure("x", quantity(values), np.array(values))
    assert "rgba" in figure("x", quantity([[1.0]]), np.array([[1.0]]))


def test_a_true_minus():
    assert signed(-0.5) == "−0.5"
