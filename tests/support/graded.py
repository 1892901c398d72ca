"""What the tests of the grader share: a small exercise, the grading of one file, and a layer served over a socket."""

import socket
import threading
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from minnet.grading import exercise, file
from minnet.grading.remote.layer import Handle
from minnet.grading.remote.served import Server
from minnet.grading.remote.wire import Channel
from minnet.grading.results import Result
from minnet.grading.sandbox.sandbox import Sandbox

EXERCISE = """
title: Two layers
limits: {seconds: 60, memory: 1 GB}
questions:
  - class: Softplus
    inputs:
      - shape: [4, 3]
    reference: mn.Softplus
  - class: Affine
    arguments: [3, 2]
    inputs:
      - shape: [4, 3]
    reference: mn.Linear
"""


@cache
def sandbox():
    """One sandbox for all tests of a process: it takes a second to start."""
    return Sandbox()


def read(folder, text=EXERCISE):
    path = folder / "layers.yaml"
    path.write_text(text, encoding="utf-8")
    return exercise.read(path)


def grade(folder, source, text=EXERCISE, name="student.py"):
    source = source if isinstance(source, bytes) else source.encode()
    return file.grade(sandbox(), read(folder, text), Result("student", name), source)


@contextmanager
def served(**classes):
    """Serve layers from a thread; yield a function that makes one."""
    one, other = socket.socketpair()
    server = Server(Channel(one, 1 << 28), classes)
    thread = threading.Thread(target=lambda: _until_closed(server), daemon=True)
    thread.start()
    channel = Channel(other, 1 << 28)

    def ask(request):
        channel.send(request, 60)
        answer = channel.receive(60)
        if "error" in answer:
            raise {"TypeError": TypeError, "ValueError": ValueError}.get(answer["error"], RuntimeError)(
                answer["message"]
            )
        return answer

    def make(name, *arguments, **named):
        request = {"do": "make", "class": name, "arguments": list(arguments), "named": named}
        return Handle(ask, [], ask(request)).outermost()

    try:
        yield make
    finally:
        channel.close()
        thread.join(60)
        one.close()


def _until_closed(server):
    try:
        server.run()
    except Exception:
        return


def descendants(parent):
    """List all descendants of a process."""
    pairs = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            pairs.append((int(path.parent.name), int(path.read_text().rpartition(")")[2].split()[1])))
        except OSError:
            continue
    found, new = [], {parent}
    while new := {pid for pid, its in pairs if its in new}:
        found += new
    return found
