"""The table of exporters: each class of layers has one function that writes it, found by the exact class."""

from collections.abc import Callable
from typing import Any, TypeVar

from minnet.core.checks import replaced
from minnet.core.layer import Layer

Exporter = Callable[..., Any]
F = TypeVar("F", bound=Exporter)

EXPORTERS: dict[type[Layer], Exporter] = {}

# What a subclass may define and still compute as its parent does. Anything else could change `forward`.
HARMLESS = frozenset(("__init__", "arguments", "describe", "input_scale", "class_names"))

NO_ENTRY = "which has no entry in the table of ONNX operators"


def exports(*kinds: type[Layer]) -> Callable[[F], F]:
    """Enter a function into the table: it writes layers of these classes (see `minnet.onnx.writing`).

    A class that is in the table already is a ValueError.
    """
    if twice := [kind.__name__ for kind in kinds if kind in EXPORTERS]:
        raise ValueError(f"{twice[0]} has an entry already: delete one of the two")

    def enter(function: F) -> F:
        EXPORTERS.update(dict.fromkeys(kinds, function))
        return function

    return enter


def exporter_of(layer: Layer, path: str) -> Exporter:
    """Return the function that writes a layer: its own method `onnx`, or that of its exact class.

    Raises
    ------
    TypeError
        If there is none. A layer is never written as its parent class if it might compute something else.
    """
    if name := replaced(layer):
        _refuse(layer, path, f"whose {name} was replaced on this object, so that its class does not say what it does")
    classes = type(layer).__mro__
    if hasattr(type(layer), "onnx"):
        forward, own = (next(i for i, cls in enumerate(classes) if what in vars(cls)) for what in ("forward", "onnx"))
        if forward < own:
            _refuse(layer, path, f"which has a forward of its own, but the method onnx of {classes[own].__name__}")
        return lambda graph, layer, *inputs, **named: layer.onnx(graph, *inputs, **named)
    parent = next((cls for cls in classes if cls in EXPORTERS), Layer)
    if parent is Layer:
        _refuse(layer, path, NO_ENTRY)
    for cls in classes[: classes.index(parent)]:
        words = [name for name in vars(cls) if not (name.startswith("__") and name.endswith("__"))]
        if changed := [word for word in words if word not in HARMLESS]:
            _refuse(layer, path, f"a {parent.__name__} with another {changed[0]}, which might compute something else")
    return EXPORTERS[parent]


def _refuse(layer: Layer, path: str, what: str) -> Any:
    """Raise the TypeError of a layer that cannot be exported."""
    raise TypeError(
        f"mn.onnx.export cannot write {path or 'the model'}, a {type(layer).__name__}, {what}: give its class a method "
        "onnx(self, graph, x) that returns the output, such as graph.op('Relu', x)"
    )
