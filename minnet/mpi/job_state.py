"""The state of a job: all ranks have that of rank 0, but for what differs by rank."""

import copy
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np

from minnet.core.console import announce
from minnet.core.state import ATOMS, State, update_in_place
from minnet.errors import CheckpointError, RankError
from minnet.mpi.communicator import MPI
from minnet.mpi.randomness import another, by_rows, differ, separate, sources
from minnet.mpi.together import together
from minnet.saving.checkpoint import Checkpoint
from minnet.saving.kept import sections
from minnet.saving.messages import brief, listed
from minnet.saving.ranks import DIFFERENCES, RNG, Difference, differences, may_differ, put_in
from minnet.saving.run_parts import Beginning, RunParts, Survey, decides
from minnet.saving.run_state import Snapshot, capture, content_of
from minnet.saving.schema import is_own
from minnet.saving.settings import CLASS


class JobState:
    """The state of a fit in a job, which begins on all ranks as on rank 0, and goes on from a checkpoint of all.

    What differs by rank are random numbers (see `minnet.mpi.randomness`), what the script gave to objects of its own
    classes, if it is a number or a text (such as the number of the rank), and what such objects come to remember.

    Attributes
    ----------
    rng : Generator
        What draws for the loader's transform on this rank.
    """

    def __init__(self, mpi: MPI, parts: RunParts) -> None:
        self._mpi, self._parts = mpi, parts
        # Of the fit before: the loader's Generator, the one of its transform, and the other sources of this rank.
        before = parts.state.randomness
        self._order = parts.read.rng if by_rows(parts.read) else None
        self._goes_on = bool(before) and before[0] is self._order
        self.rng: np.random.Generator = before[1] if self._goes_on else np.random.default_rng(mpi.rank)
        self._before = {id(source): copy.deepcopy(source) for source in before[2:]}
        self._own: list[Difference] = []  # how this rank differs when the fit begins

    def begin(self, position: State, find: Callable[[], Snapshot | None]) -> Snapshot | None:
        """Become like rank 0, and return what all go on from: what `find` finds there, or None.

        Rank 0 alone reads the file, because the other machines may not have it. Raises on all ranks what `find` raises,
        and ValueError if the parts of a rank are not like those of rank 0.
        """
        mpi, parts, found, sent = self._mpi, self._parts, None, None
        survey = Survey(parts)
        with together(mpi):
            if mpi.rank == 0:
                found = find()
            self._beginning = Beginning(survey)
            mine = capture(survey, position, self._beginning)
            if mpi.rank == 0:
                sent = content_of(parts, mine), found and (found.path, found.content)
        first, file = mpi.broadcast(sent)
        with together(mpi):
            if mpi.rank:
                self._become(Snapshot(Path("rank 0"), first), survey, position, mine)
            self._draw(position)
        with together(mpi):
            if mpi.rank and file:
                found = self._adapted(Snapshot(*file), position)
            if found is not None:
                self._take_up(found.state["ranks"])
        return found

    def note(self) -> None:
        """Note what the callbacks have made when the run began."""
        self._beginning.note_objects(Survey(self._parts))

    def save(self, checkpoint: Checkpoint, position: State) -> None:
        """Write a checkpoint of all ranks, on rank 0; the others take over what came of it."""
        mpi = self._mpi
        mine: State | None = None
        error = ""
        try:
            mine = self._may_differ(capture(Survey(self._parts), position, self._beginning))
        except Exception as failure:
            error = f"rank {mpi.rank} of {mpi.size} raised {type(failure).__name__}: {failure}"
        first = mpi.broadcast(mine)
        found = [] if mine is None or first is None else differences(mine, first)
        ranks = mpi.gather((error, {DIFFERENCES: found, RNG: self.rng}))

        def of_all() -> list[State]:
            if error := next(filter(None, (error for error, _ in ranks)), ""):
                raise RankError(error)
            return [rank for _, rank in ranks]

        with together(mpi):
            if mpi.rank == 0:
                checkpoint.save(self._parts, position, of_all)
        checkpoint.take_over(mpi.broadcast(checkpoint.outcome()))

    def _become(self, like: Snapshot, survey: Survey, position: State, mine: State) -> None:
        """Restore the state of rank 0, and keep what is this rank's own."""
        parts = self._parts
        first = copy.deepcopy(may_differ(like.state, "loader", "sets"))
        try:
            _keep_own(like.state, survey, mine)
            found = like.differences(survey, position, self._beginning, begun=False)
        except CheckpointError as error:
            found = [str(error).partition("minnet writes ")[2] or str(error)]
        except LookupError as error:
            found = [f"what it holds under {brief(str(error))}"]
        if found:
            lines = "\n  ".join(line.replace(" in the checkpoint", " on rank 0") for line in listed(found))
            raise ValueError(
                f"rank {self._mpi.rank} differs from rank 0 in {len(found):,} place{'s' * (len(found) > 1)} (let the "
                "script make the same model, loss, optimizer, loader and callbacks on every rank; callbacks that write "
                f"are called on rank 0 only):\n  {lines}"
            )
        parts.state.load_state_dict(like.state["trainer"])
        like.restore(parts)
        for callback, (_, state) in zip(parts.callbacks, like.state["callbacks"], strict=True):
            if not (is_own(callback) or decides(callback) or callback.rank_zero_only):
                callback.load_state_dict(state)
        self._first = first

    def _draw(self, position: State) -> None:
        """Let this rank draw random numbers of its own, from the states of rank 0 that it has now."""
        parts, rank = self._parts, self._mpi.rank

        def now() -> State:
            return capture(Survey(parts), position, self._beginning)

        if self._order is not None and not self._goes_on:
            update_in_place(self.rng, another(self._order, rank))
        separate(parts, now(), rank)
        if rank:
            differ(parts, now(), rank, self._before)
            self._own = differences(may_differ(now(), "loader", "sets"), self._first)
        parts.state.randomness = [self._order, self.rng, *sources(parts, now()).values()]
        parts.parallel.remember()

    def _adapted(self, snapshot: Snapshot, position: State) -> Snapshot:
        """Return a checkpoint's state of rank 0 as that of this rank."""
        state, parts = snapshot.state, self._parts
        began = state["run"]["began"]
        for place, *value in self._own:
            with suppress(LookupError):
                put_in(state, [[place, *value]])
            if began is not None and place[0] == "loader":
                with suppress(LookupError):
                    put_in({"loader": began}, [[place, *value]])
        if self._mpi.rank < len(state["ranks"]):
            try:
                put_in(state, state["ranks"][self._mpi.rank][DIFFERENCES])
            except (LookupError, TypeError, ValueError) as error:
                what = f"{snapshot.path}: what it holds of rank {self._mpi.rank} does not fit this run"
                raise CheckpointError(f"{what} ({brief(error)})") from None
        for i, callback in enumerate(parts.callbacks):
            if callback.rank_zero_only:  # it did not begin here
                state["callbacks"][i][1] = callback.state_dict()
                state["objects"] = {
                    p: data for p, data in state["objects"].items() if not p.startswith(f"callbacks[{i}]")
                }
        state["beginning"]["given"] = self._beginning.given
        survey = Survey(parts)
        snapshot.check(survey, position, Beginning(survey))
        return snapshot

    def _take_up(self, ranks: list[State]) -> None:
        """Go on with the transform's random numbers, and say if the number of ranks is another."""
        rank, size, then = self._mpi.rank, self._mpi.size, max(len(ranks), 1)
        if rank < len(ranks):
            update_in_place(self.rng, ranks[rank][RNG])
        if rank == 0 and then != size:
            announce(
                f"the run had {then} rank{'s' * (then > 1)} and goes on with {size}: it is the same to rounding, but "
                "for the random numbers of dropout and transforms"
            )

    def _may_differ(self, state: State) -> State:
        return may_differ(state, *(["loader"] if by_rows(self._parts.read) else []))


def _keep_own(theirs: State, survey: Survey, mine: State) -> None:
    """Put into the state of rank 0 the numbers and texts that the script gave to objects of its own classes here."""
    given, own = theirs["beginning"]["given"], mine["beginning"]["given"]
    try:
        there = {path: data for path, _, data in sections(survey, theirs)}
    except (LookupError, ValueError):  # of other parts, which is said elsewhere
        return
    for path, owner, data in sections(survey, mine):
        if is_own(owner):
            continue
        if path in given and path in own and given[path].get(CLASS) == own[path].get(CLASS):
            given[path] = own[path]
        for name, value in data.items():
            if type(value) in ATOMS and type(there.get(path, {}).get(name, ())) in ATOMS:
                there[path][name] = value
