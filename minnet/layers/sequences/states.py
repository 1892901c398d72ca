"""The state of a recurrent layer is what it remembers between two steps: an array h, or the pair (h, c) of an LSTM."""

from typing import Any

import numpy as np

from minnet.core.arrays import Array
from minnet.core.checks import Described

States = tuple[Array, ...]  # the arrays of a state
State = Array | States  # as users have it


def public(states: tuple[Array, ...]) -> State:
    """Return a state as users get it: one of a single array is that array."""
    return states if len(states) > 1 else states[0]


def as_states(
    owner: Described,
    what: str,
    state: State | None,
    names: tuple[str, ...],
    shape: tuple[int, ...],
    dtype: "np.dtype[Any]",
    cure: str,
) -> tuple[Array, ...]:
    """Return a state, or its gradient, as a tuple of arrays of one shape, after a check; None is zeros.

    `what` is what a message calls it, `names` are those of its arrays, and `cure` is the end of the message about a
    wrong shape.
    """
    if state is None:
        return tuple(np.zeros(shape, dtype) for _ in names)
    states = state if isinstance(state, tuple) else (state,)
    if len(states) != len(names) or not all(isinstance(s, np.ndarray) for s in states):
        form = f"the tuple ({', '.join(names)})" if len(names) > 1 else f"the array {names[0]}"
        got = f"a tuple of {len(state)}" if isinstance(state, tuple) else type(state).__name__
        raise TypeError(f"{owner.describe()} expected {what} to be {form}, got {got}: pass what it returned")
    for name, s in zip(names, states, strict=True):
        if s.dtype != dtype:
            raise TypeError(
                f"{owner.describe()} expected {what} in {dtype}, got {name} in {s.dtype}: "
                f"pass {name}.astype(np.{dtype})"
            )
        if s.shape != shape:
            raise ValueError(
                f"{owner.describe()} expected {what} of shape {shape}, got {name} of {s.shape}: one row for each "
                f"sequence of the batch, {cure}"
            )
    return states
