"""Parallel steps cut a batch into parts, and learn from several of them at the same time."""

import copy
import math
from collections.abc import Callable
from typing import Any, Self

import numpy as np

from minnet.core.blas import one_thread
from minnet.core.checks import replaced
from minnet.core.extras import require
from minnet.core.layer import TRANSIENT, Layer
from minnet.core.parameter import Parameter
from minnet.core.state import RANDOM, is_plain
from minnet.core.trees import call, first, joined, mapped, named_leaves, taken
from minnet.layers.normalization.statistics import alone, over_batch
from minnet.losses.base import Loss, weight_of
from minnet.losses.multi import HeadLosses, scaled_backward
from minnet.losses.totals import Weight, as_part_of, loss_of
from minnet.training.cutting import Cutting
from minnet.training.team import Result, Team

Done = list[tuple[float, Any]]  # the parts that a thread did: loss, prediction


class ParallelSteps:
    """Forward and backward of a batch that is cut into parts; their gradients add up to the batch's own.

    With one thread the parts come one after the other, in a fraction of the memory. Several threads work at the same
    time, because NumPy releases Python's lock while it computes. Each thread has a copy of the model. The copies
    share the arrays of the weights. Their gradients are their own, and are added to the model's in a fixed
    order, so that the result does not depend on which thread was faster. Generators (dropout) are spawned from those
    of the model and the loss. What a Buffer holds (running statistics) becomes the mean over the threads.

    One thread does the batches for which several do not pay: see `Cutting`. From a batch that is cut for threads until
    the next one that is not, BLAS computes on one thread, because several threads that each use several would wait for
    each other. That needs threadpoolctl, or a `MissingExtraError` is raised. Use this class with ``with``, which
    restores BLAS's threads at the end.
    """

    def __init__(self, model: Layer, loss: Loss, threads: int, parts: int) -> None:
        self.threads = threads
        self.parts = parts  # of a batch that each thread takes, one after the other
        if threads > 1:
            require("threadpoolctl", "threads")
        self._team = Team(threads)
        self._limited = False  # whether BLAS computes on one thread
        self._take(model, loss)

    def _take(self, model: Layer, loss: Loss) -> None:
        """Work with a model and a loss: copy them for the threads."""
        if self.threads > 1:
            _check_methods(model, loss)
        generators = _generators(model, loss) if self.threads > 1 else []
        self._copies = [(model, loss), *(_copy(model, loss, generators) for _ in range(self.threads - 1))]
        self._parameters = [_parameters(model, loss) for model, loss in self._copies]
        self._changes = -1  # `Layer.changes` at the last look at the layers' modes
        self._buffers = [[buffer for _, buffer in model.named_buffers()] for model, _ in self._copies]
        self._layers = [_layers(model, loss) for model, loss in self._copies]
        self._structure = _structure(model, loss)
        self._cutting = Cutting(model)
        self.remember()

    def remember(self) -> None:
        """Remember the layers' attributes: what is set later, by a callback, the copies take over: see `_follow`."""
        # Without what steps leave behind, so that their memory is used again.
        layers = self._layers[0] if self.threads > 1 else []
        self._seen = [{n: v for n, v in vars(layer).items() if n not in TRANSIENT} for layer in layers]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._team.close()
        self.limit_blas(False)

    def limit_blas(self, limited: bool) -> None:
        """Let BLAS compute on one thread, or on its own number of threads again."""
        if limited != self._limited:
            one_thread.limit() if limited else one_thread.restore()
            self._limited = limited

    def settle(self) -> None:
        """Let the copies take over at once what was set since the last step, because a checkpoint is to hold them."""
        self._follow(*self._copies[0])

    def cuts(self, x: Any, y: Any, *weights: Any) -> bool:
        """Whether `learn` would cut a batch. If not, BLAS gets its threads back, because an ordinary step follows."""
        if self.parts > 1 or self._threads_for(x, y, *weights) > 1:
            return True
        self.limit_blas(False)
        return False

    def learn(
        self, model: Layer, loss: Loss, x: Any, y: Any, *weights: Any, whole: Weight | None = None
    ) -> tuple[float, Any]:
        """Add the gradients of a batch to the model's, and return the loss and the prediction.

        Model and loss are those of the step before, or others. A batch that is itself a part of a larger one adds its
        share of that one's gradients and loss: `whole` is the larger one's `Loss.total_weight`.
        """
        samples, threads = len(first(x)), self._threads_for(x, y, *weights)
        size = max(1, math.ceil(samples / (threads * self.parts)))
        parts = [slice(start, start + size) for start in range(0, max(samples, 1), size)]
        shares = [parts[i : i + self.parts] for i in range(0, len(parts), self.parts)]  # one a thread, or fewer
        batch = x, y, *weights
        total = weight_of(loss, x, y, *weights) if whole is None else whole

        self.limit_blas(len(shares) > 1)
        if len(shares) > 1:
            done = self._learn_together(model, loss, shares, batch, total)
        else:
            done = _learn_parts(model, loss, parts, batch, total)
        values, predictions = zip(*done, strict=True)
        return HeadLosses.sum(values), joined(np.concatenate, list(predictions))

    def _threads_for(self, x: Any, y: Any, *weights: Any) -> int:
        """Return how many threads a batch is cut for, or raise ValueError if it cannot be cut."""
        samples = len(first(x))
        for name, tree in zip(("x", "y", "sample_weight"), (x, y, *weights), strict=False):
            for path, leaf in named_leaves(name, tree):
                _check_part(path, leaf, samples)
        return self.threads if self.threads > 1 and self._cutting.pays(x, samples, self.threads) else 1

    def _learn_together(
        self, model: Layer, loss: Loss, shares: list[list[slice]], batch: tuple[Any, ...], whole: Weight
    ) -> Done:
        """Do each thread's share of the parts, and add up their gradients."""
        self._follow(model, loss)
        self._share_statistics()

        def work(thread: int) -> Done:
            if thread >= len(shares):
                return []
            if thread:
                for parameter in self._parameters[thread]:
                    parameter.zero_grad()
            return _learn_parts(*self._copies[thread], shares[thread], batch, whole)

        try:
            done = self._team.together(work)
        finally:
            self.remember()
        self._combine(len(shares))
        return [part for share in done for part in share]

    def together(self, work: Callable[[int], Result], give_up: Callable[[], None]) -> list[Result]:
        """Let the threads work at the same time: see `Team.together`."""
        self.limit_blas(self.threads > 1)
        return self._team.together(work, give_up)

    @property
    def copies(self) -> list[tuple[Layer, Loss]]:
        """The model and the loss of each thread but the first, which uses the Trainer's own."""
        return self._copies[1:]

    def _combine(self, threads: int) -> None:
        """Add the copies' gradients to the model's, and average their running statistics."""
        for parameter, *copies in zip(*self._parameters[:threads], strict=True):
            for copied in copies:
                gradient = parameter.read_grad()
                gradient += copied.read_grad()
        for buffer, *others in zip(*self._buffers[:threads], strict=True):
            if others:
                # What did not change is not written: it need not be writeable.
                moved = sum(other.data - buffer.data for other in others) / threads
                if np.any(moved):
                    buffer.data += moved

    def _follow(self, model: Layer, loss: Loss) -> None:
        """Give the copies what was set between two steps: an option of a layer, another layer, another loss."""
        other = model is not self._copies[0][0] or loss is not self._copies[0][1]
        same_layers = True
        for i, seen in enumerate(self._seen):
            for name, value in vars(self._layers[0][i]).items():
                if name in TRANSIENT or value is seen.get(name, ...):
                    continue
                if isinstance(value, RANDOM):
                    other = True
                elif is_plain(value):
                    for layers in self._layers[1:]:
                        vars(layers[i])[name] = copy.deepcopy(value)
                else:
                    same_layers = False
        if other or not (same_layers or _structure(model, loss) == self._structure):
            self._take(model, loss)

    def _share_statistics(self) -> None:
        """Give the copies the model's modes and running statistics: those of the last step, or restored ones."""
        if self._changes != Layer.changes:
            for copied, _ in self._copies[1:]:
                for (_, own), (_, twin) in zip(self._copies[0][0].named_layers(), copied.named_layers(), strict=True):
                    twin.training, twin.recording = own.training, own.recording
            self._changes = Layer.changes
        for buffers in self._buffers[1:]:
            for buffer, other in zip(self._buffers[0], buffers, strict=True):
                other.data = buffer.data


