"""The server is at 127.0.0.1 alone, and no number of connections stops it."""

import socket
import threading
import time
from urllib.request import urlopen

import pytest

from minnet.demo.server import THREADS, DemoServer


def test_at_127_0_0_1_alone(demo):
    assert demo.socket.getsockname() == ("127.0.0.1", demo.port)
    assert demo.address == f"http://127.0.0.1:{demo.port}/"


def test_a_port_that_is_in_use(demo):
    with pytest.raises(OSError, match=r"in use|only one usage"):
        DemoServer(demo.port)


def test_the_port_is_free_again(demo):
    with urlopen(demo.address) as response:
        assert response.status == 200
    with DemoServer(0) as other:
        port = other.port
    with DemoServer(port) as again:
        assert again.port == port


def test_idle_connections_do_not_stop_it(demo, monkeypatch):
    """A browser opens connections in advance; a hostile page may open any number."""
    monkeypatch.setattr("minnet.demo.handler.Handler.timeout", 600)
    before = threading.active_count()
    idle = [socket.create_connection(("127.0.0.1", demo.port), timeout=30) for _ in range(4 * THREADS)]
    try:
        with urlopen(demo.address, timeout=60) as response:
            assert response.status == 200
        assert threading.active_count() <= before + THREADS
    finally:
        for connection in idle:
            connection.close()


def test_many_questions_at_once_are_all_answered(demo, monkeypatch):
    """One that is being answered is the oldest at times, and not idle."""
    monkeypatch.setattr("minnet.demo.server.GRACE", 600)
    slow = type(demo.page).html
    monkeypatch.setattr(type(demo.page), "html", lambda *given: time.sleep(0.1) or slow(*given))
    answers = []

    def ask():
        with urlopen(demo.address, timeout=60) as response:
            answers.append(response.status)

    threads = [threading.Thread(target=ask) for _ in range(2 * THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * len(threads)


def test_a_connection_that_says_nothing_ends(demo, monkeypatch):
    monkeypatch.setattr("minnet.demo.handler.Handler.timeout", 0.2)
    with socket.create_connection(("127.0.0.1", demo.port), timeout=60) as connection:
        connection.sendall(b"GET / HTT")
        assert connection.recv(100) == b""


@pytest.mark.parametrize("error", [BrokenPipeError, ConnectionResetError, TimeoutError])
def test_a_browser_that_leaves_is_no_error(demo, capfd, monkeypatch, error):
    def leave(*_):
        raise error

    monkeypatch.setattr(type(demo.page), "html", leave)
    with pytest.raises(Exception, match=r"Remote end closed|Connection"):
        urlopen(demo.address)
    assert capfd.readouterr() == ("", "")


def test_a_bug_is_printed(demo, capfd, monkeypatch):
    monkeypatch.setattr(type(demo.page), "html", lambda *_: 1 / 0)
    with pytest.raises(Exception, match=r"Remote end closed|Connection"):
        urlopen(demo.address)
    assert "ZeroDivisionError" in capfd.readouterr().err
