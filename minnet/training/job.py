"""A job is several processes, the ranks, that train one model: their steps, and what they agree on between steps."""

import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, NoReturn, Self

import numpy as np

from minnet.core.checks import named
from minnet.core.layer import Layer
from minnet.core.rows import Row
from minnet.core.state import State
from minnet.core.trees import first, mapped
from minnet.data.epoch import Batch, Epoch
from minnet.errors import NonFiniteError, RankError
from minnet.losses.base import Loss, weight_of
from minnet.losses.multi import HeadLosses, losses_of
from minnet.losses.totals import Weight
from minnet.mpi.communicator import MPI
from minnet.mpi.digests import check_same
from minnet.mpi.exchange import Exchange, Told
from minnet.mpi.job_state import JobState
from minnet.mpi.part import Part
from minnet.mpi.together import together
from minnet.mpi.whole_batch import GaveUp, WholeBatch, take_part
from minnet.optimizers import Optimizer
from minnet.saving.checkpoint import Checkpoint
from minnet.saving.run_parts import RunParts
from minnet.saving.run_state import Snapshot
from minnet.training.batches import check_batch
from minnet.training.nonfinite import NOWHERE
from minnet.training.parallel import ParallelSteps
from minnet.training.signals import Interrupts
from minnet.training.state import Counts, TrainingState
from minnet.training.steps import Steps

Trained = Callable[[], tuple[Layer, Loss, Optimizer]]


def check_parallel(parallel: object) -> MPI | None:
    """Return what a Trainer was given as `parallel`; raise TypeError if it is not an `MPI`."""
    if parallel is None or isinstance(parallel, MPI):
        return parallel
    cure = "mn.MPI(), with parentheses" if parallel is MPI else "mn.MPI()"
    raise TypeError(f"Trainer expected parallel to be None or an MPI, got {named(parallel)}: pass {cure}")


def raise_together(mpi: MPI, own: Exception | None) -> NoReturn:
    """Raise this rank's error, or one that says which rank has one; of NaN and infinity, all raise the same."""
    report = None if own is None else (isinstance(own, NonFiniteError), f"{type(own).__name__}: {own}")
    reports = {rank: report for rank, report in enumerate(mpi.gather(report)) if report is not None}
    others = {rank: text for rank, (nonfinite, text) in reports.items() if not nonfinite}
    if own is not None and (not others or mpi.rank in others):
        own.add_note(f"on rank {mpi.rank} of {mpi.size}")
        raise own
    rank, text = next(iter((others or {rank: text for rank, (_, text) in reports.items()}).items()))
    if others:
        raise RankError(f"rank {rank} of {mpi.size} raised {text}")
    raise NonFiniteError(f"on rank {rank} of {mpi.size}: {text.partition(': ')[2]}")


def watched(mpi: MPI | None, state: TrainingState, checkpoint: Checkpoint | None) -> AbstractContextManager[None]:
    """Return what ends the job, with a message, if a rank dies, hangs or fails inside of a ``with`` block."""
    if mpi is None or mpi.size == 1:
        return nullcontext()

    def where() -> str:
        return f"after step {state.step}, in epoch {state.epoch + 1}"

    def newest() -> str:
        files = [] if checkpoint is None else checkpoint.files()
        return str(files[-1]) if files else ""

    return mpi.watchdog.watching(where, newest, mpi.timeout)


class JobBatches:
    """The batches of a pass, of which this rank takes its part.

    ``give_up(error)`` is called where the loader raises an error or, with None, where it has no batch left.
    """

    def __init__(
        self,
        batches: Iterator[Batch],
        part: Part,
        give_up: Callable[[Exception | None], None],
        scale: Callable[[], float | None],
    ) -> None:
        self.batches, self._part, self._give_up, self._scale = batches, part, give_up, scale
        self._cuts = not hasattr(batches, "part")
        if not self._cuts:  # it reads no more than the part
            batches.part = part  # type: ignore[attr-defined]

    @property
    def rows(self) -> Any:
        """The rows of the last batch in the data set, if that is known."""
        return getattr(self.batches, "rows", None)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        try:
            batch = next(self.batches)
            return self._part.of_batch(check_batch(batch, scale=self._scale)) if self._cuts else batch
        except StopIteration:
            if type(self.batches) is not Epoch:  # which ends on all ranks after the same batch
                self._give_up(None)
            raise
        except Exception as error:
            self._give_up(error)
            raise


