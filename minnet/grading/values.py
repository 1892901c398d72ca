"""The values of forward, compared with those of a reference. The right ones are never told."""

import copy
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import numpy as np

from minnet.core.layer import Layer
from minnet.grading.exercise import Question

_TOLERANCE = 1e-6
_SAMPLES = 2000  # of a random layer, for means and deviations
_DEVIATIONS = 7  # of a mean, by which two means may differ: further apart are one in 10^11


def difference(layer: Layer, question: Question, inputs: list[Any]) -> tuple[Any, str]:
    """Return what forward gives, and what is wrong with it; "" if nothing is.

    With a reference, it is compared in training mode, and then in eval mode, because a running mean shows only there.
    """
    layer = copy.deepcopy(layer).astype(np.float64).train()
    if question.reference is None:
        y = layer.forward(*inputs)
        return y, compared(y, np.array(question.expected, np.float64))
    reference = question.reference(*question.arguments, **question.named).astype(np.float64)
    problem = take_arrays(reference, layer)
    y = layer.forward(*inputs)
    if not problem:
        random = is_random(copy.deepcopy(reference), inputs)
        problem = _means(layer, reference, inputs) if random else compared(y, reference.forward(*inputs))
    return y, problem or _in_eval_mode(layer, reference, inputs)


def is_trivial(y: Any, inputs: list[Any]) -> bool:
    """Whether an output is an input, or one number everywhere."""
    with suppress(TypeError, ValueError):
        return bool(np.size(y) > 1 and np.ptp(y) == 0) or any(np.array_equal(y, x) for x in inputs)
    return False


def _in_eval_mode(layer: Layer, reference: Layer, inputs: list[Any]) -> str:
    wrong = compared(layer.eval().forward(*inputs), reference.eval().forward(*inputs))
    return f"In eval mode, after a forward in training mode: {wrong}" if wrong else ""


def is_random(layer: Layer, inputs: list[Any]) -> bool:
    """Whether forward draws random numbers; two outputs do not tell: a Dropout may drop the same numbers twice."""
    before = _states(layer)
    one, other = layer.forward(*inputs), layer.forward(*inputs)
    return _states(layer) != before or not np.array_equal(one, other, equal_nan=True)


def _states(layer: Layer) -> list[str]:
    held = (value for _, inner in layer.named_layers() for value in vars(inner).values())
    return [repr(value.bit_generator.state) for value in held if isinstance(value, np.random.Generator)]


def _means(layer: Layer, reference: Layer, inputs: list[Any]) -> str:
    """Compare the means and deviations of what two random layers make of each number, over many samples."""
    many = [np.repeat(x, _SAMPLES, axis=0) for x in inputs]
    ours, theirs = reference.forward(*many), layer.forward(*many)
    if wrong := _form(theirs, ours):
        return wrong
    (mean, deviation), (right, right_deviation) = (_moments(a, len(inputs[0])) for a in (theirs, ours))
    margin = _DEVIATIONS * np.hypot(deviation, right_deviation) / _SAMPLES**0.5 + _TOLERANCE
    if (abs(mean - right) > margin).any():
        return "the output is random, and its mean over many samples is not the right one."
    if (abs(deviation - right_deviation) > 0.2 * right_deviation + _TOLERANCE).any():
        return "the output is random, and its spread over many samples is not the right one."
    return ""


def _moments(y: Any, samples: int) -> tuple[Any, Any]:
    y = y.reshape(samples, _SAMPLES, *y.shape[1:])
    return y.mean(axis=1), y.std(axis=1)


def compared(y: Any, expected: Any) -> str:
    """Say which values are wrong."""
    if wrong := _form(y, expected):
        return wrong
    wrong_places = ~np.isclose(y, expected, rtol=_TOLERANCE, atol=_TOLERANCE)
    if wrong_places.any():
        count = f"{int(wrong_places.sum())} of {wrong_places.size} numbers"
        return f"forward does not compute the formula: {count} of its output are wrong."
    return ""


def _form(y: Any, expected: Any) -> str:
    """Say what is wrong with the form of an output."""
    if not isinstance(y, np.ndarray | float | np.floating):
        return f"forward returns {y!r}, and no array."
    if np.shape(y) != np.shape(expected):
        return f"forward returns an array of shape {np.shape(y)}: expected the shape {np.shape(expected)}."
    if np.asarray(y).dtype.kind not in "fiub" or not np.isfinite(y).all():
        return "forward returns infinite numbers or NaN, or no numbers."
    return ""


def take_arrays(reference: Layer, layer: Layer) -> str:
    """Give the reference the student's Parameters, and its Buffers where they fit; say why if the former do not."""
    parameters, theirs = (
        dict(reference.named_parameters()),
        _matched(reference.named_parameters(), layer.named_parameters()),
    )
    if {name: p.data.shape for name, p in parameters.items()} != {name: p.data.shape for name, p in theirs.items()}:
        expected = ", ".join(f"{name} {p.data.shape}" for name, p in parameters.items()) or "none"
        got = ", ".join(f"{name} {p.data.shape}" for name, p in layer.named_parameters()) or "none"
        return f"the layer's Parameters do not have the shapes of the exercise: expected {expected}; got {got}."
    buffers = _matched(reference.named_buffers(), layer.named_buffers())
    for name, array in reference.named_arrays():
        other = theirs.get(name) or buffers.get(name)
        if other is not None and other.data.shape == array.data.shape:
            array.data = other.data
    return ""


def _matched(ours: Iterable[tuple[str, Any]], theirs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return their arrays by our names, or in the order of ours, if the names are others."""
    names, found = [name for name, _ in ours], dict(theirs)
    if set(names) == set(found):
        return {name: found[name] for name in names}
    known = dict(zip(names, found.values(), strict=False))
    return known if len(found) <= len(names) else known | {"more": next(reversed(found.values()))}
