"""A formula is read by the rules of arithmetic, whatever its text is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minnet.explaining.formulas import Fraction, Function, Group, Number, Operator, Root, Script, Symbol, Words
from minnet.explaining.reader import read

A, B, C, X = map(Symbol, "abcx")


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a / b + c", (Fraction((A,), (B,)), Operator("+"), C)),
        ("a · b / c", (A, Operator("·"), Fraction((B,), (C,)))),
        ("a / b · c", (Fraction((A,), (B,)), Operator("·"), C)),
        ("(a + b) / c", (Fraction((A, Operator("+"), B), (C,)),)),
        ("a / Σ_x b c", (Fraction((A,), (Script(Operator("Σ"), (X,), ()), B, Operator(" "), C)),)),
        ("√(a + b)", (Root((A, Operator("+"), B)),)),
        ("a^{b/c}", (Script(A, (), (B, Operator("/"), C)),)),
        ("a[b/c]", (A, Group("[", (B, Operator("/"), C), "]"))),
        ("log a / b", (Fraction((Function("log"), A), (B,)),)),
        ("|a| − |b|", (Group("|", (A,), "|"), Operator("−"), Group("|", (B,), "|"))),
        ("(1/2) a", (Fraction((Number("1"),), (Number("2"),)), Operator(" "), A)),
        ("a = mean of b", (A, Operator("="), Words("mean of"), B)),
        ("a_b^c", (Script(A, (B,), (C,)),)),
        ("a^b^c", (Script(Script(A, (), (B,)), (), (C,)),)),
        ("(a", (Group("(", (A,), ""),)),
        ("a)", (A, Operator(")"))),
        ("It doubles x.", (Words("It doubles x."),)),
        ("", ()),
    ],
)
def test_the_tree_of_a_text(text, tree):
    assert read(text) == tree


@pytest.mark.parametrize("text", ["(" * 1000, "x = " + "√" * 1000 + "x", "x" + "^{x" * 500, "|" * 999, "y = x" * 999])
def test_what_is_no_formula_is_words_and_no_error(text):
    (node,) = read(text)
    assert isinstance(node, Words)
    assert len(node.text) <= 240


@given(st.text("xyΣ√|‖()[]{}_^/·@=+-−,;:. \\$%ₙ²ᵀ½′'`a1θ中", max_size=60) | st.text(max_size=60))
def test_any_text_is_read(text):
    read("y = " + text)
    read(text)
