"""The signs and words of a formula, and where the formula ends."""

import pytest

from minnet.explaining.tokens import split_remark, tokens


@pytest.mark.parametrize(
    ("line", "formula"),
    [
        ("y = x @ W + b.", "y = x @ W + b"),
        ("y = x · σ(x), also called swish.", "y = x · σ(x)"),
        ("y = m ∘ x while training, y = x in eval mode.", "y = m ∘ x while training, y = x in eval mode"),
        ("y = min(max(x, a), b): x between two bounds", "y = min(max(x, a), b)"),
        ("y = x[:, index]: one place", "y = x[:, index]"),
        ("y = 2 x. It doubles.", "y = 2 x"),
        ("y = x where x > 0, and 0 elsewhere.", "y = x where x > 0, and 0 elsewhere"),
        ("L = mean of |d|; d = p − t.", "L = mean of |d|; d = p − t"),
        ("y = a / b, number by number; whole numbers", "y = a / b"),
        ("y = f(x), max(x, 0) + 1", "y = f(x), max(x, 0) + 1"),
        ("y = tanh(x), between −1 and 1.", "y = tanh(x)"),
        ("max(0, x)", "max(0, x)"),
        ("y = x ∘ g，一個特徵乘一個數。", "y = x ∘ g"),
        ("y = max(x, 0)。", "y = max(x, 0)"),
        ("Doubles its input: twice.", ""),
        ("", ""),
    ],
)
def test_the_formula_ends_where_words_about_it_begin(line, formula):
    assert split_remark(line)[0] == formula


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("x_{i}²", "symbol sub sup"),
        ("e⁻ˣ", "symbol sup"),
        ("Σ_n log p", "sum sub function symbol"),
        ("mean of a number", "word"),
        ("a of a", "symbol word symbol"),
        ("x.T @ W", "symbol sup times symbol"),
        ("np.exp(-x)", "function open operator symbol close"),
        ("alpha * dx", "symbol times symbol"),
        ("H x W", "symbol times symbol"),
        ("log_softmax(x)", "function open symbol close"),
    ],
)
def test_what_signs_and_words_are(text, kinds):
    assert " ".join(token.kind for token in tokens(text)) == kinds
