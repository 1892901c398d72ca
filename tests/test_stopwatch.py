"""A stopwatch times jobs in processes of its own, in turn, and survives theirs."""

import os
import signal
import sys
import time
from contextlib import closing

import pytest

from minnet import stopwatch
from minnet.stopwatch import Stopwatch, race


@pytest.fixture
def source(tmp_path, monkeypatch):
    """Make a module of jobs that are quick, and tell what is set where they run."""
    (tmp_path / "some_jobs.py").write_text(
        "import os, sys, time\n"
        "def jobs(value=0.5, log=None):\n"
        "    if os.environ.get('FATE') == 'dies':\n"
        "        sys.exit(1)\n"
        "    if os.environ.get('FATE') == 'hangs':\n"
        "        time.sleep(60)\n"
        "    if os.environ.get('FATE') == 'babbles':\n"
        "        print('hello', flush=True)\n"
        "    def job(more):\n"
        "        if log:\n"
        "            with open(log, 'a') as file:\n"
        "                file.write(os.environ.get('NAME', '-'))\n"
        "        return [0.0, value, 3 * value, 4 * value]\n"
        "    return {'job': job, 'is set': lambda more: [0.0, float(os.environ.get('NUMBER', '0'))]}\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    return "some_jobs:jobs"


def test_a_round_is_the_median_of_each_job(source):
    with closing(Stopwatch(source, {"value": 0.25}, {})) as watch:
        assert watch.round() == {"job": 0.25, "is set": 0.0}
        if os.name == "posix":  # Ctrl-C is for the parent
            watch.process.send_signal(signal.SIGINT)
        assert watch.round() == {"job": 0.25, "is set": 0.0}


def test_changes_of_the_environment_are_its_own(source, monkeypatch):
    monkeypatch.setenv("NUMBER", "3")
    times = race(source, {}, {"set": {"NUMBER": "7"}, "unset": {"NUMBER": None}}, seconds=0)
    assert {name: jobs["is set"][0] for name, jobs in times.items()} == {"set": 7, "unset": 0}
    assert os.environ["NUMBER"] == "3"


def test_rounds_take_turns_and_each_begins_where_the_last_one_ended(source, tmp_path):
    log, told = tmp_path / "log", []
    variants = {"a": {"NAME": "a"}, "b": {"NAME": "b"}}
    times = race(source, {"log": str(log)}, variants, seconds=0, tell=told.append)
    assert log.read_text() == "ab" + "ba" + "ab" + "ba" + "ab" + "ba"  # warm up, then the fewest rounds
    assert {len(seconds) for jobs in times.values() for seconds in jobs.values()} == {stopwatch.FEWEST}
    assert told[:3] == ["warming up 1 of 2", "warming up 2 of 2", "round 1 of 15 at most, 0 of about 0 s"]


def test_a_process_that_fails_has_no_times_and_the_others_go_on(source):
    variants = {"good": {}, "dies": {"FATE": "dies"}, "babbles": {"FATE": "babbles"}}
    times = race(source, {}, variants, seconds=0)
    assert len(times["good"]["job"]) == stopwatch.FEWEST
    assert times["dies"] == times["babbles"] == {}


def test_a_process_that_does_not_answer_is_given_up(source):
    assert race(source, {}, {"hangs": {"FATE": "hangs"}}, seconds=0, timeout=0.2) == {"hangs": {}}


def test_a_python_that_cannot_be_started(source, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    assert race(source, {}, {"as is": {}}, seconds=0) == {"as is": {}}


def test_an_error_leaves_no_process_behind(source, monkeypatch):
    made = []

    class Noted(Stopwatch):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            made.append(self.process)

    def interrupt(message):
        raise KeyboardInterrupt

    monkeypatch.setattr(stopwatch, "Stopwatch", Noted)
    with pytest.raises(KeyboardInterrupt):
        race(source, {}, {"a": {}, "b": {}}, seconds=0, tell=interrupt)
    assert len(made) == 2
    assert all(process.returncode is not None for process in made)


def test_it_goes_on_until_its_budget_is_spent():
    budget = stopwatch.BUDGET
    assert stopwatch.more([5.0])
    assert stopwatch.more([5.0, 5.0 + budget / 9])
    assert stopwatch.more([5.0, 5.0 + 2 * budget])  # three times at least
    assert not stopwatch.more([5.0, 5.1, 5.2, 5.0 + 2 * budget])
    assert not stopwatch.more([5.0, 5.0 + 11 * budget])  # if it does not take very long


def test_timed_calls_as_often_as_asked():
    calls = []
    stamps = stopwatch.timed(lambda: calls.append(1))(lambda stamps: len(stamps) < 4)
    assert len(calls) == 3
    assert len(stopwatch.durations(stamps)) == 3
    assert min(stopwatch.durations(stamps)) >= 0


def test_waits_for_busy_threads_but_not_for_ever(monkeypatch):
    busy = iter(range(1000))
    monkeypatch.setattr(time, "process_time", lambda: next(busy))
    stopwatch._wait_for_threads(0.03)
    assert 2 <= next(busy) < 100
    monkeypatch.setattr(time, "process_time", lambda: 1.0)
    stopwatch._wait_for_threads(60)
