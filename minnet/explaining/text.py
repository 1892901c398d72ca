"""The text of an Explanation: lines of at most 80 columns, forward from top to bottom, and then backward."""

import sys
import textwrap
import unicodedata
from collections.abc import Iterator
from typing import TYPE_CHECKING

from minnet.explaining.cells import block, number, statistics

if TYPE_CHECKING:
    from minnet.explaining.explanation import Explanation, Quantity, Step, Why

WIDTH = 80
TERMS = 12  # that are written out
ASCII = {
    ord(sign): plain
    for pair in [
        "Σ sum",
        "∂ d",
        "· *",
        "− -",
        "… ...",
        "∘ *",
        "× x",
        "σ sigma",
        "μ mu",
        "γ gamma",
        "β beta",
        "α alpha",
        "λ lambda",
        "ε eps",
        "δ delta",
        "Φ Phi",
        "√ sqrt",
        "² ^2",
        "′ '",
        "ˣ ^x",
        "⁻ ^-",
        "ᵀ ^T",
        "≠ !=",
        "ℓ l",
        "½ 1/2",
    ]
    for sign, plain in [pair.split()]
}
NO_FORMULA = "it has no docstring. Write its formula as the first line of one, and it stands here"


def text(explanation: "Explanation") -> str:
    """Return the explanation as text; in ASCII, if the terminal shows nothing else."""
    lines = [line.rstrip() for line in _lines(explanation)]
    return for_terminal("\n".join(lines))


def for_terminal(shown: str) -> str:
    """Return a text that can be printed: signs that the terminal lacks become letters, or question marks."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        shown.encode(encoding)
    except (UnicodeEncodeError, LookupError):
        plain = unicodedata.normalize("NFKC", shown.translate(ASCII))
        return plain.encode("ascii", "replace").decode("ascii")
    return shown


def _lines(explanation: "Explanation") -> Iterator[str]:
    mode = "training" if explanation.training else "eval"
    samples = explanation.samples
    count = "" if samples is None else f" on {samples} sample{'s' * (samples != 1)}"
    yield from _wrapped(f"One step of {explanation.model} with {explanation.loss.description}{count}, in {mode} mode.")
    yield from ("", "FORWARD", "")
    for quantity in explanation.inputs:
        yield from _quantity(quantity, "")
    for step in (*explanation.steps, explanation.loss):
        yield ""
        yield from _forward(step, explanation)
    yield from ("", "BACKWARD", "", "Beside the gradients stand the slopes of L by finite differences: L is computed")
    yield "again, with one number a little smaller and a little larger."
    for step in (explanation.loss, *reversed(explanation.steps)):
        yield ""
        yield from _backward(step)
    if explanation.why:
        yield from ("", f"WHY {explanation.why.entry}", "")
        yield from _why(explanation.why)


def _head(step: "Step") -> Iterator[str]:
    path = f"{step.path}  " if step.path else ""
    yield from _wrapped(f"{path}{step.description}", "  " * step.depth)


def _forward(step: "Step", explanation: "Explanation") -> Iterator[str]:
    indent = "  " * (step.depth + 1)
    yield from _head(step)
    yield from _wrapped(step.formula or f"{step.description.partition('(')[0]}: {NO_FORMULA}.", indent)
    if step is explanation.loss:
        for quantity in step.inputs[1:]:
            yield from _quantity(quantity, indent)
        yield f"{indent}L = {number(explanation.value)}"
        return
    for quantity in step.inputs if len(step.inputs) > 1 else ():
        yield f"{indent}{_shape(quantity)}"
    for quantity in (*step.parameters, *step.outputs):
        yield from _quantity(quantity, indent)
    for note in step.notes:
        yield from _wrapped(note, indent)


def _backward(step: "Step") -> Iterator[str]:
    indent = "  " * (step.depth + 1)
    yield from _head(step)
    for quantity in step.outputs:
        if quantity.gradient is not None:
            yield from _gradient(quantity, indent, "arrives", slopes=False)
    for quantity in step.parameters:
        if quantity.gradient is not None:
            yield from _gradient(quantity, indent, "is added")
    for quantity in step.inputs:
        if quantity.gradient is not None:
            yield from _gradient(quantity, indent, "leaves")


def _shape(quantity: "Quantity") -> str:
    if not quantity.letters:
        return f"{quantity.name}, one number"
    comma = "," * (len(quantity.letters) == 1)
    return f"{quantity.name} ({', '.join(quantity.letters)}{comma}) = {quantity.values.shape}"


def _quantity(quantity: "Quantity", indent: str) -> Iterator[str]:
    known = statistics(quantity.values)
    yield from _wrapped(_shape(quantity) + (f": {known}" if known else ""), indent)
    yield from block(quantity.values, indent, quantity.name)


def _gradient(quantity: "Quantity", indent: str, verb: str, slopes: bool = True) -> Iterator[str]:
    gradient = quantity.gradient
    assert gradient is not None
    known = statistics(gradient)
    shape = f"dL/d{_shape(quantity)} {verb}"
    yield from _wrapped(shape + (f": {known}" if known else ""), indent)
    yield from block(gradient, indent, f"dL/d{quantity.name}")
    if slopes and quantity.slopes:
        what = "" if len(quantity.slopes) == gradient.size else "the largest "
        yield f"{indent}{what + 'entries':<22} {'backward':>13} {'finite differences':>19}"
        for index, slope in quantity.slopes.items():
            entry = f"{quantity.name}{list(index)}"
            yield f"{indent}{entry:<22} {float(gradient[index]):>13.6g} {slope:>19.6g}"


def _why(why: "Why") -> Iterator[str]:
    entry = why.entry
    yield from _wrapped(f"{entry} is {number(why.value)}. L depends on it by these outputs:")
    yield from _wrapped(f"dL/d {entry} = {why.formula}", "  ")
    yield ""
    total, shown = why.total, why.terms[:TERMS]
    for term in shown:
        local = f"{term.local_name} =" if term.local_name else f"∂{term.output}/∂ ="
        yield (
            f"  {local:>18} {number(term.local):>10} · d{term.output} = {number(term.dy):>10}  ->  {term.value:>12.6g}"
        )
    rest = why.terms[TERMS:]
    if rest:
        yield f"  {len(rest):,} more terms, each smaller: {sum(term.value for term in rest):.6g}"
    yield f"  sum {total:.6g}; backward says {why.gradient:.6g}; finite differences say {why.slope:.6g}"


def _wrapped(line: str, indent: str = "") -> list[str]:
    """Break a line that has more than 80 columns; a Chinese letter takes two."""
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in line)
    width = max(WIDTH - len(indent) - wide, 30)
    return [indent + part for part in textwrap.wrap(line, width, subsequent_indent="  ", break_long_words=True)]
