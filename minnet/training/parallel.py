"""A Team is a model and copies of it that share its weights: each learns from a part of a batch, at the same time."""

import copy
import math
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from types import TracebackType
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from minnet.core.arrays import Array
from minnet.core.extras import require
from minnet.core.layer import Layer
from minnet.core.state import merged
from minnet.losses import Loss

Result = TypeVar("Result")
Work = list[tuple[slice, float, Array]]  # the parts that a member did: where in the batch, loss, prediction


class Team:
    """Forward and backward of a batch that is cut into parts; their gradients add up to the batch's own.

    With one thread the parts come one after the other, in a fraction of the memory. More threads work on
    parts of their own at the same time, for NumPy lets go of Python's lock while it computes. Each has a copy
    of the model: the trainable weights are the very arrays of the model, gradients are its own, and added to
    the model's in a fixed order, so that the result does not depend on which thread was faster. Generators
    (dropout) are spawned from the model's. What is not trainable (running statistics) becomes the mean of
    what the threads make of it.

    It is to be used with ``with``, during which BLAS computes on one thread: two that use two each wait for
    each other.

    Parameters
    ----------
    model, loss
        What to compute; both in training mode.
    threads
        How many members there are.
    parts
        How many parts of a batch each member takes, one after the other.

    Raises
    ------
    MissingExtraError
        If there are several threads, and threadpoolctl, which tells BLAS to use one, is not installed.
    """

    def __init__(self, model: Layer, loss: Loss, threads: int, parts: int) -> None:
        self.threads = threads
        self.parts = parts
        self._threadpoolctl = require("threadpoolctl", "threads") if threads > 1 else None
        self._members = [(model, loss), *((_copy(model), copy.deepcopy(loss)) for _ in range(threads - 1))]
        self._parameters = [model.parameters() for model, _ in self._members]

    def __enter__(self) -> Self:
        if self._threadpoolctl is not None:
            _blas.limit(self._threadpoolctl)
            self._pool = ThreadPoolExecutor(self.threads - 1, thread_name_prefix="minnet")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._threadpoolctl is not None:
            self._pool.shutdown()
            _blas.restore()

    def learn(self, x: Array, y: NDArray[Any]) -> tuple[float, Array]:
        """Add the gradients of a batch to the model's, and return the loss and the prediction."""
        self._share_statistics()
        size = max(1, math.ceil(len(x) / (self.threads * self.parts)))
        parts = [slice(start, start + size) for start in range(0, max(len(x), 1), size)]
        shares = [parts[i : i + self.parts] for i in range(0, len(parts), self.parts)]  # fewer than members, if short
        others: list[Future[Work]] = [
            # In a copy of the context, so that np.errstate holds there, too.
            self._pool.submit(copy_context().run, self._work, member, share, x, y)
            for member, share in enumerate(shares[1:], start=1)
        ]
        try:
            done = self._work(0, shares[0], x, y)
        finally:
            wait(others)  # nobody may be at work on the weights any more when this returns
        for other in others:
            done += other.result()
        self._bring_together(len(shares))
        return sum(value for _, value, _ in done), np.concatenate([prediction for _, _, prediction in done])

    def together(self, work: Callable[[int], Result], give_up: Callable[[], None]) -> list[Result]:
        """Call work(0), work(1), ... at the same time, each in a thread of its own; return what they return.

        They may wait for each other: `give_up` is called as soon as one of them fails.
        """

        def watched(member: int) -> Result:
            try:
                return work(member)
            except BaseException:
                give_up()
                raise

        others: list[Future[Result]] = []
        try:
            for member in range(1, self.threads):
                others.append(self._pool.submit(watched, member))
            first = work(0)
        except BaseException:
            give_up()
            raise
        finally:
            wait(others)
        return [first, *(other.result() for other in others)]

    def state_dict(self) -> list[list[np.random.Generator]]:
        """Return the Generators of all members but the first, whose are the model's."""
        return [[generator for _, _, generator in _generators(model)] for model, _ in self._members[1:]]

    def load_state_dict(self, state: list[list[np.random.Generator]]) -> None:
        """Put the Generators back."""
        for (model, _), generators in zip(self._members[1:], state, strict=True):
            for (layer, name, now), then in zip(_generators(model), generators, strict=True):
                setattr(layer, name, merged(now, then))

    def _work(self, member: int, parts: list[slice], x: Array, y: NDArray[Any]) -> Work:
        """Let a member do its parts."""
        model, loss = self._members[member]
        if member:
            for parameter in self._parameters[member]:
                parameter.zero_grad()
        done = []
        for part in parts:
            share = len(x[part]) / len(x) if len(x) else 1.0  # the loss is a mean, so a short part weighs less
            prediction = model.forward(x[part])
            value = share * loss.forward(prediction, y[part])
            model.accumulate_grad(share * loss.backward())
            done.append((part, value, prediction))
        return done

    def _bring_together(self, members: int) -> None:
        """Add the members' gradients to the model's, and make one of their running statistics."""
        for parameter, *copies in zip(*self._parameters[:members], strict=True):
            for copied in copies:
                if copied.trainable:
                    gradient = parameter.read_grad()
                    gradient += copied.read_grad()
            if copies and not parameter.trainable:
                # Written so that what did not change does not change, nor needs to be writeable.
                moved = sum(copied.data - parameter.data for copied in copies) / members
                if np.any(moved):
                    parameter.data += moved

    def _share_statistics(self) -> None:
        """Give the copies the model's running statistics: what the last step made, or was put back since."""
        for parameters in self._parameters[1:]:
            for parameter, copied in zip(self._parameters[0], parameters, strict=True):
                if not copied.trainable:
                    copied.data = parameter.data


class _Blas:
    """How many threads BLAS had before any Team was at work: that is put back, whoever leaves first.

    The limit is that of the process. Were each of two trainings at once to put back what it found, the one that came
    second and left last would put back the first one's limit, for good.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._teams = 0
        self._before: Any = None

    def limit(self, threadpoolctl: Any) -> None:
        with self._lock:
            limits = threadpoolctl.threadpool_limits(1, user_api="blas")
            if not self._teams:
                self._before = limits
            self._teams += 1

    def restore(self) -> None:
        with self._lock:
            self._teams -= 1
            # Not only the last: to threadpoolctl since 3.8, one thread sets the limits, and all others are ignored.
            self._before.restore_original_limits()


_blas = _Blas()


def _copy(model: Layer) -> Layer:
    """Copy a model, but for the arrays of its trainable weights, which the copy shares; with Generators of its own."""
    copied = copy.deepcopy(model)
    for parameter, own in zip(model.parameters(), copied.parameters(), strict=True):
        if parameter.trainable:
            own.share(parameter)
        own.zero_grad()
    spawned: dict[int, np.random.Generator] = {}  # layers that draw from one Generator still do
    for (_, name, generator), (twin, _, _) in zip(_generators(model), _generators(copied), strict=True):
        if id(generator) not in spawned:
            (spawned[id(generator)],) = generator.spawn(1)
        setattr(twin, name, spawned[id(generator)])
    return copied


def _generators(model: Layer) -> list[tuple[Layer, str, np.random.Generator]]:
    """List the Generators of a model, each with the layer and the attribute that holds it."""
    return [
        (layer, name, value)
        for _, layer in model.named_layers()
        for name, value in vars(layer).items()
        if isinstance(value, np.random.Generator)
    ]
