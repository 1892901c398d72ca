"""The server: it tells what changed, and each error, whatever it is."""

import numpy as np
import pytest
from graded import served

import minnet as mn
from minnet.grading.remote.served import Served, failure


def test_only_what_changed_is_told():
    layer = mn.Linear(3, 2, rng=0)
    known = Served(layer)
    assert len(known.news()["arrays"]) == 4
    assert known.news() == {"tree": None, "arrays": {}, "results": {}}
    layer.weight.data[0, 0] = 9
    assert list(known.news()["arrays"]) == [str(id(layer.weight.data))]


def test_a_result_that_changes_later_is_told():
    layer = mn.Tanh()
    known = Served(layer)
    result = layer.forward(np.ones((2, 2)))
    known.news()
    (told,) = known.results(result)
    result[0, 0] = 5
    assert np.array_equal(known.news()["results"][str(told["number"])], result)


def test_a_result_that_is_a_view_is_told():
    layer = mn.Linear(3, 2, rng=0)
    known = Served(layer)
    known.news()
    (told,) = known.results(layer.weight.data[1:])
    assert told["of"] == id(layer.weight.data)
    assert told["offset"] == 8


class UnprintableError(ValueError):
    def __str__(self):
        raise RuntimeError


def test_errors():
    told = failure(UnprintableError(), lambda _: "line 3")
    assert told == {
        "error": "UnprintableError",
        "kinds": ["ValueError", "Exception", "BaseException", "object"],
        "message": "",
        "where": "line 3",
    }


def test_a_class_that_is_no_layer():
    with served(Thing=dict) as make, pytest.raises(TypeError, match=r"derive the class from mn.Layer"):
        make("Thing")
