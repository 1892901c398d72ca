"""A formula of a docstring in MathML, which browsers draw by themselves: no script, no font from elsewhere."""

from html import escape

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
from minnet.explaining.tex import padded, tex

NO_BREAK = "\N{NO-BREAK SPACE}"  # browsers drop other spaces at the ends of <mtext>
APPLY = "<mo>&#8289;</mo>"  # between a function and its argument
THIN = '<mspace width="0.17em"></mspace>'


def mathml(plain: str) -> str:
    """Translate a formula in plain text into a ``<math>`` element, which holds the same in TeX, too.

    Examples
    --------
    >>> mathml("y = √x").split("<annotation")[0]
    '<math displaystyle="true"><semantics><mrow><mi>y</mi><mo>=</mo><msqrt><mi>x</mi></msqrt></mrow>'
    """
    source = f'<annotation encoding="application/x-tex">{escape(tex(plain))}</annotation>'
    return f'<math displaystyle="true"><semantics>{_row(read(plain))}{source}</semantics></math>'


def _row(formula: Formula) -> str:
    """Write a formula as one element."""
    parts = [_text(padded(formula, i)) if isinstance(node, Words) else _node(node) for i, node in enumerate(formula)]
    for i, node in enumerate(formula[:-1]):
        function = node.base if isinstance(node, Script) else node
        if isinstance(function, Function):
            parts[i] += APPLY if isinstance(formula[i + 1], Group) else APPLY + THIN
    return parts[0] if len(parts) == 1 else f"<mrow>{''.join(parts)}</mrow>"


def _node(node: Node) -> str:
    match node:
        case Symbol(text):
            letters = "".join(f"<mi>{escape(letter)}</mi>" for letter in text)
            return "<mo>′</mo>" if text == "′" else letters if len(text) == 1 else f"<mrow>{letters}</mrow>"
        case Number(text):
            return f"<mn>{text}</mn>" if text else "<mrow></mrow>"
        case Words(text):
            return _text(text)
        case Function(text):
            return f'<mi mathvariant="normal">{escape(text)}</mi>'
        case Operator(text):
            return THIN if text == " " else _operator(text)
        case Group(opening, body, closing):
            return _group(opening, body, closing)
        case Fraction(top, bottom):
            return f"<mfrac>{_row(top)}{_row(bottom)}</mfrac>"
        case Root(body):
            return f"<msqrt>{_row(body)}</msqrt>"
        case Script(base, sub, sup):
            return _script(base, sub, sup)


def _script(base: Node, sub: Formula, sup: Formula) -> str:
    names = ("munder", "mover", "munderover") if isinstance(base, Operator) else ("msub", "msup", "msubsup")
    name = names[2 if sub and sup else 0 if sub else 1]
    return f"<{name}>{_row((base,))}{_row(sub) if sub else ''}{_row(sup) if sup else ''}</{name}>"


def _operator(text: str) -> str:
    sign = {"Σ": "∑", "-": "−"}.get(text, text)
    kind = ' movablelimits="false" largeop="true"' if sign in "∑∏" else ' form="prefix"' if text == "-" else ""
    return f"<mo{kind}>{escape(sign)}</mo>"


def _group(opening: str, body: Formula, closing: str) -> str:
    stretchy = "true" if is_tall(body) else "false"
    marks = [
        f'<mo form="{form}" fence="true" stretchy="{stretchy}">{escape(mark)}</mo>' if mark else ""
        for form, mark in (("prefix", opening), ("postfix", closing))
    ]
    return f"<mrow>{marks[0]}{_row(body) if body else ''}{marks[1]}</mrow>"


def _text(text: str) -> str:
    if text.isalpha():  # a variable: beside <mtext>, a sign would have no space around it
        return f'<mi mathvariant="normal">{escape(text)}</mi>'
    return f"<mtext>{escape(text).replace(' ', NO_BREAK)}</mtext>"
