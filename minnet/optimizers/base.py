"""An optimizer changes Parameters so that the loss falls: it turns each gradient into the next values."""

from collections.abc import Iterable, Mapping, Sequence
from types import MethodType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from minnet.core.arrays import Array
from minnet.core.buffer import Buffer
from minnet.core.checks import check_number, replaced
from minnet.core.parameter import Parameter
from minnet.core.state import State, attributes, set_attributes
from minnet.core.twins import method_of
from minnet.core.words import OF_OPTIMIZERS, answer, without_words
from minnet.errors import NonFiniteError
from minnet.optimizers.option import Flag, Option
from minnet.optimizers.shown import shown

Parameters = Iterable[Parameter] | Iterable[Mapping[str, Any]]

RISKY = 1e15  # a step of this length may leave the range of float32, 3e38, within a few steps

TEND_EVERY = 256  # steps between two looks at a Parameter's running averages: see `Optimizer._tend`
LARGE_EPS = 1e-9  # beside an ε of this size, the root of a subnormal square (below 1.1e-19 in float32) is nothing


class Optimizer:
    """The base class of every optimizer. It works on Parameters, and knows nothing of layers.

    To write an optimizer, define one method, `update`: it changes one Parameter in place. Freezing,
    weight decay and groups work without further code::

        class SignDescent(mn.Optimizer):               # p ← p − lr · sign(g)
            def update(self, i, p, g, group):
                p -= group["lr"] * np.sign(g)

    **Weight decay** λ comes in two kinds: g ← g + λ p before anything else, the gradient of the penalty
    λ/2 · ‖p‖²; or *decoupled*, p ← (1 − lr · λ) p. The two are the same for plain SGD only: I. Loshchilov and
    F. Hutter, "Decoupled weight decay regularization", ICLR 2019.

    **Groups** have options of their own: ``Adam([{"params": a, "lr": 1e-4}, {"params": b}], lr=1e-3)``, as in
    PyTorch. Each group is a dict in `param_groups`. Schedules act on each group's own learning rate.

    **Freezing**: a step leaves a Parameter with ``trainable=False`` as it is, and its entries in `state` too.

    Parameters
    ----------
    parameters
        What to train: ``model.parameters()``, or groups: dicts of ``"params"`` and of any options.
    lr
        The learning rate, > 0. Schedules change it between steps.
    weight_decay
        λ >= 0.
    decay_biases
        False: Parameters of fewer than two axes (biases, the scales of norms) do not decay.
    decoupled_weight_decay
        Which kind of weight decay.
    **options
        Further options that groups may have, with the values for groups that do not set them.

    Attributes
    ----------
    parameters : list of Parameter
        All Parameters, group after group.
    param_groups : list of dict
        The groups, each with ``"params"`` and every option. Options may be changed between steps.
    state : dict of lists
        What one step leaves for the next: name → one entry for each of `parameters`. An array is made when it
        is first needed; until then its entry is None. An optimizer of your own may keep anything there.
    fading, squares : tuple of str
        Of the class: the names of arrays in `state` that are running averages of gradients, and of their squares.
        Where gradients stop, they shrink until the processor is slow with them. So every 256 steps, numbers that can no
        longer change a step are set to zero: see `zero_subnormals`. By default, there are none.
    needs_closure : bool
        Of the class: whether ``step(closure)`` takes a function that returns the loss at the weights of now.

    Raises
    ------
    TypeError, ValueError
        If there is no Parameter, something else, or one twice; if an option is unknown, or out of its range.
    NonFiniteError
        In a step, if a sum or an average of squares (named in `squares`) has left the range of its dtype.
    """

    __repr__ = shown
    fading: ClassVar[tuple[str, ...]] = ()
    squares: ClassVar[tuple[str, ...]] = ()
    needs_closure: ClassVar[bool] = False
    weight_decay, decay_biases, decoupled_weight_decay = Option(low=0), Flag(), Flag()

    def __init__(
        self,
        parameters: Parameters,
        lr: float,
        weight_decay: float = 0.0,
        decay_biases: bool = True,
        decoupled_weight_decay: bool = False,
        **options: Any,
    ) -> None:
        options.update(
            lr=lr, weight_decay=weight_decay, decay_biases=decay_biases, decoupled_weight_decay=decoupled_weight_decay
        )
        self.check(options)
        groups = self._as_groups(parameters)
        self.param_groups = [self._group(given, options) for given in groups]
        self._default = next((i for i, given in enumerate(groups) if "lr" not in given), 0)
        self._collect()

    def _collect(self) -> None:
        """List the Parameters of the groups, each of which is there once, and make what a step needs."""
        self.parameters: list[Parameter] = [p for group in self.param_groups for p in group["params"]]
        name = type(self).__name__
        if not self.parameters:
            raise ValueError(f"{name} got no Parameters: has the model a layer with weights, such as Linear?")
        if len({id(parameter) for parameter in self.parameters}) < len(self.parameters):
            raise ValueError(f"{name} got a Parameter twice, which would be updated twice a step: list it once")
        # Each group's rate before a schedule, and what the schedule made of it.
        self._scheduled = [(group["lr"], group["lr"]) for group in self.param_groups]
        self.state: dict[str, list[Any]] = {"step": [0] * len(self.parameters)}
        self._scratch: dict[str, list[Array]] = {}
        self._dtypes = [parameter.data.dtype for parameter in self.parameters]

    @property
    def lr(self) -> float:
        """The learning rate: that of the first group that was made without one of its own (or of the first group).

        Setting it sets that group's, and changes every other by the same factor.
        """
        lr: float = self.param_groups[self._default]["lr"]
        return lr

    @lr.setter
    def lr(self, value: float) -> None:
        name = type(self).__name__
        value, now, initial = check_number(name, "lr", value, low=0), self.lr, self.initial_lrs
        rates = [group["lr"] for group in self.param_groups] if now else initial
        old = rates[self._default]
        if not old and any(rates):
            raise ValueError(
                f"{name}'s lr is 0, so the other groups' rates cannot be multiplied by {value} / 0: set each of "
                f"{name}.param_groups[i]['lr']"
            )
        self.set_lrs([value if rate == old else rate * (value / old) for rate in rates], rates if not value else None)

    @property
    def initial_lrs(self) -> list[float]:
        """Each group's learning rate; if a schedule was the last to set it, the rate from before that schedule."""
        pairs = zip(self.param_groups, self._scheduled, strict=True)
        return [initial if group["lr"] == left else group["lr"] for group, (initial, left) in pairs]

    def set_lrs(self, rates: Sequence[float], initial: Sequence[float] | None = None) -> None:
        """Set each group's learning rate. A schedule says from which `initial` rates it made them."""
        for group, rate in zip(self.param_groups, rates, strict=True):
            group["lr"] = rate
        self._scheduled = list(zip(rates if initial is None else initial, rates, strict=True))

    def zero_grad(self, **unknown: Any) -> None:
        """Set every gradient to zero, because `backward` adds to it. It takes no option, such as set_to_none."""
        if unknown:
            raise TypeError(
                f"zero_grad takes no {', '.join(unknown)}: leave it out, because gradients are set to zero in place, "
                "and are never None"
            )
        for parameter in self.parameters:
            parameter.zero_grad()

    def step(self) -> None:
        """Update every trainable Parameter, in place, from its gradient."""
        i, steps, dtypes, update = -1, self.state["step"], self._dtypes, method_of(self, "update")
        for group in self.param_groups:
            for parameter in group["params"]:
                i += 1
                if not parameter.trainable:
                    continue
                p = parameter.data
                if p.dtype != dtypes[i]:
                    self._convert_state(i, p)
                steps[i] += 1
                g = parameter.read_grad()
                if group["weight_decay"]:
                    g = self._decay(i, p, g, group)
                update(i, p, g, group)
                if steps[i] % TEND_EVERY == 0:
                    self._tend(i, g, group)

    def update(self, i: int, p: Array, g: Array, group: dict[str, Any]) -> None:
        """Change the values `p` of Parameter `i` in place, given its gradient `g` and the options of its group.

        `i` is its index in `parameters`, and in the lists of `state`; ``state["step"][i]`` counts its steps from 1. The
        weight decay is in `g` already; do not write into `g`.
        """
        raise NotImplementedError(f"{type(self).__name__} has no step: define update(self, i, p, g, group)")

    def state_dict(self) -> State:
        """Return what decides the next step, beside the Parameters: the options and the state."""
        groups = [
            {"params": len(group["params"]), **{name: option for name, option in group.items() if name != "params"}}
            for group in self.param_groups
        ]
        return {"class": type(self).__name__, "groups": groups, "attributes": attributes(self)}

    def mismatches(self, state: State) -> list[str]:
        """List how a state differs from what this optimizer needs, a line for each difference."""
        kind, groups = type(self).__name__, [len(group["params"]) for group in self.param_groups]
        lines = [] if state["class"] == kind else [f"the optimizer: {kind} now, {state['class']} in the checkpoint"]
        if (then := [group["params"] for group in state["groups"]]) != groups:
            lines.append(f"the Parameters in the optimizer's groups: {groups} now, {then} in the checkpoint")
        for name, entries in state["attributes"]["state"].items():
            if isinstance(entries, list) and len(entries) != len(self.parameters):
                lines.append(f"the optimizer's {name}: of {len(entries)} Parameters, not of {len(self.parameters)}")
        return lines

    def load_state_dict(self, state: State) -> None:
        """Restore what `state_dict` returned; a ValueError, if it is the state of another optimizer."""
        if found := self.mismatches(state):
            raise ValueError("\n".join(found))
        for group, options in zip(self.param_groups, state["groups"], strict=True):
            group.update({name: option for name, option in options.items() if name != "params"})
        set_attributes(self, state["attributes"])

    def check(self, options: dict[str, Any]) -> None:
        """Check the options of a group, and make floats of the numbers; a subclass may check more."""
        name = type(self).__name__
        freeze = "to freeze Parameters, set trainable=False"
        options["lr"] = check_number(name, "lr", options["lr"], above=0, why=freeze)
        for option in options:
            if isinstance(declared := getattr(type(self), option, None), Option):
                options[option] = declared.check(name, options[option])

    def buffer(self, name: str, i: int, first: float = 0.0) -> Array:
        """Return Parameter i's array of this name in `state`; the first call makes it, filled with `first`."""
        arrays = self.state.get(name)
        if arrays is None:
            arrays = self.state[name] = [None] * len(self.parameters)
        if arrays[i] is None:
            arrays[i] = np.full_like(self.parameters[i].data, first)
        array: Array = arrays[i]
        return array

    def scratch(self, i: int, name: str = "first") -> Array:
        """Return an array of Parameter i's shape for intermediate results; the next Parameter overwrites it."""
        arrays = self._scratch.get(name)
        if arrays is None:
            every = [p.data for p in self.parameters]
            size = max(a.size for a in every)
            # As large as the largest Parameter: the others use its beginning, which stays in the processor's cache.
            flat = {dtype: np.empty(size, dtype) for dtype in {a.dtype for a in every}}
            arrays = self._scratch[name] = [flat[a.dtype][: a.size].reshape(a.shape) for a in every]
        return arrays[i]

    def _decay(self, i: int, p: Array, g: Array, group: dict[str, Any]) -> Array:
        """Return the gradient, plus the penalty's; or, if decoupled, shrink the values and return it as it is."""
        if p.ndim < 2 and not group["decay_biases"]:
            return g
        if group["decoupled_weight_decay"]:
            p *= 1 - group["lr"] * group["weight_decay"]
            return g
        penalised = self.scratch(i, "penalised")
        np.multiply(p, group["weight_decay"], out=penalised)
        penalised += g
        return penalised

    def _convert_state(self, i: int, p: Array) -> None:
        """Convert what Parameter i has in `state` in its old dtype to its new one, which `model.astype` gave it."""
        for entries in self.state.values():
            array = entries[i] if isinstance(entries, list) else None
            if isinstance(array, np.ndarray) and array.dtype == self._dtypes[i]:
                entries[i] = array.astype(p.dtype)
        self._scratch.clear()
        self._dtypes[i] = p.dtype

    def _tend(self, i: int, g: Array, group: dict[str, Any]) -> None:
        """Check that Parameter i's squares are finite, and set to zero what has faded, where the gradient is zero."""
        for name in self.squares:
            if (array := self._array(name, i)) is not None and np.isinf(array.max(initial=0)):
                raise NonFiniteError(
                    f"{type(self).__name__}'s {name!r} of parameters[{i}], of shape {array.shape}, holds infinity "
                    f"in {array.dtype}, so some weights no longer move: squares of gradients beyond 1e19 overflow "
                    "float32. Clip the gradients, or compute in float64 (model.astype)"
                )
        # The root of a square stands beside ε. Where that is too small to hide it, squares stay as they are.
        for name in (*self.fading, *(self.squares if group.get("eps", 0.0) >= LARGE_EPS else ())):
            if (array := self._array(name, i)) is not None:
                self.zero_subnormals(array, g)

    def _array(self, name: str, i: int) -> Array | None:
        """Return Parameter i's array of this name in `state`, if it was made."""
        array: Array | None = self.state[name][i] if name in self.state else None
        return array

    def zero_subnormals(self, array: Array, g: Array) -> None:
        """Set an array's numbers to zero that are below the smallest normal number, where the gradient g is 0.

        Where gradients stop (a dead unit, a pixel that is nearly always black), averages shrink towards zero, and
        stay among the subnormal numbers, with which a processor computes up to 60 times slower. After 1,000 steps
        of a digits network, 5 % of Adam's m are subnormal, and a training step takes twice as long. An optimizer in
        which such a number decides a step overrides this, as `Lion` does.
        """
        np.copyto(array, 0, where=faded(array, g))

    def _as_groups(self, parameters: Parameters) -> list[Mapping[str, Any]]:
        """Return groups as they are, and Parameters as one group."""
        given = self._as_list(parameters)
        groups = [item for item in given if isinstance(item, Mapping)]
        if not groups:
            return [{"params": given}]
        if len(groups) < len(given):
            raise TypeError(f"{type(self).__name__} expected Parameters or groups (dicts), got some of each")
        return groups

    def _group(self, given: Mapping[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
        """Return a group with all its options."""
        unknown = [str(option) for option in given if option not in defaults and option != "params"]
        if unknown or "params" not in given:
            raise ValueError(
                f'{type(self).__name__} expected a group to have "params", and of options '
                f"{', '.join(sorted(defaults))}; got {', '.join(map(str, given)) or 'nothing'}"
            )
        parameters = given["params"]
        parameters = self._as_list([parameters] if isinstance(parameters, Parameter) else parameters)
        for parameter in parameters:
            if not isinstance(parameter, Parameter):
                raise self._not_parameters(parameter)
        group = {**defaults, **given, "params": parameters}
        self.check(group)
        return group

    def _as_list(self, given: object) -> list[Any]:
        if not isinstance(given, Iterable) or hasattr(given, "parameters"):  # such as a model, a list of layers
            raise self._not_parameters(given)
        return list(given)

    def _not_parameters(self, got: object) -> TypeError:
        name = type(self).__name__
        problem = type(got).__name__
        if isinstance(got, Buffer):
            problem = "a Buffer, which is not learned"
        elif isinstance(got, MethodType):
            problem = f"the method {got.__name__} itself, not called"
        return TypeError(f"{name} expected Parameters, got {problem}: pass model.parameters()")

    def __dir__(self) -> list[str]:
        return without_words(self, super().__dir__())

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"_scratch": {}}  # a copy needs no intermediate results


answer(Optimizer, OF_OPTIMIZERS)


def average(a: Array, beta: float, x: Array, scratch: Array) -> None:
    """Update a running average in place: a ← β a + (1 − β) x, where x may be the scratch array itself."""
    a *= beta
    a += np.multiply(x, 1 - beta, out=scratch)


def faded(array: Array, g: Array) -> NDArray[np.bool_]:
    """Return which numbers of a running average are subnormal, and not renewed, because the gradient is 0."""
    where: NDArray[np.bool_] = np.abs(array) < np.finfo(array.dtype).tiny
    where &= g == 0
    return where


def keeps_finite(optimizer: Optimizer) -> bool:
    """Whether an optimizer makes finite weights of finite gradients and weights, in a step shorter than `RISKY`.

    minnet's own do, unless one of their methods was replaced, their `eps` lets them divide by 0, or the weight decay
    multiplies the weights.
    """
    own = type(optimizer).__module__.startswith("minnet.optimizers") and not replaced(optimizer)
    return (
        own
        and all(map(keeps_finite, getattr(optimizer, "optimizers", ())))
        and all(
            group.get("eps", 1.0) > 1e-30 and group["lr"] * group["weight_decay"] <= 1
            for group in optimizer.param_groups
        )
    )
