"""A Checkpoint is a folder of files from which a training run goes on after it was killed."""

import os
import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from minnet.core.checks import check_choice, check_int, check_path
from minnet.core.console import warn
from minnet.core.described import shown
from minnet.core.rows import MODES, Mode, Row, improves, mode_of, monitored
from minnet.core.state import State
from minnet.errors import CheckpointError, CheckpointWarning
from minnet.saving.lock import FolderLock
from minnet.saving.messages import listed
from minnet.saving.run_parts import Beginning, RunParts, Survey
from minnet.saving.run_state import Snapshot, capture, encoded, write
from minnet.saving.tensorfile import TEMPORARY, write_whole

_NAME = re.compile(r"step-\d{9,}\.safetensors")
BEST = "best.safetensors"
MOST_LINES = 20  # of a warning


class Checkpoint:
    """A folder of checkpoints, and when they are written: ``trainer.fit(..., checkpoint=Checkpoint("run", keep=5))``.

    A file ``step-000001234.safetensors`` holds everything that decides what comes after step 1234. So a run whose
    script is started again ends with the same bits as one that was never killed. The file is written under another
    name, synchronized with the disk, and renamed: whenever the machine fails, the newest file is whole. A checkpoint
    is also written at the end of `fit`, and on Ctrl-C and SIGTERM after the current step (and its evaluation).

    If one cannot be written, because the disk is full, the folder was removed or a `state_dict` failed, a
    `CheckpointWarning` says so, training goes on, and the next one is tried when it is due. What cannot be kept is said
    before the first step. A run of another script is refused, with a list of the differences: see docs/reliability.md.

    Parameters
    ----------
    folder
        Where to write; it is made if it does not exist. Each call of `fit` in a script needs a folder of its own.
    every
        How many steps lie between two checkpoints.
    seconds
        How much time lies between them, if `every` is not given.
    keep
        How many of the newest are kept, at least 1; older ones are removed.
    best
        A column of the history, such as "validation_loss". After each row that is the best so far, a checkpoint
        ``best.safetensors`` is written as well.
    mode
        "min" if low values of that column are better, "max" if high values are. By default, "min" for a loss, and the
        attribute ``better`` of a metric.

    Raises
    ------
    TypeError, ValueError
        If a number is out of its range, or not a number; in training, if neither `mode` nor the metric says in which
        direction `best` improves.

    Examples
    --------
    >>> import minnet as mn, numpy as np
    >>> X, y = np.eye(4, dtype=np.float32), np.arange(4)
    >>> def train(epochs):
    ...     model = mn.Sequential(mn.Linear(4, 4, rng=0))
    ...     trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.Adam(model.parameters()))
    ...     loader = mn.DataLoader(X, y, 2, shuffle=True, rng=0)
    ...     return trainer.fit(loader, epochs=epochs, checkpoint=getfixture("tmp_path") / "run")
    >>> len(train(epochs=2)), len(train(epochs=5))  # the second goes on from where the first ended
    (2, 5)
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        every: int | None = None,
        seconds: float = 60.0,
        keep: int = 3,
        best: str | None = None,
        mode: Mode | None = None,
    ) -> None:
        if not seconds >= 0:  # infinity is allowed: never by time
            raise ValueError(f"Checkpoint needs seconds >= 0, got {seconds}")
        self.folder = check_path("Checkpoint", "folder", folder)
        self.every = None if every is None else check_int("Checkpoint", "every", every, why="it is a number of steps")
        self.seconds = seconds
        self.keep = check_int("Checkpoint", "keep", keep)
        self.best = best
        self.mode: Mode | None = check_choice("Checkpoint", "mode", mode, MODES)
        self.newest: Path | None = None  #: the last file written, or resumed from
        self.best_value: float | None = None  #: the best value so far
        self._before: float | None = None  # the best value before the last that improved
        self._improved = False
        self._mode: Mode = mode or "min"  # found out when a fit begins
        self._last = 0.0
        self._said: set[str] = set()  # warnings are given once
        self._lock = FolderLock()

    __repr__ = shown

    def files(self) -> list[Path]:
        """List the checkpoints in the folder, oldest first, without the best."""
        return sorted((path for path in self.folder.iterdir() if _NAME.fullmatch(path.name)), key=_step_of)

    def open(self) -> None:
        """Make the folder, lock it until `close`, and try to write there: now, and not after an hour of training.

        Raises OSError if the folder cannot be written to, CheckpointError if another run writes to it.
        """
        probe = self.folder / ".writable"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(self.folder)
            for name in (f".*.safetensors.*{TEMPORARY}", f".{probe.name}.*{TEMPORARY}"):
                for left in self.folder.glob(name):  # of a process that was killed
                    left.unlink(missing_ok=True)
            write_whole(probe, b"minnet")
            probe.unlink()
        except OSError as error:
            raise type(error)(
                error.errno,
                f"{error.strerror}: choose another folder. Checkpoints cannot be written to",
                str(self.folder),
            ) from None
        self._last = time.monotonic()
        self._said.clear()

    def watch(self, metrics: Mapping[str, Any]) -> None:
        """Begin to look for the best row of a run, whose metrics these are.

        Raises ValueError if nothing says in which direction the column improves.
        """
        if self.best is not None:
            self._mode = mode_of(self, self.best, self.mode, metrics)

    def best_so_far(self) -> list[Any] | None:
        """Return the best value with its column and direction, for the state of the run."""
        return None if self.best_value is None else [self.best, self._mode, self.best_value]

    def go_on_with(self, best: list[Any] | None) -> None:
        """Go on from what `best_so_far` returned, if it is of the same column and direction."""
        if best is not None and best[:2] == [self.best, self._mode]:
            self.best_value = best[2]

    def close(self) -> None:
        """Unlock the folder for other runs."""
        self._lock.release()

    def find(self, parts: RunParts, position: State, resume: str | os.PathLike[str] | None) -> Snapshot | None:
        """Return the snapshot to go on from, or None to begin anew; `resume` is that of `Trainer.fit`.

        Raises CheckpointError if the folder has checkpoints, but resume=None, or none is whole or of this run.
        """
        survey = Survey(parts)
        self._beginning = Beginning(survey)
        capture(survey, position, self._beginning)  # which notes the form of everything
        snapshot = self._find(parts, resume)
        if snapshot is not None:
            snapshot.check(survey, position, self._beginning)
            if parts.state.step == snapshot.first_step and (others := snapshot.others(self._beginning)):
                lines = "\n  ".join(listed(others))
                text = f"{snapshot.path} goes on with its own values, where the script has others:\n  {lines}"
                warn(text, CheckpointWarning)
        return snapshot

    def begin(self, parts: RunParts, position: State) -> None:
        """Say now what checkpoints will not keep: this comes after the callbacks' `on_fit_start`.

        Raises TypeError if a `state_dict` holds what cannot be written to a file.
        """
        survey = Survey(parts)
        self._beginning.note_objects(survey)
        encoded(capture(survey, position, self._beginning))
        self._say_what_is_lost(survey)

    def _find(self, parts: RunParts, resume: str | os.PathLike[str] | None) -> Snapshot | None:
        files = self.files()
        if resume is not None and resume != "auto":
            chosen = Snapshot(Path(resume))
            if files and _step_of(files[-1]) > chosen.step:
                raise CheckpointError(
                    f"{chosen.path} is of step {chosen.step}, but {self.folder} holds {files[-1].name}, which would "
                    "seem to be of this run: choose another folder, or remove what came later"
                )
            return chosen
        if files and resume is None:
            raise CheckpointError(
                f"{self.folder} holds the checkpoints of an earlier run, up to {files[-1].name}: "
                'go on with it (resume="auto"), or choose another folder to begin anew'
            )
        snapshot = self._newest_whole(files)
        step = parts.state.step
        if snapshot is None:
            return None
        if snapshot.finished and snapshot.first_step < step == snapshot.step:
            self.go_on_with(snapshot.position["best"])
            return None  # it is the end of this trainer's last fit, and this is its next
        if step < snapshot.first_step or (snapshot.finished and step > snapshot.first_step):
            raise CheckpointError(
                f"{snapshot.path} is of a fit that began after step {snapshot.first_step}, and this one begins after "
                f"step {step}: give each fit a folder of its own"
            )
        return snapshot

    def note(self, row: Row) -> None:
        """Note whether a row of the history is the best so far."""
        if self.best is not None:
            value = monitored(self, self.best, row)
            if improves(value, self.best_value, self._mode):
                self._before, self.best_value, self._improved = self.best_value, value, True

    def due(self, step: int, time_is_up: bool) -> bool:
        """Whether a checkpoint is to be written after this step; the time counts if `every` is not given."""
        if self._improved:
            return True
        return time_is_up if self.every is None else step % self.every == 0

    def time_is_up(self) -> bool:
        """Whether the last checkpoint was written long ago."""
        return time.monotonic() - self._last >= self.seconds

    def save(self, parts: RunParts, position: State, ranks: Callable[[], list[State]] = list) -> None:
        """Write a checkpoint, and remove those that are too old; warn if it cannot be written, whatever the reason.

        `ranks` returns what differs by rank in a job.
        """
        step = parts.state.step
        path = self.folder / f"step-{step:09d}.safetensors"
        self._last = time.monotonic()
        try:
            survey = Survey(parts)
            state = capture(survey, position, self._beginning, ranks())
            self._say_what_is_lost(survey)
            # The best comes first: a run that is killed in between does the step and its row once more.
            if self._improved:
                write(self.folder / BEST, parts, state)
                self._improved = False
            write(path, parts, state)
        except CheckpointWarning:  # where warnings are errors
            raise
        except Exception as error:
            if self._improved:  # it cannot be written later, because the next steps have other weights
                self.best_value, self._improved = self._before, False
            self._say_why_not(error, step)
            return
        self.newest = path
        self._last = time.monotonic()
        with suppress(OSError):  # a file that cannot be removed stays
            # Those of later steps are not newer than `path`: they are damaged, or this run went on from an older one.
            older = [file for file in self.files() if _step_of(file) <= step]
            for old in older[: -self.keep]:
                old.unlink(missing_ok=True)

    def outcome(self) -> tuple[Path | None, float | None]:
        """Return what came of the last `save`: the newest file, and the best value."""
        return self.newest, self.best_value

    def take_over(self, outcome: tuple[Path | None, float | None]) -> None:
        """Take over what came of a `save` by another rank of the job."""
        self.newest, self.best_value = outcome
        self._improved = False

    def _say_why_not(self, error: Exception, step: int) -> None:
        """Warn that a checkpoint could not be written; an error that is not the disk's is said once."""
        newest = f"the newest is {self.newest.name}" if self.newest else "there is none yet"
        why = f"{type(error).__name__}: {error}"
        if isinstance(error, OSError):
            import shutil  # 3 ms that only a full disk needs

            why = str(error.strerror)
            with suppress(OSError):
                why += f", {shutil.disk_usage(self.folder).free:,} bytes are free there"
        elif why in self._said:
            return
        self._said.add(why)
        text = f"no checkpoint could be written after step {step} in {self.folder} ({why}); training goes on, {newest}"
        warn(text, CheckpointWarning)

    def _say_what_is_lost(self, survey: Survey) -> None:
        lost: dict[str, str] = {}
        for place, what in self._beginning.lost(survey).items():
            inside = (place[:i] for i, letter in enumerate(place) if letter in ".[(" and i)
            if place not in self._said and self._said.isdisjoint(inside):
                lost[place] = what
                self._said.add(place)
        if lost:
            lines = "\n  ".join(f"{place} ({what})" for place, what in list(lost.items())[:MOST_LINES])
            warn(
                f"checkpoints do not keep {len(lost)} thing{'s' * (len(lost) > 1)} that may change while training, so "
                f"a resumed run may differ:\n  {lines}\nKeep plain data in attributes (numbers, "
                "arrays, Generators, lists, dicts), or give the object state_dict() and load_state_dict(state)",
                CheckpointWarning,
            )

    def _newest_whole(self, files: list[Path]) -> Snapshot | None:
        for path in reversed(files):
            try:
                snapshot = Snapshot(path)
            except (CheckpointError, OSError) as error:
                warn(f"{error}; an older one is tried", CheckpointWarning)
                continue
            self.newest = path
            return snapshot
        if files:
            raise CheckpointError(
                f"{self.folder} holds {len(files)} checkpoints, and none is whole: to begin anew, choose another folder"
            )
        return None


def _step_of(path: Path) -> int:
    return int(path.stem.removeprefix("step-"))
