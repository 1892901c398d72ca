"""A CSVLogger writes the history to a file row by row, so a long run need not keep it in memory."""

import csv
import io
import os
from dataclasses import dataclass, field

from minnet.callbacks.base import Callback, Training
from minnet.core.checks import check_int, check_path
from minnet.core.layer import Layer
from minnet.core.rows import Row
from minnet.core.state import State, attributes, set_attributes
from minnet.optimizers import Optimizer


@dataclass
class _Written:
    """What is in the file. As an object of its own, it stays as it is when the next `fit` begins (see Renewal)."""

    columns: list[str] = field(default_factory=list)
    size: int = 0  # of the file, in bytes


class CSVLogger(Callback):
    """Write each row of the history to a CSV file as soon as it is made.

    The first row replaces a file that exists. One CSVLogger in several calls of `fit` appends the rows of each, so
    that none is lost; give each a CSVLogger and a path of its own for separate files. A resumed run continues its file
    where the checkpoint was written: rows after that are removed, because they will be made again. Put it last in the
    list of callbacks, because others may add columns to a row.

    Parameters
    ----------
    path
        The file.
    keep
        How many rows stay in the trainer's history; older rows are in the file only. By default, all stay.

    Raises
    ------
    ValueError
        If keep is below 1; in training, if a row has a column that the first row lacks, or the file was cut.
    OSError
        In training, if the file cannot be written; before the first step, if that is known by then.
    """

    rank_zero_only = True

    def __init__(self, path: str | os.PathLike[str], keep: int | None = None) -> None:
        self.path = check_path("CSVLogger", "path", path)
        self.keep = keep if keep is None else check_int("CSVLogger", "keep", keep, why="it counts rows in memory")
        self._written = _Written()

    def on_fit_start(self, trainer: Training) -> None:
        """Try now whether the file can be written, and not after the first epoch."""
        try:
            self.path.open("ab").close()
        except OSError as error:
            message = f"{error.strerror}: make the folder, or choose another path. CSVLogger cannot write"
            raise type(error)(error.errno, message, str(self.path)) from None
        self._check_size()

    def on_row(self, trainer: Training, row: Row) -> None:
        """Append the row."""
        text, written = io.StringIO(newline=""), self._written
        if not written.columns:
            written.columns = list(row)
            csv.writer(text).writerow(written.columns)
        if more := [name for name in row if name not in written.columns]:
            raise ValueError(f"CSVLogger: {self.path} has no column for {', '.join(more)}: the first row lacks it")
        csv.DictWriter(text, written.columns).writerow(row)
        with self.path.open("r+b" if written.size else "wb") as file:
            self._check_size()
            file.truncate(written.size)
            file.seek(written.size)
            file.write(text.getvalue().encode())
            file.flush()
            os.fsync(file.fileno())
            written.size = file.tell()
        if self.keep is not None:
            del trainer.history[: -self.keep]

    def state_dict(self) -> State:
        """Return what is in the file; its name is the script's."""
        return attributes(self._written)

    def check_state(self, state: State, model: Layer, optimizer: Optimizer) -> None:
        """Check that the columns have names."""
        if not all(type(name) is str for name in state["columns"]):
            raise ValueError("a column's name is no text")

    def load_state_dict(self, state: State) -> None:
        """Restore what is in the file."""
        set_attributes(self._written, state)

    def _check_size(self) -> None:
        if self.path.stat().st_size < self._written.size:
            raise ValueError(
                f"CSVLogger: {self.path} is shorter than it was left: it was cut or deleted. Put it back, or begin "
                "another file with a new CSVLogger"
            )
