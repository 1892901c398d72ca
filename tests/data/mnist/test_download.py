"""Tests of the download against servers on 127.0.0.1 that behave in every wrong way."""

import gzip
import hashlib
import io
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

from minnet.data.mnist import download
from minnet.data.mnist.dataset import load_mnist
from minnet.data.mnist.download import ARCHIVES, download_mnist
from minnet.errors import DataNotFoundError

pooch = pytest.importorskip("pooch")
CONTENT = {name: (name.encode() + b"-content ") * 2000 for name in ARCHIVES}
PUBLISHED = {name: gzip.compress(content, mtime=0) for name, content in CONTENT.items()}
BAD = "train-labels-idx1-ubyte.gz"  # the second of the four: the first has come by then


class Mirror(BaseHTTPRequestHandler):
    """The first part of a path says how it behaves."""

    asked: ClassVar[list[str]] = []
    go_on = threading.Event()

    def do_GET(self):
        _, behaviour, name = self.path.split("/")
        self.asked.append(self.path)
        body = PUBLISHED[name]
        if name != BAD and behaviour != "slow":
            behaviour = "good"
        getattr(self, behaviour)(body)

    def good(self, body, status=200, length=None, **headers):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def missing(self, body):
        self.good(b"<html>no such file</html>", status=404)

    def broken(self, body):
        self.good(b"", status=503)

    def page(self, body):
        self.good(b"<!DOCTYPE html><html>Please log in</html>", Content_Type="text/html")

    def cut(self, body):
        self.good(body[:50], length=len(body))
        self.wfile.flush()
        self.connection.shutdown(2)

    def short(self, body):
        self.send_response(200)  # without a length, the end of the connection is the end of the file
        self.end_headers()
        self.wfile.write(body[:50])

    def changed(self, body):
        self.good(body[:-20] + bytes([body[-20] ^ 1]) + body[-19:])

    def other(self, body):
        self.good(gzip.compress(b"another file altogether"))

    def empty(self, body):
        self.good(b"")

    def hang(self, body):
        self.go_on.wait(20)

    def stall(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:50])
        self.wfile.flush()
        self.go_on.wait(20)

    def piecewise(self, body):
        self.protocol_version = "HTTP/1.1"
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in (body[:30], body[30:]):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        self.wfile.write(b"0\r\n\r\n")

    def slow(self, body):
        time.sleep(0.1)
        self.good(body)

    def reset(self, body):
        self.good(body[: len(body) // 2], length=len(body))
        self.wfile.flush()
        time.sleep(0.05)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()  # with that option, it is broken off and not ended
        self.close_connection = True
        self.wfile = io.BytesIO()

    def part(self, body):
        self.good(body[:60], status=206, Content_Range=f"bytes 0-59/{len(body)}")

    def longer(self, body):
        self.good(body + body[:10])

    def garbage(self, body):
        self.wfile.write(b"\x00\xff no HTTP at all\r\n\r\n")

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    for name, archive in PUBLISHED.items():
        monkeypatch.setitem(ARCHIVES, name, hashlib.sha256(archive).hexdigest())
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(Mirror, "asked", [])
    monkeypatch.setattr(Mirror, "go_on", threading.Event())
    server = ThreadingHTTPServer(("127.0.0.1", 0), Mirror)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    Mirror.go_on.set()
    server.shutdown()
    thread.join()
    server.server_close()


def mirrors(monkeypatch, server, *behaviours):
    monkeypatch.setattr(download, "MIRRORS", tuple(f"{server}/{behaviour}/" for behaviour in behaviours))


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_four_files_come_and_the_log_says_so(server, monkeypatch, tmp_path, capsys):
    said = []
    monkeypatch.setattr(pooch.get_logger(), "filters", [lambda record: said.append(record.getMessage())])
    mirrors(monkeypatch, server, "good")
    assert download_mnist(tmp_path / "new" / "cache") == []
    assert contents(tmp_path / "new" / "cache") == PUBLISHED
    assert capsys.readouterr().out == ""
    for name, line in zip(PUBLISHED, said, strict=True):
        assert f"{server}/good/{name}" in line
        assert str(tmp_path / "new" / "cache" / name) in line


def test_an_answer_in_pieces(server, monkeypatch, tmp_path):
    mirrors(monkeypatch, server, "piecewise")
    assert download_mnist(tmp_path) == []
    assert contents(tmp_path) == PUBLISHED


def test_a_second_time_asks_nobody(server, monkeypatch, tmp_path):
    mirrors(monkeypatch, server, "good")
    download_mnist(tmp_path)
    assert len(Mirror.asked) == 4
    assert download_mnist(tmp_path) == []
    assert len(Mirror.asked) == 4


def test_a_wrong_file_in_the_cache_is_replaced(server, monkeypatch, tmp_path):
    mirrors(monkeypatch, server, "good")
    download_mnist(tmp_path)
    (tmp_path / BAD).write_bytes(b"damaged")
    assert download_mnist(tmp_path) == []
    assert contents(tmp_path) == PUBLISHED
    assert len(Mirror.asked) == 5


ANOTHER = "sent another file (a log-in page?): its SHA-256 is wrong"
MISBEHAVIOURS = {
    "missing": "answered 404",
    "broken": "answered 503",
    "page": ANOTHER,
    "cut": "the connection broke",
    "short": ANOTHER,
    "changed": ANOTHER,
    "other": ANOTHER,
    "empty": ANOTHER,
    "longer": ANOTHER,
    "part": ANOTHER,
    "hang": "no answer within",
    "stall": "no answer within",
    "reset": "the connection broke",
    "garbage": "no connection",
}


@pytest.mark.parametrize("behaviour", MISBEHAVIOURS)
def test_misbehaviour_leaves_nothing_wrong_behind(server, monkeypatch, tmp_path, behaviour):
    monkeypatch.setattr(download, "TIMEOUT", 0.3)
    mirrors(monkeypatch, server, behaviour)
    start = time.perf_counter()
    (reason,) = download_mnist(tmp_path)
    assert time.perf_counter() - start < 10
    assert reason.startswith("127.0.0.1: ")
    assert MISBEHAVIOURS[behaviour] in reason
    assert len(reason) <= 79
    assert len(Mirror.asked) == 2  # no second try
    first = next(iter(ARCHIVES))
    assert contents(tmp_path) == {first: PUBLISHED[first]}


def test_the_second_mirror_completes_the_first(server, monkeypatch, tmp_path):
    mirrors(monkeypatch, server, "missing", "good")
    assert download_mnist(tmp_path) == []
    assert contents(tmp_path) == PUBLISHED
    assert [path.split("/")[1] for path in Mirror.asked] == ["missing", "missing", "good", "good", "good"]


def test_no_connection(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(download, "MIRRORS", ("http://127.0.0.1:9/", "http://host.invalid/"))
    assert download_mnist(tmp_path) == ["127.0.0.1: no connection", "host.invalid: no connection"]
    assert contents(tmp_path) == {}
    assert capsys.readouterr().out == ""


def test_folder_that_cannot_be_made(server, monkeypatch, tmp_path):
    mirrors(monkeypatch, server, "good")
    (tmp_path / "file").write_text("in the way")
    assert "cannot write there" in download_mnist(tmp_path / "file" / "cache")[0]


def test_a_bar_is_drawn_on_a_terminal_only(server, monkeypatch, tmp_path, capsys):
    mirrors(monkeypatch, server, "good")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    download_mnist(tmp_path)
    assert "100%" in capsys.readouterr().err


CHILD = """
import sys, pathlib
from minnet.data.mnist import download
server, folder, archives = sys.argv[1], pathlib.Path(sys.argv[2]), eval(sys.argv[3])
download.MIRRORS = (server + "/slow/",)
download.ARCHIVES.update(archives)
print(download.download_mnist(folder))
"""


@pytest.mark.slow
def test_several_processes_at_once(server, monkeypatch, tmp_path):
    command = [sys.executable, "-c", CHILD, server, str(tmp_path), repr(dict(ARCHIVES))]
    children = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    for child in children:
        assert child.communicate(timeout=30)[0] == "[]\n"
    assert contents(tmp_path) == PUBLISHED


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_interrupted_by_the_user(server, monkeypatch, tmp_path):
    code = CHILD.replace("/slow/", "/stall/")
    command = [sys.executable, "-c", code, server, str(tmp_path), repr(dict(ARCHIVES))]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as child:
        while len(Mirror.asked) < 2 and child.poll() is None:
            time.sleep(0.02)
        time.sleep(0.1)
        child.send_signal(signal.SIGINT)
        assert "KeyboardInterrupt" in child.communicate(timeout=20)[1]
    assert set(contents(tmp_path)) == {next(iter(ARCHIVES))}


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_killed_in_the_middle(server, monkeypatch, tmp_path):
    """What it leaves is never taken for a file of MNIST, and the next download is whole."""
    code = CHILD.replace("/slow/", "/stall/")
    command = [sys.executable, "-c", code, server, str(tmp_path), repr(dict(ARCHIVES))]
    first = next(iter(ARCHIVES))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        while (len(Mirror.asked) < 2 or len(list(tmp_path.iterdir())) < 2) and child.poll() is None:
            time.sleep(0.02)
        child.kill()
        assert child.communicate(timeout=20)[0] == ""
    (left,) = set(contents(tmp_path)) - {first}
    assert left.startswith("tmp")
    with pytest.raises(DataNotFoundError, match=BAD.removesuffix(".gz")):
        load_mnist(tmp_path)
    mirrors(monkeypatch, server, "good")
    assert download_mnist(tmp_path) == []
    assert {name: content for name, content in contents(tmp_path).items() if name != left} == PUBLISHED
