"""A fit says once that BLAS's threads wait for processors; the numbers here are given, and never measured."""

import os
import threading
import time

import numpy as np
import pytest
from helpers import linear_problem, small_trainer

import minnet as mn
from minnet.callbacks import busy_machine
from minnet.callbacks.busy_machine import BusyMachine, Share, advice, largest_product, look, share

X, Y = linear_problem(40)
OWN, HELPER, IDLE = 100, 101, 102
POOL = {"user_api": "blas", "internal_api": "openblas", "num_threads": 2, "filepath": "/numpy.libs/x.so"}


@pytest.fixture(autouse=True)
def _unsaid(monkeypatch):
    monkeypatch.setattr(BusyMachine, "said", False)
    monkeypatch.setattr(busy_machine.blas, "loaded", lambda: [POOL])
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)


@pytest.mark.parametrize(
    ("own", "helper", "crowded"),
    [  # of half a second: (computed, waited)
        ((0.5, 0.0), (0.5, 0.0), False),  # a quiet machine: both compute, or wait for each other in a loop
        ((0.45, 0.02), (0.43, 0.07), False),  # and one with some other work
        ((0.23, 0.25), (0.36, 0.15), True),  # another program has a processor
        ((0.5, 0.0), (0.1, 0.4), True),  # it has the helper's
        ((0.17, 0.33), (0.0, 0.0), False),  # one thread waits, too; but nothing can be done
        ((0.17, 0.33), (0.01, 0.01), False),  # a helper that was only started
    ],
)
def test_when_threads_wait(own, helper, crowded):
    before = {OWN: (1.0, 0.5), HELPER: (0.7, 0.1), IDLE: (0.2, 0.2)}
    after = {OWN: (1.0 + own[0], 0.5 + own[1]), HELPER: (0.7 + helper[0], 0.1 + helper[1]), IDLE: (0.2, 0.2)}
    assert share(before, after, 0.5, OWN).crowded is crowded


def test_sixteen_threads_on_two_processors():
    times = dict.fromkeys(range(OWN, OWN + 16), (0.06, 0.44))
    seen = share({}, times, 0.5, OWN)
    assert seen.crowded
    assert (seen.helpers, round(seen.computed, 2), round(seen.waited, 2)) == (15, 0.96, 7.04)


def test_threads_that_begin_and_end_meanwhile():
    seen = share({OWN: (1.0, 0.0), 1: (5.0, 5.0)}, {OWN: (1.2, 0.3), 2: (0.2, 0.1)}, 0.5, OWN)
    assert (seen.helpers, round(seen.computed, 3), round(seen.waited, 3)) == (1, 0.4, 0.4)


CROWDED = Share(1.0, 1, 1.2, 0.8)


def test_the_advice_has_the_figures_and_the_variable():
    text = advice(CROWDED, {})
    assert "In 1.0 s of this fit, their 2 threads computed for 1.2 s and waited for 0.8 s" in text
    assert "set OPENBLAS_NUM_THREADS=1 before Python starts" in text


@pytest.mark.parametrize(
    ("pools", "environment", "variable"),
    [
        ([POOL | {"internal_api": "mkl"}], {"OPENBLAS_NUM_THREADS": "1"}, "MKL_NUM_THREADS"),
        ([POOL], {"OPENBLAS_NUM_THREADS": "2"}, "OPENBLAS_NUM_THREADS"),
        ([POOL], {"OPENBLAS_NUM_THREADS": "1"}, None),  # then it is another library's threads that wait
        ([POOL | {"num_threads": 1}], {}, None),  # limited by threadpoolctl
        ([POOL | {"num_threads": 1}, POOL], {}, "OPENBLAS_NUM_THREADS"),
        (None, {}, "MKL_NUM_THREADS"),  # without threadpoolctl, by what NumPy was built with
        ([], {}, "MKL_NUM_THREADS"),
    ],
)
def test_the_advice_fits_the_blas(pools, environment, variable, monkeypatch):
    monkeypatch.setattr(busy_machine.blas, "loaded", lambda: pools)
    monkeypatch.setattr(busy_machine.blas, "built_with", lambda: {"name": "mkl"})
    text = advice(CROWDED, environment)
    assert text is None if variable is None else f"set {variable}=1 " in text


def test_other_threads_of_python_are_no_helpers():
    times = {OWN: (0.5, 0.0), HELPER: (0.4, 0.1), 7: (0.3, 0.3), 8: (0.0, 0.0)}
    assert share({}, times, 0.5, OWN, pythons={OWN, 7, 8}) == Share(0.5, 1, 0.9, 0.1, alone=False)
    assert share({}, times, 0.5, OWN, pythons={OWN, 8}).alone


def test_a_look(tmp_path):
    for name, text in (
        ("4000000", "1500000000 250000000 7\n"),
        ("4000001", ""),  # it has just ended
        ("self", "1 1 1\n"),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "schedstat").write_text(text)
    (tmp_path / "4000002").mkdir()
    assert look(str(tmp_path)) == {4000000: (1.5, 0.25)}


def test_a_system_that_does_not_tell(tmp_path):
    assert look(str(tmp_path / "no proc")) == {}


@pytest.mark.skipif(not os.path.exists("/proc/thread-self/schedstat"), reason="only Linux tells")
def test_what_the_system_tells_grows_with_what_this_thread_does():
    own, end = threading.get_native_id(), time.thread_time() + 0.02
    before = look()[own]
    while time.thread_time() < end:
        pass
    assert look()[own][0] - before[0] >= 0.015


