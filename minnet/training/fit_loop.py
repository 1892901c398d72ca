"""A Run is one call of `Trainer.fit`: the loop over batches, and what it must know of where it stands."""

import math
import signal
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from minnet.callbacks.base import Callback, looks_at_every_step
from minnet.core.arrays import cast
from minnet.core.rows import Row
from minnet.core.state import State
from minnet.data.epoch import Epoch
from minnet.data.loader import Batch, DataLoader
from minnet.errors import NonFiniteError
from minnet.saving.checkpoint import Checkpoint, announce
from minnet.saving.run_state import Snapshot
from minnet.training.diagnosis import explain
from minnet.training.nonfinite import Guard
from minnet.training.parallel import Team
from minnet.training.signals import Interrupts
from minnet.training.validation import check_batch

if TYPE_CHECKING:
    from minnet.compiled.steps import CompiledSteps
    from minnet.training.trainer import Trainer


class Run:
    """Train until a step or an epoch is reached, or someone says stop.

    A step ends with all that belongs to it, callbacks and a row of history included: there, and at the end of an
    epoch, the state is whole, a checkpoint can be written, and Ctrl-C takes its effect.

    Parameters
    ----------
    trainer
        What steps, and holds what outlives this run.
    loader, sets, every, callbacks, checkpoint
        As for `Trainer.fit`.
    steps, epochs
        How many, from where the trainer is: one of the two.
    """

    def __init__(
        self,
        trainer: "Trainer",
        loader: Iterable[Batch],
        sets: Mapping[str, DataLoader],
        *,
        steps: int | None,
        epochs: int | None,
        every: int | None,
        callbacks: Sequence[Callback],
        checkpoint: Checkpoint | None,
    ) -> None:
        from minnet.compiled.steps import CompiledSteps  # 10 ms that only training needs, with the next
        from minnet.training.fastpath import FastPath

        self.trainer = trainer
        self.loader = loader
        self.sets = sets
        self.callbacks = callbacks
        self.checkpoint = checkpoint
        self.team: Team
        self._learn = FastPath(trainer, loader, callbacks).learn
        self._compiled: CompiledSteps | None = None
        if trainer.compiled and isinstance(loader, DataLoader):
            parts = trainer.model, trainer.loss, trainer.optimizer
            self._compiled = CompiledSteps(*parts, loader, trainer.threads)
        self._steps, self._epochs, self._every = steps, epochs, every
        self._first_step, self._first_epoch = trainer.step, trainer.epoch
        self._batches: Iterator[Batch] | None = None  # the epoch under way
        self._in_epoch = 0  # its steps so far
        self._row_at = -1  # the step of the last row
        self._loss_sum, self._samples, self._skipped = 0.0, 0, 0
        self._seconds = 0.0  # of those before it was resumed
        self._finished = False
        self._dtype = trainer.model.dtype
        self._inside = False  # whether a step is under way
        # Progress, which is not among the callbacks, need not look at every step.
        watching = [c for c in callbacks if type(c).on_step_end is not Callback.on_step_end]
        self._step_by_step = any(map(looks_at_every_step, watching))
        self._guard = None if trainer.nonfinite == "ignore" else Guard(trainer)

    def go(self, resume: Any) -> None:
        """Run, from the beginning or from a checkpoint."""
        trainer, checkpoint = self.trainer, self.checkpoint
        if self._compiled is not None:
            self._compiled.compile()
        self._begin = time.perf_counter()
        trainer.interrupted = True
        trainer.model.train()
        trainer.loss.train()
        # What NumPy would warn of, the guard finds, and says where.
        quiet = np.errstate(over="ignore", invalid="ignore", divide="ignore") if self._guard else nullcontext()
        try:
            with (
                Interrupts(terminate=checkpoint is not None) as self._interrupts,
                Team(trainer.model, trainer.loss, trainer.threads, trainer.accumulate) as self.team,
                quiet,
            ):
                try:
                    self._start(resume)
                    self._loop()
                    trainer.interrupted = False
                except KeyboardInterrupt:
                    self._interrupted("interrupted")
                except SystemExit:
                    if self._interrupts.struck:
                        self._interrupted("terminated")
                    raise
        finally:
            if checkpoint is not None:
                checkpoint.close()
            trainer.call("on_fit_end")

    def gradients_are_there(self) -> None:
        """Look at the gradients before they become weights."""
        if self._guard is not None:
            self._guard.before_update()

    def state_dict(self) -> State:
        """Return where the run stands."""
        trainer, batches = self.trainer, self._batches
        return {
            "settings": {"every": self._every, "accumulate": trainer.accumulate, "threads": trainer.threads}
            | ({"compiled": True} if trainer.compiled else {}),
            "first_step": self._first_step,
            "first_epoch": self._first_epoch,
            "batches": batches.state_dict() if isinstance(batches, Epoch) else None,
            "under_way": batches is not None,
            "in_epoch": self._in_epoch,
            "row_at": self._row_at,
            "loss_sum": self._loss_sum,
            "samples": self._samples,
            "skipped": self._skipped,
            "seconds": self._seconds + time.perf_counter() - self._begin,
            "finished": self._finished,
            "best": None if self.checkpoint is None else self.checkpoint.best_value,
        }

    def load_state_dict(self, state: State) -> None:
        """Go on from where a run stood."""
        for name in ("first_step", "first_epoch", "in_epoch", "row_at", "loss_sum", "samples", "skipped", "seconds"):
            setattr(self, f"_{name}", state[name])
        if self.checkpoint is not None:
            self.checkpoint.best_value = state["best"]
        if not state["under_way"]:
            return
        if isinstance(self.loader, DataLoader):
            self._batches = Epoch(self.loader, state["batches"])
        else:  # the batches that were learned from go by once more
            self._batches = iter(self.loader)
            for _ in range(self._in_epoch):
                next(self._batches, None)

    def _start(self, resume: Any) -> None:
        trainer, snapshot = self.trainer, None
        if self.checkpoint is not None:
            self.checkpoint.open()
            snapshot = self.checkpoint.find(self, resume)
        self._interrupts.busy = snapshot is not None  # nothing is left half put back
        if snapshot is not None:
            snapshot.put_back(self)
        trainer.call("on_fit_start")
        if snapshot is not None:
            snapshot.put_back_callbacks(self)
            self._announce(snapshot)
        if self._interrupts.pending:
            self._interrupts.strike()

    def _announce(self, snapshot: Snapshot) -> None:
        trainer = self.trainer
        done = snapshot.finished and (trainer.stopped or not self._to_come())
        what = "is complete: nothing is left to do" if done else "goes on"
        announce(f"the run of {snapshot.path} {what} (step {trainer.step}, epoch {trainer.epoch})")

    def _to_come(self) -> bool:
        """Whether there is a step to do."""
        trainer = self.trainer
        if trainer.stopped:
            return False
        if self._steps is not None:
            return trainer.step < self._first_step + self._steps
        return trainer.epoch < self._first_epoch + (self._epochs or 0)

    def _loop(self) -> None:
        trainer, interrupts, checkpoint, every = self.trainer, self._interrupts, self.checkpoint, self._every
        last_step = None if self._steps is None else self._first_step + self._steps
        while self._to_come():
            if self._batches is None:
                self._batches, self._in_epoch = iter(self.loader), 0
            while self._advance():
                # With a checkpoint, Ctrl-C waits for what belongs to the step, so that the state is whole.
                interrupts.busy = checkpoint is not None
                if interrupts.pending and checkpoint is None:
                    interrupts.strike()
                trainer.call("on_step_end")
                if every and trainer.step % every == 0:
                    self._row()
                if trainer.stopped or trainer.step == last_step:
                    complete = self._in_epoch == length_of(self.loader)
                    break
                if checkpoint is not None:
                    self._rest(checkpoint)
            else:
                complete = True
                if not self._in_epoch:
                    raise ValueError("fit got no batch from the loader: a bare iterator can be used only once")
            if complete:
                self._batches = None
                trainer.epoch += 1
                if not every:
                    self._row()
                trainer.call("on_epoch_end")
            if checkpoint is not None and self._to_come():
                self._rest(checkpoint)
        if self._row_at != trainer.step and self._samples + self._skipped:
            self._row()
        self._finished = True
        if checkpoint is not None:
            checkpoint.save(self)
            if interrupts.pending == signal.SIGTERM:  # it is for the whole script, of which this is but a part
                interrupts.strike()

    def _advance(self) -> bool:
        """Do the next step of the epoch, or several; return whether there was one."""
        batches = self._batches
        if batches is None:
            return False
        if self._compiled is not None and isinstance(batches, Epoch):
            self._interrupts.busy = True
            if self._compiled_steps(self._compiled, batches):
                return True
            self._interrupts.busy = self.checkpoint is not None
            if self._interrupts.pending and self.checkpoint is None:
                self._interrupts.strike()
        for batch in batches:
            self._interrupts.busy = True
            self._step(*check_batch(batch))
            return True
        return False

    def _compiled_steps(self, compiled: "CompiledSteps", epoch: Epoch) -> int:
        """Do as many steps at once as can be done before something else has to be; return how many."""
        trainer, checkpoint = self.trainer, self.checkpoint
        if compiled.parts != (trainer.model, trainer.loss, trainer.optimizer):
            return 0  # a callback has replaced one
        periods = [self._every, None if checkpoint is None else checkpoint.every]
        ends = [period - trainer.step % period for period in periods if period]
        if self._steps is not None:
            ends.append(self._first_step + self._steps - trainer.step)
        if self._step_by_step:
            ends = [1]
        self._inside = True
        most = min(ends, default=len(epoch.X))
        done = compiled.run(epoch, self.team.together, most, self._loss_sum)
        self._inside = False
        if done.steps:
            trainer.last_loss, trainer.prediction, trainer.target = done.last_loss, done.prediction, done.target
        trainer.step += done.steps
        self._in_epoch += done.steps
        self._samples += done.samples
        self._loss_sum = done.loss_sum
        return done.steps

    def _rest(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint, if it is time or someone wants to leave."""
        if self._interrupts.pending:
            checkpoint.save(self)
            self._interrupts.strike()
        elif checkpoint.due(self.trainer.step):
            checkpoint.save(self)

    def _step(self, x: NDArray[Any], y: NDArray[Any]) -> None:
        """Learn from one batch."""
        trainer, guard = self.trainer, self._guard
        self._inside = True
        trainer.target = y
        try:
            if guard is not None:
                guard.before_step()
            trainer.last_loss = self._learn(cast(x, self._dtype), y)
            if guard is not None:
                guard.after_update(trainer.last_loss)
            self._loss_sum += trainer.last_loss * len(x)
            self._samples += len(x)
        except NonFiniteError as error:
            if guard is not None:
                guard.undo()
                if trainer.nonfinite == "stop":
                    raise explain(error, trainer, x, y, getattr(self._batches, "rows", None), guard.updated) from None
            trainer.last_loss = math.nan
            self._skipped += 1
        except Exception as error:
            error.add_note(f"in step {trainer.step + 1} of epoch {trainer.epoch + 1}")
            raise
        trainer.step += 1
        self._in_epoch += 1
        self._inside = False

    def _row(self) -> None:
        """Evaluate on all sets, add a row to the history, and show it to whom it may concern."""
        row = self._add_row(self.sets)
        self.trainer.call("on_row", row)
        if self.checkpoint is not None:
            self.checkpoint.note(row)

    def _add_row(self, sets: Mapping[str, DataLoader]) -> Row:
        trainer = self.trainer
        row: Row = {"step": trainer.step, "epoch": trainer.epoch, "seconds": 0.0, "lr": trainer.optimizer.lr}
        row["loss"] = self._loss_sum / self._samples if self._samples else math.nan
        if trainer.nonfinite != "stop":
            row["skipped"] = self._skipped
        for name, loader in sets.items():
            row |= {f"{name}_{key}": value for key, value in self._evaluated(name, loader).items()}
        self._loss_sum, self._samples, self._skipped = 0.0, 0, 0
        row["seconds"] = round(self._seconds + time.perf_counter() - self._begin, 3)
        self._row_at = trainer.step
        trainer.history.append(row)
        return row

    def _evaluated(self, name: str, loader: DataLoader) -> dict[str, float]:
        try:
            return self.trainer.evaluate(loader)
        except NonFiniteError as error:
            if self.trainer.nonfinite == "stop":
                error.add_note(f"in the evaluation on {name!r} after step {self.trainer.step}")
                raise
            return dict.fromkeys(["loss", *self.trainer.metrics], math.nan)

    def _interrupted(self, how: str) -> None:
        """Say where the run stands, after Ctrl-C or SIGTERM."""
        trainer, checkpoint = self.trainer, self.checkpoint
        where = f"inside step {trainer.step + 1}" if self._inside else f"after step {trainer.step}"
        what = "the model is as it was then"
        if checkpoint is not None and checkpoint.newest is not None:
            what = f"{checkpoint.newest} is there to go on from: run it again"
        announce(f"\n{how} {where}: {what}")
        if self._samples:
            self._add_row({})  # without an evaluation, so it is no row for those who watch its columns


def length_of(loader: object) -> int | None:
    """Return the number of batches of an epoch, if the loader knows it."""
    return len(loader) if hasattr(loader, "__len__") else None
