"""A FitLoop is one call of `Trainer.fit`: the loop over epochs and steps, rows of the history, checkpoints."""

import math
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from minnet.callbacks.base import Callback, looks_at_every_step
from minnet.callbacks.participants import Participants
from minnet.core.console import announce
from minnet.core.renewal import Renewal
from minnet.core.rows import Row
from minnet.core.state import State
from minnet.data.epoch import Batch
from minnet.errors import NonFiniteError
from minnet.losses.multi import losses_of
from minnet.saving import loaders
from minnet.saving.checkpoint import Checkpoint
from minnet.saving.run_parts import RunParts
from minnet.saving.run_state import Snapshot
from minnet.training.evaluation import start_recording
from minnet.training.passes import Pass
from minnet.training.state import Counts, TrainingState
from minnet.training.steps import ManySteps, Steps


@dataclass(frozen=True)
class Plan:
    """What a `fit` is to do."""

    steps: int | None  # how many, from where the trainer is: either these or epochs
    epochs: int | None
    every: int | None  # how many steps lie between two rows of the history; None for a row an epoch
    skips: bool  # whether steps that are not finite are skipped and counted
    raises: bool  # whether Ctrl-C raises KeyboardInterrupt at the end, in place of a return
    settings: dict[str, Any]  # what must be the same when the run is resumed


