"""An explanation as HTML, which a notebook shows: a card for each layer, without scripts or files from elsewhere.

Colours are laid over the page's own with some transparency, and text keeps its colour, so a dark notebook is as
readable as a light one.
"""

import re
from html import escape
from typing import TYPE_CHECKING

from minnet.explaining import labels
from minnet.explaining.asked import asked_in
from minnet.explaining.mathml import mathml
from minnet.explaining.tables import bracketed, figure, heads, measured, scrolled, signed
from minnet.explaining.text import WRONG
from minnet.explaining.tokens import split_remark

if TYPE_CHECKING:
    from minnet.explaining.explanation import Explanation, Index, Quantity, Step, Term, Why

TERMS = 12  # that are written out
STYLE = """
.mn-explain { max-width: 62em; line-height: 1.4; }
.mn-explain .mn-card { border: 1px solid rgba(128,128,128,.5); border-radius: 6px; margin: .6em 0; padding: .4em .8em; }
.mn-explain .mn-title { font-size: 1.15em; font-weight: 600; line-height: 1.3; margin: .2em 0; padding: 0; }
.mn-explain .mn-part { font-size: 1em; font-weight: 600; margin: .6em 0 .1em; padding: 0; }
.mn-explain .mn-formula { overflow-x: auto; overflow-y: hidden; padding: .35em 0; }
.mn-explain math { font-size: 1.15em; }
.mn-explain p { margin: .2em 0; }
.mn-explain .mn-row { display: flex; flex-wrap: wrap; align-items: flex-start; gap: .4em 1.2em; }
.mn-explain figure { margin: .2em 0; max-width: 100%; }
.mn-explain figcaption { text-align: left; padding: 0; margin: 0 0 .15em; font-size: .92em; }
.mn-explain figcaption em { opacity: .85; }
.mn-explain .mn-scroll { overflow-x: auto; max-width: 100%; }
.mn-explain table { border-collapse: collapse; margin: 0; font-size: .9em; width: auto; }
.mn-explain td, .mn-explain th { padding: .12em .45em; text-align: right; white-space: nowrap; color: inherit;
  border: 1px solid rgba(128,128,128,.4); font-variant-numeric: tabular-nums; }
.mn-explain th { font-weight: normal; opacity: .8; }
.mn-explain td.mn-asked { outline: 2px solid currentColor; outline-offset: -2px; font-weight: 700; }
.mn-explain .mn-wrong { flex-basis: 100%; font-weight: 700; border-left: .3em solid #d55e00; padding-left: .5em; }
.mn-explain summary { cursor: pointer; }
@media (max-width: 480px) {
  .mn-explain .mn-card { padding: .3em .5em; }
  .mn-explain td, .mn-explain th { padding: .12em .25em; }
}
"""


def html(explanation: "Explanation") -> str:
    """Return an explanation as one element of HTML."""
    why = explanation.why
    parts = [_heading(explanation), _why(why) if why else ""]
    parts += [_step(step, i, explanation) for i, step in enumerate((*explanation.steps, explanation.loss), 1)]
    ignored = "mn-explain tex2jax_ignore mathjax_ignore"  # a "$" in a docstring begins no formula
    return f'<div class="{ignored}"><style>{STYLE}</style>{"".join(parts)}</div>'


def _heading(explanation: "Explanation") -> str:
    n = explanation.samples
    facts = [] if n is None else [labels.SAMPLE if n == 1 else labels.SAMPLES.format(n=n)]
    facts.append(labels.TRAINING if explanation.training else labels.EVALUATION)
    facts.append(f"<strong>{labels.LOSS.format(value=signed(explanation.value))}</strong>")
    title = labels.TITLE.format(model=explanation.model, loss=explanation.loss.description)
    return f'<h3 class="mn-title">{escape(title)}</h3><p>{", ".join(facts)}.</p><p>{labels.LEGEND}</p>'


