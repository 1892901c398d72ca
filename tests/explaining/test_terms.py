"""The terms of a gradient are found by the layer's own backward, and named where they are numbers of x or a weight."""

import numpy as np
import pytest

import minnet as mn

X = np.random.default_rng(0).normal(size=(2, 4))


def why(model, x, text, y_shape):
    return mn.explain(model, mn.MSELoss(), x, np.ones(y_shape), text).why


def test_of_a_weight_the_terms_are_numbers_of_x():
    terms = why(mn.Linear(4, 3, rng=0), X, "weight[1, 2]", (2, 3)).terms
    assert {(term.output, term.local_name) for term in terms} == {("y[0, 2]", "x[0, 1]"), ("y[1, 2]", "x[1, 1]")}
    assert {term.local for term in terms} == set(X[:, 1])


def test_of_an_input_they_are_weights():
    model = mn.Linear(4, 3, rng=0)
    terms = why(model, X, "x[1, 2]", (2, 3)).terms
    assert [term.local_name for term in terms] != []
    for term in terms:
        row, column = term.local_name.removeprefix("weight[").removesuffix("]").split(", ")
        assert row == "2"
        assert term.local == model.weight.data[2, int(column)]
        assert term.output == f"y[1, {column}]"


def test_equal_pixels_are_told_apart():
    terms = why(mn.Linear(4, 3, rng=0), np.full((2, 4), 0.5), "weight[1, 2]", (2, 3)).terms
    assert {term.local_name for term in terms} == {"x[0, 1]", "x[1, 1]"}


def test_of_a_kernel_they_are_pixels():
    image = np.random.default_rng(0).normal(size=(1, 1, 3, 3))
    terms = why(mn.Conv2d(1, 1, 2, rng=0), image, "weight[0, 0, 1, 0]", (1, 1, 2, 2)).terms
    names = {term.output: term.local_name for term in terms}
    assert names["y[0, 0, 0, 1]"] == "x[0, 0, 1, 1]"
    assert len(names) == 4


def test_a_derivative_that_is_no_number_has_no_name():
    terms = why(mn.Tanh(), X, "x[0, 1]", (2, 4)).terms
    assert [(term.output, term.local_name) for term in terms] == [("y[0, 1]", "")]
    assert terms[0].local == pytest.approx(1 - np.tanh(X[0, 1]) ** 2)


def test_where_all_terms_are_zero_some_are_shown():
    x = X.copy()
    x[:, 1] = 0
    terms = why(mn.Linear(4, 3, rng=0), x, "weight[1, 2]", (2, 3)).terms
    assert {(term.local_name, term.local, term.value) for term in terms} == {("x[0, 1]", 0, 0), ("x[1, 1]", 0, 0)}


def test_a_domain_that_random_numbers_leave_costs_only_the_names():
    class Root(mn.Layer):
        """y = √x."""

        def forward(self, x):
            if (x < 0).any():
                raise ValueError
            self.cache = np.sqrt(x)
            return self.cache.copy()

        def backward(self, dy):
            return dy / (2 * self.cache)

    terms = why(Root(), np.ones((1, 2)), "x[0, 1]", (1, 2)).terms
    assert terms == ()
    terms = why(Root(), np.full((1, 2), 4.0), "x[0, 1]", (1, 2)).terms
    assert [(term.local, term.local_name) for term in terms] == [(0.25, "")]


def test_more_terms_than_anybody_reads_are_refused_with_the_cure():
    with pytest.raises(ValueError, match=r"bias\[0\] has more than 2,000 terms.*pass fewer samples, such as x\[:1\]"):
        why(mn.Linear(1, 1, rng=0), np.random.default_rng(0).normal(size=(2001, 1)), "bias[0]", (2001, 1))


def test_a_dropped_number_has_no_term():
    model = mn.Sequential(mn.Linear(4, 6, rng=0), mn.Dropout(0.5, rng=0))
    explanation = mn.explain(model, mn.MSELoss(), X, np.ones((2, 6)), "layers[0].weight[0, 0]")
    kept = explanation.steps[1].outputs[0].values[:, 0] != 0
    assert [term.output for term in explanation.why.terms if term.value] == [f"y[{n}, 0]" for n in np.flatnonzero(kept)]
