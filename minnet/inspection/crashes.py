"""A crash is an error that a layer's method raises: here NumPy's and Python's words are replaced by what to do."""

import ast
import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from minnet.core.layer import Layer
from minnet.inspection import shape_errors
from minnet.inspection.source import PACKAGE, Place, place_of


@dataclass
class Crash:
    """An error, with the layer, the method that raised it, the place, and the method's arguments."""

    error: BaseException
    layer: Layer
    method: str
    arguments: list[Any]
    place: Place

    @property
    def text(self) -> str:
        """What the error says."""
        return str(self.error)

    @property
    def at(self) -> str:
        """The failing code, or "it", if there is no source."""
        return self.place.quoted or "it"

    @property
    def signature(self) -> str:
        """How the method is to be defined, such as "def backward(self, dy)"."""
        names = {"forward": ", x" if len(self.arguments) == 1 else ", prediction, target"}.get(self.method, ", dy")
        return f"def {self.method}(self{names if self.arguments else ''})"


def of_error(error: BaseException, layer: Layer, method: str, arguments: list[Any]) -> str:
    """Say which mistake an error suggests that `method` of a layer raised."""
    crash = Crash(error, layer, method, arguments, place_of(error))
    for kind, pattern, say in _RULES:
        match = re.search(pattern, crash.text) if isinstance(error, kind) else None
        if match and (sentence := say(crash, match)):
            return sentence
    if isinstance(error, ValueError | TypeError) and (sentence := shape_errors.sentence(method, crash.place, error)):
        return sentence
    return _unknown(crash)


def _unknown(crash: Crash) -> str:
    what = f"{type(crash.error).__name__}: {crash.text}".rstrip(": ")
    if not crash.place.line:
        return f"{crash.method} fails: {what}"
    shapes = crash.place.shapes()
    return f"{crash.method} fails at {crash.at}: {what}" + (f" (there, {shapes})" if shapes else "")


def _arguments(crash: Crash, match: re.Match[str]) -> str:
    """A method takes other arguments than it is given."""
    if crash.place.line and f"{crash.method}()" not in crash.text.replace(type(crash.layer).__name__ + ".", ""):
        return ""  # another function, which the method calls
    given = len(crash.arguments)
    if "takes 0 positional" in crash.text or ("takes 1 positional" in crash.text and given == 1):
        code = getattr(type(crash.layer), crash.method).__code__
        if code.co_varnames[:1] != ("self",):
            return f"{crash.method} lacks self, its first argument: write {crash.signature}"
    if crash.method == "backward" and not given:
        return (
            "backward of a loss gets no dy, because nothing comes after a loss (forward returned a number): write "
            "def backward(self), and return the gradient of the loss itself"
        )
    inputs = f"{given} inputs" if given > 1 else "one input"
    two = ": a loss takes the prediction and the target" if crash.method == "forward" and given == 2 else ""
    return f"{crash.method} is given {inputs}{two}. Write {crash.signature} ({crash.text})"


def _missing_name(crash: Crash, match: re.Match[str]) -> str:
    """A variable is not known."""
    name = match[1]
    if hasattr(crash.layer, name):
        return f"{crash.method} uses {name} at {crash.at}, but there is no variable {name}: write self.{name}"
    if name == "np":
        return f"np is not known at {crash.at}: write import numpy as np at the top of the file"
    if crash.method != "forward":
        return (
            f"{crash.method} uses {name} at {crash.at}, but does not know it: a variable of forward ends with forward. "
            f"Keep it there, self.cache = {name}, and begin {crash.method} with {name} = self.cache"
        )
    return (
        f"forward uses {name} at {crash.at}, but there is no variable {name}: is it misspelt, or not assigned before?"
    )


def _missing_attribute(crash: Crash, match: re.Match[str]) -> str:
    """An object has no such attribute."""
    kind, name = match[1], match[2]
    node = crash.place.node()
    owner = ast.unparse(node.value) if isinstance(node, ast.Attribute) else "it"
    if kind == "tuple":
        return (
            f"{owner} is a tuple at {crash.at}, not an array: unpack what forward kept, such as x, y = self.cache, and "
            "use the parts by their names"
        )
    if kind == "NoneType":
        return f"{owner} is None at {crash.at}: it was never given a value, or a function without return made it"
    if kind == "numpy.ndarray" and name in ("grad", "data"):
        return (
            f"{owner} is a plain NumPy array, and has no {name}, at {crash.at}. What a layer learns must be a "
            "Parameter, "
            f"which has .data and .grad: in __init__, write {owner} = mn.Parameter(...)"
        )
    if kind == type(crash.layer).__name__:
        return _missing_in_self(crash, name)
    return ""