class FitLoop:
    """Train until a step or an epoch is reached, or a callback stops the run.

    A step ends with all that belongs to it, callbacks and a row of history included. There, and at the end of an
    epoch, the state is complete: a checkpoint can be written, and Ctrl-C takes effect.

    `parts` are what a checkpoint holds. `participants` starts and ends the callbacks; ``notify(moment, *arguments)``
    calls them in between. `evaluate` returns the loss and the metrics over a loader.
    """

    def __init__(
        self,
        parts: RunParts,
        plan: Plan,
        steps: Steps,
        checkpoint: Checkpoint | None,
        participants: Participants,
        notify: Callable[..., None],
        evaluate: Callable[[Any], dict[str, float]],
    ) -> None:
        self._parts, self._plan, self._steps = parts, plan, steps
        self._state: TrainingState = parts.state
        self._checkpoint, self._evaluate = checkpoint, evaluate
        self._participants, self._notify = participants, notify
        self._interrupts = steps.interrupts
        self._counts = Counts(self._state.step, self._state.epoch, heads={n: [0.0, 0.0] for n in losses_of(parts.loss)})
        self._batches: Iterator[Batch] | None = None  # what is left of the current epoch
        self._began: State | None = None  # the loader's state before the epoch, if a checkpoint needs it
        self._one_by_one = not isinstance(steps, ManySteps) or any(map(looks_at_every_step, parts.callbacks))

    def run(self, resume: str | os.PathLike[str] | None) -> None:
        """Run, from the beginning or from a checkpoint, with the parallel steps active."""
        # The checks find what NumPy would warn of, and say where it began.
        silent = np.errstate(over="ignore", invalid="ignore", divide="ignore") if self._steps.checks else nullcontext()
        self._begin = time.perf_counter()
        self._state.stopped, self._state.interrupted = False, True
        start_recording(self._parts.model)
        self._parts.loss.train()
        checkpoints = () if self._checkpoint is None else (self._checkpoint,)
        with (
            Renewal([*self._parts.callbacks, *checkpoints], kind=Callback),
            self._participants,
            closing(self._checkpoint) if self._checkpoint is not None else nullcontext(),
            self._interrupts,
            self._parts.parallel,
            silent,
            self._parts.loss.checking_once(),
        ):
            try:
                self._start(resume)
                self._loop()
                self._state.interrupted = False
            except KeyboardInterrupt:
                self._interrupted("interrupted")
                if self._raises():
                    raise
            except SystemExit:
                if self._interrupts.raised:
                    self._interrupted("terminated")
                raise
            finally:
                loaders.end(self._batches)

    def _start(self, resume: str | os.PathLike[str] | None) -> None:
        """Restore a checkpoint, if there is one, and let the callbacks begin."""
        checkpoint = self._checkpoint
        left = self._state.passes.left(self._parts.loader)
        if checkpoint is not None:
            checkpoint.watch(self._parts.metrics)
        snapshot = self._steps.start(self._position(), partial(self._found, resume))
        if snapshot is not None:
            loaders.check_asked(self._parts.loader, snapshot.position["in_epoch"], self._plan.steps)
            self._interrupts.busy = True  # a signal must not leave a state that is restored by half
            self._state.load_state_dict(snapshot.state["trainer"])
            snapshot.restore(self._parts)
            self._restore(snapshot.position, left)
        self._parts.parallel.remember()
        if snapshot is None:
            self._counts.first_step, self._counts.first_epoch = self._state.step, self._state.epoch  # as rank 0's
            if left and self._plan.epochs is None:
                self._batches, self._counts.in_epoch = left
            self._begin_callbacks()
            return
        self._begin_callbacks(snapshot)
        done = snapshot.finished and not self._is_more()
        what = "is complete: nothing is left to do" if done else "goes on"
        announce(f"the run of {snapshot.path} {what} (step {self._state.step}, epoch {self._state.epoch})")
        if self._interrupts.pending:
            self._interrupts.raise_pending()

    def _begin_callbacks(self, snapshot: Snapshot | None = None) -> None:
        """Let the callbacks begin, and say what checkpoints will not keep."""
        with self._steps.together():
            self._participants.start()
            if snapshot is not None:
                snapshot.restore_callbacks(self._parts)
            if self._checkpoint is not None:
                self._steps.begin(self._checkpoint, self._parts, self._position())

    def _found(self, resume: str | os.PathLike[str] | None) -> Snapshot | None:
        """Return what is there to go on from."""
        if self._checkpoint is None:
            return None
        self._checkpoint.open()
        return self._checkpoint.find(self._parts, self._position(), resume)

    def _loop(self) -> None:
        state, counts, checkpoint = self._state, self._counts, self._checkpoint
        state.passes.forget(self._parts.loader)
        while self._is_more():
            if self._batches is None:
                if checkpoint is not None:
                    self._began = loaders.begin(self._parts.loader, self._parts.covered)
                self._batches, counts.in_epoch = iter(self._parts.loader), 0
            if self._do_epoch(self._batches):
                self._batches = None
                state.epoch += 1
                if not self._plan.every:
                    self._add_last_row()
                self._notify("on_epoch_end")
                self._steps.agree()
            if checkpoint is not None and self._is_more():
                self._save_if_due(checkpoint)
        self._add_last_row()
        counts.finished = True
        self._leave()
        self._steps.settle()
        if checkpoint is not None:
            self._steps.save(checkpoint, self._parts, self._position())
            pending = self._interrupts.pending
            if pending == signal.SIGTERM or (pending and self._plan.raises):  # they are for the whole script
                self._interrupts.raise_pending()

    def _leave(self) -> None:
        """Leave the pass that is not at its end to the next `fit`."""
        done = self._counts.in_epoch
        if loaders.end(self._batches):  # whose pass cannot go on later
            return
        if self._batches is not None and done and done != loaders.length_of(self._parts.loader):
            self._state.passes.leave(self._parts.loader, self._batches, done)

    def _do_epoch(self, batches: Iterator[Batch]) -> bool:
        """Do the steps of an epoch that are left; return whether the epoch is complete."""
        state, counts, checkpoint = self._state, self._counts, self._checkpoint
        every, last_step = self._plan.every, self._last_step()
        advance, release, notify = self._steps.advance, self._interrupts.release, self._notify
        while steps := advance(batches, 1 if self._one_by_one else self._until_due(), counts):
            counts.in_epoch += steps
            release()
            notify("on_step_end")
            if every and state.step % every == 0:
                self._row()
            self._steps.agree()
            if state.stopped or state.step == last_step:
                return counts.in_epoch == loaders.length_of(self._parts.loader)
            if checkpoint is not None:
                self._save_if_due(checkpoint)
        if not counts.in_epoch:
            raise ValueError("fit got no batch from the loader: a bare iterator can be used only once")
        return True

    def _is_more(self) -> bool:
        """Whether there is a step to do."""
        state, epochs = self._state, self._plan.epochs
        last_epoch = math.inf if epochs is None else self._counts.first_epoch + epochs
        return not state.stopped and state.step < self._last_step() and state.epoch < last_epoch

    def _last_step(self) -> float:
        return math.inf if self._plan.steps is None else self._counts.first_step + self._plan.steps

    def _until_due(self) -> int:
        """Return after how many steps there is something else to do."""
        step, periods = self._state.step, (self._plan.every, self._checkpoint and self._checkpoint.every)
        return int(min(self._last_step() - step, 2**62, *(period - step % period for period in periods if period)))

    def _add_last_row(self) -> None:
        """Add a row, if there is a step since the last."""
        counts = self._counts
        if counts.row_at != self._state.step and counts.samples + counts.skipped:
            self._row()

    def _row(self) -> None:
        """Evaluate on all sets, add a row to the history, and show it to the callbacks."""
        row = self._add_row(self._parts.sets)
        row.update(self._steps.alike(row))
        self._notify("on_row", row)
        if self._checkpoint is not None:
            self._checkpoint.note(row)

    def _add_row(self, sets: Mapping[str, Any]) -> Row:
        state, counts = self._state, self._counts
        row: Row = {"step": state.step, "epoch": state.epoch, "seconds": 0.0, "lr": self._parts.optimizer.lr}
        row |= counts.means(self._parts.loss)
        if self._plan.skips:
            row["skipped"] = counts.skipped
        for name, loader in sets.items():
            row |= {f"{name}_{key}": value for key, value in self._evaluated(name, loader).items()}
        counts.begin(state.step)
        row["seconds"] = round(self._seconds(), 3)
        self._parts.history.append(row)
        return row

    def _evaluated(self, name: str, loader: Any) -> dict[str, float]:
        try:
            return self._evaluate(loader)
        except Exception as error:
            if self._plan.skips and isinstance(error, NonFiniteError):
                own = [f"{name}_loss" for name in losses_of(self._parts.loss)]
                return dict.fromkeys(["loss", *own, *self._parts.metrics], math.nan)
            error.add_note(f"in the evaluation on {name!r} after step {self._state.step}")
            raise

    def _seconds(self) -> float:
        return self._counts.seconds + time.perf_counter() - self._begin

    def _save_if_due(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint, if it is due or a signal is to end the run."""
        pending = self._interrupts.pending
        if pending or checkpoint.due(self._state.step, self._steps.time_is_up(checkpoint)):
            self._steps.save(checkpoint, self._parts, self._position())
        if pending:
            self._interrupts.raise_pending()

    def _position(self) -> State:
        """Return where the run stands."""
        self._parts.parallel.settle()
        batches, checkpoint = self._batches, self._checkpoint
        return self._counts.state_dict() | {
            "settings": self._plan.settings,
            "batches": loaders.place(batches),
            "began": None if batches is None else self._began,
            "under_way": batches is not None,
            "seconds": self._seconds(),
            "best": None if checkpoint is None else checkpoint.best_so_far(),
        }

    def _restore(self, position: State, left: Pass | None) -> None:
        """Go on from where a run stood; `left` is the pass over the loader that the `fit` before this one has left."""
        self._counts.load_state_dict(position)
        if self._checkpoint is not None:
            self._checkpoint.go_on_with(position["best"])
        if position["under_way"]:
            loader, self._began = self._parts.loader, position["began"]
            at = self._counts.in_epoch, position["batches"], self._began
            self._batches = loaders.go_on(loader, *at, left, self._parts.covered())

    def _raises(self) -> bool:
        """Whether Ctrl-C ends the script; one that a single rank got cannot be followed by what all ranks do."""
        return self._plan.raises or self._interrupts.alone

    def _interrupted(self, how: str) -> None:
        """Say where the run stands, after Ctrl-C or SIGTERM."""
        state, checkpoint = self._state, self._checkpoint
        where = f"inside step {state.step + 1}" if self._steps.inside else f"after step {state.step}"
        what = "the model is as it was then"
        if checkpoint is not None and checkpoint.newest is not None:
            what = f"{checkpoint.newest} is there to go on from: run it again"
        if how == "interrupted" and not self._raises():
            what += (
                '. The script goes on: press Ctrl-C outside of fit to end it, or pass fit(..., on_interrupt="raise")'
            )
        announce(f"\n{how} {where}: {what}")
        self._leave()
        if self._counts.samples:
            self._add_row({})  # it has no evaluation, so callbacks that monitor a column are not notified
