"""Runs that are killed, and started again, end as if nobody had killed them. (Many more kills: kills.py.)"""

import functools
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from kills import Strike, child, end_of, fresh, reference, start, unlike, whole
from run_configurations import CONFIGURATIONS, digest

import minnet as mn

pytestmark = pytest.mark.slow
PROGRAM = Path(__file__).with_name("kills.py")
KILLS = 4 * len(CONFIGURATIONS)


@pytest.fixture(scope="module")
def expected(quick):
    """Give what a configuration ends with if nobody kills it: expected(name)."""
    return functools.cache(lambda name: reference(name, quick / "whole")[0])


@pytest.fixture
def folder(quick):
    """Give a folder that is empty."""
    return fresh(quick / "run")


def run(*arguments):
    return subprocess.run([sys.executable, PROGRAM, *map(str, arguments)], capture_output=True, text=True, check=False)


def test_after_kills_at_random_moments_the_end_is_the_same_to_the_last_bit(tmp_path, quick):
    done = run("--kills", KILLS, "--seed", 1, "--place", quick, "--json", tmp_path / "kills.json")
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads((tmp_path / "kills.json").read_text())
    assert figures["kills"] == KILLS >= 60
    assert figures["in a write"] > 0
    assert [name for name, figure in figures["configurations"].items() if not figure["equal"]] == []


def test_a_program_that_is_started_again_ends_like_another_process(folder):
    job = CONFIGURATIONS["dropout"]()
    job.run()
    for moment in ("half written", "just renamed"):
        done = run("--child", "dropout", folder, "--signal", "SIGKILL", moment, 9)
        assert done.returncode == -signal.SIGKILL
    assert whole(folder) > 0
    assert run("--child", "dropout", folder).returncode == 0
    assert end_of(folder) == digest(job)


@pytest.mark.parametrize("moment", ["half written", "not renamed", "just renamed", "before pruning"])
@pytest.mark.parametrize("write", [1, 3, 4])  # the probe, best.safetensors after step 7, and the checkpoint of step 7
def test_a_kill_between_the_best_and_the_newest_loses_neither(folder, expected, moment, write):
    assert start("momentum", folder, Strike(moment, write)) == -signal.SIGKILL
    assert start("momentum", folder) == 0
    assert unlike(end_of(folder), expected("momentum")) == []
    assert not list((folder / "checkpoints").glob(".*"))


def test_the_digest_sees_a_single_bit():
    job = CONFIGURATIONS["momentum"]()
    job.fit["steps"] = 3
    job.run()
    before = digest(job)
    weight = job.trainer.model.layers[0].weight.data
    weight[0, 0] = -weight[0, 0]
    job.trainer.optimizer.state["step"][0] += 1
    job.loader.rng.random()
    assert unlike(digest(job), before) == ["weights", "optimizer", "loaders"]


@pytest.mark.parametrize("where", ["step", "not on the disk"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("name", ["momentum", "averaging", "threads"])
def test_a_signal_leaves_a_checkpoint_at_the_step_it_reached(folder, expected, name, number, where):
    assert start(name, folder, Strike(where, 22 if where == "step" else 3, number)) == (
        143 if number == signal.SIGTERM else 0
    )
    assert end_of(folder) is None
    assert where != "step" or whole(folder) == 22
    assert start(name, folder) == 0
    assert unlike(end_of(folder), expected(name)) == []


@pytest.mark.parametrize("where", ["step", "half written", "not renamed"])
def test_a_second_ctrl_c_breaks_through(folder, expected, where):
    assert start("dropout", folder, Strike(where, 22 if where == "step" else 5, signal.SIGINT, times=2)) == 0
    assert end_of(folder) is None
    assert "there to go on from" in (folder / "output.txt").read_text()
    assert 0 < whole(folder) < 22  # it did not wait for the step, or the file
    assert start("dropout", folder) == 0
    assert unlike(end_of(folder), expected("dropout")) == []


def test_sigterm_in_the_last_step_ends_the_script_all_the_same(folder, expected):
    assert start("momentum", folder, Strike("step", 90, signal.SIGTERM)) == 143
    assert end_of(folder) is None
    assert start("momentum", folder) == 0
    assert "is complete: nothing is left to do" in (folder / "output.txt").read_text()
    assert unlike(end_of(folder), expected("momentum")) == []


def test_a_child_can_be_run_in_this_process_too(folder):
    trainer = child("sgd", folder)
    assert isinstance(trainer, mn.Trainer)
    assert end_of(folder)["history"] == digest_of("sgd")["history"]


def digest_of(name):
    job = CONFIGURATIONS[name]()
    job.run()
    return digest(job)
