"""Disks that are full, read-only, gone or damaged: training goes on, says so, and what was whole stays whole."""

import errno
import functools
import io
import json
import multiprocessing
import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from kills import best_of, leftovers, unlike, whole
from run_configurations import CONFIGURATIONS, digest

import minnet as mn
from minnet.errors import CheckpointError, CheckpointWarning
from minnet.saving.checkpoint import BEST, Checkpoint
from minnet.saving.run_state import Snapshot

FAILS = range(21, 60)  # the steps after which the disk fails
READY = "the newest is step-000000020.safetensors"


def make(name="momentum", after=None):
    """Make a run; `after` says what is to be done after which steps, and what was written after them."""
    job = CONFIGURATIONS[name]()
    trainer, update = job.trainer, job.trainer.update

    def updated():
        (after or {}).get(trainer.step, lambda: None)()
        update()

    trainer.update = updated
    return job


def run(folder, after=None, name="momentum", callbacks=(), **options):
    """Train with checkpoints; return the job, and the warnings."""
    job = make(name, after)
    job.callbacks += callbacks
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        job.run(checkpoint=Checkpoint(folder, **({"every": 4, "keep": 2, "best": job.best} | options)))
    assert all(warning.category is CheckpointWarning for warning in caught), [str(w.message) for w in caught]
    return job, [str(warning.message) for warning in caught]


@functools.cache
def ended(name="momentum"):
    """Return the digests of a run that keeps no checkpoints."""
    job = make(name)
    job.run()
    return digest(job)


def same(job, name="momentum"):
    """Whether a run ended as one does that nothing happened to."""
    return unlike(digest(job), ended(name)) == []


class FullFile(io.FileIO):
    """A file on a disk that has room for half of it."""

    def write(self, content):
        super().write(content[: len(content) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def break_disk(patch, where):
    """Let writing, syncing or renaming fail."""

    def fail(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if where == "write":
        patch.setattr(Path, "open", lambda path, mode: FullFile(path, mode))
    elif where == "fsync":
        patch.setattr(os, "fsync", fail)
    else:
        patch.setattr(Path, "replace", fail)


@pytest.mark.parametrize("where", ["write", "fsync", "rename"])
def test_a_full_disk_ends_no_training(tmp_path, where):
    patch = pytest.MonkeyPatch()
    seen = []

    def look():
        patch.undo()
        assert whole(tmp_path) == 20
        seen.extend(path.name for path in (tmp_path / "checkpoints").iterdir() if path.name != BEST)

    after = {FAILS.start: lambda: break_disk(patch, where), FAILS.stop: look}
    job, messages = run(tmp_path / "checkpoints", after)
    assert same(job)
    assert sorted(seen) == ["step-000000016.safetensors", "step-000000020.safetensors"]  # no half of a file beside
    assert whole(tmp_path) == 90
    assert leftovers(tmp_path) == []
    # One warning for each that was due: after 24, 28, …, 60, and after rows that may have been better: 28, 35, 42, ….
    due = {*range(24, 61, 4)} | {*range(28, 61, 7)}
    assert len(range(24, 61, 4)) <= len(messages) <= len(due)
    for text in ("after step 24", str(tmp_path / "checkpoints"), "No space left", "bytes are free there", READY):
        assert text in messages[0]


def test_a_best_that_could_not_be_written_waits_for_a_better_one(tmp_path):
    class Score(mn.callbacks.Callback):
        def on_row(self, trainer, row):
            row["score"] = {7: 1.0, 14: 3.0, 21: 2.0, 28: 2.5}.get(trainer.step, 0.0)

    patch = pytest.MonkeyPatch()
    after = {13: lambda: break_disk(patch, "write"), 16: patch.undo}
    _, messages = run(tmp_path, after, callbacks=[Score()], best="score", mode="max", every=100)
    assert len(messages) == 1
    assert Snapshot(tmp_path / BEST).step == 28  # the best of those that are on the disk


def limited(folder):
    """Train while no file may be larger than 4 KiB for some steps, and write down what happened."""
    import resource  # not on every system

    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    after = {
        FAILS.start: lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 12, most)),
        FAILS.stop: lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)),
    }
    job, messages = run(folder / "checkpoints", after)
    (folder / "result.json").write_text(json.dumps([digest(job), messages]), encoding="utf-8")


def test_a_limit_on_the_size_of_files(tmp_path):
    pytest.importorskip("resource")
    process = multiprocessing.get_context("fork").Process(target=limited, args=(tmp_path,))
    process.start()
    process.join()
    assert process.exitcode == 0
    found, messages = json.loads((tmp_path / "result.json").read_text(encoding="utf-8"))
    assert unlike(found, ended()) == []
    assert "File too large" in messages[0]
    assert READY in messages[0]
    assert whole(tmp_path) == 90
    assert leftovers(tmp_path) == []


