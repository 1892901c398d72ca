import contextvars
import threading
import time

import pytest

from minnet.training.team import Team


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


def test_helpers_see_the_context_of_the_caller(threads):
    number = contextvars.ContextVar("number", default=0)
    number.set(7)
    assert threads.together(lambda thread: number.get()) == [7, 7, 7]
    number.set(8)
    assert threads.together(lambda thread: number.get()) == [8, 8, 8]
