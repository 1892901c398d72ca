"""What the tests share: the comparison with PyTorch, which also makes the table in docs/parity.md."""

import signal
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from minnet.callbacks.busy_machine import BusyMachine

PAGE = Path(__file__).parents[1] / "docs" / "parity.md"
BOUND = 1e-9
HEAD = f"""# Compared with PyTorch

Every part is compared with its counterpart in PyTorch {{version}}, in float64, over configurations that are drawn at
random (hypothesis, with fixed seeds). *Difference* is the largest one seen between two arrays, divided by the largest
number in PyTorch's (or by 10⁻³, if that is larger: a gradient of zero is zero up to rounding). None may be above
{BOUND:.0e}.

| part | compared | arrays | largest difference |
|---|---|---|---|
"""


class Parity:
    """Compare arrays with PyTorch's, and remember how far apart they were."""

    def __init__(self):
        self.rows = defaultdict(lambda: [0, 0.0])

    def __call__(self, part, what, ours, theirs):
        """Assert that two arrays agree: `what` ("output", "dL/dx", "dL/d weight", ...) of `part` ("Conv2d")."""
        theirs = theirs.detach().numpy() if hasattr(theirs, "detach") else np.asarray(theirs)
        assert np.shape(ours) == theirs.shape
        scale = max(np.abs(theirs).max(initial=0), 1e-3)
        difference = float(np.abs(ours - theirs).max(initial=0) / scale)
        assert difference <= BOUND, f"{part}: {what} differs by {difference:.1e}"
        row = self.rows[part, what]
        row[:] = row[0] + 1, max(row[1], difference)

    def table(self):
        """Write the page."""
        import torch

        parts = defaultdict(list)
        for (part, what), row in self.rows.items():
            parts[part].append((what, row))
        lines = []
        for part, found in sorted(parts.items()):
            whats = ", ".join(what for what, _ in found)
            arrays, worst = sum(row[0] for _, row in found), max(row[1] for _, row in found)
            lines.append(f"| `{part}` | {whats} | {arrays:,} | {worst:.0e} |\n")
        version = torch.__version__.partition("+")[0]
        return HEAD.format(version=version) + "".join(lines) + "\nMade by `pytest tests/parity --parity-table`.\n"


def pytest_addoption(parser):
    parser.addoption("--parity-table", action="store_true", help="write docs/parity.md from what was compared")


def pytest_configure(config):
    if config.getoption("--parity-table") and config.getoption("numprocesses", None):
        raise pytest.UsageError("--parity-table needs all comparisons in one process: leave out -n")
    config.parity = Parity()
    BusyMachine.said = True  # tests compare what a fit says, on busy machines, too
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # as in the background of a shell: tests of Ctrl-C would fail
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_make_parametrize_id(val, argname):
    """Name bytes by their argument: gzip's hold the time, and the processes of -n must agree on the names of tests."""
    return argname if isinstance(val, bytes) else None


@pytest.fixture(scope="session")
def parity(pytestconfig):
    """Give a test the comparison: parity(part, what, ours, theirs)."""
    return pytestconfig.parity


def pytest_sessionfinish(session, exitstatus):
    if session.config.getoption("--parity-table") and exitstatus == 0:
        PAGE.write_text(session.config.parity.table(), encoding="utf-8")
