"""A CSVLogger writes the history to a file, row by row, so that a long run need not hold it in memory."""

import csv
import io
import os
from pathlib import Path

from minnet.callbacks.base import Callback, Training
from minnet.core.rows import Row


class CSVLogger(Callback):
    """Write each row of the history to a CSV file as soon as it is there.

    A file that exists is replaced when the first row comes. A run that is resumed goes on in its file, where its
    checkpoint was: rows that came after are made again, and stand there once. Let it be the last of the callbacks,
    for others add columns to a row.

    Parameters
    ----------
    path
        The file.
    keep
        How many rows stay in the trainer's history; the older ones are in the file only. By default, all stay.

    Raises
    ------
    ValueError
        If keep is below 1; in training, if a row has a column that the first had not, or the file was cut.
    OSError
        In training, if the file cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str], keep: int | None = None) -> None:
        if keep is not None and keep < 1:
            raise ValueError(f"CSVLogger needs keep >= 1, the rows that stay in memory, got {keep}")
        self.path = Path(path)
        self.keep = keep
        self.columns: list[str] = []
        self.size = 0  # of the file, in bytes

    def on_row(self, trainer: Training, row: Row) -> None:
        """Append the row."""
        text = io.StringIO(newline="")
        if not self.columns:
            self.columns = list(row)
            csv.writer(text).writerow(self.columns)
        if more := [name for name in row if name not in self.columns]:
            raise ValueError(f"CSVLogger: {self.path} has no column for {', '.join(more)}: the first row had none")
        csv.DictWriter(text, self.columns).writerow(row)
        with self.path.open("r+b" if self.size else "wb") as file:
            if file.seek(0, os.SEEK_END) < self.size:
                raise ValueError(f"CSVLogger: {self.path} is shorter than the run left it: someone cut it")
            file.truncate(self.size)
            file.seek(self.size)
            file.write(text.getvalue().encode())
            file.flush()
            os.fsync(file.fileno())
            self.size = file.tell()
        if self.keep is not None:
            del trainer.history[: -self.keep]
