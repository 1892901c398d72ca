"""Every request is answered with a status and a message, and none that another page sends."""

import http.client
import json
import socket
from concurrent.futures import ThreadPoolExecutor
from urllib.request import Request, urlopen

import pytest
from hands import strokes

from minnet.demo.handler import LONGEST

SEVEN = json.dumps({"strokes": [stroke.tolist() for stroke in strokes("round", 7)]}).encode()
JSON = {"Content-Type": "application/json"}


def ask(demo, method="GET", path="/", body=None, **headers):
    """Send a request, with headers such as Accept_Language=...; return status, headers and body."""
    connection = http.client.HTTPConnection("127.0.0.1", demo.port, timeout=30)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body, (JSON if body is not None else {}) | named)
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response.status, response.headers, content


def raw(demo, data):
    """Send bytes as they are, and return what comes back."""
    with socket.create_connection(("127.0.0.1", demo.port), timeout=30) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while piece := connection.recv(1 << 16):
            received += piece
    return received


def error(content):
    return json.loads(content)["error"]


def test_the_page(demo):
    with urlopen(demo.address) as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "text/html; charset=utf-8"
        assert response.headers["Content-Language"] == "en"
        assert b"<canvas" in response.read()


def test_every_answer_has_the_headers_that_protect_it(demo):
    for status, answer in {
        200: ask(demo),
        404: ask(demo, path="/nothing"),
        403: ask(demo, Host="evil.example"),
        400: ask(demo, "POST", "/read", b"{"),
        501: ask(demo, "PUT", "/read", b"{}"),
    }.items():
        assert answer[0] == status
        headers = answer[1]
        assert headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "Access-Control-Allow-Origin" not in headers


def test_the_language(demo):
    chinese = "zh-TW,zh;q=0.9,en;q=0.5"
    assert ask(demo, Accept_Language=chinese)[1]["Content-Language"] == "zh-TW"
    assert b'<html lang="zh-TW">' in ask(demo, path="/?lang=zh-TW")[2]
    assert ask(demo, path="/?lang=en", Accept_Language=chinese)[1]["Content-Language"] == "en"
    assert ask(demo, path="/?lang=%00")[1]["Content-Language"] == "en"
    demo.page.lang = "zh-TW"
    assert ask(demo)[1]["Content-Language"] == "zh-TW"


def test_head_sends_no_page(demo):
    status, headers, content = ask(demo, "HEAD")
    assert (status, content) == (200, b"")
    assert int(headers["Content-Length"]) > 10_000


def test_questions_by_urllib(demo):
    def post(path, question):
        request = Request(demo.address + path, json.dumps(question).encode(), JSON)
        with urlopen(request) as response:
            return json.load(response)

    drawn = json.loads(SEVEN)
    first = post("read", drawn)
    assert first["digit"] == 7
    assert post("learn", drawn | {"digit": 1})["after"] == post("read", drawn)["probabilities"]
    assert b'"steps": 1}' in ask(demo)[2]  # a page that is opened now knows of it
    assert post("forget", {}) == {"steps": 0}
    assert post("read", drawn) == first


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1", "127.0.0.1:1", "127.0.0.1.evil.example", "", "[::1]"]
)
def test_another_name_is_refused(demo, host):
    """A name of a stranger that leads to 127.0.0.1 would make this page one of theirs."""
    for method, path, body in (("GET", "/", None), ("POST", "/read", SEVEN), ("HEAD", "/", None)):
        status, _, content = ask(demo, method, path, body, Host=host)
        assert status == 403
        assert method == "HEAD" or demo.address in error(content)
    assert ask(demo, Host=f"localhost:{demo.port}")[0] == 200
    assert ask(demo, Host=f"LOCALHOST:{demo.port}")[0] == 200


def test_two_names_or_none_are_refused(demo):
    good = f"Host: 127.0.0.1:{demo.port}\r\n".encode()
    assert b" 200 " in raw(demo, b"GET / HTTP/1.1\r\n" + good + b"\r\n")
    assert b" 403 " in raw(demo, b"GET / HTTP/1.1\r\n" + good + b"Host: evil.example\r\n\r\n")
    assert b" 403 " in raw(demo, b"GET / HTTP/1.1\r\n\r\n")
    assert b" 403 " in raw(demo, b"GET / HTTP/1.0\r\n\r\n")


