"""A handler answers one request: the page, or a question of the page."""

import json
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

from minnet.demo.answers import ANSWERS, Answer, QuestionError, parsed
from minnet.demo.words import language
from minnet.version import __version__

if TYPE_CHECKING:
    from minnet.demo.server import DemoServer

LONGEST = 1 << 18  # bytes of a question: those of the largest drawing are fewer
DRAINED = 1 << 24  # bytes of a question that is too long: they are read, so that its sender reads the answer
HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class RefusedError(Exception):
    """A request is not answered, for a reason that a status says: (status, message)."""


class Handler(BaseHTTPRequestHandler):
    """Answer a request; no request is answered before its Host and its Origin are looked at."""

    server: "DemoServer"
    server_version, sys_version = f"minnet/{__version__}", ""
    timeout = 10.0  # seconds without a byte, after which a connection ends

    def do_GET(self) -> None:
        """Send the page; no other address has anything."""
        self._answered(self._page)

    def do_HEAD(self) -> None:
        """Send what GET sends, without the page itself."""
        self._answered(self._page)

    def do_POST(self) -> None:
        """Answer a question of the page, in JSON."""
        self._answered(self._question)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Print nothing: a drawing is some hundred requests."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Send an error as JSON, also those that the base class finds."""
        text = message or self.responses.get(code, ("an error",))[0]
        self._send(code, "application/json", json.dumps({"error": text[:300], "word": "error_question"}).encode())

    def _answered(self, answer: Any) -> None:
        try:
            self._check_host()
            answer()
        except RefusedError as refusal:
            code, message = refusal.args
            self.send_error(code, message)

    def _page(self) -> None:
        path, _, query = self.path.partition("?")
        if path in ANSWERS:
            raise RefusedError(405, f"{path} takes POST")
        if path != "/":
            raise RefusedError(404, "there is only the page at /")
        wanted = query.removeprefix("lang=")
        lang = language(wanted, self.server.page.lang, self.headers.get("Accept-Language", ""))
        page = self.server.page.html(lang, self.server.reader.steps)
        self._send(200, "text/html; charset=utf-8", page, {"Content-Language": lang, "Vary": "Accept-Language"})

    def _question(self) -> None:
        self._check_origin()
        if self.path not in ANSWERS:
            raise RefusedError(404, f"the questions are {', '.join(ANSWERS)}")
        body = self._body()
        try:
            answer: Answer = ANSWERS[self.path](self.server.reader, parsed(body))
            code = 200
        except QuestionError as error:
            answer, code = {"error": str(error), "word": error.word}, 400
        self._send(code, "application/json", json.dumps(answer, allow_nan=False).encode())

    def _check_host(self) -> None:
        """Refuse a request for another address, such as a name that was made to lead here."""
        hosts = self.headers.get_all("Host") or []
        if len(hosts) != 1 or hosts[0].lower() not in self.server.hosts:
            raise RefusedError(403, f"this is {self.server.address}; it answers to no other name")

    def _check_origin(self) -> None:
        """Refuse a question that a browser sends for another page; a program that is no browser sends no Origin."""
        origins = self.headers.get_all("Origin") or []
        ours = [f"http://{host}" for host in self.server.hosts]
        site = self.headers.get("Sec-Fetch-Site", "same-origin")
        if site != "same-origin" or len(origins) > 1 or any(origin not in ours for origin in origins):
            raise RefusedError(403, "this question came from another page; open the page of the demo itself")

    def _body(self) -> bytes:
        """Read the body of a question, of a known and bounded length."""
        kind = self.headers.get_content_type()
        length = self.headers.get("Content-Length", "")
        if "Transfer-Encoding" in self.headers or not (length.isascii() and length.isdigit() and len(length) < 20):
            raise RefusedError(411, "a question needs a Content-Length")
        if int(length) > LONGEST:
            self._drain(int(length))
            raise RefusedError(413, f"a question has at most {LONGEST:,} bytes, got {int(length):,}")
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            raise RefusedError(400, f"the question ended after {len(body):,} of {int(length):,} bytes")
        if kind != "application/json":
            raise RefusedError(415, f"a question is application/json, got {kind[:60]}")
        return body

    def _drain(self, length: int) -> None:
        """Read a body that is too long, or a good part of it: a sender that cannot send would not read the answer."""
        left = min(length, DRAINED)
        while left > 0 and (piece := self.rfile.read(min(left, 1 << 16))):
            left -= len(piece)

    def _send(self, code: int, kind: str, body: bytes, more: dict[str, str] | None = None) -> None:
        self.send_response(code)
        headers = HEADERS | {"Content-Security-Policy": self.server.page.policy} | (more or {})
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
