"""Formulas that backwards are made of: a wrong gradient that equals one of them is named, and the right one, too."""

from collections.abc import Iterator
from itertools import combinations
from typing import Any

import numpy as np

from minnet.core.arrays import Array
from minnet.inspection.evidence import Evidence, alike
from minnet.inspection.finding import RIGHT_ONE

Formula = tuple[str, Array]


def of_formula(e: Evidence) -> str:
    """Say which formula a wrong gradient follows, and which it should follow; "" if none is known."""
    if not e.whole:
        return ""
    known = [(name, value) for name, value in _formulas(e) if np.shape(value) == e.claimed.shape]
    used, right = _first(known, e.claimed), _first(known, e.right)
    if not used:
        return ""
    what = "dy unchanged" if used == "dy" else used
    if right:
        return f"it is {what}{_note(used, right)}{RIGHT_ONE}{right}{_because(e, used, right)}"
    if used == "dy":
        return "it is dy unchanged: multiply it by the derivative of forward, dL/dx = dL/dy * dy/dx"
    return ""


def _note(used: str, right: str) -> str:
    """Say which mistake makes one formula of the other, without the right one."""
    if right == f"{used}.T" or right.split(" @ ")[::-1] == [part.removesuffix(".T") for part in used.split(" @ ")]:
        return " (a transpose is missing)"
    if "np.outer(" in used:
        return " (the product of the sums is not the sum of the samples' products)"
    if "p[y]" in right + used:
        return " (p[y] picks whole rows, which are samples, and not one number of each row)"
    stars = [text.replace(".T", "").replace(" @ ", " * ") for text in (used, right)]
    if stars[0] == stars[1] and (" @ " in used) != (" @ " in right):
        return " (@ is the product of matrices, * multiplies element by element: forward and backward do not agree)"
    return ""


def _because(e: Evidence, used: str, right: str) -> str:
    """Say why the right formula is right, or what its names mean."""
    if e.by_element and right.startswith("y * (dy - ") and "sum(" not in used:
        return ", because each output depends on the whole row of x"
    if "onehot" in right + used:
        scores = " (p - onehot is the gradient for the scores before a softmax, not for p)" * used.startswith(
            "(p - onehot"
        )
        return f", with onehot = np.eye({e.x.shape[-1]})[y]{scores}"
    return ""


def _first(known: list[Formula], array: Array) -> str:
    with np.errstate(all="ignore"):
        return next((name for name, value in known if alike(value, array)), "")


def _formulas(e: Evidence) -> Iterator[Formula]:
    """Yield (name, value) of the formulas that may be meant, the simplest first."""
    with np.errstate(all="ignore"):
        if e.trial.is_loss:
            yield from _of_losses(e)
            return
        yield from _of_matrices(e)
        if e.by_element:
            yield from _by_element(e)
            yield from _by_row(e)
        if not e.is_input:
            yield from _sums(e)


def _of_matrices(e: Evidence) -> Iterator[Formula]:
    x, y, dy = e.x, e.y, e.dy
    if e.is_input:
        if dy.ndim:
            for name, w in e.weights.items():
                for text, factor in ((f"self.{name}.data", w), (f"self.{name}.data.T", w.T)):
                    if w.ndim == 2 and dy.shape[-1] == factor.shape[0]:
                        yield f"dy @ {text}", dy @ factor
                    if dy.shape == factor.shape:
                        yield f"dy * {text}", dy * factor
        return
    if x.ndim == np.ndim(y) == dy.ndim == 2:
        for (a, u), (b, v) in (
            (("x", x), ("dy", dy)),
            (("y", y), ("dy", dy)),
            (("x", x), ("y", y)),
            (("x", x), ("x", x)),
        ):
            if len(u) == len(v):
                yield f"{a}.T @ {b}", u.T @ v
                yield f"{b}.T @ {a}", v.T @ u
                yield f"{a}.T @ {b} / len(x)", u.T @ v / len(x)
        yield "np.outer(x.sum(axis=0), dy.sum(axis=0))", np.outer(x.sum(axis=0), dy.sum(axis=0))
        yield "len(x) * np.outer(x.mean(axis=0), dy.mean(axis=0))", np.outer(x.sum(axis=0), dy.mean(axis=0))
        if x.shape == dy.shape:
            yield "x * dy", x * dy
            if len(x) == x.shape[1]:
                yield "x.T * dy", x.T * dy


def _by_element(e: Evidence) -> Iterator[Formula]:
    """Yield the derivatives of activations, with and without dy, and evaluated at the wrong place."""
    for text, factor in _factors(e):
        yield (f"dy * {text}" if text else "dy"), e.dy * factor
    for text, factor in _factors(e):
        yield text or "1", np.asarray(factor + np.zeros_like(e.dy))


