"""The answer to `why`: the terms of one number's gradient, their sum, and the slope beside it."""

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minnet.core.trees import named_leaves
from minnet.explaining.entries import Asked, asked
from minnet.explaining.experiment import Experiment, Run, is_loss, shown
from minnet.explaining.explanation import Index, Step, Term, Why
from minnet.explaining.recording import Call
from minnet.explaining.terms import Entry, terms_of
from minnet.layers import Sequential


def why_of(why: str, experiment: Experiment, run: Run, steps: tuple[Step, ...]) -> Why:
    """Return how the gradient of the number comes about that `why` names."""
    inputs = dict(named_leaves("x", experiment.x))
    question = asked(why, experiment, inputs)
    if question.parameter is not None:
        value, gradient = question.parameter.data[question.index], question.parameter.grad[question.index]
        slope = experiment.slope_of_parameter(question.parameter.data, question.index, float(gradient))
        uses = _uses_of_parameter(question, experiment, run)
    else:
        value, name = inputs[question.input][question.index], _name_in_call(run.calls[""], question.input, inputs)
        gradients = run.calls[""].input_gradients
        gradient = gradients[name][question.index] if name in gradients else 0.0
        slope = experiment.slope_of_input("", name, question.index, float(gradient))
        uses = [_use_of_input(question, run, inputs)]
    kept = experiment.run(keep={call.path for call, _ in uses}).calls
    terms = [term for call, entry in uses if call.went_back for term in terms_of(kept[call.path], entry)]
    terms.sort(key=lambda term: -abs(term.value))
    return Why(
        entry=question.text,
        value=float(value),
        gradient=float(gradient),
        formula=formula_of(terms, [_letters(call.path, steps) for call, _ in uses], question.text),
        terms=tuple(terms),
        total=float(sum(term.value for term in terms)),
        slope=float("nan") if slope is None else slope.value,
    )


def _uses_of_parameter(question: Asked, experiment: Experiment, run: Run) -> list[tuple[Call, Entry]]:
    """Return the calls of the layers that use the Parameter, each with its name there.

    A layer that was not called by itself, or more than once, is looked at as a part of the layer around it.
    """
    uses: dict[str, tuple[Call, Entry]] = {}
    for owner, name, array in experiment.arrays():
        if array is question.parameter:
            path, full = owner, f"{owner}.{name}" if owner else name
            while path not in run.calls or run.calls[path].count > 1:
                if not path:
                    break
                path = _around(path, run)
            if path in run.calls:
                inside = full.removeprefix(path).removeprefix(".")
                uses.setdefault(path, (run.calls[path], Entry(inside, question.index, False)))
    return list(uses.values())


def _around(path: str, run: Run) -> str:
    """Return the path of the innermost layer around the one at a path, among those that were called."""
    outer = [other for other in run.calls if other != path and path.startswith(f"{other}.")]
    return max(outer, key=len, default="")


def _use_of_input(question: Asked, run: Run, inputs: dict[str, NDArray[Any]]) -> tuple[Call, Entry]:
    """Return the call of the layer that reads the input: in a chain, the first."""
    call = run.calls[""]
    while type(call.layer) is Sequential:
        inner = f"{call.path}.layers" if call.path else "layers"
        first = run.calls.get(inner + call.layer.layers.index_of(0))
        if first is None or first.count > 1:
            break
        call = first
    return call, Entry(_name_in_call(call, question.input, inputs), question.index, True)


def _name_in_call(call: Call, name: str, inputs: dict[str, NDArray[Any]]) -> str:
    """Return the name that a layer has for an input of the model."""
    there = list(call.inputs)
    key = re.fullmatch(r'x\["(.*)"\]', name)
    if key and key[1] in there:
        return key[1]
    return there[list(inputs).index(name)]


def _letters(path: str, steps: tuple[Step, ...]) -> dict[str, tuple[str, ...]]:
    for step in steps:
        if step.path == shown(path) and not is_loss(path):
            return {quantity.name: quantity.letters for quantity in step.outputs}
    return {}


def formula_of(terms: list[Term], letters: list[dict[str, tuple[str, ...]]], entry: str) -> str:
    """Return the sum in general, such as ``Σ_n x[n, 3] · dy[n, 5]``; the chain rule, if the terms have no one form."""
    general = "Σ_j dy_j · ∂y_j/∂" + entry.rpartition(".")[2]
    outputs = {_parts(term.output)[0] for term in terms}
    locals_ = {_parts(term.local_name)[0] for term in terms}
    if not terms or len(letters) > 1 or len(outputs) > 1 or len(locals_) > 1 or letters[0].keys() < outputs:
        return general
    name, local = outputs.pop(), locals_.pop()
    places = np.array([_parts(term.output)[1] for term in terms])
    dummies, used = [], list[str]()
    for axis, letter in enumerate(letters[0][name]):
        column = places[:, axis]
        varies = len(set(column.tolist())) > 1
        index = letter[0].lower()
        if varies and index in used:
            return general
        used += [index] * varies
        dummies.append(index if varies else str(column[0]))
    sums = "".join(f"Σ_{index} " for index in used)
    dy = f"d{name}[{', '.join(dummies)}]"
    if not local:
        constants = {term.local for term in terms}
        if len(constants) > 1:
            return general
        factor = constants.pop()
        if factor != 1 and len(terms) == 1:  # this number's own slope, and no constant
            return general
        return f"{sums}{dy}" if factor == 1 else f"{sums}{factor:.6g} · {dy}"
    own = np.array([_parts(term.local_name)[1] for term in terms])
    indices = [_index(own[:, axis], places, dummies) for axis in range(own.shape[1])]
    return general if None in indices else f"{sums}{local}[{', '.join(map(str, indices))}] · {dy}"


def _index(column: Any, places: Any, dummies: list[str]) -> str | None:
    """Return what an index of ∂y_j/∂(the entry) is, in terms of those of y_j; None if it is nothing simple."""
    if len(set(column.tolist())) == 1:
        return str(column[0])
    for axis, dummy in enumerate(dummies):
        difference = set((column - places[:, axis]).tolist())
        if dummy.isalpha() and len(difference) == 1:
            offset = difference.pop()
            return dummy if offset == 0 else f"{dummy} {'+' if offset > 0 else '−'} {abs(offset)}"
    return None


def _parts(text: str) -> tuple[str, Index]:
    """Cut ``y[0, 5]`` into ``y`` and (0, 5)."""
    name, _, index = text.rpartition("[")
    return name, tuple(int(i) for i in index.rstrip("]").split(",") if i.strip())