def _learn_parts(model: Layer, loss: Loss, parts: list[slice], batch: tuple[Any, ...], whole: Weight) -> Done:
    """Do parts of a batch that has the weight `whole` in a mean, one after the other."""
    done = []
    for part in parts:
        x, y, *weights = (taken(tree, part) for tree in batch)
        one, share = as_part_of(loss, weight_of(loss, x, y, *weights), whole)
        prediction = call(model.forward, x)
        value = loss_of(one, prediction, y, *weights)
        if share:  # else nothing of it counts
            model.accumulate_grad(one.backward() if share == 1.0 else scaled_backward(one, share))
        elif over_batch.get() is not alone:
            model.accumulate_grad(mapped(np.zeros_like, prediction))  # other ranks wait for the batch norms' sums
        if not isinstance(value, HeadLosses):  # whose shares are in it
            value = share * value if share else 0.0
        done.append((value, prediction))
    return done


def _check_part(name: str, leaf: Any, samples: int) -> None:
    """Check that an array of a batch can be cut where the others are."""
    if isinstance(leaf, np.ndarray | list) and np.shape(leaf)[:1] == (samples,):
        return
    got = f"shape {np.shape(leaf)}" if isinstance(leaf, np.ndarray | list) else type(leaf).__name__
    what = "targets" if name == "y" else f"rows in {name}"
    raise ValueError(
        f"accumulate and threads cut a batch along the first axis, so they expected an array of {samples} {what}, one "
        f"for each sample, got {got}: leave out accumulate and threads, or return such arrays"
    )


