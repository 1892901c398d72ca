"""A mirror is a web server with the four published files of MNIST; this fetches them, checked."""

import hashlib
import logging
import re
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from minnet.core.extras import require
from minnet.data.mnist.bounded import BoundedReader, looks_like
from minnet.errors import DataError

MIRRORS = (
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
)
# Of each published archive: its MD5, and the SHA-256 of what is in it.
ARCHIVES = {
    "train-images-idx3-ubyte.gz": (
        "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    "train-labels-idx1-ubyte.gz": (
        "d53e105ee54ea40749a09fcbcd1e9432",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    "t10k-images-idx3-ubyte.gz": (
        "9fb629c4189551a2d022fa330f9573f3",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    "t10k-labels-idx1-ubyte.gz": (
        "ec29112dd5afa0611ce80d1b7f02629c",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
}
TIMEOUT = 10.0  # seconds without an answer before a mirror is given up
SLOWEST = 600.0  # seconds for a file: a mirror that drips a byte now and then is given up as well
_LEFT_OVER = 6 * SLOWEST  # seconds after which a temporary file is nobody's any more
_MAX_ARCHIVE_BYTES = 1 << 24  # the largest has 10 MB
_MAX_CONTENT_BYTES = 1 << 26  # and holds 47 MB


class _WrongFileError(ValueError):
    """A mirror sent something else than the published file."""


def download_mnist(folder: Path) -> list[str]:
    """Fetch what is missing of the four files; a file appears in the folder whole and right, or not at all.

    Parameters
    ----------
    folder
        Where to; it is made when it is not there. A file that is there and is the published one is kept, any
        other of the same name is replaced. Several processes may do so at once.

    Returns
    -------
    reasons
        Why it failed, a short line a mirror; empty if the four files are now there.

    Raises
    ------
    MissingExtraError
        If pooch is not installed.
    """
    pooch = require("pooch", "data")
    broken = require("urllib3.exceptions", "data").HTTPError
    reasons = []
    _sweep(folder)
    with _quiet(pooch.get_logger()):
        for mirror in MIRRORS:
            fetch = _Fetcher(mirror, folder)
            try:
                for name, (md5, _) in ARCHIVES.items():
                    # pooch fetches into a temporary file, checks it, and only then gives it its name.
                    pooch.retrieve(mirror + name, f"md5:{md5}", fname=name, path=folder, downloader=fetch)
            except (OSError, ValueError, broken) as error:  # the errors of requests are OSErrors
                reasons.append(f"{urlsplit(mirror).hostname}: {_reason(error)}")
            else:
                return []
            finally:
                fetch.close()
    return reasons


def _sweep(folder: Path) -> None:
    """Remove the temporary files of downloads that were killed. They were never in the way; they take room."""
    for path in folder.glob("tmp*"):
        with suppress(OSError):  # another process may have been faster
            if re.fullmatch("tmp[a-z0-9_]{8}", path.name) and time.time() - path.stat().st_mtime > _LEFT_OVER:
                path.unlink()


@contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


class _Fetcher:
    """What pooch calls for each file: it fetches, shows progress, and looks at what came."""

    def __init__(self, mirror: str, folder: Path):
        self.announcement = f"Downloading MNIST (11 MB) from {urlsplit(mirror).hostname} to {folder}"
        self.announced = False
        self.bar: Any = None

    def __call__(self, url: str, output_file: str, _: object) -> None:
        """Fetch in a thread: only so can a mirror be given up whose answer begins and begins and never comes."""
        name = url.rpartition("/")[2]
        errors: list[BaseException] = []
        stop = threading.Event()

        def work() -> None:
            try:
                self.fetch(url, Path(output_file), name, stop)
            except BaseException as error:  # raised below, in the thread that waits
                errors.append(error)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        try:
            thread.join(SLOWEST)
        finally:
            stop.set()
        if thread.is_alive():
            raise TimeoutError(f"too slow: {name} took more than {SLOWEST:.0f} s")
        if errors:
            raise errors[0]
        _check(Path(output_file), name)

    def fetch(self, url: str, path: Path, name: str, stop: threading.Event) -> None:
        """Fetch a file, until it has come or it is to stop."""
        session = require("requests", "data").Session()
        # The mirrors redirect nobody, and requests would read what comes along with a redirection to its end.
        session.get_redirect_target = lambda response: None
        headers = {"Accept-Encoding": "identity"}  # or a mirror may unpack the archive on its way
        with (
            session,
            session.get(url, stream=True, timeout=TIMEOUT, headers=headers) as response,
            path.open("wb") as file,
        ):
            if response.status_code != 200:
                raise _WrongFileError(f"answered {response.status_code} {_printable(response.reason)}"[:50].rstrip())
            # read1 returns what has come; read waits for all it was asked for, however slowly that drips.
            read = getattr(response.raw, "read1", response.raw.read)  # urllib3 1 has none
            while not stop.is_set() and (chunk := read(1 << 16)):
                self.show(len(chunk))
                file.write(chunk)
                if file.tell() > _MAX_ARCHIVE_BYTES:
                    raise _WrongFileError(f"sent too much for {name}")

    def show(self, count: int) -> None:
        """Say once that a download began, which is when the first bytes have come; move the bar."""
        if not self.announced:
            self.announced = True
            print(self.announcement, file=sys.stderr)
            if sys.stderr.isatty():
                from tqdm import tqdm  # 20 ms that only a download needs

                self.bar = tqdm(unit="B", unit_scale=True, total=11_594_722)
        if self.bar is not None:
            self.bar.update(count)

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()


def _check(archive: Path, name: str) -> None:
    """Compare the content with the published one's SHA-256; pooch compares the archive's MD5 after this."""
    with archive.open("rb") as file:
        head = file.read(64)
    if head[:2] != b"\x1f\x8b":
        raise _WrongFileError(f"sent {looks_like(head)[0]}")
    digest = hashlib.sha256()
    with BoundedReader(archive, _MAX_CONTENT_BYTES) as content:
        while chunk := content.read_at_most(1 << 18):
            digest.update(chunk)
    if digest.hexdigest() != ARCHIVES[name][1]:
        raise _WrongFileError(f"sent another {name}: its SHA-256 is wrong")


def _printable(text: str | None) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text or "")


def _reason(error: Exception) -> str:
    """Say in a few words why a mirror failed."""
    failures = require("requests.exceptions", "data")
    if "timed out" in str(error):
        return f"no answer within {TIMEOUT:.0f} s"
    match error:
        case _WrongFileError() | TimeoutError():
            return str(error)
        case failures.ConnectionError():
            return "no connection"
        case failures.RequestException():
            return f"it cannot be fetched ({type(error).__name__})"
        case DataError():
            return "sent a damaged file, or only a part of it"
        case ValueError():
            return "sent a changed file: its checksum is wrong"
        case OSError():
            return f"cannot write there ({error})"
    return f"the connection broke ({type(error).__name__})"
