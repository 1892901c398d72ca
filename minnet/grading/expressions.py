"""A layer, written in a YAML file as in Python: ``Linear(784, 64)``. It is parsed, and never run as a program."""

import ast
import importlib.util
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import minnet as mn
from minnet.core.layer import Layer
from minnet.grading.yaml_lines import Section

PLACEHOLDER = "layer"


def parts(text: str) -> tuple[str, list[Any], dict[str, Any]]:
    """Return the name of a call, its arguments and its named arguments; ValueError if it is no call of a name."""
    try:
        node = ast.parse(text.strip(), mode="eval").body
        call = node if isinstance(node, ast.Call) else ast.Call(node, [], [])
        name = ast.unparse(call.func)
        arguments = [ast.literal_eval(argument) for argument in call.args]
        named = {str(keyword.arg): ast.literal_eval(keyword.value) for keyword in call.keywords}
    except (SyntaxError, ValueError, TypeError, RecursionError):
        raise ValueError(
            f"{text!r} is not a layer with numbers and texts as arguments, such as Linear(784, 64)"
        ) from None
    return name.removeprefix("mn."), arguments, named


def is_layer(text: str) -> bool:
    """Whether a text names a layer or a loss of minnet."""
    kind = vars(mn).get(text.partition("(")[0].removeprefix("mn."))
    return isinstance(kind, type) and issubclass(kind, Layer)


def is_placeholder(text: str) -> bool:
    """Whether a text stands for the student's layer."""
    return text.partition("(")[0].strip() == PLACEHOLDER


def layer(text: str) -> Layer:
    """Make a layer of minnet; ValueError if there is none of this name, or as the layer raises for its arguments."""
    name, arguments, named = parts(text)
    if not is_layer(name):
        raise ValueError(f"mn.{name} is not a layer")
    made: Layer = getattr(mn, name)(*arguments, **named)
    return made


def reference(section: Section, key: str, folder: Path) -> Callable[..., Any]:
    """Return what makes the reference: a layer of minnet, ``mn.Tanh``, or one of a file, ``solutions.py:Tanh``."""
    text = section.text(key)
    file, _, name = text.partition(":")
    if name:
        return _of_file(section, key, folder / file, name)
    if not is_layer(text):
        section.wrong(key, "a layer of minnet, such as mn.Tanh, or a class of a file, such as solutions.py:Tanh")
    if "(" not in text:
        kind: Callable[..., Any] = getattr(mn, text.removeprefix("mn."))
        return kind
    layer(text)
    return lambda *_, **__: layer(text)


def _of_file(section: Section, key: str, path: Path, name: str) -> Callable[..., Any]:
    """Run the teacher's file, and return a class of it."""
    spec = importlib.util.spec_from_file_location(f"reference_{path.stem}", path)
    if spec is None or spec.loader is None or not path.is_file():
        section.wrong(key, "a Python file beside this one, and a class in it, such as solutions.py:Tanh")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        section.wrong(key, f"a file that runs ({type(error).__name__}: {error})")
    kind = getattr(module, name, None)
    if not inspect.isclass(kind) or not issubclass(kind, Layer):
        section.wrong(key, f"a class of {path.name} that is a layer")
    made: Callable[..., Any] = kind
    return made
