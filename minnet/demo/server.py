"""The server of the demo: one page and three questions, on 127.0.0.1 alone.

Every program of this computer can reach it, and every page that is open in the browser can try to. So it answers only
if it is called by its own address (or another name could be made to lead to it, "DNS rebinding"), and takes questions
only from its own page. It has a bounded number of threads, and a question a bounded size.
"""

import socket
import sys
import time
from contextlib import suppress
from socketserver import ThreadingTCPServer
from threading import BoundedSemaphore, Lock
from typing import Any

from minnet.demo.handler import Handler
from minnet.demo.page import Page
from minnet.demo.reader import Reader

THREADS = 16  # connections at a time; one more ends the oldest
GRACE = 0.5  # seconds, in which a connection can ask something, before another one may end it


class DemoServer(ThreadingTCPServer):
    """Take a port of 127.0.0.1, where 0 is any that is free; then `start`, and ``serve_forever()``.

    Raises
    ------
    OSError
        If the port is in use, or may not be used.
    """

    daemon_threads = True
    request_queue_size = 2 * THREADS
    allow_reuse_address = sys.platform != "win32"  # there, it would share the port with another program

    page: Page
    reader: Reader

    def __init__(self, port: int) -> None:
        self._free, self._lock = BoundedSemaphore(THREADS), Lock()
        self._open: dict[Any, float] = {}  # connections, the oldest first, and when they began
        super().__init__(("127.0.0.1", port), Handler)
        self.port = int(self.server_address[1])
        self.hosts = [f"127.0.0.1:{self.port}", f"localhost:{self.port}"]
        if self.port == 80:
            self.hosts += ["127.0.0.1", "localhost"]  # browsers leave it out

    def start(self, reader: Reader, page: Page) -> None:
        """Say what is served: the page, and the answers of a Reader."""
        self.reader, self.page = reader, page

    @property
    def address(self) -> str:
        """What to open in a browser."""
        return f"http://127.0.0.1:{self.port}/"

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread of its own; if all are busy, the oldest connection ends, because it may be an idle one."""
        while not self._free.acquire(blocking=False):
            with self._lock:
                oldest, began = next(iter(self._open.items()), (None, 0.0))
                if oldest is not None and time.monotonic() - began > GRACE:
                    _end(oldest)
            time.sleep(0.001)  # its thread ends now
        with self._lock:
            self._open[request] = time.monotonic()
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, and make room for another connection."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._lock:
                self._open.pop(request, None)
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print what went wrong, unless a browser only left, as it may."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


def _end(connection: socket.socket) -> None:
    with suppress(OSError):  # it ended by itself
        connection.shutdown(socket.SHUT_RDWR)
