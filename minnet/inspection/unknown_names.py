"""Unknown names: variables, attributes and arguments that are not there, and what may have been meant.

Each function says what an error of Python means, or "" if it is about something else.
"""

import ast
import difflib
import re

from minnet.inspection.crash import Crash
from minnet.losses import Loss


def arguments(crash: Crash, match: re.Match[str]) -> str:
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
    if crash.method == "backward" and isinstance(crash.layer, Loss):
        return (
            "forward of a loss returned an array, one loss for each sample: the loss of a batch is one number, such as "
            "their mean. backward(self) gets no dy then"
        )
    if given == 1 and "missing" in crash.text:
        more = {
            "forward": " (If it is a loss, check it with the target, too: findings(loss, prediction, target).)",
            "backward": " What else it needs, forward keeps in self.cache.",
        }.get(crash.method, "")
        return f"{crash.method} is given one input, not more: write {crash.signature}.{more}"
    inputs = f"{given} inputs" if given > 1 else "one input"
    two = ": a loss takes the prediction and the target" if crash.method == "forward" and given == 2 else ""
    return f"{crash.method} is given {inputs}{two}. Write {crash.signature} ({crash.text})"


def missing_name(crash: Crash, match: re.Match[str]) -> str:
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


def without_value(crash: Crash, match: re.Match[str]) -> str:
    """A variable of the method has no value yet."""
    return (
        f"{crash.method} uses {match[1]} at {crash.at} before it has a value: only a loop that did not run, or an if "
        f"that was not taken, assigns it. Give {match[1]} a value before that"
    )


def missing_attribute(crash: Crash, match: re.Match[str]) -> str:
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
            f"Parameter, which has .data and .grad: in __init__, write {owner} = mn.Parameter(...)"
        )
    if kind in ("Parameter", "Buffer"):
        has = ".data, its values, and .grad, its gradient" if kind == "Parameter" else ".data, its values"
        return f"{owner} is a {kind}, and has no {name}, at {crash.at}: it has {has}"
    if kind == type(crash.layer).__name__:
        return _missing_in_self(crash, name)
    return ""


def _missing_in_self(crash: Crash, name: str) -> str:
    known = [n for n in vars(crash.layer) if not n.startswith("_")]
    close = [n for n in known if n.lower() == name.lower()] or difflib.get_close_matches(name, known, 1, 0.5)
    if close:
        return f"{crash.method} uses self.{name} at {crash.at}, but it is called self.{close[0]} in __init__"
    return (
        f"{crash.method} uses self.{name} at {crash.at}, but nothing made it: assign self.{name} in __init__ (with "
        "self. in front: a variable of __init__ ends with __init__); what forward keeps for backward is self.cache"
    )
