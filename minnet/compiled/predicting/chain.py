"""A model that only predicts: a copy, in eval mode, whose chains of layers are done in runs.

The containers are minnet's own, with one change: what a `Sequential` remembers of an input, to do without the layers'
checks the next time, has the calls of runs in place of their layers' formulas. So an input of a new shape goes through
the layers themselves, with all of their checks and messages.
"""

import copy
from collections.abc import Sequence
from typing import Any

from minnet.compiled.predicting.dense import dense_run
from minnet.compiled.predicting.images import image_run
from minnet.compiled.predicting.recurrent import recurrent_run
from minnet.compiled.predicting.runs import Run
from minnet.core.arrays import Array
from minnet.core.layer import Layer
from minnet.core.layers import Layers
from minnet.layers.containers import sequential
from minnet.layers.containers.branches import Add, Concat
from minnet.layers.containers.graph import Graph
from minnet.layers.containers.sequential import Plan
from minnet.layers.sequences.unrolling import Recurrent

FINDERS = (dense_run, image_run, recurrent_run)


class _InRuns(sequential.Sequential):
    """What the two containers below have in common."""

    runs: dict[int, Run]  # by the place of their first layer

    def _ask_and_plan(self, x: Array, kind: Any, start: int = 0) -> Array:
        """Let the layers look at an input of a new kind, and then do as with the next one, to the last digit."""
        y = super()._ask_and_plan(x, kind, start)
        plan = self._plans.get(kind)
        if plan is None or start or not self.runs:
            return y
        for forward in plan.forward:
            x = forward(x)
        return x

    def _remember(self, plan: Plan, kind: Any) -> None:
        if kind is not None and kind[0] != "masked" and not self.recording:
            plan = self._in_runs(plan, kind)
        super()._remember(plan, kind)

    def _in_runs(self, plan: Plan, kind: Any) -> Plan:
        """Return the plan for arrays of that shape and dtype, with the calls of runs."""
        kinds = [kind[:2], *(output for _, output in plan.outputs)]  # shape and dtype of what goes from layer to layer
        if len(plan.forward) < len(self.layers) or len(kinds) <= len(self.layers):  # several inputs, or no arrays
            return plan
        order, forward, i = [], [], 0
        while i < len(self.layers):
            run, call = self.runs.get(i), None
            if run is not None:
                (before, dtype), (after, _) = kinds[i], kinds[i + run.length]
                call = run.call_for(before, after, dtype)
            order.append(i)
            forward.append(call or plan.forward[i])
            i += run.length if run is not None and call is not None else 1
        return plan._replace(order=order, forward=forward)

    def __getstate__(self) -> dict[str, Any]:
        # Without the compiled code: a copy in another process reads it from the disk.
        return {name: value for name, value in super().__getstate__().items() if name != "runs"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        vars(self)["runs"] = runs_of(self.layers)


class Sequential(_InRuns):
    """A `Sequential` that predicts."""


class Residual(_InRuns, sequential.Residual):
    """A `Residual` that predicts."""


SIDE_BY_SIDE = (Graph, Add, Concat)  # containers of layers that are no chain
KINDS: dict[type[Layer], type[Layer]] = {sequential.Sequential: Sequential, sequential.Residual: Residual}


def for_prediction(model: Layer) -> Layer:
    """Return a copy of a model, in eval mode, which does chains of layers in runs."""
    layer: Any
    model = copy.deepcopy(model).eval()
    for _, layer in list(model.named_layers()):
        if type(layer) in SIDE_BY_SIDE:
            layer.layers = Layers(map(_as_chain, layer.layers), layer.layers.names)
    model = _as_chain(model).eval()
    for _, layer in list(model.named_layers()):
        if type(layer) in KINDS:
            layer.__class__ = KINDS[type(layer)]
            vars(layer)["runs"] = runs_of(layer.layers)
            for run in layer.runs.values():
                run.warm()
    return model


def chain_of(layers: Sequence[Layer]) -> Sequential:
    """Return a chain of layers that are another's, as they are."""
    chain = Sequential(*layers).eval()
    vars(chain)["runs"] = runs_of(layers)
    return chain


def runs_of(layers: Sequence[Layer]) -> dict[int, Run]:
    """Return the runs among the layers of a chain, by the place of their first one."""
    runs, i = {}, 0
    while i < len(layers):
        run = first_run(layers[i:])
        if run is not None:
            runs[i] = run
        i += 1 if run is None else run.length
    return runs


def _as_chain(layer: Layer) -> Layer:
    """Return a chain of one layer, if it is a run; not of a recurrent one, which may be given more than one input."""
    alone = not isinstance(layer, Recurrent) and first_run([layer]) is not None
    return sequential.Sequential(layer) if alone else layer


def first_run(layers: Sequence[Layer]) -> Run | None:
    """Return the run that begins with the first of these layers, if there is one."""
    return next((run for finder in FINDERS if (run := finder(layers)) is not None), None)
