"""The text of an Explanation: lines of at most 80 columns, forward from top to bottom, and then backward."""

import sys
import textwrap
import unicodedata
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from minnet.explaining.cells import block, number, statistics

if TYPE_CHECKING:
    from minnet.explaining.explanation import Explanation, Quantity, Step, Term, Why

WIDTH = 80
BACKWARD = (
    "From L back to x. Each layer is given dL/dy and returns dL/dx, which is the dL/dy of the layer before it. Finite "
    "differences check it: make one number a little smaller and a little larger, and see how L changes."
)
TERMS = 12  # that are written out
_ASCII = """Σ sum ∂ d · * − - … ... ∘ * × x σ sigma μ mu γ gamma β beta α alpha λ lambda ε eps δ delta Φ Phi √ sqrt
² ^2 ′ ' ˣ ^x ⁻ ^- ᵀ ^T ≠ != ℓ l ½ 1/2""".split()  # noqa: SIM905
ASCII = str.maketrans(dict(zip(_ASCII[::2], _ASCII[1::2], strict=True)))
WRONG = "The backward of this layer, or of one behind it, is wrong: mn.gradcheck.check_layer(layer, x) says more."
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
    yield from ("", "BACKWARD", "")
    yield from _wrapped(BACKWARD)
    for step in (explanation.loss, *reversed(explanation.steps)):
        yield ""
        yield from _backward(step, explanation)
    if explanation.why:
        yield from ("", f"WHY {explanation.why.entry}", "")
        yield from _why(explanation.why)


def _head(step: "Step") -> Iterator[str]:
    path = f"{step.path}  " if step.path else ""
    yield from _wrapped(f"{path}{step.description}", "  " * step.depth, hang="  ")


def _forward(step: "Step", explanation: "Explanation") -> Iterator[str]:
    indent = "  " * (step.depth + 1)
    yield from _head(step)
    yield from _wrapped(step.formula or f"{step.description.partition('(')[0]}: {NO_FORMULA}.", indent, hang="  ")
    if step is explanation.loss:
        for quantity in step.inputs:
            if quantity.gradient is None:
                yield from _quantity(quantity, indent)
        yield f"{indent}L = {number(explanation.value)}"
        for note in step.notes:
            yield from _wrapped(note, indent)
        return
    for quantity in step.inputs:
        yield f"{indent}{_shape(quantity)}"
    for quantity in (*step.parameters, *step.outputs):
        yield from _quantity(quantity, indent)


def _backward(step: "Step", explanation: "Explanation") -> Iterator[str]:
    indent = "  " * (step.depth + 1)
    yield from _head(step)
    for quantity in step.outputs:
        yield from _gradient(quantity, indent, "arrives")
    for quantity in step.parameters:
        yield from _gradient(quantity, indent, f"is added to {quantity.name}.grad")
    for quantity in step.inputs:
        yield from _gradient(quantity, indent, "leaves")
    for note in step.notes if step is not explanation.loss else ():
        yield from _wrapped(note, indent)


def _shape(quantity: "Quantity") -> str:
    if not quantity.letters:
        return f"{quantity.name}, one number"
    comma = "," * (len(quantity.letters) == 1)
    return f"{quantity.name} ({', '.join(quantity.letters)}{comma}) = {quantity.values.shape}"


def _quantity(quantity: "Quantity", indent: str) -> Iterator[str]:
    yield from _with_statistics(_shape(quantity), quantity.values, indent)
    yield from block(quantity.values, indent, quantity.name)


def _gradient(quantity: "Quantity", indent: str, verb: str) -> Iterator[str]:
    gradient, slopes = quantity.gradient, quantity.slopes
    if gradient is None:
        return
    yield from _with_statistics(f"dL/d{_shape(quantity)} {verb}", gradient, indent)
    yield from block(gradient, indent, f"dL/d{quantity.name}")
    if len(slopes) == gradient.size:
        yield f"{indent}by finite differences:"
        yield from block(np.reshape(list(slopes.values()), gradient.shape), indent, f"dL/d{quantity.name}")
    elif slopes:
        yield f"{indent}{'the largest entries':<22} {'by backward':>13} {'by finite differences':>23}"
        for index, slope in slopes.items():
            entry = f"{quantity.name}{list(index)}"
            corner = " (corner)" * (index in quantity.corners)
            yield f"{indent}{entry:<22} {float(gradient[index]):>13.6g} {slope:>23.6g}{corner}"
    if wrong := quantity.differing:
        entry = f"{quantity.name}{list(wrong[0])}"
        yield from _wrapped(
            f"THEY DIFFER in {len(wrong)} of {len(slopes)} entries, such as {entry}: by backward "
            f"{gradient[wrong[0]]:.6g}, by finite differences {slopes[wrong[0]]:.6g}. {WRONG}",
            indent,
        )


def _why(why: "Why") -> Iterator[str]:
    entry, layers = why.entry, list(dict.fromkeys(term.layer for term in why.terms))
    name = f"w = {entry}" if "∂" in why.formula else "It"
    yield from _wrapped(f"{name} is {number(why.value)}.")
    if why.terms:
        where = " and of ".join(layer or "the model" for layer in layers)
        yield from _wrapped(
            f"L depends on it through the outputs y_j of {where}. For each of them there is a term: dL/dy_j, times the "
            "slope of y_j along this number."
        )
    else:
        yield "No output depends on it, so its gradient is 0."
    yield ""
    if len(entry) + len(why.formula) + 10 <= WIDTH:
        yield f"  dL/d {entry} = {why.formula}"
    else:
        yield from (f"  dL/d {entry}", f"    = {why.formula}")
    symbols = [_symbol(term, why) + f" ({term.layer})" * (len(layers) > 1) for term in why.terms[:TERMS]]
    width = min(max(map(len, symbols), default=0), WIDTH - 44)
    for symbol, term in zip(symbols, why.terms, strict=False):
        if len(symbol) > width:
            yield f"    {symbol}"
            symbol = ""
        yield f"    {symbol:<{width}} = {number(term.local):>9} · {number(term.dy):>9} = {term.value:>12.6g}"
    if rest := why.terms[TERMS:]:
        yield f"    and {len(rest):,} more terms, none of them larger: {sum(term.value for term in rest):.6g}"
    yield ""
    for name, total in (
        ("sum of the terms", why.total),
        ("by backward", why.gradient),
        ("by finite differences", why.slope),
    ):
        yield f"  {name:<22} {total:>12.6g}"
    yield from _wrapped(why.remark, "  ")


def _symbol(term: "Term", why: "Why") -> str:
    """Return a term in letters, such as ``x[0, 3] · dy[0, 5]``."""
    local = term.local_name or (f"∂{term.output}/∂w" if "∂" in why.formula else number(term.local))
    return f"{local} · d{term.output}"


def _with_statistics(line: str, array: NDArray[Any], indent: str) -> Iterator[str]:
    """Yield a line, with the statistics of an array behind it, or below it."""
    known = statistics(array)
    if known and len(indent) + len(line) + len(known) + 2 <= WIDTH:
        yield f"{indent}{line}: {known}"
        return
    yield from _wrapped(line, indent)
    yield from _wrapped(known, indent)


def _wrapped(line: str, indent: str = "", hang: str = "") -> list[str]:
    """Break a line that has more than 80 columns; a Chinese letter takes two."""
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in line)
    width = max(WIDTH - len(indent) - wide, 30)
    return [indent + part for part in textwrap.wrap(line, width, subsequent_indent=hang)]
