import threading
import time

import numpy as np
import pytest

import minnet as mn
from minnet.training import team
from minnet.training.cutting import Cutting
from minnet.training.team import Team, Watch


@pytest.fixture
def threads():
    made = Team(3)
    yield made
    made.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("minnet-")]


def test_each_part_has_a_thread_of_its_own_which_stays(threads):
    meeting = threading.Barrier(3)

    def work(thread):
        meeting.wait(60)
        return thread, threading.get_ident()

    first, second = threads.together(work), threads.together(work)
    assert first == second
    assert [thread for thread, _ in first] == [0, 1, 2]
    assert len({ident for _, ident in first}) == 3
    assert first[0][1] == threading.get_ident()


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_an_error_comes_when_all_have_ended_and_the_next_task_works(threads, failing):
    ended = []

    def work(thread):
        if thread == failing:
            raise ZeroDivisionError
        time.sleep(0.01)
        ended.append(thread)

    with pytest.raises(ZeroDivisionError):
        threads.together(work)
    assert sorted(ended) == sorted({0, 1, 2} - {failing})
    assert threads.together(lambda thread: thread) == [0, 1, 2]


def test_an_interrupt_waits_for_the_helpers():
    interrupted, ended = threading.Event(), []
    pair = Team(2)
    pair.together(lambda thread: None)

    class Interrupting:
        def __init__(self, lock):
            self.lock, self.times = lock, 0

        def acquire(self):
            self.times += 1
            if self.times == 1:
                interrupted.set()
                raise KeyboardInterrupt
            return self.lock.acquire()

        def release(self):
            self.lock.release()

    helper = pair._helpers[0]
    helper._done = Interrupting(helper._done)

    def work(thread):
        if thread:
            assert interrupted.wait(60)
            time.sleep(0.01)
            ended.append(thread)

    with pytest.raises(KeyboardInterrupt):
        pair.together(work)
    assert ended == [1]
    assert pair.together(lambda thread: thread) == [0, 1]
    pair.close()


class Clock:
    def __init__(self, monkeypatch, resolution=1e-9):
        self.now = 100.0
        monkeypatch.setattr(team.time, "perf_counter", lambda: self.now)
        info = type("Info", (), {"resolution": resolution})
        monkeypatch.setattr(team.time, "get_clock_info", lambda name: info)


def test_parts_are_done_one_after_the_other_while_a_processor_is_missing(monkeypatch):
    clock = Clock(monkeypatch)
    watch = Watch()
    for _ in range(4):
        assert not watch.crowded()
        watch.note(team.WINDOW / 4, team.WINDOW / 4)
    assert watch.crowded()
    clock.now += team.PAUSE * 0.9
    assert watch.crowded()
    clock.now += team.PAUSE * 0.2
    assert not watch.crowded()  # the threads try again
    for _ in range(4):
        watch.note(team.WINDOW / 4, team.WINDOW / 2)
    assert not watch.crowded()


def test_one_slow_task_is_no_reason(monkeypatch):
    Clock(monkeypatch)
    watch = Watch()
    for i in range(100):
        watch.note(0.1 if i % 50 == 0 else 0.01, 0.018)
        assert not watch.crowded()


def test_a_clock_that_cannot_tell_is_not_asked(monkeypatch):
    Clock(monkeypatch, resolution=0.0156)
    watch = Watch()
    for _ in range(100):
        watch.note(0.01, 0.0)
    assert not watch.crowded()


def trained(crowded, monkeypatch, tmp_path=None, steps=6):
    monkeypatch.setattr(Cutting, "pays", lambda *_: True)
    seen, moods = [], iter(crowded * steps)
    monkeypatch.setattr(Watch, "crowded", lambda self: next(moods))

    class Notes(mn.Layer):
        def forward(self, x):
            seen.append(threading.current_thread() is threading.main_thread())
            self.cache = x
            return x

        def backward(self, dy):
            return dy

    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(64, 6)).astype(np.float32), rng.integers(0, 3, 64)
    layers = mn.Linear(6, 8, rng=0), Notes(), mn.BatchNorm1d(8), mn.Dropout(0.5, rng=1), mn.Linear(8, 3, rng=2)
    model = mn.Sequential(*layers)
    trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.Adam(model.parameters()), threads=2)
    trainer.fit(mn.DataLoader(X, y, 16, shuffle=True, rng=0), steps=steps, progress=False)
    return seen[2:], trainer  # without those of fit's check of the data


def test_who_does_a_part_changes_no_bit(monkeypatch):
    seen_apart, apart = trained([False], monkeypatch)
    seen_alone, alone = trained([True], monkeypatch)
    _, mixed = trained([True, False, False], monkeypatch)
    assert not all(seen_apart)
    assert all(seen_alone)
    for other in (alone, mixed):
        for (name, a), (_, b) in zip(apart.model.named_arrays(), other.model.named_arrays(), strict=True):
            assert np.array_equal(a.data, b.data), name
        assert apart.history.column("loss") == other.history.column("loss")
