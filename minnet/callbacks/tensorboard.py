"""A TensorBoard callback writes curves, histograms, mistakes and settings for TensorBoard, row by row."""

import io
import os
import re
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from minnet.callbacks.base import Callback, Training, job_of
from minnet.callbacks.event_file import EventFile
from minnet.core.checks import check_int, check_path, named
from minnet.core.extras import require
from minnet.core.rows import RUNNING_ACCURACY, Row
from minnet.core.samples import as_data
from minnet.core.state import State
from minnet.core.trees import first
from minnet.losses.multi import losses_of
from minnet.optimizers.shown import options_of

TRAIN = "train"  # the run inside the folder that has the curves of training itself
MISTAKES = 8  # in a picture; matplotlib takes a twentieth of a second for each
EPOCH, SECONDS = "time/epoch", "time/seconds"
TIMES = (EPOCH, SECONDS, "lr", "skipped")  # tags that say nothing of how good a model is
Setting = bool | int | float | str


class TensorBoard(Callback):
    """Write what TensorBoard shows: ``tensorboard --logdir FOLDER`` while the run goes on, or later.

    Each row of the history becomes points of curves: the training loss and the learning rate in the run ``train``, and
    the loss and metrics of each evaluation set in a run of the set's name, so that one chart holds the loss of all.
    Weights, and the gradients of the last step, become a histogram for each Parameter. A table (HPARAMS) has the loss,
    the optimizer and those of its options that are not the default, the batch size, and the last value of every curve,
    so that runs can be compared.

    Use a folder for each run, inside of one that TensorBoard is given: ``TensorBoard("runs/adam")``. Another `fit` of
    the same Trainer goes on with the curves. So does a run that is resumed from a checkpoint: rows after that are
    forgotten, because they will be made again. A Trainer that begins at step 0 begins the folder's curves anew.
    TensorBoard does that when it reads the folder, and no file is deleted. Put the callback last in the list, because
    others may add columns to a row.

    Needs the extra "tensorboard".

    Parameters
    ----------
    folder
        Of this run; it is made if it is not there.
    histograms
        At how many rows of history there is a histogram: 1 at each, 10 at every tenth, 0 at none. (With
        ``compiled=True`` there is none of gradients, which are not kept.)
    images
        A pair (X, y) of images and their class labels: each row, those that are misclassified are drawn, up to 8. It
        needs matplotlib, the extra "plots". A few hundred images are enough.
    hparams
        Further settings for the table: name → number, text or bool. In a job of several ranks, the size of a batch is
        not in it by itself.

    Raises
    ------
    MissingExtraError
        If a package is missing.
    TypeError, ValueError
        If an argument is wrong, or the images do not fit the model, before the first step.
    OSError
        If a file cannot be written.

    Examples
    --------
    ``trainer.fit(loader, epochs=9, callbacks=[mn.callbacks.TensorBoard("runs/first", images=(X[:300], y[:300]))])``
    """

    every_step = False
    rank_zero_only = True

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        histograms: int = 1,
        images: tuple[ArrayLike, ArrayLike] | None = None,
        hparams: Mapping[str, Setting] | None = None,
    ) -> None:
        require("tensorboardX", "tensorboard")
        self.folder = check_path("TensorBoard", "folder", folder)
        self.histograms = check_int("TensorBoard", "histograms", histograms, 0, "it counts rows of the history")
        self.images = None if images is None else _checked_images(images)
        self.hparams = {str(name): _setting(str(name), value) for name, value in (hparams or {}).items()}

    def on_fit_start(self, trainer: Training) -> None:
        """Open the files, and try whether the images can be drawn."""
        if self.images is not None:
            X, y = self.images
            self._drawn(trainer, X[:2], y[:2])
        self._first, self._rows, self._batch_size = trainer.step + 1, 0, 0
        self._settings = settings_of(trainer)
        self._files: dict[str, EventFile] = {}
        self._file(TRAIN)

    def on_step_end(self, trainer: Training) -> None:
        """Note the size of the first batch; compiled code may have done several at once."""
        if not self._batch_size and job_of(trainer) is None:  # there, a rank sees its part of the batch
            self._batch_size = len(first(trainer.target)) if trainer.step == self._first else -1

    def on_row(self, trainer: Training, row: Row) -> None:
        """Write a point of each curve, and histograms and mistakes."""
        losses = [f"{name}_loss" for name in losses_of(trainer.loss)]  # of each output of a model with several
        step, curves = trainer.step, curves_of(row, {"loss", *losses, *trainer.metrics})
        for (run, tag), value in curves.items():
            self._file(run).scalar(tag, value, step)
        if not self._rows:
            size = {"batch_size": self._batch_size} if self._batch_size > 0 else {}
            scores = [curve for curve in curves if curve[1] not in TIMES]
            self._file("").settings(self._settings | size | self.hparams, scores)
        if self.histograms and self._rows % self.histograms == 0:
            self._add_histograms(trainer, step)
        if self.images is not None and (picture := self._drawn(trainer, *self.images)):
            self._file(TRAIN).picture("mistakes", picture, step)
        self._rows += 1
        for file in self._files.values():
            file.flush()

    def on_fit_end(self, trainer: Training) -> None:
        """Close the files, after the last row or an error."""
        if "" in self._files:
            self._files[""].end(well=not trainer.interrupted)
        for file in self._files.values():
            file.close()

    def state_dict(self) -> State:
        """Return nothing: the Trainer's step says where the curves go on, and the folder is the script's."""
        return {}

    def _file(self, run: str) -> EventFile:
        """Return the file of a run inside the folder, or of the folder itself, which is new in each fit."""
        if run not in self._files:
            self._files[run] = EventFile(self.folder / run, self._first)
        return self._files[run]

    def _add_histograms(self, trainer: Training, step: int) -> None:
        file, compiled = self._file(TRAIN), getattr(trainer, "compiled", False)
        for path, parameter in trainer.model.named_parameters():
            file.histogram(f"weights/{path}", parameter.data, step)
            if parameter.trainable and not compiled:
                file.histogram(f"gradients/{path}", parameter.read_grad(), step)

    def _drawn(self, trainer: Training, X: NDArray[Any], y: NDArray[Any]) -> bytes:
        """Return a picture of those images that the model, as it is, does not recognise; b"" after divergence."""
        from minnet import plots

        scores = trainer.predict(X)
        if not trainer.loss.classifies or np.ndim(scores) != 2 or scores.shape[1] < 2:
            got = f"{trainer.loss.describe()} and as predictions {named(scores)}"
            raise ValueError(
                "TensorBoard(images=...) draws the mistakes of a model that gives each image a score for each of "
                f"several classes, got {got}: leave out images"
            )
        if not np.isfinite(scores).all():
            return b""
        buffer = io.BytesIO()
        drawn = plots.mistakes(X, scores, y, most=MISTAKES, takes=trainer.loss.takes, class_names=trainer.model)
        drawn.savefig(buffer, format="png")
        return buffer.getvalue()


