"""An optimizer is a way to step downhill: it turns each Parameter's gradient into its next values."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from minnet.core.arrays import Array
from minnet.core.parameter import Parameter
from minnet.core.state import State, attributes, set_attributes

Parameters = Iterable[Parameter] | Iterable[Mapping[str, Any]]

RISKY = 1e15  # the norm of a step after which a few more may leave the range of float32, 3e38
FLUSH = 256  # the steps between two looks at what has faded: see `Optimizer._flush`


class Optimizer:
    """The base of every optimizer: it knows Parameters, and nothing of layers.

    An optimizer of your own is one method, `update`: the next values of one Parameter, in place. Freezing,
    weight decay and groups are taken care of::

        class SignDescent(mn.Optimizer):               # p ← p − lr · sign(g)
            def update(self, i, p, g, group):
                p -= group["lr"] * np.sign(g)

    **Weight decay** λ comes in two kinds: g ← g + λ p before anything else, the gradient of the penalty
    λ/2 · ‖p‖²; or *decoupled*, p ← (1 − lr · λ) p. They are the same for plain SGD only: I. Loshchilov and
    F. Hutter, "Decoupled weight decay regularization", ICLR 2019.

    **Groups** have options of their own: ``Adam([{"params": a, "lr": 1e-4}, {"params": b}], lr=1e-3)``, as in
    PyTorch. Each is a dict in `param_groups`.

    **Freezing**: a Parameter with ``trainable=False`` is passed by, with all that is remembered of it.

    Parameters
    ----------
    parameters
        What to train: ``model.parameters()``, or groups: dicts of ``"params"`` and of any options.
    lr
        The learning rate; it may be changed between steps, as schedules do.
    weight_decay
        λ >= 0.
    decay_biases
        False spares every Parameter of fewer than two axes: biases, and the scales of norms.
    decoupled_weight_decay
        Which kind of weight decay.
    options
        What else groups may set; here stand the values for those that do not.

    Attributes
    ----------
    parameters : list of Parameter
        All, group after group, in their order.
    param_groups : list of dict
        The groups, each with ``"params"`` and every option, which may be changed between steps.
    state : dict of lists
        What is remembered between steps: name → one entry a Parameter, in the order of `parameters`. An array
        is made when it is first needed; before, its place holds None.

    Raises
    ------
    TypeError, ValueError
        If there is no Parameter, something else, or one twice; if an option is unknown, or out of its range.
    """

    def __init__(
        self,
        parameters: Parameters,
        lr: float,
        *,
        weight_decay: float = 0.0,
        decay_biases: bool = True,
        decoupled_weight_decay: bool = False,
        **options: Any,
    ) -> None:
        options |= {
            "lr": lr,
            "weight_decay": weight_decay,
            "decay_biases": decay_biases,
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        self.check(options)
        self.param_groups = [self._group(given, options) for given in self._as_groups(parameters)]
        self.parameters: list[Parameter] = [p for group in self.param_groups for p in group["params"]]
        name = type(self).__name__
        if not self.parameters:
            raise ValueError(f"{name} got no Parameters: has the model a layer with weights, such as Linear?")
        if len({id(parameter) for parameter in self.parameters}) < len(self.parameters):
            raise ValueError(f"{name} got a Parameter twice, which would be updated twice a step: list it once")
        self._ratios = [group["lr"] / options["lr"] for group in self.param_groups]
        self.state: dict[str, list[Any]] = {"step": [0] * len(self.parameters)}
        self._work: dict[str, list[Array]] = {}
        self._dtypes = [parameter.data.dtype for parameter in self.parameters]

    @property
    def lr(self) -> float:
        """The learning rate as given to the constructor, or as set since.

        Setting it sets every group's: a group that began with a tenth of it gets a tenth of the new one.
        Thus a schedule keeps the groups' ratio.
        """
        lr: float = self.param_groups[0]["lr"] / self._ratios[0]
        return lr

    @lr.setter
    def lr(self, value: float) -> None:
        for group, ratio in zip(self.param_groups, self._ratios, strict=True):
            group["lr"] = float(value) * ratio

    def zero_grad(self) -> None:
        """Set every gradient to zero: backward adds, so each step starts from nothing."""
        for parameter in self.parameters:
            parameter.zero_grad()

    def step(self) -> None:
        """Update every trainable Parameter, in place, from its gradient."""
        i, steps, dtypes = -1, self.state["step"], self._dtypes
        for group in self.param_groups:
            for parameter in group["params"]:
                i += 1
                if not parameter.trainable:
                    continue
                p = parameter.data
                if p.dtype != dtypes[i]:
                    self._follow(i, p)
                steps[i] += 1
                g = parameter.read_grad()
                if group["weight_decay"]:
                    g = self._decay(i, p, g, group)
                self.update(i, p, g, group)
                if steps[i] % FLUSH == 0:
                    self._flush(i)

    def update(self, i: int, p: Array, g: Array, group: dict[str, Any]) -> None:
        """Give Parameter `i` its next values, in place.

        Parameters
        ----------
        i
            Its place in `parameters`, and in the lists of `state`; ``state["step"][i]`` counts from 1.
        p, g
            Its values, to be written into, and its gradient with weight decay, which is not.
        group
            Its options.
        """
        raise NotImplementedError(f"{type(self).__name__} has no step: define update(self, i, p, g, group)")

    def state_dict(self) -> State:
        """Return what decides the next step, beside the Parameters: options, and all that is remembered."""
        groups = [
            {"params": len(group["params"]), **{name: option for name, option in group.items() if name != "params"}}
            for group in self.param_groups
        ]
        return {"class": type(self).__name__, "groups": groups, "attributes": attributes(self)}

    def mismatches(self, state: State) -> list[str]:
        """Say where a state is that of another optimizer, a line each."""
        kind, groups = type(self).__name__, [len(group["params"]) for group in self.param_groups]
        lines = [] if state["class"] == kind else [f"the optimizer: {kind} now, {state['class']} in the checkpoint"]
        if (then := [group["params"] for group in state["groups"]]) != groups:
            lines.append(f"the Parameters in the optimizer's groups: {groups} now, {then} in the checkpoint")
        for name, entries in state["attributes"]["state"].items():
            if len(entries) != len(self.parameters):
                lines.append(f"the optimizer's {name}: of {len(entries)} Parameters, not of {len(self.parameters)}")
        return lines

    def load_state_dict(self, state: State) -> None:
        """Put back what `state_dict` returned.

        Raises
        ------
        ValueError
            If it is of another optimizer.
        """
        if found := self.mismatches(state):
            raise ValueError("\n".join(found))
        for group, options in zip(self.param_groups, state["groups"], strict=True):
            group.update({name: option for name, option in options.items() if name != "params"})
        set_attributes(self, state["attributes"])

    def check(self, options: dict[str, Any]) -> None:
        """Check the options of a group; a subclass adds its own."""
        self.number(options, "lr")
        if options["lr"] == 0:
            raise ValueError(f"{type(self).__name__} needs lr > 0, got 0: to freeze Parameters, set trainable=False")
        self.number(options, "weight_decay")

    def number(self, options: dict[str, Any], name: str, below: float = math.inf) -> None:
        """Turn an option, a number or a tuple of them, into floats with 0 <= x < below, or say that it is none."""
        owner, value = type(self).__name__, options[name]
        for x in value if isinstance(value, tuple) else [value]:
            if not isinstance(x, (int, float, np.integer, np.floating)) or isinstance(x, bool):
                got = type(x).__name__ + (f" {x!r}" if isinstance(x, str) else "")
                raise TypeError(f"{owner} expected {name} to be a number, such as 0.1, got {got}")
            if not (math.isfinite(x) and x >= 0):
                raise ValueError(f"{owner} needs a finite {name} >= 0, got {value}")
            if x >= below:
                raise ValueError(f"{owner} needs {name} < {below}, the share of the past that is kept, got {value}")
        options[name] = tuple(map(float, value)) if isinstance(value, tuple) else float(value)

    def kept(self, name: str, i: int, first: float = 0.0) -> Array:
        """Return the array of this name that is remembered of Parameter i: full of `first` at first."""
        arrays = self.state.get(name)
        if arrays is None:
            arrays = self.state[name] = [None] * len(self.parameters)
        if arrays[i] is None:
            arrays[i] = np.full_like(self.parameters[i].data, first)
        array: Array = arrays[i]
        return array

    def work(self, i: int, name: str = "work") -> Array:
        """Return an array like Parameter i to compute in. It is shared: the next Parameter overwrites it."""
        arrays = self._work.get(name)
        if arrays is None:
            every = [p.data for p in self.parameters]
            size = max(a.size for a in every)
            # As large as the largest Parameter: the others use its beginning, which stays in the processor's cache.
            flat = {dtype: np.empty(size, dtype) for dtype in {a.dtype for a in every}}
            arrays = self._work[name] = [flat[a.dtype][: a.size].reshape(a.shape) for a in every]
        return arrays[i]

    def _decay(self, i: int, p: Array, g: Array, group: dict[str, Any]) -> Array:
        """Return the gradient with that of the penalty; or let the values decay."""
        if p.ndim < 2 and not group["decay_biases"]:
            return g
        if group["decoupled_weight_decay"]:
            p *= 1 - group["lr"] * group["weight_decay"]
            return g
        penalised = self.work(i, "penalised")
        np.multiply(p, group["weight_decay"], out=penalised)
        penalised += g
        return penalised

    def _follow(self, i: int, p: Array) -> None:
        """Convert what is remembered of Parameter i to its dtype, which model.astype has changed."""
        for arrays in self.state.values():
            if isinstance(arrays[i], np.ndarray):
                arrays[i] = arrays[i].astype(p.dtype)
        self._work.clear()
        self._dtypes[i] = p.dtype

    def _flush(self, i: int) -> None:
        """Set to zero what has faded below the smallest normal number.

        Where gradients stop (a dead unit, a pixel that is nearly always black), averages shrink, and end
        among the subnormal numbers, never at zero. A processor computes with those up to 60 times slower:
        of a digits network 5 % of Adam's m are such after 1,000 steps, and a training step takes twice as long.
        """
        work = self.work(i)
        for arrays in self.state.values():
            if isinstance(array := arrays[i], np.ndarray):
                np.greater_equal(np.abs(array, out=work), np.finfo(array.dtype).tiny, out=work)
                array *= work

    def _as_groups(self, parameters: Parameters) -> list[Mapping[str, Any]]:
        """Return groups as they are, and Parameters as one group."""
        if not isinstance(parameters, Iterable):
            raise self._not_parameters(parameters)
        given = list(parameters)
        groups = [item for item in given if isinstance(item, Mapping)]
        if not groups:
            return [{"params": given}]
        if len(groups) < len(given):
            raise TypeError(f"{type(self).__name__} expected Parameters or groups (dicts), got some of each")
        return groups

    def _group(self, given: Mapping[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
        """Return a group with all its options."""
        name = type(self).__name__
        unknown = [str(option) for option in given if option not in defaults and option != "params"]
        if unknown or "params" not in given:
            raise ValueError(
                f'{name} expected a group to have "params", and of options {", ".join(sorted(defaults))}; '
                f"got {', '.join(map(str, given)) or 'nothing'}"
            )
        parameters = given["params"]
        if isinstance(parameters, Parameter):
            parameters = [parameters]
        if not isinstance(parameters, Iterable):
            raise self._not_parameters(parameters)
        parameters = list(parameters)
        for parameter in parameters:
            if not isinstance(parameter, Parameter):
                raise self._not_parameters(parameter)
        group = {**defaults, **given, "params": parameters}
        self.check(group)
        return group

    def _not_parameters(self, got: object) -> TypeError:
        name = type(self).__name__
        return TypeError(f"{name} expected Parameters, got {type(got).__name__}: pass model.parameters()")

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_work": {}}  # what lies in the work arrays is of no use to anyone


def keeps_finite(optimizer: Optimizer) -> bool:
    """Whether finite gradients give finite weights: with minnet's own, that neither divide by 0 nor decay too much."""
    return type(optimizer).__module__.startswith("minnet.optimizers") and all(
        group.get("eps", 1.0) > 1e-30 and group["lr"] * group["weight_decay"] <= 1 for group in optimizer.param_groups
    )


class Option:
    """An option as an attribute of the optimizer: reading gives the first group's, setting sets every group's."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, optimizer: Optimizer | None, owner: type) -> Any:
        return self if optimizer is None else optimizer.param_groups[0][self.name]

    def __set__(self, optimizer: Optimizer, value: Any) -> None:
        for group in optimizer.param_groups:
            group[self.name] = value
