"""A Graph is a network that is no chain: its layers have names, and each says whose outputs it reads."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from minnet.core.arrays import Array
from minnet.core.checks import check_gradient
from minnet.core.checks import named as what_is
from minnet.core.layer import Layer
from minnet.core.layers import Layers
from minnet.layers.containers.container import Container
from minnet.layers.containers.wiring import Names, Plan, Step, as_names, as_wires, check_wires, plan_of


class Graph(Container):
    """y = the outputs of some layers, of which each reads the inputs, or the outputs of layers before it.

    A layer that `wires` does not mention reads the output of the layer before it, as in `Sequential`; the first one
    reads the first input. A layer that reads several arrays is called with all of them, such as `Sum` and `Multiply`.

    Backward: from the last layer to the first, each is given dL/d(its output), and returns dL/d(what it read). An array
    that is read in several places is given the sum of what they return, because L depends on it in all of these ways.
    A layer that no output depends on is not run.

    S. Linnainmaa, "Taylor expansion of the accumulated rounding error", BIT 16, 1976: derivatives backward through any
    graph of operations.

    Parameters
    ----------
    *layers
        A dict of names and layers, in an order in which they can be computed. Every layer has a name.
    **named
        Further layers, with their names.
    inputs
        The name of the input, or a tuple of several: then it is ``forward(x_1, x_2)``, or by their names.
    wires
        Layer → the name, or a tuple of the names, of what it reads. An empty tuple is for a layer that reads nothing.
    outputs
        The name of the layer whose output is y, or a tuple of several: then y is a tuple. None: the last layer.

    Examples
    --------
    >>> from minnet import Linear, Sum, Tanh
    >>> model = Graph(
    ...     inputs="x",
    ...     first=Linear(3, 4),
    ...     tanh=Tanh(),
    ...     second=Linear(4, 4),
    ...     sum=Sum(),
    ...     wires={"sum": ("second", "first")},
    ... )
    >>> model.forward(np.ones((5, 3), np.float32)).shape
    (5, 4)
    """

    _inputs: Names
    _outputs: Names | None
    _wires: dict[str, Names]
    _plan: Plan | None = None  # what to run, of the layers that are there now

    def __init__(
        self,
        /,
        *layers: Layer | Mapping[str, Layer],
        inputs: Names = "x",
        wires: Mapping[str, Names] | None = None,
        outputs: Names | None = None,
        **named: Layer,
    ) -> None:
        self.inputs = inputs
        self.outputs = outputs
        self.wires = wires or {}
        super().__init__(*layers, **named)

    def arguments(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return super().arguments() | {"wires": dict(self.wires)}

    @property
    def inputs(self) -> Names:
        """The names of the inputs, as they were given."""
        return self._inputs

    @inputs.setter
    def inputs(self, names: Names) -> None:
        as_names("inputs", names)
        self._set("_inputs", names)

    @property
    def outputs(self) -> Names | None:
        """The names of the layers whose outputs are returned, as they were given."""
        return self._outputs

    @outputs.setter
    def outputs(self, names: Names | None) -> None:
        if names is not None:
            as_names("outputs", names)
        self._set("_outputs", names)

    @property
    def wires(self) -> Mapping[str, Names]:
        """What each layer reads that does not read the layer before it; assign a new dict to change it."""
        return MappingProxyType(self._wires)

    @wires.setter
    def wires(self, wires: Mapping[str, Names]) -> None:
        self._set("_wires", as_wires(wires))

    def _set(self, attribute: str, value: Any) -> None:
        """Set one of the three, if it fits the layers."""
        before = vars(self).get(attribute)
        vars(self)[attribute] = value
        if "layers" in vars(self):
            try:
                self._check_layers(self.layers)
            except Exception:
                vars(self)[attribute] = before
                raise
            self._forget()
            Layer.changes += 1

    @property
    def takes_mask(self) -> bool:  # type: ignore[override]
        """Whether one of the inputs has the name mask."""
        return "mask" in as_names("inputs", self.inputs)

    def forward(self, *inputs: Any, **named: Any) -> Any:
        """Map the inputs to the output, or to a tuple of the outputs."""
        plan, values = self._planned(), self._given(inputs, named)
        shapes = {name: _kind(x) for name, x in values.items()}
        for step in plan.steps:
            given = tuple(values[name] for name in step.reads)
            try:
                y = step.layer.forward(*given)
            except Exception as error:
                self._say_where(error, step.place, "input", given[0] if len(given) == 1 else given)
                raise
            values[step.name] = y
            for name in step.last:
                del values[name]
        outputs = tuple(values[name] for name in plan.outputs)
        self.cache = (plan, shapes, [_kind(y) for y in outputs], tuple(named))
        return outputs if isinstance(self.outputs, tuple) else outputs[0]

    def backward(self, dy: Any) -> Any:
        """Map dy, or a tuple of an array (or None) for each output, to the gradients of the inputs, in their form.

        An input of integers or booleans has none: there, it is None.
        """
        plan, shapes, _, named = self.cache
        found = self._run_back(dy, plan.steps)
        gradients = {
            name: found.get(name, np.zeros(*kind) if kind[1].kind == "f" else None) for name, kind in shapes.items()
        }
        if named:
            return {name: gradients[name] for name in named}
        return tuple(gradients.values()) if len(gradients) > 1 else next(iter(gradients.values()))

    def accumulate_grad(self, dy: Any) -> None:
        """Add up the gradients; leave out the layers below which there are no Parameters."""
        plan = self.cache[0]
        self._run_back(dy, plan.steps, learning=True)

    def _run_back(self, dy: Any, steps: list[Step], learning: bool = False) -> dict[str, Array]:
        """Run the layers' backward; return the gradients of the inputs that are there."""
        gradients = self._parts(dy)
        for step in reversed(steps):
            gradient = gradients.pop(step.name, None)
            if gradient is None or (learning and not step.learns):
                continue
            ends = learning and not step.passes_on
            try:
                dx = (step.layer.accumulate_grad if ends else step.layer.backward)(gradient)
            except Exception as error:
                self._say_where(error, step.place, "gradient", gradient)
                raise
            if not ends:
                for name, part in zip(step.reads, dx if isinstance(dx, tuple) else (dx,), strict=False):
                    _add(gradients, name, part)
        return gradients

    def _parts(self, dy: Any) -> dict[str, Array]:
        """Return the gradients of the outputs by the layers' names, after a check that they fit the outputs."""
        plan, _, outputs, _ = self.cache
        several = isinstance(self.outputs, tuple)
        parts = dy if several else (dy,)
        if not isinstance(parts, tuple) or len(parts) != len(outputs) or all(part is None for part in parts):
            raise TypeError(
                f"{self.describe()}.backward expected a tuple of {len(outputs)} gradients, one an output, got "
                f"{what_is(dy)}"
                if several
                else f"{self.describe()}.backward expected the gradient of its output, got {what_is(dy)}"
            )
        gradients: dict[str, Array] = {}
        for name, part, kind in zip(plan.outputs, parts, outputs, strict=True):
            if part is not None:
                check_gradient(self, part, *kind)
                _add(gradients, name, part)
        return gradients

    def _given(self, inputs: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Any]:
        """Return the inputs by their names; a TypeError, if they are others."""
        names = as_names("inputs", self.inputs)
        given = dict(zip(names, inputs, strict=False)) | named
        if len(given) != len(inputs) + len(named) or given.keys() != set(names):
            got = ", ".join([*map(what_is, inputs), *(f"{name}=..." for name in named)]) or "nothing"
            raise TypeError(
                f"{self.describe()} takes {len(names)} input{'s' * (len(names) > 1)}, forward({', '.join(names)}), "
                f"got {got}" + ": in a DataLoader, X is a tuple of as many arrays" * (len(names) > 1)
            )
        for name, x in given.items():
            if not isinstance(x, np.ndarray):
                raise TypeError(f"{self.describe()} expected {name} to be a NumPy array, got {what_is(x)}")
        return given

    def _planned(self) -> Plan:
        """Return what to run, which is made anew after a change of any model's layers."""
        plan = self._plan
        if plan is None or plan.changes != Layer.changes:
            plan = self.__dict__["_plan"] = plan_of(self.layers, self.inputs, self.wires, self.outputs)
        return plan

    def _check_layers(self, layers: Layers[Any]) -> None:
        super()._check_layers(layers)
        check_wires(layers.names, self.inputs, self.wires, self.outputs)

    def __repr__(self) -> str:
        """Return the layers, and behind each what it reads, unless that is the layer before it."""
        lines = super().__repr__().split("\n")
        for name, names in self.wires.items():
            place = next(i for i, line in enumerate(lines) if line.startswith(f'  layers["{name}"]: '))
            lines[place] += f" <- {', '.join(as_names('wires', names)) or 'nothing'}"
        return "\n".join(lines)


def _add(gradients: dict[str, Array], name: str, part: Array | None) -> None:
    if part is not None:
        gradients[name] = gradients[name] + part if name in gradients else part  # not in place: it may be another's


def _kind(x: Any) -> tuple[tuple[int, ...], Any]:
    return x.shape, x.dtype
