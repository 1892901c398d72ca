"""Shape errors are NumPy's most frequent ones: here they are told with the names and shapes of the code that failed."""

import ast
import re
from typing import Any

import numpy as np

from minnet.core.layer import Layer
from minnet.inspection import calls
from minnet.inspection.finding import FITS, RULE, SUMMED
from minnet.inspection.source import Place, shape_of

Operand = tuple[str, Any]


def sentence(method: str, place: Place, error: Exception) -> str:
    """Say which shapes do not fit, and what would; "" if the error is about something else."""
    text = str(error)
    node = place.node()
    if "cannot reshape" in text:
        return calls.reshape(method, place, node, text)
    if sentence := calls.of_one_sample(method, place):
        return sentence
    if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("einsum"):
        return calls.einsum(method, place, node)
    if isinstance(node, ast.AugAssign) and ("broadcast" in text):
        return _added(method, place, node)
    if pair := _product(node, text):
        return _multiplied(method, place, *((name, place.value(part)) for name, part in pair))
    if isinstance(node, ast.BinOp) and "broadcast" in text:
        left, right = ((ast.unparse(part), place.value(part)) for part in (node.left, node.right))
        return _combined(method, place, left, right)
    if "broadcast input array" in text and isinstance(whole := place.node(place.statement), ast.Assign):
        return _assigned(method, place, whole, text)
    return _without_source(method, place, text)


def _product(node: ast.AST | None, text: str) -> list[tuple[str, ast.expr]] | None:
    """Return the two factors of a matrix product."""
    if "matmul" not in text and "not aligned" not in text:
        return None
    factors: list[ast.expr] = []
    if isinstance(node, ast.AugAssign):
        node = node.value
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        factors = [node.left, node.right]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        method = isinstance(node.func.value, ast.Name) and node.func.value.id in ("np", "numpy")
        factors = [*node.args] if method else [node.func.value, *node.args]
    return [(ast.unparse(factor), factor) for factor in factors] if len(factors) == 2 else None


def _multiplied(method: str, place: Place, left: Operand, right: Operand) -> str:
    (a, x), (b, y) = left, right
    if shape_of(x) is None or shape_of(y) is None:
        return _without_source(method, place, "matmul")
    said = (
        f"{method} cannot multiply the matrices in {place.quoted}: {a} has shape {shape_of(x)}, {b} has shape "
        f"{shape_of(y)}, and in a product the columns of the first must be as many as the rows of the second"
    )
    fits = [
        (f"{_operand(p)} @ {_operand(q)}", np.shape(u @ v))
        for (p, u), (q, v) in _arrangements(left, right)
        if u.shape[-1:] == v.shape[-2:-1]
    ]
    best = next((fit for fit in fits if _whose(method, place, fit[1])), None) or next(iter(fits), None)
    if best is None:
        for name, value, size in ((b, y, np.shape(x)[-1]),):
            if name.endswith(".data") and np.ndim(value) == 1 and value[0] == size and (value == np.round(value)).all():
                shape = tuple(int(n) for n in value)
                return (
                    f"{said}. {name} holds the numbers {shape}: mn.Parameter is given values, not a shape, such as "
                    f"mn.Parameter(np.zeros({shape})), or random ones"
                )
        if f"{a}{b}".count(".T") and max(np.ndim(x), np.ndim(y)) > 2:
            return (
                f"{said}. With more than two axes, .T reverses all of them: x.transpose(0, 2, 1) exchanges the last two"
            )
        return f"{said}. No transpose makes these two fit: is one of them another array than you think?"
    whose = _whose(method, place, best[1])
    return f"{said}: a transpose is missing or misplaced{FITS}{best[0]} fits, and has shape {best[1]}{whose}"


def _arrangements(left: Operand, right: Operand) -> list[tuple[Operand, Operand]]:
    """Return the products of two matrices that may have been meant, the most similar first."""
    (a, x), (b, y) = left, right
    if np.ndim(x) != 2 or np.ndim(y) != 2:
        return []
    at, bt = (_transposed(a), x.T), (_transposed(b), y.T)
    return [(left, bt), (at, right), (right, left), (bt, left), (right, at), (at, bt), (bt, at)]


def _transposed(name: str) -> str:
    return name.removesuffix(".T") if name.endswith(".T") else f"{_operand(name)}.T"


def _operand(name: str) -> str:
    return name if re.fullmatch(r"[\w.\[\], :]+|\w[\w.]*\(.*\)[\w.]*", name) else f"({name})"


def _whose(method: str, place: Place, shape: tuple[int, ...]) -> str:
    """Say what has the shape that a result in this place needs; "" if nothing has."""
    layer = place.names.get("self")
    if not isinstance(layer, Layer):
        return ""
    if method == "forward":
        inputs = [value for name, value in place.names.items() if name != "self" and isinstance(value, np.ndarray)]
        return ", one row for each sample" if inputs and shape[:1] == inputs[0].shape[:1] else ""
    parameters = dict(layer.named_parameters())
    for name, parameter in parameters.items():
        if f"self.{name}.grad" in place.code:
            return f", that of self.{name}" if shape == parameter.data.shape else ""
    cache = vars(layer).get("_cache")
    kept = cache[0] if isinstance(cache, tuple) and cache else cache
    if isinstance(kept, np.ndarray) and kept.shape == shape:
        return ", that of x"
    return next((f", that of self.{name}" for name, p in parameters.items() if p.data.shape == shape), "")


