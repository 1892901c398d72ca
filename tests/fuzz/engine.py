"""The engine gives a reader one input after another, and finds out which of them it does not bear."""

import faulthandler
import re
import resource
import time
import tracemalloc
import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from target import Target, size_unpacked
from targets import TARGETS

MOST_SECONDS = 2.0
MOST_MEMORY = 16  # times the size of the file, and a constant: Python's own objects are larger than what they hold
MOST_RESIDENT = 1 << 28  # bytes by which the process may grow at one input: memory that Python does not count


@dataclass
class Outcome:
    """What came of one input: kind is "read", "refused" or "failure"."""

    kind: str
    message: str
    seconds: float
    memory: int


@dataclass
class Summary:
    """What came of many inputs."""

    kinds: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    slowest: float = 0.0
    largest: int = 0
    messages: dict[str, bytes] = field(default_factory=dict)  # of each refusal, without its details: the shortest file
    failures: list[tuple[int, str, bytes]] = field(default_factory=list)

    def add(self, number: int, content: bytes, outcome: Outcome) -> None:
        """Count one input."""
        self.kinds[outcome.kind] += 1
        self.seconds += outcome.seconds
        self.slowest = max(self.slowest, outcome.seconds)
        self.largest = max(self.largest, outcome.memory)
        if outcome.kind == "failure":
            self.failures.append((number, outcome.message, content))
        elif outcome.kind == "refused":
            key = general(outcome.message)
            self.messages[key] = min(self.messages.get(key, content), content, key=len)

    def merge(self, other: "Summary") -> None:
        """Count all that another one has counted."""
        self.kinds += other.kinds
        self.seconds += other.seconds
        self.slowest = max(self.slowest, other.slowest)
        self.largest = max(self.largest, other.largest)
        for key, content in other.messages.items():
            self.messages[key] = min(self.messages.get(key, content), content, key=len)
        self.failures += other.failures


def general(message: str) -> str:
    """Return what a message says, without names and numbers."""
    first = message.splitlines()[0] if message else ""
    first = re.sub(r"/[^ :]*", "…", first.partition(": ")[2] or first)  # the path, and that of an error in the error
    first = re.sub(r"'[^']*'|\"[^\"]*\"|`[^`]*`|array [^:]*|SHA-256 of .* is", "…", first)
    first = re.sub(r"\b[0-9a-f]{2}\b|[-+]?\d[-+\d.,e]*|\b(inf|nan)\b|[^\x20-\x7e×…]+", "#", first)
    return re.sub(r"#([ ,]*#)*", "#", first)[:150]


def attempt(target: Target, content: bytes, path: Path) -> Outcome:
    """Let a target read one input, with all warnings as errors, and measure it."""
    path.write_bytes(content)
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = None
    tracemalloc.start()  # it slows all down, so it is on for as long as needed
    start = time.perf_counter()
    try:
        with warnings.catch_warnings(action="error"):
            found = target.read(path)
        kind, message = "read", ""
    except target.refusal as error:
        kind, message = "refused", str(error)
        if str(path) not in message or len(message) > 6000:
            kind = "failure"
    except BaseException as error:
        if type(error) in (KeyboardInterrupt, SystemExit):
            raise
        kind, message = "failure", f"{type(error).__name__}: {error}"
    seconds = time.perf_counter() - start
    memory = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - resident) * 1024
    if seconds > MOST_SECONDS:
        kind, message = "failure", f"took {seconds:.1f} s"
    if memory > target.memory + MOST_MEMORY * size_unpacked(content) or grown > MOST_RESIDENT:
        kind, message = "failure", f"took {max(memory, grown):,} bytes"
    if kind == "read":
        try:
            target.check(content, found)
        except Exception as error:
            kind, message = "failure", f"read wrongly: {type(error).__name__}: {error}"
    return Outcome(kind, message, seconds, memory)


def make(reader: str, seed: int, number: int) -> bytes:
    """Make the input of that number."""
    return TARGETS[reader].make(Random(f"{reader}/{seed}/{number}"))


def run(reader: str, seed: int, numbers: range, folder: Path) -> Summary:
    """Try the inputs of these numbers, one after the other; the last one tried is left in the folder."""
    faulthandler.dump_traceback_later(60 + len(numbers) * MOST_SECONDS, exit=True)  # a reader that never comes back
    summary = Summary()
    try:
        for number in numbers:
            content, path = make(reader, seed, number), folder / f"{reader}.input"
            outcome = attempt(TARGETS[reader], content, path)
            if outcome.seconds > MOST_SECONDS:  # a busy machine can stop a process; a slow input is slow again
                outcome = attempt(TARGETS[reader], content, path)
            summary.add(number, content, outcome)
    finally:
        faulthandler.cancel_dump_traceback_later()
    return summary
