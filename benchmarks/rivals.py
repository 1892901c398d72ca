"""The rivals are the modules of this folder that train or predict; one whose library is missing is left out."""

from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any

RIVALS = {  # module → the library that it imports, and its name in remarks
    "with_minnet": ("minnet", "minnet"),
    "with_torch": ("torch", "PyTorch"),
    "with_jax": ("jax", "JAX"),
    "with_sklearn": ("sklearn", "scikit-learn"),
    "handwritten": ("numpy", "NumPy"),
    "handwritten_conv": ("numpy", "NumPy"),
}
Remark = Callable[[str], None]


def ask(function: str, *arguments: Any, remark: Remark) -> list[Any]:
    """Call a function of each rival that has it, `contenders` or `predictors`, and return all that they return."""
    answers: list[Any] = []
    for name in RIVALS:
        module = rival(name, remark)
        if hasattr(module, function):
            answers += getattr(module, function)(*arguments, remark)
    return answers


def rival(name: str, remark: Remark) -> ModuleType | None:
    """Import a module of RIVALS; if its library is not installed, add a remark and return None."""
    library, called = RIVALS[name]
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in (library, library + "lib"):
            raise
        remark(f"{called} is not installed: left out")
        return None
