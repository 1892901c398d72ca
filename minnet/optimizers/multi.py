"""A MultiOptimizer is several optimizers as one: each changes Parameters of its own."""

from collections.abc import Iterable

from minnet.core.state import State
from minnet.optimizers.base import Optimizer


class MultiOptimizer(Optimizer):
    """Several optimizers as one, for a `Trainer`: each updates its own Parameters in its own way.

    `Muon` is for matrices, so the biases need another optimizer. `param_groups` are the groups of all optimizers, in
    order: a schedule acts on each group's own learning rate, and setting `lr` keeps their ratios.

    Parameters
    ----------
    optimizers
        Two or more optimizers, no two of which hold the same Parameter.

    Raises
    ------
    TypeError, ValueError
        If there is something else, or a Parameter twice; or an optimizer whose step needs the loss (`LBFGS`).

    Examples
    --------
    >>> import minnet as mn
    >>> model = mn.Sequential(mn.Linear(4, 8), mn.ReLU(), mn.Linear(8, 2))
    >>> matrices = [p for p in model.parameters() if p.data.ndim == 2]
    >>> biases = [p for p in model.parameters() if p.data.ndim < 2]
    >>> MultiOptimizer([mn.Muon(matrices, lr=0.02), mn.AdamW(biases)])
    MultiOptimizer([
      Muon(2 Parameters of 48 numbers, lr=0.02)
      AdamW(2 Parameters of 10 numbers, lr=0.001)
    ])
    """

    def __init__(self, optimizers: Iterable[Optimizer]) -> None:
        self.optimizers = [optimizers] if isinstance(optimizers, Optimizer) else list(optimizers)
        for i, optimizer in enumerate(self.optimizers):
            if not isinstance(optimizer, Optimizer):
                raise TypeError(
                    f"MultiOptimizer expected optimizers, got {type(optimizer).__name__} in place {i}: pass "
                    "[mn.Muon(matrices), mn.AdamW(others)]"
                )
            if optimizer.needs_closure:
                raise ValueError(
                    f"MultiOptimizer cannot join {type(optimizer).__name__}, whose step needs the loss at several "
                    "points, with the other Parameters where they are: give it all Parameters"
                )
        self._default = 0
        self.param_groups = [group for optimizer in self.optimizers for group in optimizer.param_groups]
        self._collect()
        self.state = {}  # each optimizer has its own

    def __repr__(self) -> str:
        lines = (f"  {line}" for optimizer in self.optimizers for line in repr(optimizer).splitlines())
        return "\n".join(["MultiOptimizer([", *lines, "])"])

    def step(self) -> None:
        """Let each optimizer do its step."""
        for optimizer in self.optimizers:
            optimizer.step()

    def state_dict(self) -> State:
        """Return what decides the next step: the states of all optimizers, and what schedules did."""
        return super().state_dict() | {"optimizers": [optimizer.state_dict() for optimizer in self.optimizers]}

    def mismatches(self, state: State) -> list[str]:
        """List how a state differs from what the optimizers need."""
        if state["class"] != type(self).__name__:
            return super().mismatches(state)
        then, now = state["optimizers"], self.optimizers
        if len(then) != len(now):
            return [f"the optimizers that are joined: {len(now)} now, {len(then)} in the checkpoint"]
        return [line for optimizer, own in zip(now, then, strict=True) for line in optimizer.mismatches(own)]

    def load_state_dict(self, state: State) -> None:
        """Restore what `state_dict` returned; a ValueError, if it is the state of other optimizers."""
        super().load_state_dict(state)
        for optimizer, own in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(own)