def test_a_folder_that_vanishes_and_comes_back(tmp_path):
    folder, away = tmp_path / "checkpoints", tmp_path / "away"
    after = {FAILS.start: lambda: folder.rename(away), FAILS.stop: lambda: away.rename(folder)}
    job, messages = run(folder, after)
    assert same(job)
    assert f"after step 24 in {folder} (No such file or directory); training goes on, {READY}" in messages[0]
    assert whole(tmp_path) == 90
    assert leftovers(tmp_path) == []


def test_a_folder_that_vanishes_for_good(tmp_path):
    folder, away = tmp_path / "checkpoints", tmp_path / "away"
    job, messages = run(folder, {FAILS.start: lambda: folder.rename(away)})
    assert same(job)
    assert "after step 90" in messages[-1]
    assert not folder.exists()
    away.rename(folder)
    job, messages = run(folder)  # goes on from step 20
    assert messages == []
    assert same(job)


def test_a_folder_that_is_a_file(tmp_path):
    (tmp_path / "file").write_text("mine")
    for folder in (tmp_path / "file", tmp_path / "file" / "inside"):
        with pytest.raises(OSError, match=r".*: choose another folder\. Checkpoints cannot be written to: .*file"):
            run(folder)
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="there is no /proc")
def test_a_file_system_without_room_for_folders():
    job = make()
    with pytest.raises(OSError, match=r".*: choose another folder\. Checkpoints cannot be written to: '/proc/minnet'"):
        job.run(checkpoint="/proc/minnet")
    assert job.trainer.step == 0  # it is said before the first step


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_the_right_to_write(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError, match="Permission denied: choose another folder"):
        run(tmp_path)


def test_a_file_system_that_is_read_only(tmp_path, monkeypatch):
    def read_only(path, mode):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Path, "open", read_only)
    with pytest.raises(OSError, match="Read-only file system: choose another folder"):
        run(tmp_path)


@pytest.mark.parametrize("keep", [1, 2, 5])
def test_older_ones_are_removed(tmp_path, keep):
    counts = []
    run(
        tmp_path,
        dict.fromkeys(range(90), lambda: counts.append(len(Checkpoint(tmp_path).files()))),
        keep=keep,
        best=None,
    )
    assert max(counts) == keep
    assert [Snapshot(path).step for path in Checkpoint(tmp_path).files()] == [76, 80, 84, 88, 90][-keep:]


def test_the_best_holds_the_weights_of_the_best_row(tmp_path):
    job, _ = run(tmp_path / "checkpoints", name="averaging")
    best = min(job.trainer.history, key=lambda row: row["test_loss"])
    assert json.loads(best_of(tmp_path))[0] == best["step"]
    again = make("averaging")
    mn.load(again.trainer.model, tmp_path / "checkpoints" / BEST)
    assert again.trainer.evaluate(again.fit["evaluate"]["test"])["loss"] == best["test_loss"]
    # Which are those that early stopping put back.
    assert [p.data.tobytes() for p in again.trainer.model.parameters()] == [
        p.data.tobytes() for p in job.trainer.model.parameters()
    ]


class KilledError(Exception):
    """What ends a run in these tests as a kill does: without a last checkpoint."""


def killed(folder, step, name="momentum", keep=3):
    """Train as far as a step."""

    def kill():
        raise KilledError

    with pytest.raises(KilledError):
        make(name, {step: kill}).run(checkpoint=Checkpoint(folder, every=10, keep=keep))


