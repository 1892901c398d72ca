"""Steps predict along a sequence that is not known yet: a place at a time, with a state that goes from step to step."""

from collections.abc import Iterator
from typing import Any, Protocol

from minnet.compiled.predicting.chain import Sequential, chain_of
from minnet.compiled.predicting.recurrent import RecurrentRun
from minnet.core.layer import Layer
from minnet.layers import Dropout, PoolTime, Select
from minnet.layers.sequences.states import State

CURE = "call the Predictor with whole sequences instead"


class Stepping(Protocol):
    """What has a memory: a recurrent layer, or a run of one."""

    def step(self, x: Any, state: State | None) -> tuple[Any, State]:
        """Return y_t and the next state."""


class Steps:
    """The layers of a model, which take one step: those with a state, and chains of layers that have none."""

    def __init__(self, model: Layer) -> None:
        self._model, self._stages, self.count = model, list[tuple[Stepping | None, Layer | None]](), 0
        chain: list[Layer] = []
        ended = False
        for layer, run in _flat(model):
            stepping = run or layer
            if hasattr(stepping, "step"):
                self._close(chain)
                self._stages.append((stepping, None))
                self.count += 1
            elif not ended and _takes_the_last(layer):
                ended = True  # the last place so far is the one of this step
            elif not ended and (layer.mixes_places or layer.takes_mask or layer.removes_time):
                raise ValueError(
                    f"Predictor.step cannot do a step of {layer.describe()}, whose output depends on all places of a "
                    f"sequence: {CURE}"
                )
            elif not isinstance(layer, Dropout):
                chain.append(layer)
        self._close(chain)
        if not self.count:
            raise ValueError(f"Predictor.step needs a recurrent layer in the model, such as LSTM, and got none: {CURE}")

    def _close(self, chain: list[Layer]) -> None:
        if chain:
            self._stages.append((None, chain_of(chain)))
        chain.clear()

    def step(self, x: Any, states: tuple[State, ...] | None) -> tuple[Any, tuple[State, ...]]:
        """Return y_t and the next states, one for each layer that has one."""
        given: tuple[State | None, ...] = (None,) * self.count if states is None else states
        if not isinstance(given, tuple) or len(given) != self.count:
            got = f"a tuple of {len(given)}" if isinstance(given, tuple) else type(given).__name__
            raise TypeError(
                f"Predictor.step expected state to be what the last step returned, a tuple of {self.count}, one state "
                f"for each recurrent layer, or None for the first step, got {got}"
            )
        after, before = [], iter(given)
        for stepping, chain in self._stages:
            if stepping is not None:
                x, state = stepping.step(x, next(before))
                after.append(state)
            elif chain is not None:
                x = chain.forward(x)
        return x, tuple(after)


def _flat(model: Layer) -> Iterator[tuple[Layer, RecurrentRun | None]]:
    """Walk the layers of a model, first to last, each with its run if it is a recurrent one."""
    if not isinstance(model, Sequential):
        if any(hasattr(layer, "step") for _, layer in model.named_layers()) and not hasattr(model, "step"):
            raise ValueError(
                f"Predictor.step needs the recurrent layers in a Sequential, one after another, got one in "
                f"{type(model).__name__}: {CURE}"
            )
        yield model, None
        return
    for i, layer in enumerate(model.layers):
        run = model.runs.get(i)
        if isinstance(run, RecurrentRun):
            yield layer, run
        else:
            yield from _flat(layer)


def _takes_the_last(layer: Any) -> bool:
    """Whether a layer takes the last place of a sequence."""
    if type(layer) is Select:
        return layer.axis in (1, -2) and layer.index == -1
    return type(layer) is PoolTime and layer.how == "last"
