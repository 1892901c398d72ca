"""Tests of the download against servers on 127.0.0.1 that behave in every wrong way."""

import gzip
import hashlib
import io
import logging
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import tracemalloc
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

    def repacked(self, body):
        self.good(gzip.compress(gzip.decompress(body), 1, mtime=1))

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

    def drip(self, body):
        self.send_response(200)
        self.end_headers()
        try:
            while not self.go_on.wait(0.05):
                self.wfile.write(b"\x1f")
                self.wfile.flush()
        except OSError:
            pass

    def flood(self, body):
        self.send_response(200)
        self.end_headers()
        try:
            while not self.go_on.is_set():
                self.wfile.write(bytes(1 << 20))
        except OSError:
            pass

    def labelled(self, body):
        self.good(body, Content_Encoding="gzip")  # as if gzip were not the file, but the way to send it

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

    def loop(self, body):
        self.good(b"", status=302, Location=self.path)

    def elsewhere(self, body):
        self.good(b"", status=301, Location="file:///etc/passwd")

    def redirected_flood(self, body):
        self.send_response(307)
        self.send_header("Location", self.path)
        self.end_headers()
        self.pour(bytes(1 << 20))

    def pour(self, chunk, pause=0.0):
        try:
            while not self.go_on.wait(pause):
                self.wfile.write(chunk)
                self.wfile.flush()
        except OSError:
            pass

    def reset(self, body):
        self.good(body[: len(body) // 2], length=len(body))
        self.wfile.flush()
        time.sleep(0.05)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()  # with that option, it is broken off and not ended
        self.close_connection = True
        self.wfile = io.BytesIO()

    def truncated(self, body):
        self.good(body[:-9])  # with the length of what is sent: only gzip knows that its end is not there

    def part(self, body):
        self.good(body[:60], status=206, Content_Range=f"bytes 0-59/{len(body)}")

    def flipped(self, body):
        content = bytearray(gzip.decompress(body))
        content[1000] ^= 1
        packed = gzip.compress(bytes(content), mtime=0)
        self.good(packed)

    def neighbour(self, body):
        self.good(PUBLISHED["t10k-labels-idx1-ubyte.gz"])

    def longer(self, body):
        self.good(body + body[:10])

    def understated(self, body):
        self.good(body, length=len(body) - 1)

    def garbage(self, body):
        self.wfile.write(b"\x00\xff no HTTP at all\r\n\r\n")

    def no_content(self, body):
        self.good(b"", status=204)

    def escape(self, body):
        self.send_response(418, "\x1b[31mred\x07")
        self.end_headers()

    def dripped_header(self, body):
        self.wfile.write(b"HTTP/1.0 200 OK\r\nX: ")
        self.pour(b"x", 0.05)

    def continued(self, body):
        self.pour(b"HTTP/1.1 100 Continue\r\n\r\n", 0.02)

    def wrong_pieces(self, body):
        self.protocol_version = "HTTP/1.1"
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"%x\r\n%s\r\nno number\r\n" % (len(body), body))

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    for name, archive in PUBLISHED.items():
        checks = (hashlib.md5(archive).hexdigest(), hashlib.sha256(CONTENT[name]).hexdigest())
        monkeypatch.setitem(ARCHIVES, name, checks)
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


def test_four_files_come_and_one_line_says_so(server, monkeypatch, tmp_path, capsys):
    mirrors(monkeypatch, server, "good")
    assert download_mnist(tmp_path / "new" / "cache") == []
    assert contents(tmp_path / "new" / "cache") == PUBLISHED
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"Downloading MNIST (11 MB) from 127.0.0.1 to {tmp_path / 'new' / 'cache'}\n"


@pytest.mark.parametrize("behaviour", ["labelled", "piecewise"])
def test_unusual_but_right_answers(server, monkeypatch, tmp_path, behaviour):
    mirrors(monkeypatch, server, behaviour)
    assert download_mnist(tmp_path) == []
    assert contents(tmp_path) == PUBLISHED


def test_a_second_time_asks_nobody(server, monkeypatch, tmp_path, capsys):
    mirrors(monkeypatch, server, "good")
    download_mnist(tmp_path)
    assert len(Mirror.asked) == 4
    capsys.readouterr()
    assert download_mnist(tmp_path) == []
    assert len(Mirror.asked) == 4
    assert capsys.readouterr().err == ""


def test_a_wrong_file_in_the_cache_is_replaced(server, monkeypatch, tmp_path):
    mirrors(monkeypatch, server, "good")
    download_mnist(tmp_path)
    (tmp_path / BAD).write_bytes(b"damaged")
    assert download_mnist(tmp_path) == []
    assert contents(tmp_path) == PUBLISHED
    assert len(Mirror.asked) == 5


MISBEHAVIOURS = {
    "missing": "answered 404 Not Found",
    "broken": "answered 503",
    "page": "sent text that starts with '<'",
    "cut": "the connection broke",
    "short": "only a part of it",
    "changed": "sent a damaged file",
    "other": f"sent another {BAD}: its SHA-256 is wrong",
    "repacked": "checksum is wrong",  # the content is right, and the archive is not the published one
    "empty": "sent nothing: the file is empty",
    "hang": "no answer within",
    "stall": "no answer within",
    "drip": "too slow",
    "flood": "sent too much",
    "loop": "answered 302 Found",
    "elsewhere": "answered 301",
    "redirected_flood": "answered 307",
    "reset": "the connection broke",
    "truncated": "only a part of it",
    "part": "answered 206",
    "flipped": f"sent another {BAD}: its SHA-256 is wrong",
    "neighbour": f"sent another {BAD}: its SHA-256 is wrong",
    "longer": "sent a damaged file",
    "understated": "only a part of it",
    "garbage": "no connection",
    "no_content": "answered 204",
    "escape": "answered 418 ?[31mred?",
    "dripped_header": "too slow",
    "continued": "too slow",
    "wrong_pieces": "the connection broke",
}


@pytest.mark.parametrize("behaviour", MISBEHAVIOURS)
def test_misbehaviour_leaves_nothing_wrong_behind(server, monkeypatch, tmp_path, behaviour):
    monkeypatch.setattr(download, "TIMEOUT", 0.3)
    monkeypatch.setattr(download, "SLOWEST", 0.5)
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


def test_both_checksums_must_hold(server, monkeypatch, tmp_path):
    mirrors(monkeypatch, server, "good")
    md5, sha256 = ARCHIVES[BAD]
    monkeypatch.setitem(ARCHIVES, BAD, (md5, "0" * 64))
    assert "SHA-256 is wrong" in download_mnist(tmp_path)[0]
    monkeypatch.setitem(ARCHIVES, BAD, ("0" * 32, sha256))
    assert "checksum is wrong" in download_mnist(tmp_path)[0]
    assert BAD not in contents(tmp_path)


def test_an_archive_that_unpacks_to_too_much(server, monkeypatch, tmp_path):
    mirrors(monkeypatch, server, "good")
    monkeypatch.setattr(download, "_MAX_CONTENT_BYTES", 1000)
    assert "sent a damaged file" in download_mnist(tmp_path)[0]
    assert contents(tmp_path) == {}


def test_the_second_mirror_completes_the_first(server, monkeypatch, tmp_path, capsys):
    mirrors(monkeypatch, server, "missing", "good")
    assert download_mnist(tmp_path) == []
    assert contents(tmp_path) == PUBLISHED
    assert [path.split("/")[1] for path in Mirror.asked] == ["missing", "missing", "good", "good", "good"]
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_no_connection(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(download, "MIRRORS", ("http://127.0.0.1:9/", "http://host.invalid/"))
    assert download_mnist(tmp_path) == ["127.0.0.1: no connection", "host.invalid: no connection"]
    assert contents(tmp_path) == {}
    assert capsys.readouterr() == ("", "")


def test_folder_that_cannot_be_made(server, monkeypatch, tmp_path):
    mirrors(monkeypatch, server, "good")
    (tmp_path / "file").write_text("in the way")
    assert "cannot write there" in download_mnist(tmp_path / "file" / "cache")[0]


def test_a_bar_is_drawn_on_a_terminal_only(server, monkeypatch, tmp_path, capsys):
    mirrors(monkeypatch, server, "good")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    download_mnist(tmp_path)
    assert "11.6M" in capsys.readouterr().err


def test_pooch_is_quiet_and_its_logger_left_as_it_was(server, monkeypatch, tmp_path):
    mirrors(monkeypatch, server, "good")
    logger = pooch.get_logger()
    said = []
    monkeypatch.setattr(logger, "filters", [said.append])
    monkeypatch.setattr(logger, "level", logging.DEBUG)
    download_mnist(tmp_path)
    assert logger.level == logging.DEBUG
    assert said == []


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
@pytest.mark.parametrize("behaviour", ["stall", "drip"])
def test_killed_in_the_middle(server, monkeypatch, tmp_path, behaviour):
    """What it leaves is never taken for a file of MNIST, is swept away one day, and the next download is whole."""
    code = CHILD.replace("/slow/", f"/{behaviour}/")
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
    assert left in contents(tmp_path)  # it might be of another process that is at it
    os.utime(tmp_path / left, (0, 0))
    (tmp_path / "tmp-of-mine.txt").write_text("kept")
    os.utime(tmp_path / "tmp-of-mine.txt", (0, 0))
    assert download_mnist(tmp_path) == []
    assert set(contents(tmp_path)) == {*PUBLISHED, "tmp-of-mine.txt"}


def test_a_redirection_is_not_read(server, monkeypatch, tmp_path):
    """What comes along with one is endless here, and used to be read into memory."""
    mirrors(monkeypatch, server, "redirected_flood")
    tracemalloc.start()
    try:
        assert "answered 307" in download_mnist(tmp_path)[0]
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()
