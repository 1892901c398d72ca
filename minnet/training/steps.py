"""Steps are how a `fit` learns from batches: one at a time, or many in a call of compiled code."""

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from minnet.compiled.steps.steps import CompiledSteps
from minnet.core.arrays import BYTE_SCALE, cast
from minnet.core.rows import Row
from minnet.core.state import State
from minnet.core.trees import cast_tree, first
from minnet.data.epoch import Batch, Epoch
from minnet.errors import NonFiniteError
from minnet.saving.checkpoint import Checkpoint
from minnet.saving.run_parts import RunParts
from minnet.saving.run_state import Snapshot
from minnet.training.batches import check_batch
from minnet.training.nonfinite import NonFiniteChecks
from minnet.training.parallel import ParallelSteps
from minnet.training.signals import Interrupts
from minnet.training.state import Counts, TrainingState


class Steps:
    """One step a call, with the non-finite checks around it.

    `learn` learns from a batch, x and y and maybe weights of samples, and returns the loss; x was converted to `dtype`.
    It is `Trainer.train_step`, or the same in parallel. `weigh` returns the batch's weight in a mean: see `weight_of`.
    `check_parts_take_weights` is called before the first batch with weights. `scale` returns what uint8 of another
    library is multiplied by.
    """

    def __init__(
        self,
        learn: Callable[..., float],
        state: TrainingState,
        dtype: np.dtype[Any] | None,
        checks: NonFiniteChecks | None,
        interrupts: Interrupts,
        weigh: Callable[..., Any],
        check_parts_take_weights: Callable[[], None],
        scale: Callable[[], float | None] = lambda: BYTE_SCALE,
    ) -> None:
        self.inside = False  # whether a step was begun and not finished
        self.checks, self.interrupts = checks, interrupts
        self._learn, self._state, self._dtype, self._weigh = learn, state, dtype, weigh
        self._scale = scale
        self._check_weights: Callable[[], None] | None = check_parts_take_weights

    def advance(self, batches: Iterator[Batch], most: int, counts: Counts) -> int:
        """Do the next steps of an epoch, at most `most` (here always one), and add losses and weights to `counts`.

        Return how many steps were done; 0 if there is no batch left.
        """
        state, checks = self._state, self.checks
        for batch in batches:
            self.interrupts.busy = True
            batch = check_batch(batch, scale=self._scale)
            x, y, weights = batch if len(batch) == 3 else (batch[0], batch[1], None)
            if weights is not None and self._check_weights is not None:
                self._check_weights()
                self._check_weights = None
            self.inside = True
            state.target, plain = y, type(x) is np.ndarray
            try:
                if checks is not None:
                    checks.before_step()
                floats = cast(x, self._dtype) if plain else cast_tree(x, self._dtype)
                loss = self._learn(floats, y) if weights is None else self._learn(floats, y, weights)
                state.last_loss = loss
                if checks is not None:
                    checks.after_update(loss)
                self._add(counts, loss, x, y, weights)
            except NonFiniteError as error:
                self._undo(error, batch, getattr(batches, "rows", None))
                counts.skipped += 1
            except Exception as error:
                error.add_note(f"in step {state.step + 1} of epoch {state.epoch + 1}")
                raise
            state.step += 1
            self.inside = False
            return 1
        return 0

    def alike(self, row: Row) -> Row:
        """Return the row as all ranks of a job have it."""
        return row

    def start(self, position: State, find: Callable[[], Snapshot | None]) -> Snapshot | None:
        """Return what `find` finds to go on from; the ranks of a job become alike: see `minnet.mpi.job_state`."""
        return find()

    def together(self) -> AbstractContextManager[None]:
        """Return what raises an error inside it on all ranks of a job."""
        return nullcontext()

    def begin(self, checkpoint: Checkpoint, parts: RunParts, position: State) -> None:
        """Say what checkpoints will not keep."""
        checkpoint.begin(parts, position)

    def save(self, checkpoint: Checkpoint, parts: RunParts, position: State) -> None:
        """Write a checkpoint."""
        checkpoint.save(parts, position)

    def agree(self) -> None:
        """Do nothing: only a job has other ranks to agree with, and here no one else; see `minnet.training.job`."""

    def settle(self) -> None:
        """Do nothing, likewise."""

    def time_is_up(self, checkpoint: Checkpoint) -> bool:
        """Whether a checkpoint is due by the clock."""
        return checkpoint.time_is_up()

    def _add(self, counts: Counts, loss: float, x: Any, y: Any, weights: Any) -> None:
        counts.add(loss, self._weigh(x, y, weights), len(x if type(x) is np.ndarray else first(x)))

    def _undo(self, error: NonFiniteError, batch: Any, rows: Any) -> None:
        """Undo a step that was not finite; raise the error if the run is to stop."""
        state, checks = self._state, self.checks
        if checks is not None:
            checks.undo()
            if checks.stops:
                where = f"step {state.step + 1} of epoch {state.epoch + 1}"
                raise self._explained(error, batch, rows, where) from None
        state.last_loss = math.nan

    def _explained(self, error: NonFiniteError, batch: Any, rows: Any, where: str) -> NonFiniteError:
        assert self.checks is not None
        return self.checks.explained(error, batch, rows, where)


class ManySteps(Steps):
    """Several steps a call, by compiled code; a step that the compiled code leaves out is done as in `Steps`.

    `parallel` has the threads. `called` returns what a callback may replace, such as the model. `parts` are those of
    `Steps`.
    """

    def __init__(
        self, compiled: CompiledSteps, parallel: ParallelSteps, called: Callable[[], tuple[Any, ...]], *parts: Any
    ) -> None:
        super().__init__(*parts)
        self._compiled, self._parallel = compiled, parallel
        self._called, self._at_first = called, called()

    def advance(self, batches: Iterator[Batch], most: int, counts: Counts) -> int:
        """Do up to `most` steps at once; see `Steps.advance`."""
        state = self._state
        if isinstance(batches, Epoch) and self._called() == self._at_first:
            self.interrupts.busy = self.inside = True
            steps, samples, weight, loss_sum, last_loss, prediction, target = self._compiled.run(
                batches, self._parallel.together, most, counts.loss_sum
            )
            if steps:
                state.last_loss, state.prediction, state.target = last_loss, prediction, target
                counts.loss_sum = loss_sum
                counts.weight += weight
                counts.samples += samples
                state.step += steps
                self.inside = False
                return steps
            self.inside = False
            self.interrupts.release()
        try:
            return super().advance(batches, most, counts)
        finally:
            self._parallel.limit_blas(False)  # compiled steps of one thread find BLAS as they are used to