class JobLearning:
    """Learn from a batch together: each rank from its part.

    `trained` returns the Trainer's model, loss and optimizer, because a callback may replace one. `update` does what
    comes after backward, alike on all ranks.
    """

    def __init__(
        self,
        mpi: MPI,
        trained: Trained,
        state: TrainingState,
        parallel: ParallelSteps,
        update: Callable[[], None],
        interrupts: Interrupts,
        checkpoint: Checkpoint | None,
    ) -> None:
        self.mpi, self._interrupts, self._checkpoint = mpi, interrupts, checkpoint
        self.whole = Told()  # what all ranks told in the last exchange
        self.weight: Weight = 0.0  # of the last batch in a mean
        self.trained, self._state, self._parallel, self._update = trained, state, parallel, update
        self._exchange = Exchange(mpi)
        self._batch_norms = WholeBatch(mpi)
        self._error: Exception | None = None
        self._model: Layer | None = None

    def __call__(self, x: Any, y: Any, *weights: Any) -> float:
        """Learn from this rank's part of a batch, and return the loss of the whole batch."""
        loss, told = self._begin()
        told.samples, weight = len(first(x)), 0.0
        with self._held():
            if told.samples:
                weight = weight_of(loss, x, y, *weights)
        whole = self._whole(loss, weight)
        with self._held(), self._batch_norms:
            if self._error is not None:
                raise self._error
            if told.samples:
                self._learn(told, weight, x, y, *weights, whole=whole)
            elif self.mpi.synchronised:
                self._state.prediction = take_part(self.trained()[0], x)
        if not told.present:
            self._state.prediction = mapped(lambda output: output[:0], self._state.prediction)
        self._tell(told, loss)
        self._update()
        self.weight = whole if loss.several else self.whole.weight
        if loss.several:
            return HeadLosses(self.whole.loss, dict(zip(losses_of(loss), self.whole.heads, strict=True)))
        return self.whole.loss / self.whole.weight if self.whole.weight else 0.0

    def give_up(self, error: Exception | None) -> None:
        """Tell the others that this rank has no batch, and raise what they all raise then.

        Without an error, the loader has ended. If that is so on all ranks, nothing is raised.
        """
        loss, told = self._begin()
        self._error, told.ended = error, float(error is None)
        self._whole(loss, 0.0)
        self._batch_norms.give_up()
        self._tell(told, loss)

    def _begin(self) -> tuple[Loss, Told]:
        model, loss, optimizer = self.trained()
        optimizer.zero_grad()
        if model is not self._model:  # to walk through its layers takes longer than a small step
            self._model, self._buffers = model, [buffer for _, buffer in model.named_buffers()]
        self._exchange.begin(optimizer.parameters, self._buffers)
        self._error = None
        return loss, Told(heads=[0.0] * len(losses_of(loss)))

    @contextmanager
    def _held(self) -> Iterator[None]:
        """Hold an error back, until the others were told."""
        try:
            yield
        except GaveUp:
            pass  # it has an error, of which `_tell` will hear
        except Exception as error:
            self._error = error

    def _whole(self, loss: Loss, weight: Any) -> Any:
        """Return the weight of the whole batch, by which the parts are divided before they are added up.

        It is 1, because the sum is divided afterwards. Only the losses of a `MultiLoss` need it before: each its own.
        """
        if not loss.several:
            return 1.0
        names = list(losses_of(loss))
        total = np.array([weight[name] if weight else 0.0 for name in names])
        self.mpi.add_up(total)
        return dict(zip(names, total.tolist(), strict=True))

    def _learn(self, told: Told, weight: Any, *batch: Any, whole: Any) -> None:
        model, loss, _ = self.trained()
        value, self._state.prediction = self._parallel.learn(model, loss, *batch, whole=whole)
        told.present, told.loss = 1.0, float(value)
        if loss.several:
            told.heads = list(value.heads.values())  # type: ignore[attr-defined]
        else:
            told.weight = weight

    def _tell(self, told: Told, loss: Loss) -> None:
        """Exchange what this rank has, and raise the errors of all ranks."""
        told.failed = float(self._error is not None)
        told.interrupted = float(self._interrupts.asked == signal.SIGINT)
        told.terminated = float(self._interrupts.asked == signal.SIGTERM)
        if self._checkpoint is not None and self.mpi.rank == 0:
            told.time_is_up = float(self._checkpoint.time_is_up())
        self.whole = self._exchange.add_up(told, normalised=loss.several)
        if self.whole.interrupted or self.whole.terminated:
            self._interrupts.pending = signal.SIGTERM if self.whole.terminated else signal.SIGINT
        if self.whole.failed:
            raise_together(self.mpi, self._error)
        if 0 < self.whole.ended < self.mpi.size:
            ended = [rank for rank, one in enumerate(self.mpi.gather(bool(told.ended))) if one]
            raise RankError(
                f"the loader has no batch left on the ranks {ended}, but has one on the others: let it yield the same "
                "batches on every rank"
            )


