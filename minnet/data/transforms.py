"""A transform is a loader's function ``(x, rng) -> x``: augmentation, not what the model needs of all samples.

The two look alike, but a prediction goes without the transform. So each is tried once, on a few samples.
"""

import builtins
import copy
import random
from collections.abc import Callable
from functools import partial
from types import BuiltinFunctionType, CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minnet.core.console import warn
from minnet.data.augment import Chain
from minnet.errors import DataWarning

Transform = Callable[..., NDArray[Any]]  # (x, rng) -> x

FEW = 8  # samples that a transform is tried with
SEEDS = range(8)  # of the Generators that it is given
KNOWN = ("builtins", "math", "minnet", "numpy", "random", "scipy")  # modules that need no copy to be used
SOURCES = (np.random.Generator, np.random.RandomState, random.Random)
DEEPEST = 5  # how deep the functions are followed that a function calls


def warn_of_preparation(owner: str, transform: Transform, some: NDArray[Any]) -> None:
    """Warn of a transform that prepares the inputs rather than augments them.

    It is one that changes `some` samples, in the same way for Generators of different seeds.
    """
    if type(transform) is Chain:
        for part in transform.transforms:
            warn_of_preparation(owner, part, some)
    elif not type(transform).__module__.startswith("minnet.") and _prepares(transform, some):
        warn(
            f"{owner} expected transform to change samples at random, got one whose result does not depend on rng. "
            "evaluate((X, y)), predict and Predictor will not call it: make it a layer of the model, such as "
            "mn.Normalize.of(X), or transform all of X beforehand (check=False if it is right)",
            DataWarning,
        )


def _prepares(transform: Transform, some: NDArray[Any]) -> bool:
    """Whether a transform changes the samples, in the same way for all seeds; False if that cannot be found out."""
    numpy_state, python_state = np.random.get_state(), random.getstate()  # noqa: NPY002
    try:
        with np.errstate(all="ignore"):
            tried = _copied(transform)
            first = tried(some.copy(), np.random.default_rng(SEEDS[0]))
            if np.array_equal(first, some, equal_nan=True):
                return False
            others = (tried(some.copy(), np.random.default_rng(seed)) for seed in SEEDS[1:])
            return all(np.array_equal(first, other, equal_nan=True) for other in others)
    except Exception:  # it cannot be copied, or not be called so: if it is wrong, training will say it
        return False
    finally:
        np.random.set_state(numpy_state)  # noqa: NPY002
        random.setstate(python_state)


def _copied(value: Any, depth: int = 0) -> Any:
    """Return a copy of a transform, or of what it reads, whose calls leave the original alone; raise if there is none.

    Arrays are not copied, because they may be the data set: they become read-only.
    """
    if depth > DEEPEST:
        raise ValueError("functions call functions")
    match value:
        case np.ndarray():
            return _read_only(value)
        case ModuleType():
            if value.__name__.partition(".")[0] not in KNOWN:
                raise ValueError(f"{value.__name__} may keep something")
            return value
        case FunctionType():
            return value if value.__module__.partition(".")[0] in KNOWN else _copied_function(value, depth)
        case MethodType():
            return MethodType(value.__func__, _copied(value.__self__, depth))
        case BuiltinFunctionType() if not isinstance(value.__self__, ModuleType | None):
            return getattr(_copied(value.__self__, depth), value.__name__)
        case partial():
            keywords = {name: _copied(item, depth) for name, item in value.keywords.items()}
            return partial(_copied(value.func, depth), *(_copied(item, depth) for item in value.args), **keywords)
    call = type(value).__call__ if callable(value) else None
    if isinstance(call, FunctionType) and any(isinstance(read, SOURCES) for read in _globals(call).values()):
        raise ValueError("its class draws from a Generator that is not its own")
    arrays = [item for item in getattr(value, "__dict__", {}).values() if isinstance(item, np.ndarray)]
    return copy.deepcopy(value, {id(array): _read_only(array) for array in arrays})


def _copied_function(function: FunctionType, depth: int) -> FunctionType:
    """Return a function with copies of what it finds outside itself."""
    read = {name: _copied(value, depth + 1) for name, value in _globals(function).items()}
    closure = tuple(CellType(_copied(cell.cell_contents, depth + 1)) for cell in function.__closure__ or ())
    defaults = tuple(_copied(value, depth + 1) for value in function.__defaults__ or ())
    read["__builtins__"] = builtins
    copied = FunctionType(function.__code__, read, function.__name__, defaults, closure)
    copied.__kwdefaults__ = {name: _copied(value, depth + 1) for name, value in (function.__kwdefaults__ or {}).items()}
    return copied


def _globals(function: FunctionType) -> dict[str, Any]:
    """Return the global names that a function uses, with their values."""
    return {name: function.__globals__[name] for name in _names(function.__code__) if name in function.__globals__}


def _names(code: CodeType) -> set[str]:
    """Return the names in a function, and in those that are written inside it."""
    return set(code.co_names).union(*(_names(part) for part in code.co_consts if isinstance(part, CodeType)))


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    view = array.view()
    view.flags.writeable = False
    return view
