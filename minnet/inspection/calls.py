"""Calls of NumPy whose arguments do not fit: np.outer and np.diag of a batch, np.einsum, and reshape."""

import ast
import math
import re
from contextlib import suppress

import numpy as np

from minnet.inspection.source import Place, shape_of


def of_one_sample(method: str, place: Place) -> str:
    """np.outer and np.diag are given a batch: they are about vectors."""
    with suppress(SyntaxError):
        for call in ast.walk(ast.parse(place.code)):
            name = ast.unparse(call.func) if isinstance(call, ast.Call) else ""
            if not isinstance(call, ast.Call) or name not in ("np.outer", "np.diag"):
                continue
            for part in call.args:
                if np.ndim(value := place.value(part)) > 1:
                    return (
                        f"{method} fails at {place.quoted}: {name} is for vectors, the numbers of one sample, and "
                        f"{ast.unparse(part)} has shape {np.shape(value)}, one row for each sample of a batch. Take "
                        "one sample in each round of a loop, or find the product of matrices that adds up all samples"
                    )
    return ""


def einsum(method: str, place: Place, node: ast.Call) -> str:
    """The letters of np.einsum do not fit the shapes."""
    letters = ast.literal_eval(node.args[0]).replace(" ", "").split("->")[0].split(",")
    sizes: dict[str, dict[int, str]] = {}
    for part, axes in zip(node.args[1:], letters, strict=True):
        shape = shape_of(place.value(part)) or ()
        if len(shape) != len(axes):
            return (
                f"{method} fails at {place.quoted}: {ast.unparse(part)} has shape {shape}, and {axes!r} names "
                f"{len(axes)} axes of it"
            )
        for letter, size in zip(axes, shape, strict=True):
            sizes.setdefault(letter, {}).setdefault(size, ast.unparse(part))
    letter = next(letter for letter, found in sizes.items() if len(found) > 1)
    (a, x), (b, y) = list(sizes[letter].items())[:2]
    return (
        f"{method} fails at {place.quoted}: the letter {letter} stands for an axis of {a} in {x} and for one of {b} in "
        f"{y}, and must stand for one size. Are the letters of an operand exchanged?"
    )


def reshape(method: str, place: Place, node: ast.AST | None, text: str) -> str:
    """The sizes do not give the number of elements."""
    match = re.search(r"array of size (\d+) into shape \((.*)\)", text)
    if not match:
        return ""
    count, sizes = int(match[1]), [int(size) for size in re.findall(r"-?\d+", match[2])]
    if not count and "-1" in place.code:
        return (
            f"{method} cannot reshape an empty batch at {place.quoted}: of 0 numbers, NumPy cannot tell what -1 stands "
            "for. Write the size itself, such as x.shape[1] * x.shape[2]"
        )
    said = f"{method} cannot reshape at {place.quoted or 'some line'}"
    array = node.func.value if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else None
    shape = shape_of(place.value(array)) if array is not None else None
    has = f"{ast.unparse(array)} has shape {shape}, " if array is not None and shape is not None else "the array has "
    if shape and -1 not in sizes and count == shape[0] * math.prod(sizes):
        return (
            f"{said}: {has}{count} numbers in all, and ({', '.join(map(str, sizes))}) is the shape for one sample. x "
            f"is a batch of {shape[0]} samples, one in each row: work with all rows at once, or in a loop over them"
        )
    fixed = math.prod(size for size in sizes if size >= 0)
    asked_for = [ast.unparse(a) for a in node.args] if isinstance(node, ast.Call) else []
    new = f"({', '.join(asked_for or map(str, sizes))})"
    asked = f"rows of {fixed}" if "-1" in asked_for or -1 in sizes else str(fixed)
    return (
        f"{said}: {has}{count} numbers in all, and the shape {new} asks for {asked}. Take the sizes from the array "
        f"itself (N = len(x), x.shape){', and keep x.shape in self.cache' * (method == 'backward')}"
    )
