"""A twin is compiled code that takes the place of a formula: the same arguments and results, in less time.

A formula stands once, in NumPy, on the page of its layer, loss or optimizer. While a `Predictor`, or a Trainer with
``compiled=True``, works, `twins` holds the twins of those formulas that have one; at all other times it is empty. A
twin leaves the same `cache` as its formula, so `backward` may be a twin where `forward` was none, and the other way
round.
"""

from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from types import MethodType
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])
Formula = Callable[..., Any]


class Twins(dict[Formula, Formula]):
    """Formula → twin. It is hashed as an object, because a Sequential's plans hold for one of them."""

    __hash__ = object.__hash__  # type: ignore[assignment]
    __eq__ = object.__eq__


NO_TWINS = Twins()
twins: ContextVar[Twins] = ContextVar("twins", default=NO_TWINS)  # of this thread, and of those that it starts


def twinned(formula: F) -> F:
    """Let a function's twin take its place. The bare function stays there, as ``.formula``, for the table of twins."""

    @wraps(formula)
    def function(*arguments: Any, **options: Any) -> Any:
        return twins.get().get(formula, formula)(*arguments, **options)

    function.formula = formula  # type: ignore[attr-defined]
    return function  # type: ignore[return-value]


def method_of(owner: object, name: str) -> Callable[..., Any]:
    """Return a bound method, or its twin. What a subclass, or the object itself, has of its own has no twin."""
    method: Callable[..., Any] = getattr(owner, name)
    table = twins.get()
    if table and (twin := table.get(getattr(method, "__func__", method))) is not None:
        return MethodType(twin, owner)
    return method
