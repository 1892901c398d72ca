"""The terms of a number's gradient add up to it, and have one form where they are all alike."""

import numpy as np
import pytest

import minnet as mn

RNG = np.random.default_rng(0)
X = RNG.normal(size=(3, 4))
IMAGES = RNG.normal(size=(2, 2, 5, 5))


def why(model, x, text):
    y = model.forward(x) if np.asarray(x).dtype.kind != "f" else model.astype(np.float64).forward(x)
    found = mn.explain(model, mn.MSELoss(), x, RNG.normal(size=y.shape), text).why
    assert found.total == pytest.approx(found.gradient, rel=1e-9, abs=1e-14)
    assert found.slope == pytest.approx(found.gradient, rel=1e-5, abs=1e-8)
    return found


@pytest.mark.parametrize(
    ("model", "x", "text", "formula"),
    [
        (mn.Linear(4, 3, rng=0), X, "weight[1, 2]", "Σ_n x[n, 1] · dy[n, 2]"),
        (mn.Linear(4, 3, rng=0), X[:1], "weight[1, 2]", "x[0, 1] · dy[0, 2]"),
        (mn.Linear(4, 3, rng=0), X, "bias[2]", "Σ_n dy[n, 2]"),
        (mn.Linear(4, 3, rng=0), X, "x[1, 2]", "Σ_o weight[2, o] · dy[1, o]"),
        (mn.Linear(4, 3, rng=0), RNG.normal(size=(2, 5, 4)), "weight[1, 2]", "Σ_n Σ_t x[n, t, 1] · dy[n, t, 2]"),
        (
            mn.Conv2d(2, 3, 3, rng=0),
            IMAGES,
            "weight[1, 2, 0, 1]",
            "Σ_n Σ_h Σ_w x[n, 1, h, w + 1] · dy[n, 2, h, w]",
        ),
        (mn.Tanh(), X, "x[1, 2]", "Σ_j dy_j · ∂y_j/∂x[1, 2]"),
        (mn.Multiply(), (X, X + 1), "x[0][1, 2]", "b[1, 2] · dy[1, 2]"),
        (mn.Embedding(5, 2, rng=0), np.array([1, 3, 3]), "weight[3, 1]", "Σ_n dy[n, 1]"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_form_of_the_terms(model, x, text, formula):
    if isinstance(x, tuple):
        found = mn.explain(model, mn.MSELoss(), x, np.zeros((3, 4)), text).why
        assert found.formula == formula
    else:
        assert why(model, x, text).formula == formula


def test_a_parameter_in_two_layers_has_the_terms_of_both():
    encoder = mn.Linear(4, 3, rng=0)
    found = why(mn.Sequential(encoder, mn.Tanh(), mn.Tied(encoder, rng=1)), X, "layers[2].weight[1, 2]")
    assert found.entry == "layers[0].weight[1, 2]"
    assert {term.layer for term in found.terms} == {"layers[0]", "layers[2]"}


def test_the_largest_term_comes_first():
    sizes = [abs(term.value) for term in why(mn.Linear(4, 3, rng=0), X, "weight[1, 2]").terms]
    assert sizes == sorted(sizes, reverse=True)


def test_a_layer_inside_containers():
    model = mn.Sequential(mn.Residual(mn.Linear(4, 4, rng=0), mn.Tanh()), mn.Concat(mn.Linear(4, 2, rng=1), mn.Tanh()))
    assert why(model, X, "layers[0].layers[0].weight[1, 2]").terms[0].layer == "layers[0].layers[0]"
    assert why(model, X, "layers[1].layers[0].weight[1, 1]").terms[0].layer == "layers[1].layers[0]"
    assert why(model, X, "x[0, 1]").terms[0].layer == "layers[0]"


def test_a_layer_that_its_owner_runs_twice_is_looked_at_with_its_owner():
    class Twice(mn.Layer):
        """y = f(x) + f(2x)."""

        def __init__(self):
            self.inner = mn.Linear(4, 4, rng=0)

        def forward(self, x):
            self.cache = x
            return self.inner.forward(x) + self.inner.forward(2 * x)

        def backward(self, dy):
            one = self.inner.backward(dy)
            self.inner.forward(self.cache)
            return 2 * one + self.inner.backward(dy)

    found = why(mn.Sequential(Twice()), X, "layers[0].inner.weight[1, 2]")
    assert {term.layer for term in found.terms} == {"layers[0]"}


def test_a_parameter_that_does_not_take_part():
    class Idle(mn.Layer):
        """y = x."""

        def __init__(self):
            self.unused = mn.Linear(2, 2, rng=0)

        def forward(self, x):
            return x.copy()

        def backward(self, dy):
            return dy.copy()

    found = why(mn.Sequential(Idle()), X, "layers[0].unused.weight[0, 0]")
    assert found.gradient == found.total == found.slope == 0


def test_a_wrong_backward_is_seen_beside_the_slope():
    class Forgets(mn.Linear):
        """y = x @ W + b."""

        def backward(self, dy):
            return 2 * super().backward(dy)

    model = mn.Sequential(mn.Linear(4, 3, rng=0), Forgets(3, 2, rng=1))
    found = mn.explain(model, mn.MSELoss(), X, np.zeros((3, 2)), "layers[0].weight[1, 2]").why
    assert found.gradient == pytest.approx(2 * found.slope, rel=1e-6)
    assert found.total == pytest.approx(found.gradient, rel=1e-12)
    assert found.remark.startswith("The backward of this layer, or of one behind it, is wrong")


def test_where_the_slope_is_another_one_it_says_why():
    """At a corner of ReLU; with random numbers that are drawn anew; and nothing, where they agree."""

    class Random(mn.Layer):
        def forward(self, x):
            return x + np.random.random()  # noqa: NPY002

        def backward(self, dy):
            return dy

    target = np.ones((1, 2))
    corner = mn.explain(mn.ReLU(), mn.MSELoss(), np.zeros((1, 2)), target, why="x[0, 0]")
    assert corner.why.slope != pytest.approx(corner.why.gradient)
    assert corner.why.remark.startswith("L has a corner at x[0, 0]")
    assert str(corner).partition("WHY")[2].count("L has a corner at x[0, 0]") == 1
    assert f"<p>{corner.why.remark}</p>" in corner._repr_html_()
    random = mn.explain(Random(), mn.MSELoss(), target, target, why="x[0, 0]")
    assert random.why.remark.startswith("The model computes another L each time")
    assert mn.explain(mn.ReLU(), mn.MSELoss(), target, 2 * target, why="x[0, 0]").why.remark == ""
