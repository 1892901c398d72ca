"""The formula again, on fresh numbers: other inputs, and Parameters that are not what the constructor made them.

Where a reference is known, its gradients are compared, too. So a bias of zeros that forward forgets is found, and a
layer that computes something easier as soon as its slopes are measured gains nothing.
"""

import copy
from typing import Any

import numpy as np

from minnet.core.layer import Layer
from minnet.grading.exercise import Question
from minnet.grading.values import compared, is_random, take_arrays
from minnet.losses.base import Loss

_TOLERANCE = 1e-3  # a student's backward may measure slopes itself
INPUTS = ""  # stands for the gradients of all inputs


def compare(layer: Layer, question: Question) -> tuple[str, set[str]]:
    """Compare a layer with the reference.

    Returns
    -------
    (str, set of str)
        What is wrong with the values of forward ("": nothing), and the Parameters whose gradients are not those of the
        reference; `INPUTS` stands for the inputs.
    """
    if question.reference is None:
        return "", set()
    rng = np.random.default_rng([question.seed, 1])
    inputs = [given.draw(rng) for given in question.inputs]
    layer = copy.deepcopy(layer).astype(np.float64).train()
    reference = question.reference(*question.arguments, **question.named).astype(np.float64)
    for parameter in layer.parameters():
        parameter.data += rng.normal(scale=0.1, size=parameter.data.shape)
        parameter.grad[...] = 0
    take_arrays(reference, layer)
    if is_random(copy.deepcopy(reference), inputs) or not np.isfinite(expected := reference.forward(*inputs)).all():
        return "", set()
    if problem := compared(layer.forward(*inputs), expected):
        hint = " Does it use each Parameter?" if any(True for _ in layer.parameters()) else ""
        return f"with other numbers in its inputs and Parameters, {problem}{hint}", set()
    if any(given.values is not None and given.dtype.startswith("float") for given in question.inputs):
        return "", set()  # numbers that a person wrote are often equal, or 0, where a slope may have two values
    return "", _wrong_gradients(layer, reference, rng.normal(size=np.shape(expected)))


def _wrong_gradients(layer: Layer, reference: Layer, dy: Any) -> set[str]:
    arguments = () if isinstance(reference, Loss) and dy.ndim == 0 else (dy,)
    expected, theirs = reference.backward(*arguments), list(layer.named_parameters())
    try:
        wrong = set() if _agree(layer.backward(*arguments), expected) else {INPUTS}
    except Exception:
        return {INPUTS, *(name for name, _ in theirs)}
    return wrong | {
        name
        for (name, parameter), right in zip(theirs, _in_order_of(layer, reference), strict=True)
        if parameter.trainable and right.trainable and not _agree(parameter.grad, right.grad)
    }


def _in_order_of(layer: Layer, reference: Layer) -> list[Any]:
    """Return the reference's Parameters in the order of the layer's: see `minnet.grading.values.take_arrays`."""
    names, found = [name for name, _ in layer.named_parameters()], dict(reference.named_parameters())
    return [found[name] for name in names] if set(names) == set(found) else list(found.values())


def _agree(got: Any, expected: Any) -> bool:
    if isinstance(expected, tuple):
        return isinstance(got, tuple) and all(map(_agree, got, expected))
    if expected is None or got is None:  # of labels, there is no gradient
        return True
    if np.shape(got) != np.shape(expected):
        return False
    margin = _TOLERANCE * np.abs(expected).max(initial=1e-3)
    return bool(np.allclose(got, expected, rtol=_TOLERANCE, atol=margin))
