"""PrintedRows prints each row of the history as a line, for a run whose stderr is a file, a pipe or a log."""

import textwrap

from minnet.callbacks.base import Callback, Training
from minnet.core.console import announce
from minnet.core.described import WIDTH
from minnet.core.rows import Row
from minnet.core.state import State
from minnet.core.table import Table

PAGE = 25  # lines between two headings


class PrintedRows(Callback):
    """Print each row of the history to stderr as soon as it is made, in columns, with a heading now and then.

    It is what ``fit(progress="rows")`` adds, as the last of the callbacks, because others may add columns to a row.
    """

    rank_zero_only = True
    every_step = False

    def on_fit_start(self, trainer: Training) -> None:
        """Begin with a heading."""
        self._lines, self._names, self._table = 0, list[str](), Table([], [])

    def on_row(self, trainer: Training, row: Row) -> None:
        """Print the row."""
        if list(row) != self._names:  # other columns than before need another heading
            self._lines, self._names, self._table = 0, list(row), Table([row], row)
            if hidden := self._table.hidden:
                text = f"(a line has no room for {', '.join(hidden)}; the history has them)"
                announce(textwrap.fill(text, WIDTH))
        if self._lines % PAGE == 0:
            announce("\n".join(self._table.head()))
        announce(self._table.line(row))
        self._lines += 1

    def state_dict(self) -> State:
        """Return nothing, because a resumed run begins with a heading of its own."""
        return {}