def _missing_in_self(crash: Crash, name: str) -> str:
    known = [n for n in vars(crash.layer) if not n.startswith("_")]
    close = difflib.get_close_matches(name, known, 1, 0.5)
    if close:
        return f"{crash.method} uses self.{name} at {crash.at}, but it is called self.{close[0]} in __init__"
    return (
        f"{crash.method} uses self.{name} at {crash.at}, but nothing made it: assign self.{name} in __init__ (with "
        "self. "
        "in front: a variable of __init__ ends with __init__); what forward keeps for backward is self.cache"
    )


def _none(crash: Crash, match: re.Match[str]) -> str:
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


def _tuple(crash: Crash, match: re.Match[str]) -> str:
    """An operand is a tuple."""
    return (
        f"{crash.at} computes with a tuple: what forward kept in self.cache has several parts. Unpack them, such as "
        "x, y = self.cache, and use each by its name"
    )


def _called(crash: Crash, match: re.Match[str]) -> str:
    """An array is called."""
    node = crash.place.node()
    name = ast.unparse(node.func) if isinstance(node, ast.Call) else "an array"
    return (
        f"round brackets behind {name} call it as a function, but it is an array, at {crash.at}: write {name} * (...) "
        "to "
        f"multiply, or {name}[...] to take a part"
    )


def _truth(crash: Crash, match: re.Match[str]) -> str:
    """An array stands where True or False is asked."""
    return (
        f"{crash.place.line_quoted} asks for one yes or no, but the comparison has one for each element of an array. "
        "Choose for each element with np.where(x > 0, a, b), or with a mask, x * (x > 0)"
    )


def _scalar(crash: Crash, match: re.Match[str]) -> str:
    """A function of a single number is given an array."""
    node = crash.place.node()
    name = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
    if name.startswith("math."):
        return (
            f"{name} takes one number, and {crash.at} gives it an array: write np.{name[5:]}, which takes each element"
        )
    return f"{crash.at} needs one number, and is given an array of several: {crash.text}"


def _unpacked(crash: Crash, match: re.Match[str]) -> str:
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


def _index(crash: Crash, match: re.Match[str]) -> str:
    """An index is no integer."""
    return (
        f"{crash.at} uses floats as an index, which must be integers, or a mask of True and False: keep the mask as it "
        "is, x > 0, or multiply with it in place of indexing"
    )


def _bounds(crash: Crash, match: re.Match[str]) -> str:
    """An index is too large."""
    return (
        f"IndexError at {crash.at}: index {match[1]} does not exist, because axis {match[2]} has only {match[3]} "
        "places: "
        f"they are numbered from 0 to {int(match[3]) - 1}"
    )


def _axis(crash: Crash, match: re.Match[str]) -> str:
    """An axis does not exist."""
    axes = int(match[2])
    last = f"the last one is axis={axes - 1}" if axes else "it is a single number"
    plural = "axis" if axes == 1 else "axes"
    return f"{crash.at} asks for axis {match[1]}, but the array has {axes} {plural}, counted from 0: {last}"


def _cast(crash: Crash, match: re.Match[str]) -> str:
    """Floats are written into an array of integers."""
    return (
        f"{crash.at} writes floats into an array of integers: make that array with the dtype of x, such as "
        "np.zeros(shape, dtype=x.dtype), or np.zeros_like(x)"
    )


def _recursion(crash: Crash, match: re.Match[str]) -> str:
    return (
        f"{crash.method} calls itself without end, at {crash.at}: compute the result there, in place of "
        f"self.{crash.method}(...)"
    )


def _division(crash: Crash, match: re.Match[str]) -> str:
    if "overflow" in crash.text:
        return f"{crash.method} computes infinity at {crash.at}: {crash.text}"
    return (
        f"{crash.method} divides by 0 at {crash.at}, and gets NaN or infinity ({crash.text}). The mean of no samples "
        "is such "
        "a division: write x.sum(axis=0) / max(len(x), 1). A deviation or a norm can be 0: add a small eps before "
        "dividing, "
        "np.sqrt(variance + 1e-5)"
    )


def _not_written(crash: Crash, match: re.Match[str]) -> str:
    if crash.text:
        return f"{crash.text.replace('define ', 'write def ')}, with exactly this name"
    return f"{crash.method} is not written yet: it raises NotImplementedError, at {crash.at}"