DAMAGES = {
    "empty": lambda content: b"",
    "cut": lambda content: content[: len(content) // 2],
    "one byte short": lambda content: content[:-1],
    "one bit": lambda content: content[:-5] + bytes([content[-5] ^ 1]) + content[-4:],
    "a bit of the header": lambda content: content[:100] + bytes([content[100] ^ 1]) + content[101:],
    "zeros": lambda content: bytes(len(content)),
    "something else": lambda content: b"GIF89a" + content,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_of_a_damaged_one_the_one_before_is_used(tmp_path, damage):
    killed(tmp_path, 47)
    newest = tmp_path / "step-000000040.safetensors"
    newest.write_bytes(damage(newest.read_bytes()))
    seen = []
    job, messages = run(tmp_path, {30: lambda: seen.append(30)})
    assert seen == [30]
    assert len(messages) == 1
    assert messages[0].startswith(str(newest))
    assert messages[0].endswith("an older one is tried")
    assert same(job)


def test_a_damaged_one_of_a_later_step_takes_no_place(tmp_path):
    killed(tmp_path, 47, keep=2)
    (tmp_path / "step-000000040.safetensors").write_bytes(b"")

    def kill():
        raise KilledError

    with pytest.warns(CheckpointWarning), pytest.raises(KilledError):
        make(after={37: kill}).run(checkpoint=Checkpoint(tmp_path, every=4, keep=1))
    job, messages = run(tmp_path)  # there is still one to go on from
    assert len(messages) == 1
    assert same(job)


def test_none_is_whole(tmp_path):
    killed(tmp_path, 47)
    for path in Checkpoint(tmp_path).files():
        path.write_bytes(path.read_bytes()[:-1])
    with pytest.warns(CheckpointWarning) as caught, pytest.raises(CheckpointError, match="3 checkpoints, and none is"):
        make().run(checkpoint=tmp_path)
    assert len(caught) == 3
    job, _ = run(tmp_path / "new")
    assert same(job)


def test_of_another_run_each_difference_is_named(tmp_path):
    killed(tmp_path, 47)
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    model = mn.Sequential(mn.Linear(12, 20, rng=0), mn.ReLU(), mn.Linear(20, 4, rng=0))
    trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.Adam(model.parameters()), accumulate=2)
    X, y = np.zeros((50, 12), np.float32), np.zeros(50, np.int64)
    with pytest.raises(CheckpointError) as caught:
        trainer.fit(
            mn.DataLoader(X, y, 32, shuffle=True), steps=90, every=9, evaluate={"test": (X, y)}, checkpoint=tmp_path
        )
    text = str(caught.value)
    for part in (
        *(
            "differs in 12 places",
            "layers[0].weight",
            "layers[2].weight",
            "batch_size: 32 now, 16 in the checkpoint",
            "samples: [50, 12]",
        ),
        *("the evaluation sets: ['test'] now, ['train'] in", "the callbacks: [] now, ['ClipGradNorm', 'MaxNorm']"),
        *("every: 9 now, 7 in", "accumulate: 2 now, 1 in", "the optimizer: Adam now, SGD in"),
    ):
        assert part in text, text
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == files


def test_a_used_folder_without_leave_to_go_on(tmp_path):
    killed(tmp_path, 47)
    with pytest.raises(CheckpointError, match=r"an earlier run, up to step-000000040.*choose another folder"):
        make().run(checkpoint=tmp_path, resume=None)
    job = make()
    job.run(checkpoint=tmp_path / "new", resume=None)
    assert same(job)


def test_from_a_file_into_another_folder(tmp_path):
    killed(tmp_path / "old", 47)
    seen = []
    job = make(after={n: functools.partial(seen.append, n) for n in range(90)})
    job.run(checkpoint=tmp_path / "new", resume=tmp_path / "old" / "step-000000020.safetensors")
    assert seen == list(range(20, 90))
    assert same(job)


@pytest.mark.parametrize("name", ["momentum", "averaging", "threads"])
def test_a_run_that_is_complete_returns_at_once(tmp_path, name):
    run(tmp_path, name=name)
    before = sorted(tmp_path.iterdir())

    def never():
        pytest.fail("a step was made")

    job, messages = run(tmp_path, dict.fromkeys(range(100), never), name=name)
    assert messages == []
    assert same(job, name)  # early stopping has put its best weights back
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("name", ["sgd", "dropout", "plain iterable"])
def test_more_epochs_go_on_exactly(tmp_path, name):
    for epochs in (1, 3, 4):
        job = make(name)
        job.fit["epochs"] = epochs
        job.run(checkpoint=tmp_path)
    if name == "plain iterable":  # its rows come every 11 steps, and one more where a run ends
        assert unlike(digest(job), ended(name)) == ["history"]
    else:
        assert same(job, name)


def test_fit_twice_in_a_process(tmp_path):
    def script(*folders):
        job = make()
        for folder in folders:
            job.run(checkpoint=folder)
        return job

    once_more = script(None, None)
    for folders in ([tmp_path / "one"] * 2, [tmp_path / "a", tmp_path / "b"]):
        assert unlike(digest(script(*folders)), digest(once_more)) == []


def test_a_script_with_two_fits_is_killed_in_the_second(tmp_path):
    def script(after=None, checkpoints=True):
        job = make("dropout", after)
        for folder in (tmp_path / "a", tmp_path / "b"):
            job.run(checkpoint=Checkpoint(folder, every=7) if checkpoints else None)
        return job

    def kill():
        raise KilledError

    for step in (55, 155, 180):  # the first fit has 100
        with pytest.raises(KilledError):
            script({step: kill})
    assert unlike(digest(script()), digest(script(checkpoints=False))) == []
