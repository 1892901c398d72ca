"""A Reader reads an iterator ahead, in a thread that ends when nobody needs it."""

import gc
import os
import threading
import weakref

import pytest

from minnet.data.reader import Reader

LONG = 60.0


def reader(items, most=2):
    return Reader(iter(items), most, lambda: None)


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "minnet.Prefetch"]


def wait_for(condition, what):
    """Wait until a condition holds, which another thread makes true."""
    waiting = threading.Event()
    for _ in range(int(LONG / 0.01)):
        if condition():
            return
        waiting.wait(0.01)
    raise AssertionError(what)


@pytest.mark.parametrize("most", [1, 2, 7, 100])
def test_the_items_come_in_their_order(most):
    one = reader(range(30), most)
    assert [one.take().batch for _ in range(30)] == list(range(30))
    for _ in range(2):
        with pytest.raises(StopIteration):
            one.take()
    wait_for(lambda: not threads(), "the thread goes on after the end")


def test_it_reads_so_many_ahead_and_no_more():
    read = []
    one = reader((read.append(i) or i for i in range(100)), most=3)
    assert not read
    for i in range(10):
        assert one.take().batch == i
        wait_for(lambda i=i: len(read) == i + 4, "three are not read ahead")
    one.rest()
    assert len(read) == 13


def test_an_error_comes_after_the_items_before_it_and_once():
    def broken():
        yield from range(3)
        raise OSError("the disk is gone")

    one = reader(broken())
    assert [one.take().batch for _ in range(3)] == [0, 1, 2]
    with pytest.raises(OSError, match="the disk is gone") as caught:
        one.take()
    assert "broken" in [entry.name for entry in caught.traceback]
    with pytest.raises(StopIteration):
        one.take()


def test_what_was_read_stays_when_it_rests():
    one = reader(range(10))
    assert one.take().batch == 0
    one.rest()
    assert not threads()
    assert [one.take().batch for _ in range(9)] == list(range(1, 10))


def test_a_rest_does_not_wait_for_an_item_that_does_not_come():
    release = threading.Event()

    def waiting():
        yield 0
        release.wait(LONG)
        yield 1

    one = reader(waiting())
    assert one.take().batch == 0
    one.rest(timeout=0.05)
    assert len(threads()) == 1  # it reads on, and then ends
    release.set()
    wait_for(lambda: not threads(), "the thread did not end")
    assert one.take().batch == 1


def test_a_take_while_the_last_item_is_still_read():
    release = threading.Event()

    def waiting():
        yield 0
        release.wait(LONG)
        yield from (1, 2, 3)

    one = reader(waiting())
    one.take()
    one.rest(timeout=0.05)
    threading.Timer(0.05, release.set).start()
    assert [one.take().batch for _ in range(3)] == [1, 2, 3]


def test_the_notes_are_of_before_the_items():
    notes = iter(range(100))
    one = Reader(iter("abc"), 2, lambda: next(notes))
    assert [one.take()[::2] for _ in range(3)] == [("a", 0), ("b", 1), ("c", 2)]


def test_what_is_ahead_is_put_back():
    one = Reader(iter(range(10)), 3, lambda: "note")
    one.take()
    wait_for(lambda: len(one.ahead) == 3, "three are not read ahead")
    one.rest()
    assert one.put_back().batch == 1
    assert not one.ahead
    assert one.take().batch == 4  # the iterator of this test stays where it is
    one.rest()
    one.ahead.clear()
    assert one.put_back() is None


def test_an_object_that_is_forgotten_can_be_freed():
    class Items:
        def __iter__(self):
            return self

        def __next__(self):
            return 1

    items = Items()
    freed = weakref.ref(items)
    one = Reader(items, 2, lambda: None)
    one.take()
    one.rest()
    del one, items
    gc.collect()
    assert freed() is None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_after_a_fork_it_says_that_the_thread_is_not_there():
    one = reader(iter(int, 1))
    one.take()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:  # no test may go on here
        text = b"no error"
        try:
            one.take()
        except RuntimeError as error:
            text = str(error).encode()
        finally:
            os.write(write, text)
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        assert b"begin a new pass" in pipe.read()
    os.waitpid(child, 0)
    one.rest()
