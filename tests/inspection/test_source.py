"""The place of an error is the student's own line, with what its names stand for."""

import numpy as np
from zoo_cases import error_of

import minnet as mn
from minnet.inspection.source import place_of, shape_of


def fails(x, y):
    z = x + 1
    return z @ y.data


def place(*arguments, function=fails):
    return place_of(error_of(function, *arguments))


def test_the_expression_and_its_shapes():
    found = place(np.ones((4, 3)), mn.Parameter(np.ones((2, 3))))
    assert found.code == "z @ y.data"
    assert found.statement == "return z @ y.data"
    assert found.quoted == f"`z @ y.data` (line {found.line})"
    assert found.line_quoted.startswith("`return z @ y.data` (line ")
    assert found.shapes() == "z has shape (4, 3), y.data has shape (2, 3)"


def test_lines_of_numpy_and_of_minnet_are_passed_over():
    found = place(np.ones((4, 3)), None, function=lambda x, _: mn.Linear(5, 2).forward(x.astype(np.float32)))
    assert "Linear(5, 2)" in found.code
    assert place(np.ones(3), None, function=lambda x, _: np.concatenate([x, 1])).code == "np.concatenate([x, 1])"


def test_a_value_is_computed_once_more():
    found = place(np.ones((4, 3)), mn.Parameter(np.ones((2, 3))))
    assert found.value(found.node("z.sum(axis=0)")).tolist() == [8, 8, 8]
    assert found.value(found.node("nothing.here")) is None


def test_code_without_a_file_has_a_number_only():
    names = {}
    exec("def function(x, y):\n    return x @ y", names)
    found = place(np.ones(3), np.ones(4), function=names["function"])
    assert (found.line, found.code, found.quoted) == (2, "", "line 2")


def test_shapes_of_numbers_arrays_and_parameters():
    assert shape_of(1.5) == ()
    assert shape_of(np.ones((2, 3))) == (2, 3)
    assert shape_of(mn.Parameter([1.0, 2.0])) == (2,)
    assert shape_of("text") is None
