"""Two containers: Sequential chains its layers, Residual adds a way around them.

`branches` has those whose layers stand side by side.
"""

import inspect
from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, NamedTuple, SupportsIndex, overload

import numpy as np

from minnet.core.arrays import Array
from minnet.core.checked import KINDS, bare
from minnet.core.checks import named as what_is
from minnet.core.layer import Layer
from minnet.core.layers import Layers
from minnet.core.twins import twins
from minnet.layers.containers.container import Container
from minnet.layers.sequences.masks import Mask


class Sequential(Container):
    """y = f_n(… f_2(f_1(x))): each layer's output is the next one's input.

    Backward: the chain rule, from the last layer to the first; each turns the dL/dy it is given
    into the dL/dx that the layer before it takes as its own dL/dy.

    Each layer's checks are asked once for each new shape and dtype of x; after that, the bare formulas
    are called. What is remembered is dropped with every `train`, `eval` and `astype`, of any model, and
    with other ``layers``. So a method that is patched between two steps is seen only after one of these.

    An error inside a layer gains a note that says which of the layers it was, and the shape it was given.

    Parameters
    ----------
    *layers
        At least one; or a dict (an OrderedDict) of names and layers. No layer object may come twice, here or inside; a
        Parameter may.
    **named
        Further layers, with their names: ``Sequential(encoder=..., head=...)``.

    Attributes
    ----------
    layers : Layers
        The layers, first to last: a tuple in which names are indices, too.

    Notes
    -----
    It is used as a list: ``model[0]``, ``model["head"]``, ``len(model)``, ``for layer in model``, ``append``,
    ``insert``, ``extend``, ``pop``, ``del model[i]``, ``model[i] = layer``. A slice, ``model[:2]``, and a sum, ``one +
    another``, are new Sequentials of the same layer objects, which share their weights and what they keep for
    `backward`. Parameters that join a model after its optimizer was made are not trained: make the optimizer anew.

    Examples
    --------
    >>> from minnet import Linear, Softmax
    >>> Sequential(Linear(784, 10), Softmax())
    Sequential(
      layers[0]: Linear(784, 10)
      layers[1]: Softmax()
    )
    >>> model = Sequential(body=Linear(784, 10), head=Softmax())
    >>> model["head"]
    Softmax()
    >>> [path for path, _ in model.named_parameters()]
    ['layers["body"].weight', 'layers["body"].bias']
    """

    _plans: Mapping[Any, "Plan"] = MappingProxyType({})  # for each kind of input
    _plan: "Plan | None" = None  # of the last forward that recorded

    @overload
    def __getitem__(self, key: SupportsIndex | str) -> Any: ...

    @overload
    def __getitem__(self, key: slice) -> "Sequential": ...

    def __getitem__(self, key: Any) -> Any:
        if not isinstance(key, slice):
            return super().__getitem__(key)
        layers = self.layers[key]
        if not layers:
            raise IndexError(f"no layer is in this part: their numbers are 0 to {len(self) - 1}, or -1 from the end")
        part = _joined(layers, self)
        # What the model says of its inputs and its outputs holds for the part that reads and makes them.
        for name, i in (("input_scale", 0), ("class_names", -1)):
            if name in vars(self) and layers[i] is self.layers[i]:
                setattr(part, name, getattr(self, name))
        return part

    def __add__(self, other: "Sequential") -> "Sequential":
        if not isinstance(other, Sequential):
            return NotImplemented
        return _joined(self.layers + other.layers, self)

    def forward(self, *inputs: Any, **named: Any) -> Any:
        """Map x through all layers; several inputs are those of the first layer, such as `Inputs`.

        With ``forward(x, mask)``, the mask (N, T) of padded sequences goes to the layers that take one.
        """
        start = 0
        if named or len(inputs) != 1:
            if not takes_several(self):
                return self._forward_masked(*self._as_masked(inputs, named))
            x, start = self._map_inputs(inputs, named), 1  # the first layer is done by itself
        else:
            (x,) = inputs
        state = self.recording, start, twins.get(), Layer.changes
        kind = (x.shape, x.dtype, *state) if type(x) is np.ndarray else None
        plan = self._plans.get(kind)
        if plan is None:
            return self._ask_and_plan(x, kind, start)
        i = start
        try:
            for forward in plan.forward:
                x = forward(x)
                i += 1
        except Exception as error:
            self._say_where(error, plan.order[i], "input", x, plan.order[i - 1] if i else None)
            raise
        if self.recording:
            self.__dict__["_plan"] = plan
            for attributes, output in plan.outputs:
                attributes["_output"] = output
        return x

    def backward(self, dy: Array) -> Array:
        """Map dy back through all layers, which add up their Parameters' gradients."""
        plan = self._plan or _plan(self.layers, self.recording)
        return self._run_back(dy, plan, plan.backward)

    def accumulate_grad(self, dy: Array) -> None:
        """Add up the gradients; stop where no layer below has any."""
        plan = self._plan or _plan(self.layers, self.recording)
        self._run_back(dy, plan, plan.accumulate)

    def _run_back(self, dy: Array, plan: "Plan", methods: list[Callable[[Array], Any]]) -> Array:
        i = -1
        try:
            for backward in methods:
                dy = backward(dy)
                i -= 1
        except Exception as error:
            self._say_where(error, plan.order[i], "gradient", dy, plan.order[i + 1] if i < -1 else None)
            raise
        return dy

    def _as_masked(self, inputs: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, Any]:
        """Return x and the mask; a TypeError, if something else was given."""
        given = dict(zip(("x", "mask"), inputs, strict=False)) | named
        floats = [x for x in inputs[1:] if isinstance(x, np.ndarray) and x.dtype.kind == "f"]  # are no mask
        if len(given) < len(inputs) + len(named) or not {"x"} <= given.keys() <= {"x", "mask"} or floats:
            got = [*map(what_is, inputs), *(f"{name}=..." for name in named)]
            raise TypeError(
                f"{type(self).__name__}.forward expected x, or x and the mask of padded sequences, got "
                f"{', '.join(got) or 'nothing'}: the names of these two are x and mask; a model of several inputs "
                "begins with a layer that takes them, such as mn.Inputs"
                + ("; a mask is an array of booleans, such as mask.astype(bool)" if floats else "")
            )
        return given["x"], given.get("mask")

    def _forward_masked(self, x: Array, mask: Mask | None) -> Array:
        """Do as `forward`, with a mask. The layers make their checks each time: their loops over time take longer."""
        if mask is None:
            y: Array = Sequential.forward(self, x)
            return y
        state = self.recording, twins.get(), Layer.changes
        kind = ("masked", x.shape, x.dtype, *state) if type(x) is np.ndarray else None
        plan = self._plans.get(kind) or _plan(self.layers, self.recording, self.mask_users(in_sequence=True))
        giver = None
        for i in plan.order:
            try:
                layer = self.layers[i]
                y = layer.forward(x, mask=mask) if plan.masked[i] else layer.forward(x)
            except Exception as error:
                self._say_where(error, i, "input", x, giver)
                raise
            x, giver = y, i
        self._remember(plan, kind)
        return x

    def _map_inputs(self, inputs: tuple[Any, ...], named: dict[str, Any]) -> Any:
        """Return what the first layer makes of several inputs."""
        try:
            return self.layers[0].forward(*inputs, **named)
        except Exception as error:
            self._say_where(error, 0, "input", named or inputs)
            raise

    def _ask_and_plan(self, x: Array, kind: Any, start: int = 0) -> Array:
        """Do as `forward` from a layer on, with the checks of all; and remember how to do it without them."""
        plan, giver = _plan(self.layers, self.recording), None
        plan = plan._replace(forward=plan.forward[start:])
        for i in plan.order[start:]:
            try:
                y = self.layers[i].forward(x)
            except Exception as error:
                self._say_where(error, i, "input", x, giver)
                raise
            if isinstance(y, np.ndarray):
                plan.outputs.append((vars(self.layers[i]), (y.shape, y.dtype)))
            x, giver = y, i
        self._remember(plan, kind)
        return x

    def _remember(self, plan: "Plan", kind: Any) -> None:
        """Keep a plan for `backward`, and for the next input of this kind."""
        if self.recording:
            self.__dict__["_plan"] = plan
        if kind is not None and kind not in self._plans:  # a new dict, because other threads may read the old one
            plans = {old: self._plans[old] for old in self._plans if old[-1] == Layer.changes}
            self.__dict__["_plans"] = (plans if len(plans) < KINDS else {}) | {kind: plan}