class JobSteps(Steps):
    """Steps that all ranks do together.

    `parts` are those of the fit. The other parameters are those of `Steps`, whose `learn` is, or ends in,
    `learning`.
    """

    def __init__(self, learning: JobLearning, parts: RunParts, *shared: Any) -> None:
        super().__init__(*shared)
        self._learning, self._mpi = learning, learning.mpi
        self._job_state = JobState(self._mpi, parts)
        self._part = Part(self._mpi.rank, self._mpi.size, self._job_state.rng)
        self._batches: JobBatches | None = None
        self._compared = self._state.step  # the step after which digests were compared last
        # minnet's own decide alike on all ranks, because rows and losses are alike.
        self._asks = any(not type(callback).__module__.startswith("minnet.") for callback in parts.callbacks)

    def start(self, position: State, find: Callable[[], Snapshot | None]) -> Snapshot | None:
        """Let all ranks become like rank 0, and return what they go on from."""
        return self._job_state.begin(position, find)

    def together(self) -> AbstractContextManager[None]:
        """Raise an error inside it on all ranks."""
        return together(self._mpi)

    def begin(self, checkpoint: Checkpoint, parts: RunParts, position: State) -> None:
        """Say what checkpoints will not keep, on rank 0."""
        self._job_state.note()
        if self._mpi.rank == 0:
            checkpoint.begin(parts, position)

    def save(self, checkpoint: Checkpoint, parts: RunParts, position: State) -> None:
        """Write a checkpoint, on rank 0, of what all ranks have."""
        self._job_state.save(checkpoint, position)
        self._learning.whole.time_is_up = 0.0

    def advance(self, batches: Iterator[Batch], most: int, counts: Counts) -> int:
        """Do the next step; see `Steps.advance`."""
        if self._batches is None or self._batches.batches is not batches:
            self._batches = JobBatches(batches, self._part, self._learning.give_up, self._scale)
        return super().advance(self._batches, most, counts)

    def alike(self, row: Row) -> Row:
        """Return rank 0's row: the seconds differ, and what a Trainer of the user's has evaluated may."""
        found: Row = self._learning.mpi.broadcast(row)
        return found

    def agree(self) -> None:
        """Stop on all ranks if a callback stops one, and compare their weights every `check_every` steps."""
        if self._asks:
            self._state.stopped = self._mpi.any(self._state.stopped)
        if self._state.step >= self._compared + self._mpi.check_every:
            self._compare()

    def settle(self) -> None:
        """Take up signals that came after the last step, on all ranks, and compare what they have learned."""
        asked = max(self._mpi.gather(int(self.interrupts.asked)))
        self.interrupts.pending = self.interrupts.pending or asked
        self._compare()

    def _compare(self) -> None:
        self._compared = self._state.step
        check_same(self._mpi, *self._learning.trained(), f"after step {self._compared}")

    def time_is_up(self, checkpoint: Checkpoint) -> bool:
        """Whether rank 0 had found, in the last exchange, that its checkpoint is due."""
        return self._learning.whole.time_is_up > 0

    def _add(self, counts: Counts, loss: float, *_: Any) -> None:
        counts.add(loss, self._learning.weight, int(self._learning.whole.samples))

    def _explained(self, error: NonFiniteError, *parts: Any) -> NonFiniteError:
        """Return the explanation of a rank that has found the place, the same on all ranks."""
        texts = self._mpi.gather(str(super()._explained(error, *parts)))
        rank = next((rank for rank, text in enumerate(texts) if NOWHERE not in text), 0)
        return NonFiniteError(f"{texts[rank]}\n  Rank: {rank} of {len(texts)}")
