"""``python -m minnet.demo`` opens a page on which a digit is drawn, and read by a model of one matrix."""

import argparse
import os
import sys
import webbrowser
from collections.abc import Sequence
from pathlib import Path
from threading import Thread
from typing import Any

from minnet.core.console import announce
from minnet.demo.page import Page
from minnet.demo.reader import Reader
from minnet.demo.server import DemoServer
from minnet.demo.training import find_digits, train
from minnet.demo.words import LANGUAGES
from minnet.errors import CheckpointError
from minnet.saving.models import load_model

PORT = 8028


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command, until Ctrl-C."""
    options = _options(arguments)
    try:
        _serve(options)
    except KeyboardInterrupt:
        announce("\nThe demo has ended.")


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m minnet.demo",
        description="Draw a digit on a page, and see how one matrix reads it, and how it learns.",
        epilog="The matrix is trained at the start, within seconds: on MNIST where it is on this disk "
        "(MINNET_DATA=folder says where), and on synthetic digits elsewhere. Nothing is downloaded. The page is for "
        "this computer alone.",
    )
    parser.add_argument("--port", type=_port, default=PORT, help=f"of 127.0.0.1; 0: any that is free (default {PORT})")
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    parser.add_argument("--model", metavar="FILE", type=Path, help="a model that mn.save wrote, in place of the matrix")
    parser.add_argument("--lang", choices=LANGUAGES, help="of the page at first (default: the browser's language)")
    return parser.parse_args(arguments)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text[:6]) < 1 << 16):
        raise argparse.ArgumentTypeError(f"a port is an integer from 0 to 65535, got {text[:40]!r}")
    return int(text)


def _serve(options: argparse.Namespace) -> None:
    """Bind the port first: who waits for the training should not learn after it that the port is in use."""
    try:
        server = DemoServer(options.port)
    except OSError as error:
        raise SystemExit(
            f"python -m minnet.demo: port {options.port} of 127.0.0.1 cannot be used ({error.strerror}): is another "
            "demo running? Choose another port, such as --port 0, which is any that is free"
        ) from None
    with server:
        reader, about = _file(options.model) if options.model else _matrix()
        server.start(reader, Page(reader, about, options.lang))
        _say(f"Draw a digit at {server.address} (Ctrl-C ends the demo)")
        if not options.no_browser:
            Thread(target=_open, args=(server.address,), daemon=True).start()
        server.serve_forever()


def _matrix() -> tuple[Reader, dict[str, Any]]:
    digits = find_digits()
    synthetic = len(digits.train.X) - digits.real
    what = f"{digits.real:,} digits of MNIST and {synthetic:,}" if digits.real else f"{synthetic:,}"
    _say(f"Training one matrix on {what} synthetic digits" + (not digits.real) * " (MNIST is not on this disk)")
    reader, accuracy = train(digits)
    whose = "digits of MNIST" if digits.real else "synthetic digits"
    _say(f"It reads {accuracy:.1%} of {len(digits.test.X):,} other {whose} right.")
    source = "mnist" if digits.real else "synthetic"
    return reader, {"source": source, "real": digits.real, "synthetic": synthetic, "accuracy": accuracy}


def _file(path: Path) -> tuple[Reader, dict[str, Any]]:
    try:
        reader = Reader(load_model(path))
    except (CheckpointError, OSError) as error:
        raise SystemExit(f"python -m minnet.demo: {error}") from None
    except ValueError as error:
        raise SystemExit(f"python -m minnet.demo: {path}: {error}") from None
    return reader, {"source": "file", "name": path.name}


def _say(text: str) -> None:
    """Print a line; a reader that has left, as in ``python -m minnet.demo | head -1``, does not matter."""
    try:
        print(text, flush=True)
    except BrokenPipeError:  # at its end, Python would try to write the rest
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _open(address: str) -> None:
    """Open the browser, but none that would take over the terminal, where there is no screen."""
    screen = sys.platform in ("win32", "darwin") or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")))
    if screen:
        webbrowser.open(address)


if __name__ == "__main__":
    main()
