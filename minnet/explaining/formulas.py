"""A formula is a tree; `minnet.explaining.reader` reads it, `tex` and `mathml` of this room write it."""

from typing import NamedTuple, TypeAlias


class Symbol(NamedTuple):
    """One letter, which is a variable."""

    text: str


class Number(NamedTuple):
    """A number, as it was written."""

    text: str


class Words(NamedTuple):
    """Words between the formulas, or a variable whose name is a word."""

    text: str


class Function(NamedTuple):
    """The name of a function."""

    text: str


class Operator(NamedTuple):
    """A sign between two things; " " stands between two factors without one."""

    text: str


class Group(NamedTuple):
    """What stands in brackets."""

    opening: str
    body: "Formula"
    closing: str


class Script(NamedTuple):
    """Something with an index, an exponent, or both."""

    base: "Node"
    sub: "Formula"
    sup: "Formula"


class Fraction(NamedTuple):
    """One thing over another."""

    top: "Formula"
    bottom: "Formula"


class Root(NamedTuple):
    """A square root."""

    body: "Formula"


Node: TypeAlias = Symbol | Number | Words | Function | Operator | Group | Script | Fraction | Root
Formula: TypeAlias = tuple[Node, ...]


def is_tall(formula: Formula) -> bool:
    """Whether brackets around a formula should grow with it."""
    return any(
        isinstance(node, Fraction)
        or (isinstance(node, Script) and is_sign(node))
        or (isinstance(node, Group | Root) and is_tall(node.body))
        for node in formula
    )


def is_sign(node: Node) -> bool:
    """Whether it is a sign, or a sum over some index."""
    return isinstance(node.base if isinstance(node, Script) else node, Operator)