def _joined(layers: Layers[Layer], owner: Sequential) -> Sequential:
    """Return a Sequential of layers that are another's, in the same mode."""
    joined = Sequential(*layers)
    joined.layers = layers  # with their names
    vars(joined).update({name: getattr(owner, name) for name in ("training", "recording", "frozen_statistics")})
    return joined


def takes_several(layer: Layer) -> bool:
    """Whether a layer, or the first of a Sequential, has to be given several inputs, or takes any number."""
    while isinstance(layer, Sequential) and not isinstance(layer, Residual):
        layer = layer.layers[0]
    return _needs_several(type(layer).forward)


@cache
def _needs_several(forward: Callable[..., Any]) -> bool:
    _, *taken = inspect.signature(forward).parameters.values()
    needed = [p for p in taken if p.kind is not p.VAR_KEYWORD and p.default is p.empty]
    return len(needed) > 1 or any(p.kind is p.VAR_POSITIONAL for p in taken)


class Plan(NamedTuple):
    """What a `Sequential` calls for one kind of input: of each layer the formula, where that is enough."""

    order: list[int]  # the places of the layers, in the order in which they run
    forward: list[Callable[[Array], Array]]  # one a layer, first to last
    backward: list[Callable[[Array], Any]]  # one a layer, last to first
    accumulate: list[Callable[[Array], Any]]  # the same, but the last of them is accumulate_grad
    outputs: list[tuple[dict[str, Any], Any]]  # each layer's attributes, and the shape and dtype to compare dy with
    masked: list[bool]  # of each layer, whether it is given the mask