def _factors(e: Evidence) -> Iterator[tuple[str, Any]]:
    named = (("x", e.x), ("y", e.y))
    yield "", 1.0
    for name, v in named:
        yield f"({name} > 0)", (v > 0) * 1.0
        yield f"({name} < 0)", (v < 0) * 1.0
        yield name, v
        yield f"2 * {name}", 2 * v
        yield f"(1 - {name})", 1 - v
        yield f"(1 + {name})", 1 + v
        yield f"{name} * (1 - {name})", v * (1 - v)
        yield f"(1 - {name}**2)", 1 - v**2
        yield f"(1 + {name}**2)", 1 + v**2
        yield f"{name}**2", v**2
        yield f"3 * {name}**2", 3 * v**2
        yield f"{name}**3", v**3
        yield f"1 / {name}", 1 / v
        yield f"0.5 / {name}", 0.5 / v
        yield f"-1 / {name}**2", -1 / v**2
        yield f"np.sign({name})", np.sign(v)
        yield f"np.abs({name})", np.abs(v)
    for name, v in named:
        yield f"np.exp({name})", np.exp(v)
        yield f"np.exp(-{name})", np.exp(-v)
        yield f"np.cos({name})", np.cos(v)
        yield f"np.sin({name})", np.sin(v)
        yield f"1 / (1 + np.exp(-{name}))", 1 / (1 + np.exp(-v))
        yield f"(1 - np.tanh({name})**2)", 1 - np.tanh(v) ** 2
    yield "(dy > 0)", (e.dy > 0) * 1.0


def _by_row(e: Evidence) -> Iterator[Formula]:
    """Yield what softmax, means and norms are made of."""
    y, dy = e.y, e.dy
    for axis in reversed(range(dy.ndim)):
        total = (dy * y).sum(axis=axis, keepdims=True)
        yield f"y * (dy - (dy * y).sum(axis={axis}, keepdims=True))", y * (dy - total)
        yield f"dy * y - (dy * y).sum(axis={axis}, keepdims=True)", dy * y - total
        yield "y * (dy - (dy * y).sum())", y * (dy - (dy * y).sum())
        yield f"dy - np.exp(y) * dy.sum(axis={axis}, keepdims=True)", dy - np.exp(y) * dy.sum(axis, keepdims=True)
        yield f"dy - np.exp(y) * dy.mean(axis={axis}, keepdims=True)", dy - np.exp(y) * dy.mean(axis, keepdims=True)
        yield f"dy - dy.mean(axis={axis}, keepdims=True)", dy - dy.mean(axis, keepdims=True)
        yield f"dy - dy.sum(axis={axis}, keepdims=True)", dy - dy.sum(axis, keepdims=True)
        yield f"dy + dy.mean(axis={axis}, keepdims=True)", dy + dy.mean(axis, keepdims=True)


def _sums(e: Evidence) -> Iterator[Formula]:
    """Yield what the gradients of biases and gains are: sums and means of products over some axes."""
    x, y, dy = e.x, e.y, e.dy
    bases = [("dy", dy)]
    if x.shape == dy.shape:
        bases += [("x", x), ("(dy * x)", dy * x), ("(dy * x * (x > 0))", dy * np.maximum(x, 0))]
        bases += [("(dy * x * (x < 0))", dy * np.minimum(x, 0)), ("(dy * y)", dy * y), ("y", y)]
    for name, base in bases:
        for count in range(1, base.ndim + 1):
            for axes in combinations(range(base.ndim), count):
                shown = f"axis={axes[0] if count == 1 else axes}"
                for how, value in (("sum", base.sum(axis=axes)), ("mean", base.mean(axis=axes))):
                    if value.shape in (e.claimed.shape, ()):
                        whole = count == base.ndim and base.ndim > 1 and e.claimed.ndim
                        yield f"{name}.{how}({'' if whole else shown})", np.broadcast_to(value, e.claimed.shape)


def _of_losses(e: Evidence) -> Iterator[Formula]:
    """Yield gradients of losses of a prediction p: with labels, or with a target of the same shape."""
    p, target = e.x, e.trial.inputs[1] if len(e.trial.inputs) > 1 else e.x
    bases: list[Formula] = []
    if target.dtype.kind in "iu" and p.ndim == 2 and target.shape == p.shape[:1] and target.max(initial=0) < p.shape[1]:
        hot = np.eye(p.shape[1])[target]
        soft = np.exp(p - p.max(axis=1, keepdims=True, initial=-np.inf))
        soft /= soft.sum(axis=1, keepdims=True)
        bases = [("-onehot / p", -hot / p), ("(p - onehot)", p - hot), ("(softmax(p) - onehot)", soft - hot)]
        bases += [("-1 / p", -1 / p), ("-onehot", -hot), ("-p", -p), ("softmax(p)", soft)]
        all_rows = p.copy()
        all_rows[:, target] -= 1
        bases.append(("(p after p[:, y] -= 1, which changes all rows)", all_rows))
        if target.max(initial=0) < len(p):
            picked, minus = np.zeros_like(p), p.copy()
            np.add.at(picked, np.asarray(target, np.intp), -1 / p[target])
            minus[target] -= 1
            bases += [("(-1 / p[y], in the rows y)", picked), ("(p after p[y] -= 1)", minus)]
    elif target.shape == p.shape:
        bases = [("(p - target)", p - target), ("np.sign(p - target)", np.sign(p - target)), ("p", p)]
        bases += [("(-target / p + (1 - target) / (1 - p))", -target / p + (1 - target) / (1 - p))]
        bases += [("-target / p", -target / p), ("np.ones_like(p)", np.ones_like(p))]
    divisors = {"": 1.0, " / len(p)": len(p), " / p.size": p.size} if p.ndim and p.size else {"": 1.0}
    for times, factor in (("", 1.0), ("2 * ", 2.0), ("0.5 * ", 0.5)):
        for name, base in bases:
            for over, divisor in divisors.items():
                yield f"{times}{name}{over}", factor * base / divisor
