"""Crashes are told apart by their errors: here NumPy's and Python's words are replaced by what to do."""

import ast
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from minnet.core.layer import Layer
from minnet.inspection import shape_errors, unknown_names, wrong_values
from minnet.inspection.crash import Crash
from minnet.inspection.source import PACKAGE, place_of


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


def _recursion(crash: Crash, match: re.Match[str]) -> str:
    return (
        f"{crash.method} calls itself without end, at {crash.at}: compute the result there, in place of "
        f"self.{crash.method}(...)"
    )


def _not_written(crash: Crash, match: re.Match[str]) -> str:
    if crash.text:
        return f"{crash.text.replace('define ', 'write def ')}, with exactly this name"
    return f"{crash.method} is not written yet: it raises NotImplementedError, at {crash.at}"


def _empty_cache(crash: Crash, match: re.Match[str]) -> str:
    if crash.method == "forward":
        return (
            f"forward reads self.cache at {crash.at}, but in eval mode self.cache keeps nothing. Give the result a "
            "name, such as y = ..., then self.cache = y, and go on with y"
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
    (RuntimeWarning, "", wrong_values.division_by_zero),
    (ZeroDivisionError, "", wrong_values.division_by_zero),
    (TypeError, r"positional argument|unexpected keyword", unknown_names.arguments),
    (NameError, r"name '(\w+)' is not defined", unknown_names.missing_name),
    (NameError, r"local variable '(\w+)' ", unknown_names.without_value),
    (AttributeError, r"'([\w.]+)' object has no attribute '(\w+)'", unknown_names.missing_attribute),
    (AttributeError, r"^(\w+) has no attribute '(\w+)'", unknown_names.missing_attribute),
    (TypeError, "NoneType", wrong_values.operand_is_none),
    (TypeError, r"tuple|can't multiply sequence", wrong_values.operand_is_tuple),
    (TypeError, "ndarray' object is not callable", wrong_values.array_is_called),
    (ValueError, "truth value of an array", wrong_values.truth_of_array),
    (TypeError, r"ufunc 'bitwise_(\w+)'", wrong_values.bits),
    (KeyError, "", wrong_values.missing_key),
    (TypeError, "converted to Python scalars|convert an array of size|only length-1", wrong_values.one_number_asked),
    (ValueError, "values to unpack", wrong_values.wrongly_unpacked),
    (IndexError, "used as indices must be|only integers, slices", wrong_values.index_of_floats),
    (IndexError, r"index (-?\d+) is out of bounds for axis (\d+) with size (\d+)", wrong_values.index_too_large),
    (ValueError, r"axis (-?\d+) is out of bounds for array of dimension (\d+)", wrong_values.no_such_axis),
    (ValueError, "zero-size array|empty sequence", wrong_values.nothing_to_reduce),
    (TypeError, "Cannot cast ufunc", wrong_values.floats_into_integers),
    (ValueError, "read-only", _read_only),
    (Exception, "", _from_minnet),
]
