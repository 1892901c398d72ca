"""The tree of a formula says which brackets grow, and what is a sign."""

import pytest

from minnet.explaining.formulas import Operator, is_sign, is_tall
from minnet.explaining.reader import read


@pytest.mark.parametrize(("text", "tall"), [("x² + y", False), ("x/2", True), ("f(x/2)", True), ("Σ_i x_i", True)])
def test_fractions_and_sums_are_tall(text, tall):
    assert is_tall(read(text)) is tall


def test_sums_are_signs():
    assert is_sign(Operator("+"))
    assert is_sign(read("Σ_i x_i")[0])
    assert not is_sign(read("x_i")[0])
