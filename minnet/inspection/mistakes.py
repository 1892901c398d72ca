"""A mistake is one of the frequent ones in a backward: here its traces in a wrong gradient are recognized."""

import math
from itertools import combinations
from typing import Any

import numpy as np

from minnet.inspection.dependencies import of_dependencies
from minnet.inspection.evidence import Evidence, alike
from minnet.inspection.finding import RULE
from minnet.inspection.formulas import of_formula
from minnet.inspection.layer_checks import is_ours
from minnet.inspection.patterns import of_offset, of_order, of_place, of_regions
from minnet.inspection.spied import changed_cache


def of_gradient(e: Evidence) -> str:
    """Return which mistake a wrong gradient suggests; an empty string if none is known."""
    for look in (
        *(_of_nothing, _of_no_slope, _of_chance, _of_cache, _of_missing_dy, _of_transposes, of_order, of_formula),
        *(_of_ratio, _of_samples, _of_rows, _of_reduced_batch, _of_branches, _of_repeats, of_place, of_regions),
        *(of_offset, of_dependencies),
    ):
        with np.errstate(all="ignore"):
            try:
                hint = look(e)
            except Exception:  # the layer fails in another run
                continue
        if hint:
            return hint
    return ""


def _of_nothing(e: Evidence) -> str:
    if e.claimed.any():
        return ""
    if e.is_input:
        return "it is zero everywhere, so backward does not compute it"
    owner, _, last = e.name.rpartition(".")
    if owner:
        return (
            f"it is zero everywhere, so backward does not compute it: call self.{owner}.backward(...), which adds the "
            f"gradients of the layer inside, and returns what goes on"
        )
    return (
        f"it is zero everywhere, so backward does not compute it: add to self.{last}.grad itself, self.{last}.grad += "
        "... (what is added to a copy of it, or to a part taken out with an array of indices, is lost; and what stands "
        "below return is not run)"
    )


def _of_no_slope(e: Evidence) -> str:
    """Forward does not depend on it, or in steps only."""
    if np.abs(e.right[e.known]).max(initial=0) > 1e-9:
        return ""
    if not e.is_input:
        return (
            f"forward does not use self.{e.name}: its output is the same for all values of it. Is it forgotten there?"
        )
    return (
        "forward is flat: its output does not change if x changes a little, so every slope is 0, and nothing before "
        "this layer can learn. argmax, comparisons, np.round, np.sign, // and astype(int) are so: leave them out, or "
        "take a function that rises smoothly"
    )


def _of_chance(e: Evidence) -> str:
    """Backward draws random numbers."""
    trial = e.trial
    layer = trial.new()
    trial.forward(layer, trial.inputs)

    def states() -> list[str]:
        found = [value for _, inner in layer.named_layers() for value in vars(inner).values()]
        return [repr(v.bit_generator.state) for v in found if isinstance(v, np.random.Generator)]

    before = states()
    trial.backward(layer, trial.dy)
    if states() == before:
        return ""
    return (
        "backward draws random numbers, and so uses another mask than forward did: keep forward's mask in self.cache, "
        "and multiply dy by that one"
    )


def _of_cache(e: Evidence) -> str:
    return changed_cache(e.trial)


def _of_missing_dy(e: Evidence) -> str:
    if e.by_element and alike((e.claimed * e.dy)[e.known], e.right[e.known]):
        return "dy is missing, it lacks the factor dy: by the chain rule dL/dx = dL/dy * dy/dx, so return dy * (...)"
    return ""


def _of_transposes(e: Evidence) -> str:
    if (
        not e.whole
        or e.claimed.ndim != 2
        or e.claimed.shape[0] != e.claimed.shape[1]
        or not alike(e.claimed.T, e.right)
    ):
        return ""
    if e.is_input:
        return "it is the transpose of the right gradient: rows and columns are exchanged"
    return f"it is the transpose of the right gradient{RULE}{e.name}, dL/d{e.name} is x.T @ dy"


def _of_ratio(e: Evidence) -> str:
    """All elements are wrong by one factor."""
    values, right = e.claimed[e.known], e.right[e.known]
    apart = np.abs(right) > 1e-3 * np.abs(right).max()
    if not apart.any():
        return ""
    ratio = float((values[apart] / right[apart]).mean())
    if not np.allclose(values, ratio * right, rtol=1e-3, atol=1e-3 * float(np.abs(right).max() * abs(ratio))):
        return ""
    hint = f"every element is {ratio:.6g} times the right value"
    if math.isclose(ratio, -1, rel_tol=1e-3):
        return f"{hint}; is a sign wrong?"
    shape = e.x.shape if e.x.size else ()
    for axes in sorted(combinations(range(len(shape) + 1), 2), key=lambda axes: axes[1] - axes[0]):
        size = math.prod(shape[slice(*axes)])
        if 1 < size < e.x.size and any(math.isclose(abs(ratio), r, rel_tol=1e-3) for r in (size, 1 / size)):
            what = " * ".join(map(str, shape[slice(*axes)]))
            what = f"{size} is a size" if what == str(size) else f"{size} = {what} are sizes"
            return f"{hint}; {what} of the input: is there a mean in one method, and a sum in the other?"
    if any(math.isclose(abs(ratio), r, rel_tol=1e-3) for r in (e.x.size, 1 / max(e.x.size, 1)) if e.x.size > 1):
        return f"{hint}; {e.x.size} is the number of elements: is there a mean in one method, and a sum in the other?"
    for name, value in e.numbers().items():
        for text, number in ((f"self.{name}", value), (f"1 - self.{name}", 1 - value)):
            if number not in (0, 1) and any(math.isclose(ratio, r, rel_tol=1e-3) for r in (number, 1 / number)):
                shown = text if math.isclose(ratio, number, rel_tol=1e-3) else f"1 / ({text})"
                return f"{hint}, which is {shown}: this factor is missing in one of the two methods, or is there twice"
    return f"{hint}; is a factor missing?"


