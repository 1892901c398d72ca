import os
import signal
import threading

import pytest

from minnet.interrupts import Interrupts


def press():
    os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_waits_while_busy():
    with Interrupts() as interrupts:
        interrupts.busy = True
        press()
        assert interrupts.pending


def test_a_second_one_does_not_wait():
    with Interrupts() as interrupts:
        interrupts.busy = True
        press()
        with pytest.raises(KeyboardInterrupt):
            press()


def test_it_does_not_wait_while_idle():
    with Interrupts(), pytest.raises(KeyboardInterrupt):
        press()


def test_the_handler_before_is_put_back():
    seen = []
    before = signal.signal(signal.SIGINT, lambda *_: seen.append("mine"))
    try:
        with Interrupts() as interrupts:
            interrupts.busy = True
            press()
        assert seen == []
        press()
        assert seen == ["mine"]
    finally:
        signal.signal(signal.SIGINT, before)


def test_an_ignored_ctrl_c_stays_ignored():
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Interrupts() as interrupts:
            press()
        assert not interrupts.pending
    finally:
        signal.signal(signal.SIGINT, before)


def test_it_does_nothing_in_another_thread():
    errors = []

    def work():
        try:
            with Interrupts():
                pass
        except ValueError as error:  # what signal.signal raises there
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert errors == []