def _step(step: "Step", place: int, explanation: "Explanation") -> str:
    """Return the card of one layer; the arrays of a layer that has layers inside are shown on request."""
    where = f" <code>{escape(step.path)}</code>" if step.path not in ("", "loss") else ""
    parts = [f'<h4 class="mn-title">{place}. {escape(step.description)}{where}</h4>', _formula(step.formula)]
    parts += [f"<p>{escape(note)}</p>" for note in step.notes]
    arrays = _forward(step) + _parameters(step, explanation) + _backward(step, explanation)
    parts.append(f"<details><summary>{labels.ARRAYS}</summary>{arrays}</details>" if step.inside else arrays)
    indent = f' style="margin-left: {min(step.depth, 4)}em"' if step.depth else ""
    return f'<section class="mn-card"{indent}>{"".join(parts)}</section>'


def _formula(formula: str) -> str:
    if not formula:
        return f"<p>{labels.NO_FORMULA}</p>"
    remark = split_remark(formula)[1]
    words = re.sub("`{1,2}(.*?)`{1,2}", r"<code>\1</code>", escape(remark, quote=False))
    behind = f"<p>{words}</p>" if remark else ""
    return f'<div class="mn-formula">{mathml(formula)}</div>{behind}'


def _part(title: str, rows: "list[str]") -> str:
    shown = "".join(f'<div class="mn-row">{row}</div>' for row in rows if row)
    return f'<h5 class="mn-part">{title}</h5>{shown}' if shown else ""


def _forward(step: "Step") -> str:
    inputs = [figure(quantity.name, quantity, quantity.values) for quantity in step.inputs]
    outputs = [figure(quantity.name, quantity, quantity.values, before="→") for quantity in step.outputs]
    return _part(labels.FORWARD, ["".join(inputs + outputs)])


def _backward(step: "Step", explanation: "Explanation") -> str:
    row = [_gradient(quantity, labels.ARRIVES) for quantity in step.outputs]
    for quantity in step.inputs:
        row += [_gradient(quantity, labels.LEAVES, asked_in(step.path, quantity, explanation), "→"), measured(quantity)]
    return _part(labels.BACKWARD, ["".join(row)])


def _parameters(step: "Step", explanation: "Explanation") -> str:
    rows = []
    for quantity in step.parameters:
        asked = asked_in(step.path, quantity, explanation)
        remark = labels.BUFFER if quantity.gradient is None else ""
        shown = figure(quantity.name, quantity, quantity.values, remark, asked)
        rows.append(shown + _gradient(quantity, labels.ADDED, asked) + measured(quantity))
    return _part(labels.PARAMETERS, rows)


def _gradient(quantity: "Quantity", remark: str, asked: "Index" = (), before: str = "") -> str:
    if quantity.gradient is None:
        return ""
    return figure(labels.GRADIENT.format(name=quantity.name), quantity, quantity.gradient, remark, asked, before)


def _why(why: "Why") -> str:
    rows = heads(labels.TERM, labels.NUMBERS, labels.VALUE)
    rows += "".join(map(_term, why.terms[:TERMS]))
    if rest := why.terms[TERMS:]:
        rows += _line(labels.OTHERS.format(n=f"{len(rest):,}"), sum(term.value for term in rest))
    rows += _line(labels.SUM, why.total) + _line(labels.BACKWARD_GIVES, why.gradient) + _line(labels.SLOPE, why.slope)
    question = escape(labels.WHY.format(entry=why.entry, gradient=signed(why.gradient)))
    value = escape(labels.WHY_VALUE.format(entry=why.entry, value=signed(why.value)))
    formula = f'<div class="mn-formula">{mathml(why.formula)}</div>' if why.formula else ""
    shown = f"<p>{value}</p>{formula}{scrolled(question, rows)}"
    kind = ' class="mn-wrong"' if why.remark == WRONG else ""
    remark = f"<p{kind}>{escape(why.remark)}</p>" if why.remark else ""
    return f'<section class="mn-card"><h4 class="mn-title">{question}</h4>{shown}{remark}</section>'


def _term(term: "Term") -> str:
    local = term.local_name or f"∂{term.output}/∂"
    name = f"{local} · d{term.output}"
    numbers = f"{bracketed(term.local)} · {bracketed(term.dy)}"
    return f'<tr><th scope="row">{escape(name)}</th><td>{numbers}</td><td>{signed(term.value)}</td></tr>'


def _line(name: str, value: float) -> str:
    return f'<tr><th scope="row" colspan="2">{name}</th><td>{signed(value)}</td></tr>'
