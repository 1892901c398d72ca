"""A checked method asks the layer's checks first, and then computes its formula, which can be called alone, too."""

from collections.abc import Callable
from functools import wraps
from types import MethodType
from typing import Any, TypeVar

import numpy as np

from minnet.core.checks import check_gradient
from minnet.core.layer import Layer
from minnet.core.twins import twins

F = TypeVar("F", bound=Callable[..., Any])

KINDS = 64  # of inputs that a Sequential or a loss remembers


def checked(formula: F) -> F:
    """Put the checks before a layer's `forward`, `backward` or `accumulate_grad`.

    Before `forward`, the layer's own `check` looks at the input. Before the other two, dy is compared with the shape
    and dtype of the array that the last `forward` returned. The bare function stays there, as ``.formula``: a
    `Sequential` calls it once the checks have passed for an input of that shape and dtype. A loss does so by itself, in
    the steps of a training run (see `Loss.checking_once`). A formula's twin takes its place, see `minnet.core.twins`.
    """
    if formula.__name__ != "forward":
        method: Any = _backward(formula)
    else:
        method = (_loss_forward if formula.__code__.co_varnames[1] == "prediction" else _forward)(formula)
    method.formula = formula
    formula.method = method  # type: ignore[attr-defined]
    checked_method: F = method
    return checked_method


def bare(layer: object, name: str) -> Callable[..., Any] | None:
    """Return a method of a layer without its checks; None if it was not made by `checked`, in this very form.

    The method of a subclass, or one that was patched into the class or the object, has no formula of its own, even if
    it wraps a method that has.
    """
    method = getattr(layer, name)
    function = getattr(method, "__func__", None)
    formula = getattr(function, "formula", None)
    if formula is None or formula.method is not function:
        return None
    return MethodType(twins.get().get(formula, formula), layer)


def _forward(formula: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(formula)
    def forward(self: Any, *inputs: Any, **options: Any) -> Any:
        self.check(*inputs, **options)
        y = twins.get().get(formula, formula)(self, *inputs, **options)
        if self.recording:
            self.__dict__["_output"] = y.shape, y.dtype
        return y

    return forward


def _loss_forward(formula: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(formula)
    def forward(self: Any, prediction: Any, target: Any, sample_weight: Any = None) -> Any:
        known = self.__dict__.get("_asked")  # a set, while `checking_once` is active
        if known is None or not type(prediction) is np.ndarray is type(target):
            self.check(prediction, target)
        else:
            kind = (Layer.changes, prediction.shape, prediction.dtype, target.shape, target.dtype)
            if kind not in known:
                self.check(prediction, target)
                current = {old for old in known if old[0] == Layer.changes}
                self.__dict__["_asked"] = (current if len(current) < KINDS else set()) | {kind}
        compute = twins.get().get(formula, formula)
        if sample_weight is None:
            return compute(self, prediction, target)
        return compute(self, prediction, target, sample_weight)  # which looks at the weights, in each batch

    return forward


def _backward(formula: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(formula)
    def backward(self: Any, dy: Any) -> Any:
        output = self.__dict__.get("_output")
        if output is None:
            self.cache  # noqa: B018 (raises what is wrong: there was no forward, or it was in eval mode)
        elif type(dy) is not np.ndarray or (dy.shape, dy.dtype) != output:
            check_gradient(self, dy, *output)
        return twins.get().get(formula, formula)(self, dy)

    return backward