class Machine:
    """Stands in for `look`: its threads wait for a share of the time, look after look."""

    def __init__(self, *waiting, helpers=(HELPER,)):
        self.waiting, self.looks, self.total, self.at = waiting, 0, 0.0, time.perf_counter()
        self.helpers = helpers

    def __call__(self):
        now = time.perf_counter()
        self.total += self.waiting[min(self.looks, len(self.waiting) - 1)] * (now - self.at)
        self.looks, self.at = self.looks + 1, now
        return dict.fromkeys((threading.get_native_id(), *self.helpers), (now, self.total))


def fit(monkeypatch, machine, steps=40):
    monkeypatch.setattr(busy_machine, "look", machine)
    monkeypatch.setattr(busy_machine, "WINDOW", 0.0)
    small_trainer().fit(mn.DataLoader(X, Y, 10), steps=steps, progress=False)


def test_a_busy_machine_is_told_once(monkeypatch, capsys):
    busy = Machine(0.5)
    fit(monkeypatch, busy)
    assert capsys.readouterr().err.count("OPENBLAS_NUM_THREADS=1") == 1
    assert busy.looks == 3
    fit(monkeypatch, busy)
    assert capsys.readouterr().err == ""
    assert busy.looks == 3


def test_lines_fit_a_terminal(monkeypatch, capsys):
    fit(monkeypatch, Machine(0.5))
    assert max(map(len, capsys.readouterr().err.splitlines())) <= 79


@pytest.mark.parametrize("waiting", [(0.05,), (0.0, 0.9, 0.0, 0.9, 0.0, 0.9, 0.0)])
def test_a_quiet_machine_is_not(waiting, monkeypatch, capsys):
    """Nor is one that was busy for a moment."""
    machine = Machine(*waiting)
    fit(monkeypatch, machine)
    assert capsys.readouterr().err == ""
    assert machine.looks == busy_machine.LOOKS + 1  # in the first seconds of a fit only


MANY = range(9_000_000, 9_000_004)


@pytest.mark.parametrize(("one", "told"), [(0.2, True), (0.4, True), (0.5, False)])
def test_a_big_machine_is_tried_once(one, told, monkeypatch, capsys):
    tried = []
    milliseconds = lambda *product: tried.append(product) or (one if product[-1] == 1 else 0.4)  # noqa: E731
    monkeypatch.setattr(busy_machine.blas, "milliseconds", milliseconds)
    fit(monkeypatch, Machine(0.0, helpers=MANY))
    text = " ".join(capsys.readouterr().err.split())
    assert tried == [(10, 4, 3, 2), (10, 4, 3, 1)]
    assert (f"(10, 4) @ (4, 3), takes 0.40 ms with them and {one:.2f} ms with one" in text) is told
    assert ("set OPENBLAS_NUM_THREADS=1 before" in text) is told


@pytest.mark.parametrize(
    ("pools", "environment", "helpers"),
    [
        ([POOL], {}, MANY[:3]),
        ([POOL], {"OPENBLAS_NUM_THREADS": "1"}, MANY),
        (None, {}, MANY),  # without threadpoolctl
    ],
)
def test_what_is_not_tried(pools, environment, helpers, monkeypatch, capsys):
    monkeypatch.setattr(busy_machine.blas, "milliseconds", lambda *product: pytest.fail("it was tried"))
    monkeypatch.setattr(busy_machine.blas, "loaded", lambda: pools)
    monkeypatch.setattr(busy_machine.blas, "built_with", lambda: {"name": "openblas"})
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    fit(monkeypatch, Machine(0.0, helpers=helpers))
    assert capsys.readouterr().err == ""


def test_beside_another_thread_that_computes_nothing_is_tried(monkeypatch):
    monkeypatch.setattr(busy_machine.blas, "milliseconds", lambda *product: pytest.fail("it was tried"))
    done = threading.Event()
    other = threading.Thread(target=done.wait)
    other.start()
    fit(monkeypatch, Machine(0.0, helpers=[*MANY, other.native_id]))
    done.set()
    other.join()


@pytest.mark.parametrize(
    ("layers", "prediction", "product"),
    [
        ([mn.Linear(4, 30), mn.ReLU(), mn.Linear(30, 20), mn.Linear(20, 3, bias=False)], (8, 3), (8, 30, 20)),
        ([mn.Linear(4, 3)], (8, 5, 3), (40, 4, 3)),
        ([mn.Linear(4, 3), mn.LayerNorm(3)], (8, 3), None),
        ([mn.Conv1d(1, 2, 3)], (8, 2, 5), None),
        ([mn.ReLU()], (8, 3), None),
    ],
)
def test_the_largest_product(layers, prediction, product):
    class Trainer:
        model, compiled = mn.Sequential(*layers), False

    Trainer.prediction = np.zeros(prediction)
    assert largest_product(Trainer()) == product
    Trainer.compiled = True
    assert largest_product(Trainer()) is None


def test_a_machine_that_tells_nothing_is_asked_once(monkeypatch, capsys):
    asked = []
    fit(monkeypatch, lambda: asked.append(1) or {})
    assert asked == [1]
    assert capsys.readouterr().err == ""


def test_no_step_is_looked_at_before_its_time(monkeypatch):
    machine = Machine(0.0)
    monkeypatch.setattr(busy_machine, "look", machine)
    monkeypatch.setattr(busy_machine, "WINDOW", 3600.0)
    small_trainer().fit(mn.DataLoader(X, Y, 10), steps=40, progress=False)
    assert machine.looks == 0