def _plan(layers: tuple[Layer, ...], recording: bool, masked: list[bool] | None = None) -> Plan:
    """Return the order of the layers, and what to call of each.

    In training, a layer goes before its predecessor if its `goes_before` says that the result is the same (see
    `MaxPool2d`). In eval mode, where people look at what single layers make, the order is the one that was written.

    A formula is called only where the layers before it determine the shape and dtype of what it is given. Behind a
    layer whose methods have no formula, such as a user's own, each layer does its checks, in every step.
    """
    order = list(range(len(layers)))
    for i in order[1:] if recording else ():
        layer: Any = layers[i]
        if hasattr(layer, "goes_before") and layer.goes_before(layers[i - 1]):
            order[i - 1], order[i] = i, i - 1
    back = [layers[i] for i in reversed(order)]
    learning = [place for place, layer in enumerate(back) if layer.parameters()]
    first = learning[-1] if learning else len(back) - 1  # below it, nobody needs a gradient
    last = "backward" if "backward" in vars(back[first]) else "accumulate_grad"  # a patched backward is called
    return Plan(
        order,
        forward=_methods([layers[i] for i in order], ["forward"] * len(order)),
        backward=[back[0].backward, *_methods(back, ["backward"] * len(back))[1:]],  # the first compares dy with y
        accumulate=[
            getattr(back[0], last if first == 0 else "backward"),
            *_methods(back[: first + 1], [*["backward"] * first, last])[1:],
        ],
        outputs=[],
        masked=masked or [],
    )


def _methods(layers: list[Layer], names: list[str]) -> list[Callable[..., Any]]:
    """Return a method of each layer: its formula, as long as the layers before it are known."""
    methods: list[Callable[..., Any]] = []
    known = True
    for layer, name in zip(layers, names, strict=True):
        formula = bare(layer, name) if known else None
        methods.append(formula or getattr(layer, name))
        known = known and (formula is not None or _is_known(layer))
    return methods


def _is_known(layer: Layer) -> bool:
    """Whether the shape and dtype of a layer's output depend on those of its input only."""
    if type(layer) in (Sequential, Residual) and isinstance(layer, Sequential):
        return not {"forward", "backward"} & vars(layer).keys() and all(map(_is_known, layer.layers))
    return bare(layer, "forward") is not None and bare(layer, "backward") is not None


class Residual(Sequential):
    """y = x + f(x), where f is the given layers in sequence, as in `Sequential`; together they keep the shape.

    Backward: both ways lead to x, so their gradients add up: dL/dx = dy + f's backward(dy).
    It is the same as ``Add(Identity(), Sequential(...))``, where the way around is a branch as well.

    K. He et al., "Deep residual learning for image recognition", CVPR 2016, eq. 1.
    """

    def forward(self, x: Array, mask: Mask | None = None) -> Any:
        """Map x to x + f(x), of the same shape; a mask goes to the layers that take one."""
        y = super().forward(x) if mask is None else super().forward(x, mask)
        if y.shape != x.shape:
            raise ValueError(
                f"Residual adds its input to its layers' output, but they map {x.shape} to {y.shape}: "
                "the layers inside must keep the shape, as Linear(n, n) does"
            )
        return x + y

    def backward(self, dy: Array) -> Array:
        """Map dy to dy + f's backward(dy)."""
        return dy + super().backward(dy)

    def accumulate_grad(self, dy: Array) -> None:
        """Add up the gradients; the way around the layers has none."""
        super().accumulate_grad(dy)