def _of_samples(e: Evidence) -> str:
    """Some samples do not count in the gradient of a Parameter."""
    trial = e.trial
    if e.is_input or trial.is_loss or any(len(a) != len(e.x) for a in (*trial.inputs, e.dy)) or len(e.x) > 30:
        return ""
    alone = [e.dy * np.reshape(row, (-1, *(1,) * (e.dy.ndim - 1))) for row in np.eye(len(e.x))]
    silent = [i for i, dy in enumerate(alone) if not e.claimed_for(dy).any() and e.moves(dy)]
    if len(silent) == len(e.x) - 1 and silent[-1] != len(e.x) - 1 and len(e.x) > 1:
        return (
            "only the last sample counts: a loop overwrites the gradient of each sample with that of the next. Add "
            "them up, with +="
        )
    if silent == list(range(1, len(e.x))) and len(e.x) > 2:
        return (
            "only the first sample counts: does return stand inside the loop over the samples, and so end it at once?"
        )
    if silent:
        which = {0: "first ", len(e.x) - 1: "last "}.get(silent[0], "") if len(silent) == 1 else ""
        return (
            f"the {which}sample [{silent[0]}] is left out, its dy changes nothing: does a loop over range(len(x)) "
            "begin or end at the wrong place?"
        )
    return ""


def _of_rows(e: Evidence) -> str:
    """The gradients of some samples are 0, and those of the others are right."""
    if not e.is_input or not e.whole or e.claimed.ndim < 2:
        return ""
    empty = [n for n, row in enumerate(e.claimed) if not row.any()]
    rest = [n for n in range(len(e.claimed)) if n not in empty]
    if not empty or not rest or not alike(e.claimed[rest], e.right[rest]):
        return ""
    said = (
        f"dL/dx is 0 for the {'sample' if len(empty) == 1 else 'samples'} {', '.join(map(str, empty))}, and right for"
    )
    if rest == [0] and len(empty) > 1:
        return f"{said} the first: does return stand inside the loop over the samples, and so end it at once?"
    if rest == [len(e.claimed) - 1] and len(empty) > 1:
        return f"{said} the last: does the loop over the samples make a new dx in each round?"
    return f"{said} the others: does a loop over range(len(x)) begin or end at the wrong place?"


def _of_reduced_batch(e: Evidence) -> str:
    """Forward reduces the batch, where it should compute element by element."""
    if not e.is_input or e.trial.is_loss or e.x.ndim < 2 or np.shape(e.y) != e.x.shape[1:]:
        return ""
    return (
        f"forward makes one output of shape {np.shape(e.y)} of all {len(e.x)} samples, and each needs its own: axis 0 "
        "is the batch. np.max(x, 0) is the largest along axis 0, and np.maximum(x, 0) compares each number with 0"
    )


def _of_branches(e: Evidence) -> str:
    """Layers inside get x, and what one of their backwards returns is not counted."""
    layer = e.trial.new()
    inner = {path: part for path, part in layer.named_layers() if path}
    if not e.is_input or not inner or is_ours(layer):
        return ""
    given: dict[str, Any] = {}
    returned: dict[str, Any] = {}
    for path, part in inner.items():

        def forward(x: Any, path: str = path, original: Any = part.forward) -> Any:
            given[path] = x
            return original(x)

        def backward(dy: Any, path: str = path, original: Any = part.backward) -> Any:
            returned[path] = original(dy)
            return returned[path]

        vars(part).update(forward=forward, backward=backward)
    e.trial.run(layer, e.trial.inputs)
    first = [path for path, x in given.items() if path in returned and np.array_equal(x, e.x)]
    if len(first) > 1 and alike(sum(returned[path] for path in first), e.right):
        parts = " + ".join(f"self.{path}.backward(...)" for path in first)
        return f"x goes into more than one layer inside, so dL/dx is the sum of what their backwards return, {parts}"
    return ""


def _of_repeats(e: Evidence) -> str:
    """Rows that were read more than once are wrong."""
    indices = next((x for x in e.trial.inputs if x.dtype.kind in "iu"), None)
    if e.is_input or indices is None or not e.whole or e.claimed.ndim < 1 or e.trial.is_loss:
        return ""
    counts = np.bincount(indices.reshape(-1), minlength=len(e.claimed))
    good = [alike(a, b) for a, b in zip(e.claimed, e.right, strict=True)]
    if len(counts) != len(good) or not all(ok or n > 1 for ok, n in zip(good, counts, strict=True)):
        return ""
    return (
        f"it is wrong only in rows that were read more than once: self.{e.name}.grad[indices] += dy adds to each row "
        f"only once. Write np.add.at(self.{e.name}.grad, indices, dy)"
    )
