"""Wrong values: an operand, an index or an axis that an operation cannot use.

Each function says what an error of Python or NumPy means, or "" if it is about something else.
"""

import ast
import re

import numpy as np

from minnet.inspection.crash import Crash


def operand_is_none(crash: Crash, match: re.Match[str]) -> str:
    """An operand is None."""
    for node in ast.walk(crash.place.node() or ast.Module([], [])):
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
            name = ast.unparse(node)
            if name != "self" and crash.place.value(node) is None:
                return (
                    f"{name} is None at {crash.at}: the function that made it returns nothing. x.sort() sorts in place "
                    "and returns None (np.sort(x) returns an array); a function of your own needs a return"
                )
    return ""


def operand_is_tuple(crash: Crash, match: re.Match[str]) -> str:
    """An operand is a tuple."""
    if not crash.place.line:  # the error is one of minnet's own, about what it was given
        return ""
    return (
        f"{crash.at} computes with a tuple: what forward kept in self.cache has several parts. Unpack them, such as "
        "x, y = self.cache, and use each by its name"
    )


def array_is_called(crash: Crash, match: re.Match[str]) -> str:
    """An array is called."""
    node = crash.place.node()
    name = ast.unparse(node.func) if isinstance(node, ast.Call) else "an array"
    return (
        f"round brackets behind {name} call it as a function, but it is an array, at {crash.at}: write {name} * (...) "
        f"to multiply, or {name}[...] to take a part"
    )


def truth_of_array(crash: Crash, match: re.Match[str]) -> str:
    """An array stands where True or False is asked."""
    said = (
        f"{crash.place.line_quoted} asks for one yes or no, but the comparison has one for each element of an array. "
    )
    if re.search(r"\b(and|or)\b", crash.place.statement):
        return f"{said}Write & in place of and, | in place of or, with brackets around each side: (x > a) & (x < b)"
    if found := re.search(r"(?<![.\w])(max|min)\(", crash.place.statement):
        return f"{said}Python's {found[1]} compares two numbers; np.{found[1]}imum(x, 0) compares each element with 0"
    return f"{said}Choose for each element with np.where(x > 0, a, b), or with a mask, x * (x > 0)"


def bits(crash: Crash, match: re.Match[str]) -> str:
    """An operator for the bits of integers is used with floats."""
    if match[1] == "xor":
        return f"^ at {crash.at} is no power: in Python, a power is written with **, such as x ** 2"
    return (
        f"{crash.at} combines the bits of numbers, because & and | are computed before > and <: put brackets around "
        "each comparison, (x > a) & (x < b)"
    )


def missing_key(crash: Crash, match: re.Match[str]) -> str:
    """A dict has no such key."""
    node = crash.place.node()
    kept = crash.place.value(node.value) if isinstance(node, ast.Subscript) else None
    if not isinstance(node, ast.Subscript) or not isinstance(kept, dict):
        return ""
    keys = f"has only {', '.join(map(repr, kept))}" if kept else "is empty"
    return f"{crash.method} asks {ast.unparse(node.value)} for {crash.text}, at {crash.at}, but it {keys}"


def one_number_asked(crash: Crash, match: re.Match[str]) -> str:
    """A function of a single number is given an array."""
    node = crash.place.node()
    name = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
    if name.startswith("math."):
        return (
            f"{name} takes one number, and {crash.at} gives it an array: write np.{name[5:]}, which takes each element"
        )
    return f"{crash.at} needs one number, and is given an array of several: {crash.text}"


def wrongly_unpacked(crash: Crash, match: re.Match[str]) -> str:
    """The parts do not fit the names on the left side."""
    node, line = crash.place.node(crash.place.statement), crash.place.line_quoted
    if isinstance(node, ast.Assign):
        value = crash.place.value(node.value)
        what = ast.unparse(node.value)
        if isinstance(value, tuple | list | np.ndarray):
            names = ast.unparse(node.targets[0])
            sizes = f"{len(value)} sizes, {value}" if what.endswith("shape") else f"{len(value)} parts"
            return f"{crash.method} unpacks {what} into {names}, but it has {sizes}, at {line}: use as many names"
    return f"{crash.method} unpacks into another number of names than there are parts, at {crash.at}: {crash.text}"


def index_of_floats(crash: Crash, match: re.Match[str]) -> str:
    """An index is no integer."""
    return (
        f"{crash.at} uses floats as an index, which must be integers, or a mask of True and False: keep the mask as it "
        "is, x > 0, or multiply with it in place of indexing"
    )


def index_too_large(crash: Crash, match: re.Match[str]) -> str:
    """An index is too large."""
    return (
        f"IndexError at {crash.at}: index {match[1]} does not exist, because axis {match[2]} has only {match[3]} "
        f"places: they are numbered from 0 to {int(match[3]) - 1}. (So are the classes that labels stand for)"
    )


def no_such_axis(crash: Crash, match: re.Match[str]) -> str:
    """An axis does not exist."""
    axes = int(match[2])
    last = f"the last one is axis={axes - 1}" if axes else "it is a single number"
    plural = "axis" if axes == 1 else "axes"
    return f"{crash.at} asks for axis {match[1]}, but the array has {axes} {plural}, counted from 0: {last}"


def nothing_to_reduce(crash: Crash, match: re.Match[str]) -> str:
    """An empty array has no largest number."""
    return (
        f"{crash.at} asks for the largest or smallest of no numbers, because the array is empty, as a batch without "
        "samples is. Take it along an axis that is never empty, such as axis=1, or give it initial=..."
    )


def floats_into_integers(crash: Crash, match: re.Match[str]) -> str:
    """Floats are written into an array of integers."""
    return (
        f"{crash.at} writes floats into an array of integers: make that array with the dtype of x, such as "
        "np.zeros(shape, dtype=x.dtype), or np.zeros_like(x)"
    )


def division_by_zero(crash: Crash, match: re.Match[str]) -> str:
    """Something is divided by 0."""
    if "overflow" in crash.text:
        return f"{crash.method} computes infinity at {crash.at}: {crash.text}"
    return (
        f"{crash.method} divides by 0 at {crash.at}, and gets NaN or infinity ({crash.text}). The mean of no samples "
        "is such a division: write x.sum(axis=0) / max(len(x), 1). A deviation or a norm can be 0: add a small eps "
        "before dividing, np.sqrt(variance + 1e-5)"
    )
