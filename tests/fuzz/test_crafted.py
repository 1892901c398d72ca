"""Checkpoints with correct digests that are made to hurt: each is refused, and the run is as it was."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("resource")  # not on Windows

import crafted
import victim
from hostile import hostile

import minnet as mn
from minnet.errors import CheckpointError
from minnet.saving.run_state import Snapshot
from minnet.saving.serialize import encode
from minnet.saving.tensorfile import read_tensors, write_tensors


def outcomes(tmp_path, which, stride):
    """Try crafted checkpoints in a process with a limit on its memory, which ends if one of them takes too long."""
    command = [sys.executable, crafted.__file__, which, str(stride)]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=600)
    assert result.returncode == 0, result.stderr[-3000:]
    assert not list(tmp_path.iterdir())  # nothing is written where a file says
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.mark.slow
def test_each_hostile_checkpoint_is_refused_and_nothing_has_changed(tmp_path):
    found = outcomes(tmp_path, "hostile", 1)
    assert len(found) >= 241
    assert not [outcome for outcome in found if outcome[1] != "refused"]


@pytest.mark.slow
def test_anything_anywhere_is_refused_or_harmless(tmp_path):
    """A number in place of a number may be read; then the run goes on, or it diverges, or a log does not fit."""
    found = outcomes(tmp_path, "anywhere", 11)
    kinds = {kind for _, kind, _ in found}
    assert len(found) > 600
    assert sum(kind == "refused" for _, kind, _ in found) > 0.9 * len(found)
    assert kinds <= {"refused", "read", "diverged", "ValueError"}
    assert all("CSVLogger: " in message for _, kind, message in found if kind == "ValueError")


def test_the_run_that_they_are_made_from_goes_on(tmp_path):
    good = crafted.good(tmp_path / "good")
    crafted.Change().write(tmp_path / "again", good)
    assert crafted.attempt(tmp_path / "again") == ("read", "")


@pytest.mark.parametrize("place", ["trainer/epoch = -1", "weight of a layer", "a path for nothing"])
def test_some_of_them_here(tmp_path, place):
    good = crafted.good(tmp_path / "good")
    hostile(good)[place].write(tmp_path / "hostile", good)
    kind, message = crafted.attempt(tmp_path / "hostile")
    assert kind == "refused"
    assert str(Path("hostile") / "run") in message


def test_an_endless_loader_is_not_read_as_often_as_a_file_claims(tmp_path):
    def batches():
        while True:
            yield victim.X[:8], victim.Y[:8]

    class Endless:
        def __iter__(self):
            return batches()

    def fit(folder):
        model = mn.Sequential(mn.Linear(4, 3, rng=0))
        trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1))
        trainer.fit(Endless(), steps=5, checkpoint=folder, progress=False)
        return trainer

    fit(tmp_path / "good")
    (path,) = (tmp_path / "good").glob("step-*")
    tensors, metadata = read_tensors(path)
    state = Snapshot(path).state
    state["trainer"]["step"] = state["run"]["in_epoch"] = state["run"]["row_at"] = 2**60
    arrays = {}
    text = json.dumps(encode(state, arrays, "state"))
    (tmp_path / "hostile").mkdir()
    metadata = {"kind": "checkpoint", "structure": metadata["structure"], "state": text}
    write_tensors(tmp_path / "hostile" / path.name, tensors | arrays, metadata)
    with pytest.raises(CheckpointError, match="claims that 1,152,921,504,606,846,976 batches"):
        fit(tmp_path / "hostile")