def _empty_cache(crash: Crash, match: re.Match[str]) -> str:
    if crash.method == "forward":
        return (
            f"forward reads self.cache at {crash.at}, but in eval mode self.cache keeps nothing. Give the result a "
            "name, "
            "such as y = ..., then self.cache = y, and go on with y"
        )
    if "even if not self.training" in crash.text:
        return f"{crash.method} fails while the layer behaves as in eval mode: {crash.text}"
    return (
        "forward kept nothing for backward: set self.cache in every branch of it. What backward needs must be assigned "
        "to self.cache in forward, such as self.cache = x"
    )


def _read_only(crash: Crash, match: re.Match[str]) -> str:
    """The code writes into an array that belongs to the caller."""
    node = crash.place.node(crash.place.statement)
    target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
    while isinstance(target, ast.Subscript):
        target = target.value
    name = ast.unparse(target) if isinstance(target, ast.Name | ast.Attribute) else ""
    value = crash.place.value(ast.parse(name, mode="eval").body) if name else None
    is_given = any(isinstance(value, np.ndarray) and np.shares_memory(value, x) for x in crash.arguments)
    argument = name if is_given else "its input" if crash.method == "forward" else "dy"
    if name and not is_given and crash.method != "forward":
        argument = f"{name}, which forward kept in self.cache, and"
    said = f"{crash.method} writes into {argument}{', which' if ' ' not in argument else ''} belongs to the caller"
    said = said.replace("its input belongs", "its input, which belongs").replace(", and belongs", ", and which belongs")
    where = f", at {crash.place.line_quoted}" if crash.place.line else ""
    return f"{said}: make a new array{where}{_new_array(node, name)}"


def _new_array(node: ast.AST | None, name: str) -> str:
    """Say how to make a new array instead of writing into the old one."""
    if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
        operator = ast.unparse(ast.AugAssign(node.target, node.op, ast.Name("_"))).split()[1].removesuffix("=")
        return f". Write {name} = {name} {operator} {ast.unparse(node.value)}"
    return f". Write {name} = {name}.copy() before it" if name.isidentifier() else ""


def _words_of_minnet(crash: Crash, match: re.Match[str]) -> str:
    """The error comes from minnet, and says what to do."""
    at = f" at {crash.place.quoted}" if crash.place.line else ""
    order = ""
    if ".backward expected dy" in crash.text:
        order = ". Backward goes through the layers in reverse order: each is given what the one after it returned"
    return f"{crash.method} fails{at}: {crash.text}{order}"


def _rebound(crash: Crash, match: re.Match[str]) -> str:
    code = f", at {crash.place.line_quoted}" if crash.place.line else ""
    target = crash.place.statement.split("=")[0].strip()
    cure = f". Write {target} += ..." if target.endswith(".grad") else ""
    return f"{crash.method} re-binds grad: {crash.text}{code}{cure}"


def _from_minnet(crash: Crash, match: re.Match[str]) -> str:
    trace = crash.error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    inside = trace is not None and trace.tb_frame.f_code.co_filename.startswith(PACKAGE)
    return _words_of_minnet(crash, match) if inside and trace is not None and trace.tb_lasti >= 0 else ""


_Rule = tuple[type[BaseException], str, Callable[[Crash, re.Match[str]], str]]
_RULES: list[_Rule] = [
    (RuntimeError, r"before forward\(\)|cache is empty", _empty_cache),
    (AttributeError, "re-bound", _rebound),
    (NotImplementedError, "", _not_written),
    (RecursionError, "", _recursion),
    (RuntimeWarning, "", _division),
    (ZeroDivisionError, "", _division),
    (TypeError, r"positional argument|unexpected keyword", _arguments),
    (NameError, r"name '(\w+)' is not defined", _missing_name),
    (NameError, r"local variable '(\w+)' (?:where|referenced)", _missing_name),
    (AttributeError, r"'([\w.]+)' object has no attribute '(\w+)'", _missing_attribute),
    (AttributeError, r"^(\w+) has no attribute '(\w+)'", _missing_attribute),
    (TypeError, "NoneType", _none),
    (TypeError, r"tuple|can't multiply sequence", _tuple),
    (TypeError, "ndarray' object is not callable", _called),
    (ValueError, "truth value of an array", _truth),
    (TypeError, "converted to Python scalars|convert an array of size|only length-1", _scalar),
    (ValueError, "values to unpack", _unpacked),
    (IndexError, "used as indices must be|only integers, slices", _index),
    (IndexError, r"index (-?\d+) is out of bounds for axis (\d+) with size (\d+)", _bounds),
    (ValueError, r"axis (-?\d+) is out of bounds for array of dimension (\d+)", _axis),
    (TypeError, "Cannot cast ufunc", _cast),
    (ValueError, "read-only", _read_only),
    (Exception, "", _from_minnet),
]
