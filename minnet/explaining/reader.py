"""The reader makes a formula's tree of plain text, such as the first sentence of a layer's docstring.

Text that is no formula becomes `Words`, and so does each word in one. Nothing is an error, because a docstring may say
anything.
"""

from collections.abc import Callable

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
    is_sign,
)
from minnet.explaining.tokens import OPENING, Token, split_remark, tokens

DEEP = 12  # brackets, indices and roots inside each other; more than that is no formula
LONG = 240  # letters

_LEAVES: dict[str, Callable[[str], Node]] = {"symbol": Symbol, "number": Number, "function": Function, "word": Words}
_INFIXES = tuple(map(Operator, "·∘×⊙"))  # a numerator begins behind the last of these
_BREAKS = ("operator", "word", "close", "end")  # what ends a product


def read(line: str) -> Formula:
    """Return the tree of a line's formula, without the remark behind it; of a line without a formula, its words."""
    line = "".join(mark if mark.isprintable() else " " for mark in line)
    formula = split_remark(" ".join(line.split()))[0]
    if formula and len(formula) <= LONG:
        try:
            return _Reader(formula).everything()
        except _DeepError:
            pass
    line = " ".join(line.split())
    return (Words(line if len(line) <= LONG else line[: LONG - 1] + "…"),) if line else ()


class _DeepError(Exception):
    """There are too many brackets inside each other."""


class _Reader:
    """Reads one token after another; `flat` says that a division stays on the line, as in an index."""

    def __init__(self, text: str, flat: bool = False, depth: int = 0) -> None:
        self.tokens = tokens(text)
        self.place = 0
        self.flat = flat
        self.depth = depth

    @property
    def next(self) -> Token:
        return self.tokens[self.place] if self.place < len(self.tokens) else Token("end", "", False)

    def take(self) -> Token:
        self.place += 1
        return self.tokens[self.place - 1]

    def everything(self) -> Formula:
        found: list[Node] = []
        while self.next.kind != "end":
            found += self.sequence("")
            if self.next.kind != "end":
                found.append(Operator(self.take().text))  # a closing bracket without an opening one
        return tuple(found)

    def sequence(self, bar: str) -> Formula:
        """Read up to a closing bracket, or to the bar that closes this one."""
        found: list[Node] = []
        while self.next.kind not in ("close", "end"):
            product = self.product(bar)
            found += product
            if self.next.text == bar:
                break
            if self.next.kind in ("operator", "word"):
                token = self.next
                word = token.kind == "word"
                self.take()
                found.append(self.scripts(Words(token.text)) if word else Operator(token.text))
        return tuple(found)

    def product(self, bar: str) -> list[Node]:
        """Read factors, and put the last ones over what stands behind a slash."""
        found: list[Node] = []
        while self.next.kind not in _BREAKS and self.next.text != bar:
            if self.next.kind == "times":
                found.append(Operator(self.take().text))
            elif self.next.kind == "slash":
                self.take()
                self.divide(found, bar)
            else:
                if found and self.next.spaced and self.next.kind != "sum" and not is_sign(found[-1]):
                    found.append(Operator(" "))
                found += self.factor()
        return found

    def divide(self, product: list[Node], bar: str) -> None:
        """Make a fraction of the end of a product and the next factor."""
        start = max((i + 1 for i, node in enumerate(product) if node in _INFIXES), default=0)
        if self.flat or start == len(product) or self.next.kind in (*_BREAKS, "times", "slash"):
            product.append(Operator("/"))
            return
        bottom = self.product(bar) if self.next.kind == "sum" else self.factor()
        product[start:] = [Fraction(_bare(tuple(product[start:])), _bare(tuple(bottom)))]

    def factor(self) -> list[Node]:
        """Read one thing with its indices, a function with its argument."""
        self.depth += 1
        if self.depth > DEEP:
            raise _DeepError
        found = [_bare_fraction(self.scripts(self.primary()))]
        if not isinstance(found[0], Group | Number | Fraction | Operator):
            while self.next.text in ("(", "[") and not self.next.spaced:
                found.append(self.scripts(self.group()))
        if (
            isinstance(found[0], Function)
            and len(found) == 1
            and self.next.kind in ("symbol", "number", "function", "root")
        ):
            found += self.factor()
        self.depth -= 1
        return found

    def primary(self) -> Node:
        token = self.next
        if token.kind in ("sub", "sup"):
            return Number("")  # an index of nothing
        if token.kind == "open" or (token.kind == "bar" and self.has_partner()):
            return self.group()
        self.take()
        if token.kind == "root" or token.text == "sqrt":
            inside = self.factor() if self.next.kind in ("symbol", "number", "function", "open") else []
            return Root(_bare(tuple(inside))) if inside else Operator("√")
        if token.kind == "half":
            return Fraction((Number(token.text[0]),), (Number(token.text[2:]),))
        return _LEAVES.get(token.kind, Operator)(token.text)

    def has_partner(self) -> bool:
        """Whether the bar that comes next is closed by another, in the same brackets."""
        level = 0
        for token in self.tokens[self.place + 1 :]:
            level += (token.kind == "open") - (token.kind == "close")
            if level <= 0 and (level < 0 or token.text == self.next.text):
                return level == 0
        return False

    def group(self) -> Node:
        """Read what stands in brackets; a closing one may be missing."""
        self.depth += 1
        if self.depth > DEEP:
            raise _DeepError
        opening, flat = self.take(), self.flat
        self.flat = flat or opening.text == "["
        closing = OPENING.get(opening.text, opening.text)
        body = self.sequence(closing if opening.kind == "bar" else "")
        self.flat = flat
        self.depth -= 1
        return Group(opening.text, body, self.take().text if self.next.text == closing else "")

    def scripts(self, base: Node) -> Node:
        """Read the indices and exponents of something."""
        sub: Formula = ()
        sup: Formula = ()
        while self.next.kind in ("sub", "sup"):
            token = self.take()
            if self.depth > DEEP:
                raise _DeepError
            inside = _Reader(token.text, True, self.depth + 1).everything()
            if token.kind == "sub":
                sub += (Operator(","), *inside) if sub else inside
            elif sup and token.text != "′":
                base, sub, sup = Script(base, sub, sup), (), inside
            else:
                sup += inside
        return Script(base, sub, sup) if sub or sup else base


def _bare(formula: Formula) -> Formula:
    """Leave out the round brackets around a formula, which a fraction or a root makes needless."""
    only = formula[0] if len(formula) == 1 else None
    return only.body if isinstance(only, Group) and (only.opening, only.closing) == ("(", ")") else formula


def _bare_fraction(node: Node) -> Node:
    """Leave out the brackets around a fraction that is multiplied: (1/N) is a fraction already."""
    inside = _bare((node,))
    return inside[0] if len(inside) == 1 and isinstance(inside[0], Fraction) else node