def _copy(model: Layer, loss: Loss, generators: list[np.random.Generator]) -> tuple[Layer, Loss]:
    """Copy a model and its loss: the copies share the arrays of the weights, and have Generators of their own."""
    spawned = {id(generator): generator.spawn(1)[0] for generator in generators}
    copied, copied_loss = copy.deepcopy((model, loss), spawned)
    for parameter, own in zip(_parameters(model, loss), _parameters(copied, copied_loss), strict=True):
        own.share(parameter)
        own.zero_grad()
    return copied, copied_loss.train()


def _generators(model: Layer, loss: Loss) -> list[np.random.Generator]:
    """List the Generators that a copy of a model and its loss would copy, wherever they are: in a list, an object, ...

    Raises ValueError for random generators of another kind, which cannot be spawned.
    """
    memo: dict[int, Any] = {id(array): array for _, array in (*model.named_arrays(), *loss.named_arrays())}
    copy.deepcopy((model, loss), memo)
    copied = [value for value in memo[id(memo)] if isinstance(value, RANDOM)]  # deepcopy keeps the originals there
    generators = [value for value in copied if isinstance(value, np.random.Generator)]
    if others := sorted({type(value).__name__ for value in copied if not isinstance(value, np.random.Generator)}):
        raise ValueError(
            f"threads need random numbers of their own, but the model or the loss holds a {' and a '.join(others)}, "
            "of which every thread would draw the same: use a Generator (np.random.default_rng), or leave out threads"
        )
    return generators


def _check_methods(model: Layer, loss: Loss) -> None:
    """Check that no method was set on a layer: a copy would call that of the layer that it was copied from."""
    for owner in (model, loss):
        for path, layer in owner.named_layers():
            if name := replaced(layer):
                where = f"{path}, {layer.describe()}" if path else layer.describe()
                raise ValueError(
                    f"threads work with copies of the model and the loss, which the {name} that was set on {where} "
                    "does not belong to: define it in a subclass, or leave out threads"
                )


def _layers(model: Layer, loss: Loss) -> list[Layer]:
    return [layer for owner in (model, loss) for _, layer in owner.named_layers()]


def _structure(model: Layer, loss: Loss) -> list[object]:
    """List the layers and arrays, to see whether they are others than before."""
    return [*_layers(model, loss), *(array for owner in (model, loss) for _, array in owner.named_arrays())]


def _parameters(model: Layer, loss: Loss) -> list[Parameter]:
    """Return the Parameters of the model, and those that the loss learns itself, each once."""
    return list({id(parameter): parameter for parameter in (*model.parameters(), *loss.parameters())}.values())
