"""The TeX of every layer's formula is what matplotlib and docutils read."""

import re

import pytest
from explanations import notebook
from formulas import HOSTILE, SHIPPED
from hypothesis import given
from hypothesis import strategies as st

from minnet.explaining.tex import tex

COMMANDS = re.compile(r"\\[A-Za-z]+")


@pytest.mark.parametrize(
    ("plain", "expected"),
    [
        ("y = x @ W + b.", r"y = x\,W + b"),
        ("y = max(x, 0).", r"y = \max(x, 0)"),
        ("p_i = e^{x_i} / Σ_j e^{x_j}.", r"p_{i} = \frac{e^{x_{i}}}{\sum_{j}e^{x_{j}}}"),
        ("L = −(1/N) Σ_n log p_{n, y_n}, of p.", r"L = -\frac{1}{N}\sum_{n}\log p_{n, y_{n}}"),
        ("y = σ(x) = 1 / (1 + e⁻ˣ).", r"y = \sigma(x) = \frac{1}{1 + e^{-x}}"),
        (
            "y = γ ∘ (x − μ) / √(v + ε) + β, with",
            r"y = \gamma \circ \frac{x - \mu}{\sqrt{v + \varepsilon}} + \beta",
        ),
        ("L = mean of (a − b)², over", r"L = \text{mean of }(a - b)^{2}"),
        ("y = sqrt(x**2 + 1)", r"y = \sqrt{x^{2} + 1}"),
        ("y = alpha * x.T", r"y = \alpha \cdot x^{\top}"),
        ("y += softmax(x/2)", r"y +\!= \operatorname{softmax}\left( \frac{x}{2} \right)"),
        ("Doubles its input", r"\text{Doubles its input}"),
        ("100% of my_x", r"\text{100}\%\text{ of my}\_\text{x}"),
        ("", ""),
    ],
)
def test_known_formulas(plain, expected):
    assert tex(plain) == expected


@pytest.mark.parametrize("plain", [*SHIPPED.values(), *HOSTILE], ids=[*SHIPPED, *map(str, range(len(HOSTILE)))])
def test_docutils_reads_it(plain):
    pytest.importorskip("docutils")
    from docutils.utils.math.latex2mathml import tex2mathml

    assert tex2mathml(tex(plain)).startswith("<math")


@pytest.mark.parametrize("plain", [*SHIPPED.values(), *HOSTILE], ids=[*SHIPPED, *map(str, range(len(HOSTILE)))])
def test_matplotlib_reads_it(plain):
    pytest.importorskip("matplotlib")
    from matplotlib.mathtext import MathTextParser

    written = tex(plain)
    if written:
        assert MathTextParser("path").parse(f"${written}$").width > 0


def test_every_layer_but_the_base_and_the_heads_has_a_formula():
    without = [name for name, plain in SHIPPED.items() if "=" not in tex(plain).replace(r"\text{", "")]
    assert without == ["Heads", "Loss"] or set(without) == {"Heads", "Loss"}


@given(st.text("x$\\{}%_^&~#= a1(/²中", max_size=40) | st.text(max_size=40))
def test_no_text_leaves_the_formula(plain):
    written = tex("y = " + plain)
    bare = re.sub(r"\\[\\$%#_{}]", "", written.replace(r"\backslash", ""))
    assert not set(bare) & set("$%#~&")
    level = 0
    for mark in bare:
        level += (mark == "{") - (mark == "}")
        assert level >= 0
    assert level == 0


def test_commands_of_tex_in_a_docstring_are_words():
    assert set(COMMANDS.findall(tex(r"y = \href{x}{y} \input{z}"))) <= {r"\backslash", r"\text"}


def test_each_step_says_its_formula_in_tex():
    assert [step.tex for step in notebook().steps] == [r"y = x\,W + b", r"p_{i} = \frac{e^{x_{i}}}{\sum_{j}e^{x_{j}}}"]
