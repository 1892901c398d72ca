"""An explanation shows itself as text."""

import numpy as np

import minnet as mn
from minnet.explaining.explanation import Explanation, Term


def test_it_is_its_text():
    explanation = mn.explain(mn.Tanh(), mn.MSELoss(), np.ones((1, 2)), np.zeros((1, 2)))
    assert isinstance(explanation, Explanation)
    assert str(explanation) == repr(explanation)
    assert "y = tanh(x)" in str(explanation)


def test_a_term_is_a_product():
    assert Term("layers[0]", "y[0, 5]", 2.0, -3.0, "x[0, 3]").value == -6.0
