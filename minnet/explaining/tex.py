"""A formula of a docstring in TeX, as notebooks, papers and matplotlib's mathtext take it."""

import re

from minnet.explaining.formulas import (
    Formula,
    Fraction,
    Function,
    Group,
    Node,
    Number,
    Operator,
    Root,
    Script,
    Symbol,
    Words,
    is_tall,
)
from minnet.explaining.reader import read
from minnet.explaining.tokens import CONTINUING, GREEK

LETTERS = {letter: "\\" + name for name, letter in GREEK.items()} | {"ε": r"\varepsilon", "φ": r"\varphi"}
LETTERS |= {"…": r"\ldots", "∞": r"\infty", "⊤": r"\top", "′": r"\prime", "∂": r"\partial", "∇": r"\nabla"}
SIGNS = {
    "·": r"\cdot", "∘": r"\circ", "×": r"\times", "⊙": r"\odot", " ": r"\,", "−": "-", "≤": r"\leq", "≥": r"\geq",
    "≠": r"\neq", "≈": r"\approx", "∈": r"\in", "→": r"\to", "←": r"\leftarrow", "±": r"\pm", "Σ": r"\sum",
    "∏": r"\prod", "+=": r"+\!=", "-": "-", "|": r"|", "‖": r"\Vert",
}  # fmt: skip
BRACKETS = {"{": r"\{", "}": r"\}", "‖": r"\Vert ", "|": "|", "": "."}
FUNCTIONS = {"cos", "cosh", "det", "exp", "ln", "log", "max", "min", "sin", "sinh", "tan", "tanh"}
SPACED = set("=+<>−") | set(SIGNS) - set("- |‖Σ∏")  # which TeX sets with space around them
ESCAPED = {"\\": r"\backslash", "~": r"\sim"} | {mark: "\\" + mark for mark in "$%#_{}"}


def tex(plain: str) -> str:
    r"""Translate a formula in plain text, such as the first sentence of a layer's docstring, into TeX.

    Words become ``\text{…}``. What is said about the formula behind it is left out. A text without a formula becomes
    one ``\text{…}``.

    Parameters
    ----------
    plain
        Such as "y = x @ W + b." Any text will do; it cannot leave the formula, because signs of TeX in it are escaped.

    Returns
    -------
    str
        Without dollar signs around it.

    Examples
    --------
    >>> print(tex("p_i = e^{x_i} / Σ_j e^{x_j}."))
    p_{i} = \frac{e^{x_{i}}}{\sum_{j}e^{x_{j}}}
    >>> print(tex("y = x where x > 0, and 0 elsewhere: a straight line."))
    y = x\text{ where }x > 0, \text{ and }0\text{ elsewhere}
    """
    return _written(read(plain))


def _written(formula: Formula) -> str:
    written = ""
    for i, node in enumerate(formula):
        part = _node(node)
        if isinstance(node, Words):
            part = _text(padded(formula, i))
        elif isinstance(node, Operator) and node.text in SPACED:
            part = f" {part} "
        elif isinstance(node, Operator) and (
            node.text in ",;" or (node.text == ":" and i and isinstance(formula[i - 1], Words))
        ):
            part += " "
        glue = " " if re.search(r"\\[A-Za-z]+$", written) and part[0].isalpha() else ""
        written = re.sub(" +", " ", written + glue + part)
    return written.strip()


def padded(formula: Formula, i: int) -> str:
    """Return words with the spaces that part them from their neighbours; signs have space of their own."""
    node, before, after = formula[i], formula[max(i - 1, 0) : i], formula[i + 1 : i + 2]
    words = node.text if isinstance(node, Words) else ""
    comma = before and before[0] == Operator(",") and (" " in words or words in CONTINUING)
    left = " " if before and (comma or not _is_sign(before[0])) else ""
    return left + words + (" " if after and not _is_sign(after[0]) else "")


def _is_sign(node: Node) -> bool:
    return isinstance(node, Operator) and node.text in SPACED | set(",;:()[]/")


def _node(node: Node) -> str:
    match node:
        case Symbol(text):
            return LETTERS.get(text, text if text.isascii() else _text(text))
        case Number(text):
            return text or "{}"
        case Words(text):
            return _text(text)
        case Function(text):
            return "\\" + text if text in FUNCTIONS else _name(text)
        case Operator(text):
            return SIGNS.get(text) or (text if text in "=+<>,;:()[]/" else _text(text))
        case Group(opening, body, closing):
            return _group(opening, body, closing)
        case Fraction(top, bottom):
            return rf"\frac{{{_written(top)}}}{{{_written(bottom)}}}"
        case Root(body):
            return rf"\sqrt{{{_written(body)}}}"
        case Script(base, sub, sup):
            under = f"_{{{_written(sub)}}}" if sub else ""
            braced = f"{{{_node(base)}}}" if isinstance(base, Fraction | Root | Script) else _node(base)
            return braced + under + (f"^{{{_written(sup)}}}" if sup else "")


def _group(opening: str, body: Formula, closing: str) -> str:
    left, right = BRACKETS.get(opening, opening), BRACKETS.get(closing, closing)
    if is_tall(body):
        return rf"\left{left} {_written(body)} \right{right}"
    return left + _written(body) + (right if closing else "")


def _name(text: str) -> str:
    """Write the name of a function; an underscore in it is a sign of TeX."""
    return rf"\operatorname{{{text}}}" if text.isascii() and text.isalpha() else _text(text)


def _text(text: str) -> str:
    r"""Write words; signs of TeX stand outside of ``\text{}``, because not every program reads them inside."""
    parts = re.split(r"([\\$%#_{}~])", text.replace("^", "ˆ").replace("&", "and"))
    return "".join(ESCAPED.get(part, rf"\text{{{part}}}") for part in parts if part)
