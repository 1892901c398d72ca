import os
import signal
import threading

import pytest

from minnet.training.signals import Interrupts, JobInterrupts


def press(number=signal.SIGINT):
    os.kill(os.getpid(), number)


@pytest.fixture
def sigterm():
    """Count the SIGTERMs that nobody held back."""
    seen = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: seen.append(number))
    yield seen
    signal.signal(signal.SIGTERM, before)


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


def test_what_was_held_back_takes_its_effect_later():
    with Interrupts() as interrupts:
        interrupts.busy = True
        press()
        assert not interrupts.raised
        with pytest.raises(KeyboardInterrupt):
            interrupts.raise_pending()
        assert interrupts.raised == signal.SIGINT


def test_a_release_raises_what_is_pending():
    with Interrupts() as interrupts:
        interrupts.busy = True
        interrupts.release()
        assert not interrupts.busy
        interrupts.busy = True
        press()
        with pytest.raises(KeyboardInterrupt):
            interrupts.release()


def test_with_checkpoints_a_release_raises_nothing():
    with Interrupts(terminate=True) as interrupts:
        interrupts.busy = True
        press()
        interrupts.release()
        assert interrupts.busy
        assert interrupts.pending == signal.SIGINT


def test_sigterm_is_held_back_only_if_asked_for(sigterm):
    with Interrupts() as interrupts:
        interrupts.busy = True
        press(signal.SIGTERM)
    assert sigterm == [signal.SIGTERM]
    with Interrupts(terminate=True) as interrupts:
        interrupts.busy = True
        press(signal.SIGTERM)
        assert interrupts.pending == signal.SIGTERM
        with pytest.raises(SystemExit) as caught:
            interrupts.raise_pending()
    assert caught.value.code == 143  # as of a shell's child that died of it
    assert len(sigterm) == 1
    press(signal.SIGTERM)
    assert len(sigterm) == 2


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_is_not_held_back_whichever_came_first(sigterm, first):
    with Interrupts(terminate=True) as interrupts:
        interrupts.busy = True
        press(first)
        with pytest.raises(SystemExit):
            press(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            press()
        assert interrupts.pending == first


def test_one_inside_another(sigterm):
    with Interrupts(terminate=True) as outer:
        outer.busy = True
        with Interrupts() as inner:
            inner.busy = True
            press()
            press(signal.SIGTERM)
            assert inner.pending == signal.SIGINT
            assert outer.pending == signal.SIGTERM
        with pytest.raises(KeyboardInterrupt):
            press()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
def test_in_a_job_a_signal_waits_until_all_ranks_were_told(sigterm, number):
    before = signal.getsignal(signal.SIGUSR1)
    with JobInterrupts(terminate=True) as interrupts:
        press(number)  # busy or not
        assert not interrupts.pending
        assert interrupts.asked == (signal.SIGINT if number == signal.SIGINT else signal.SIGTERM)
        assert not interrupts.alone
        with pytest.raises(KeyboardInterrupt):
            press()
        assert interrupts.alone
    assert signal.getsignal(signal.SIGUSR1) is before
    assert sigterm == []


def test_in_a_job_sigusr1_is_left_to_a_script_that_uses_it_and_to_runs_without_checkpoints():
    seen = []
    before = signal.signal(signal.SIGUSR1, lambda number, frame: seen.append(number))
    try:
        with JobInterrupts(terminate=True) as interrupts:
            press(signal.SIGUSR1)
            assert not interrupts.asked
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert seen == [signal.SIGUSR1]
    with JobInterrupts():
        assert signal.getsignal(signal.SIGUSR1) is before