def test_a_question_of_another_page_is_refused(demo):
    ours = f"http://127.0.0.1:{demo.port}"
    assert ask(demo, "POST", "/read", SEVEN, Origin=ours, Sec_Fetch_Site="same-origin")[0] == 200
    assert ask(demo, "POST", "/read", SEVEN, Origin=f"http://localhost:{demo.port}")[0] == 200
    for origin in (
        "http://evil.example",
        "null",
        f"https://127.0.0.1:{demo.port}",
        "http://127.0.0.1:1",
        ours + "/",
        "",
    ):
        for path in ("/read", "/learn", "/forget"):
            status, _, content = ask(demo, "POST", path, SEVEN, Origin=origin)
            assert status == 403
            assert "from another page" in error(content)
    for site in ("cross-site", "same-site", "none"):
        assert ask(demo, "POST", "/forget", b"{}", Sec_Fetch_Site=site)[0] == 403
    assert demo.reader.steps == 0


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_a_form_is_refused(demo, kind):
    status, _, content = ask(demo, "POST", "/learn", SEVEN, Content_Type=kind)
    assert status == 415
    assert "application/json" in error(content)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/read", 405),
        ("GET", "/learn?x=1", 405),
        ("GET", "/../../etc/passwd", 404),
        ("GET", "//evil.example/", 404),
        ("GET", "http://evil.example/nothing", 403),
        ("GET", "/minnet/demo/page.py", 404),
        ("GET", "/%2e%2e/setup.cfg", 404),
        ("GET", "//[", 404),
        ("GET", "/[?lang=%", 404),
        ("POST", "/", 404),
        ("POST", "/read?x=1", 404),
        ("PUT", "/read", 501),
        ("DELETE", "/", 501),
        ("OPTIONS", "/read", 501),
        ("TRACE", "/", 501),
        ("BREW" * 10, "/", 501),
    ],
)
def test_other_addresses_and_methods(demo, method, path, status):
    answer = ask(demo, method, path, SEVEN if method in ("POST", "PUT") else None)
    assert answer[0] == status
    assert error(answer[2])


def test_a_question_that_is_too_long(demo):
    for size in (LONGEST + 1, 3 * LONGEST):
        status, _, content = ask(demo, "POST", "/read", b" " * size)
        assert status == 413
        assert error(content) == f"a question has at most 262,144 bytes, got {size:,}"
    assert ask(demo, "POST", "/read", SEVEN + b" " * (LONGEST - len(SEVEN)))[0] == 200


def test_lengths_that_are_no_lengths(demo):
    head = f"POST /read HTTP/1.1\r\nHost: 127.0.0.1:{demo.port}\r\nContent-Type: application/json\r\n".encode()
    for length in (b"-1", b"1e3", b"abc", b"", b"\xb2", b"9" * 30, b"+5", b"0x10"):
        assert b" 411 " in raw(demo, head + b"Content-Length: " + length + b"\r\n\r\n{}")
    assert b" 411 " in raw(demo, head + b"\r\n{}")
    assert b" 411 " in raw(demo, head + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")
    assert b" 413 " in raw(demo, head + b"Content-Length: 9999999999\r\n\r\n{}")
    assert b"ended after 2 of 100 bytes" in raw(demo, head + b"Content-Length: 100\r\n\r\n{}")


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # a browser that tries https
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/x\r\n\r\n",
        b"\r\n\r\n",
        b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 300 + b"\r\n",
        b"GET / HTTP/1.1\r\nA: " + b"b" * 70_000 + b"\r\n\r\n",
        b"\x00" * 1000,
    ],
)
def test_requests_that_are_none(demo, data, capfd):
    try:
        received = raw(demo, data)
    except ConnectionError:  # it ended before all was sent
        received = b""
    assert received == b"" or b'"error"' in received
    assert ask(demo)[0] == 200
    assert capfd.readouterr() == ("", "")


def test_bad_questions_are_400_with_a_message(demo, capfd):
    for body in (b"{", b"NaN", b"[]", b"[" * 100_000, b'{"strokes": [[[1e999, 0]]]}', b'{"strokes": [[[-5, 0]]]}'):
        status, _, content = ask(demo, "POST", "/read", body)
        assert status == 400
        assert json.loads(content)["word"] == "error_question"
    assert capfd.readouterr() == ("", "")


def test_many_at_a_time(demo):
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: ask(demo, "POST", "/read", SEVEN), range(60)))
    assert {status for status, _, _ in found} == {200}
    assert len({content for _, _, content in found}) == 1
