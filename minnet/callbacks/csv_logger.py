"""A CSVLogger writes the history to a file row by row, so a long run need not keep it in memory."""

import csv
import io
import os
from pathlib import Path

from minnet.callbacks.base import Callback, Training
from minnet.core.checks import check_int
from minnet.core.rows import Row


class CSVLogger(Callback):
    """Write each row of the history to a CSV file as soon as it is made.

    The first row replaces a file that exists. A resumed run continues its file where the checkpoint was written:
    rows after that are removed, because they will be made again. Put it last in the list of callbacks, because
    others may add columns to a row.

    Parameters
    ----------
    path
        The file; its folder is made if it is not there.
    keep
        How many rows stay in the trainer's history; older rows are in the file only. By default, all stay.

    Raises
    ------
    ValueError
        If keep is below 1; in training, if a row has a column that the first row lacks, or the file was cut.
    OSError
        In training, if the file cannot be written: before the first step, if that can be known.
    """

    def __init__(self, path: str | os.PathLike[str], keep: int | None = None) -> None:
        self.path = Path(path)
        self.keep = keep if keep is None else check_int("CSVLogger", "keep", keep, why="it counts rows in memory")
        self.columns: list[str] = []
        self.size = 0  # of the file, in bytes

    def on_fit_start(self, trainer: Training) -> None:
        """Make the folder, and try to open the file: now, and not after the first epoch."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab"):
                pass
        except OSError as error:
            problem = f"CSVLogger cannot write there: {error.strerror}; choose another file"
            raise type(error)(error.errno, problem, str(self.path)) from None

    def on_row(self, trainer: Training, row: Row) -> None:
        """Append the row."""
        text = io.StringIO(newline="")
        if not self.columns:
            self.columns = list(row)
            csv.writer(text).writerow(self.columns)
        if more := [name for name in row if name not in self.columns]:
            raise ValueError(f"CSVLogger: {self.path} has no column for {', '.join(more)}: the first row lacks it")
        csv.DictWriter(text, self.columns).writerow(row)
        with self.path.open("r+b" if self.size else "wb") as file:
            if file.seek(0, os.SEEK_END) < self.size:
                raise ValueError(f"CSVLogger: {self.path} is shorter than the run left it: the file was cut")
            file.truncate(self.size)
            file.seek(self.size)
            file.write(text.getvalue().encode())
            file.flush()
            os.fsync(file.fileno())
            self.size = file.tell()
        if self.keep is not None:
            del trainer.history[: -self.keep]