def curves_of(row: Row, measures: Collection[str]) -> dict[tuple[str, str], float]:
    """Return (run, tag) → value of a row, so that the same measure of several sets has the same tag.

    What training itself has measured is ``running_...``, if there is an evaluation set that is called "train", too.

    Examples
    --------
    >>> curves_of({"step": 9, "lr": 0.1, "loss": 2.0, "test_loss": 2.5, "phase": "warm"}, ["accuracy", "loss"])
    {('test', 'loss'): 2.5, ('train', 'lr'): 0.1, ('train', 'loss'): 2.0}
    """
    numbers = {name: float(value) for name, value in row.items() if isinstance(value, int | float | np.number)}
    numbers.pop("step", None)
    of_sets, own_names = {}, {*measures, RUNNING_ACCURACY}
    for measure in sorted(measures, key=lambda name: (-len(name), name)):
        for name in [name for name in numbers if name not in own_names and name.endswith(f"_{measure}")]:
            run = re.sub(r"[^-\w]", "_", name.removesuffix(f"_{measure}"))
            of_sets[run, measure] = numbers.pop(name)
    renamed = {RUNNING_ACCURACY: "accuracy", "epoch": EPOCH, "seconds": SECONDS}
    own = {renamed.get(name, name): value for name, value in numbers.items()}
    taken = {tag for run, tag in of_sets if run == TRAIN}
    return of_sets | {(TRAIN, f"running_{tag}" if tag in taken else tag): value for tag, value in own.items()}


def settings_of(trainer: Training) -> dict[str, Setting]:
    """Return what TensorBoard's table has of itself: loss, optimizer, and those options that are not the default."""
    kind = type(trainer.optimizer)
    settings: dict[str, Setting] = {"loss": trainer.loss.describe(), "optimizer": kind.__name__}
    for name, value in options_of(kind, trainer.optimizer.param_groups[0]).items():
        settings[name] = value if isinstance(value, Setting) else str(value)
    return settings


def _setting(name: str, value: object) -> Setting:
    if isinstance(value, np.generic):
        value = value.item()
    if not isinstance(value, Setting):
        raise TypeError(f"TensorBoard expected hparams[{name!r}] to be a number, a text or a bool, got {named(value)}")
    return value


def _checked_images(images: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    if not isinstance(images, tuple | list) or len(images) != 2:
        raise TypeError(f"TensorBoard expected images to be a pair (X, y), got {named(images)}")
    X, y = as_data("TensorBoard", "images[0]", images[0]), np.asarray(images[1])
    if y.ndim != 1 or y.dtype.kind not in "iu" or len(y) != len(X) or not len(y):
        raise ValueError(
            f"TensorBoard expected images to be a pair (X, y) with a class label for each image, got X {X.shape} and "
            f"y {y.dtype} {y.shape}: pass whole numbers, one for each image"
        )
    return X, y
