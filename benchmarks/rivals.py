"""The rivals are modules that may lack their library: one that does is left out, with a line that says so."""

from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any

RIVALS = {  # module here → what it needs, and how that is called
    "with_minnet": ("minnet", "minnet"),
    "with_torch": ("torch", "PyTorch"),
    "with_jax": ("jax", "JAX"),
    "with_sklearn": ("sklearn", "scikit-learn"),
    "handwritten": ("numpy", "NumPy"),
    "handwritten_conv": ("numpy", "NumPy"),
}
Remark = Callable[[str], None]


def ask(function: str, *arguments: Any, remark: Remark) -> list[Any]:
    """Return what all rivals answer to a function that each may have: `contenders` or `predictors`."""
    answers: list[Any] = []
    for name in RIVALS:
        module = rival(name, remark)
        if hasattr(module, function):
            answers += getattr(module, function)(*arguments, remark)
    return answers


def rival(name: str, remark: Remark) -> ModuleType | None:
    """Import a module of RIVALS; None, and a remark, if its library is not installed."""
    library, called = RIVALS[name]
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in (library, library + "lib"):
            raise
        remark(f"{called} is not installed: left out")
        return None