def _added(method: str, place: Place, node: ast.AugAssign) -> str:
    """An array is added in place to one of another shape."""
    target, name, value = ast.unparse(node.target), ast.unparse(node.value), place.value(node.value)
    wanted, got = shape_of(place.value(_loaded(node.target))), shape_of(value)
    if wanted is None or got is None:
        return _without_source(method, place, "broadcast")
    said = (
        f"{method} adds an array of another shape, {place.quoted}: {target} has shape {wanted}, and {name} has shape "
        f"{got}"
    )
    if "keepdims=True" in name and got[:1] == (1,) and got[1:] == wanted:
        return f"{said}. keepdims=True keeps an axis of size 1, which {target} does not have: leave it out"
    if wanted == () and len(got) > 1:
        made = target.removesuffix(".grad")
        return (
            f"{said}. {made} is a single number, shared by all, so its gradient is a number, too. (A bias "
            f"has one for each output, mn.Parameter(np.zeros({got[-1]}))){SUMMED}{_operand(name)}.sum()"
        )
    if wanted == () and target.endswith(".grad"):
        made, shape = target.removesuffix(".grad"), f"np.zeros({got[0] if len(got) == 1 else got})"
        return (
            f"{said}. {made} is a single number, shared by all outputs: give each its own, {made} = "
            f"mn.Parameter({shape})"
        )
    if got == wanted[::-1] and len(got) == 2:
        product = node.value
        if isinstance(product, ast.BinOp) and isinstance(product.op, ast.MatMult):
            a, b = _transposed(ast.unparse(product.right)), _transposed(ast.unparse(product.left))
            return f"{said}: a transpose is missing or misplaced{FITS}{_operand(a)} @ {_operand(b)} has the right shape"
        return f"{said}: is a transpose missing?"
    for base, array in ((name, value), *((n, v) for n, v in place.names.items() if n in name)):
        for axis in range(np.ndim(array)):
            if isinstance(array, np.ndarray) and array.sum(axis=axis).shape == wanted:
                share = f". All {len(array)} samples share it, so its gradient is a sum over them" * (axis == 0)
                return f"{said}{share}{SUMMED}{_operand(base)}.sum(axis={axis}), of shape {wanted}"
    return said + ": sum over the batch, axis=0, and compare the two shapes (.shape)"


def _loaded(node: ast.expr) -> ast.expr:
    """Return an assignment's target as an expression to be read."""
    return ast.parse(ast.unparse(node), mode="eval").body


def _combined(method: str, place: Place, left: Operand, right: Operand) -> str:
    """Two arrays are combined element by element."""
    (a, x), (b, y) = left, right
    s, t = shape_of(x), shape_of(y)
    if s is None or t is None:
        return _without_source(method, place, "broadcast")
    said = f"{method} cannot combine {place.quoted}: the shapes do not fit, {a} has shape {s}, {b} has shape {t}"
    for name, short, long in ((b, t, s), (a, s, t)):
        for axis in range(len(long)):
            if len(short) == len(long) - 1 and short == long[:axis] + long[axis + 1 :]:
                kept = long[:axis] + (1,) + long[axis + 1 :]
                if re.search(r"\b(sum|mean|max|min|std|var)\(", name):
                    return f"{said}. keepdims=True is missing in {name}: with it, the shape is {kept}, which fits"
                return f"{said}. Was it summed without keepdims=True, or over the wrong axis? With {kept} it would fit"
        if len(short) == 2 and short[1] == 1 and short[0] == long[-1]:
            return (
                f"{said}. {name} is a column, and in y one column belongs to each output, so a number for each output "
                f"stands in a row: give it the shape ({short[0]},)"
            )
    if len(s) == len(t) == 2 and " * " in place.code and (s[1] == t[0] or s[1] == t[1] or s[0] == t[0]):
        fits = f"{FITS}{_operand(a)} @ {_operand(b)} fits" if s[1] == t[0] else ""
        return f"{said}. * multiplies element by element: is the product of matrices, @, meant?{fits}"
    return (
        f"{said}. Counted from the last axis, two sizes must be equal, or one of them 1: does a sum run over the wrong "
        "axis (the batch is axis 0), or is keepdims=True missing?"
    )


def _assigned(method: str, place: Place, node: ast.Assign, text: str) -> str:
    """An array is written into a part of another."""
    target, name = ast.unparse(node.targets[0]), ast.unparse(node.value)
    wanted, got = shape_of(place.value(_loaded(node.targets[0]))), shape_of(place.value(node.value))
    if wanted is None or got is None:
        return _without_source(method, place, text)
    return (
        f"{method} writes {name}, of shape {got}, into {target}, of shape {wanted}, at {place.quoted}: the two shapes "
        "must be equal"
    )


def _without_source(method: str, place: Place, text: str) -> str:
    """The parts of the code that failed are not known."""
    at = f" at {place.quoted}" if place.line else ""
    shapes = place.shapes()
    there = f" ({shapes})" if shapes else f" ({text})"
    if "matmul" in text or "not aligned" in text:
        return (
            f"{method} multiplies matrices whose sizes do not fit{at}{there}: is a transpose missing, or "
            f"misplaced{RULE}W, dL/dx is dy @ W.T and dL/dW is x.T @ dy"
        )
    if "broadcast" in text:
        return (
            f"{method} combines arrays whose shapes do not fit{at}: does a sum run over the wrong axis (the batch is "
            f"axis 0), or is keepdims=True missing?{there}"
        )
    return ""
