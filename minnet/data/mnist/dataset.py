"""MNIST is a data set of 70,000 handwritten digits of 28x28 pixels; it is read from disk or downloaded.

Source: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-based learning applied to document recognition",
Proceedings of the IEEE, 1998; the files are by Y. LeCun, C. Cortes and C. J. C. Burges (CC BY-SA 3.0).
"""

import os
import sys
from pathlib import Path
from stat import S_ISREG
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from minnet.core.checks import check_choice
from minnet.core.console import announce
from minnet.data.mnist.download import ARCHIVES, download_mnist
from minnet.data.mnist.idx import read_idx
from minnet.data.mnist.pickles import read_mnist_pickle
from minnet.errors import DataError, DataNotFoundError, MissingExtraError
from minnet.untrusted.bounded import data_error, unreadable

SCALINGS = ("256", "255", "standardized", "uint8")
_MAX_IDX_BYTES = 1 << 26  # the largest IDX file of MNIST holds 47 MB
_PLACES = ("", "mnist", "MNIST/raw")  # in a folder: minnet's own, the usual one, torchvision's
_IDX_FILES = tuple(name.removesuffix(".gz") for name in ARCHIVES)
_PICKLES = ("mnist.pkl.gz", "mnist.pkl")
_TO_GET_IT = f"""\
To use a copy of your own, put these four files (or mnist.pkl.gz) in a folder,
and pass its path or set the environment variable MINNET_DATA to it:
  {", ".join(list(ARCHIVES)[:2])},
  {", ".join(list(ARCHIVES)[2:])}"""


class Split(NamedTuple):
    """N images and their labels: X of shape (N, 784), y of shape (N,), int64 in 0..9."""

    X: npt.NDArray[Any]
    y: npt.NDArray[np.int64]

    def __repr__(self) -> str:
        return f"Split(X: {self.X.shape} {self.X.dtype}, y: {self.y.shape} {self.y.dtype})"


class Mnist(NamedTuple):
    """The three parts of MNIST: for training, for choices such as the learning rate, and for the final report."""

    train: Split
    validation: Split
    test: Split

    def __repr__(self) -> str:
        return f"Mnist(\n  train={self.train},\n  validation={self.validation},\n  test={self.test},\n)"


def load_mnist(path: str | os.PathLike[str] | None = None, *, scaling: str = "256", download: bool = True) -> Mnist:
    """Load the real MNIST from disk; if it is not there, download it (11 MB, once).

    Parameters
    ----------
    path
        The only folder or file to load from. None: first the folder that the environment variable ``MINNET_DATA``
        names, then minnet's folder in the user's cache, then a download into it. A folder may hold the four IDX files
        (``train-images-idx3-ubyte`` and so on, with or without ``.gz``), itself, in ``mnist/`` or in torchvision's
        ``MNIST/raw/``, or else ``mnist.pkl.gz``.
    scaling
        What a pixel of value v in 0..255 becomes: ``"256"`` v/256 (as in the file ``mnist.pkl.gz``),
        ``"255"`` v/255, ``"standardized"`` (v/255 - 0.1307) / 0.3081 (mean and deviation of the training
        images), all three in float32; ``"uint8"`` leaves v as it is.
    download
        Whether a download may be tried.

    Returns
    -------
    mnist
        ``(train_X, train_y), (validation_X, validation_y), (test_X, test_y)``: 50,000, 10,000 and 10,000
        images. X is (N, 784) and C-contiguous, y is (N,), int64. The validation images are the last sixth of
        the training file, also when the files are a smaller sample.

    Raises
    ------
    ValueError
        If there is no such scaling.
    DataNotFoundError
        If it is not on disk and no mirror sent it; the message says what was tried and what to do.
    DataError
        If a file is damaged, cannot be read, or is not MNIST. (In the cache, it is downloaded again.)
    """
    check_choice("load_mnist", "scaling", scaling, SCALINGS)
    found = find_mnist(path, download)
    if isinstance(found, list):
        raise DataNotFoundError("\n  ".join(["MNIST was not found:", *found]) + "\n" + _TO_GET_IT)
    return scale(found[0], scaling)


def find_mnist(path: str | os.PathLike[str] | None, download: bool) -> tuple[Mnist, Path] | list[str]:
    """Return MNIST unscaled and the folder or file it came from; or, if there is none, what was tried."""
    if path is not None:
        return _read_path(Path(path).expanduser())
    reasons = ["$MINNET_DATA is not set"]
    if chosen := os.environ.get("MINNET_DATA"):
        try:
            return _read_path(Path(chosen).expanduser())
        except DataNotFoundError as error:
            reasons = [f"$MINNET_DATA: {str(error).splitlines()[0]}"]
    cache = cache_folder()
    try:
        return _read_path(cache)
    except DataNotFoundError as error:
        reasons.append(f"the cache: {str(error).splitlines()[0]}")
    except DataError as error:  # a file in the cache is minnet's own, and can be replaced
        reasons.append(f"the cache: {str(error).splitlines()[0]} (a download replaces it)")
        announce(reasons[-1])
    if not download:
        return [*reasons, "a download was not wanted (download=False)"]
    try:
        failures = download_mnist(cache)
    except MissingExtraError:
        failures = ['no download without pooch, the extra "data": pip install pooch']
    return reasons + failures if failures else (_read_idx_files([cache / name for name in ARCHIVES]), cache)


def cache_folder() -> Path:
    """Return minnet's folder in the user's cache; it need not be there."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "minnet"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "minnet"


def scale(raw: Mnist, scaling: str) -> Mnist:
    """Scale images of uint8 by one of the named scalings."""

    def scaled(X: npt.NDArray[np.uint8]) -> npt.NDArray[Any]:
        if scaling == "uint8":
            return np.ascontiguousarray(X)
        result = np.divide(X, np.float32(256 if scaling == "256" else 255), dtype=np.float32)
        if scaling == "standardized":
            result -= np.float32(0.1307)
            result /= np.float32(0.3081)
        return result

    return Mnist(*(Split(scaled(X), y) for X, y in raw))


def _read_path(path: Path) -> tuple[Mnist, Path]:
    try:
        return _read_what_is_there(path)
    except DataNotFoundError:
        raise
    except OSError as error:  # a folder that may not be looked into
        raise unreadable(path, error) from None


def _read_what_is_there(path: Path) -> tuple[Mnist, Path]:
    try:
        status = path.stat()  # not exists(): from Python 3.14 on, it is False of what may not be looked at, too
    except (FileNotFoundError, NotADirectoryError):
        raise DataNotFoundError(f"{path}: there is no such folder or file\n{_TO_GET_IT}") from None
    if S_ISREG(status.st_mode):
        if path.name not in [variant for name in _IDX_FILES for variant in _spellings(name)]:
            return _read_pickle(path), path
        path = path.parent
    missing = _IDX_FILES
    for place in _PLACES:
        here = [_first_there(path / place, _spellings(name)) for name in _IDX_FILES]
        if None not in here:
            return _read_idx_files([file for file in here if file]), path / place
        lacking = tuple(name for name, file in zip(_IDX_FILES, here, strict=True) if not file)
        missing = min(missing, lacking, key=len)
    for place in _PLACES:
        if file := _first_there(path / place, _PICKLES):
            return _read_pickle(file), file
    what = "MNIST" if missing == _IDX_FILES else " and ".join(missing)
    raise DataNotFoundError(f"{path}: {what} is not there\n{_TO_GET_IT}")


def _spellings(name: str) -> tuple[str, ...]:
    other = name.replace("-idx", ".idx")
    return name, f"{name}.gz", other, f"{other}.gz"


def _first_there(folder: Path, names: tuple[str, ...]) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _read_idx_files(files: list[Path]) -> Mnist:
    X, y = _read_images_and_labels(*files[:2])
    cut = len(X) - len(X) // 6  # 50,000 of 60,000
    return Mnist(Split(X[:cut], y[:cut]), Split(X[cut:], y[cut:]), _read_images_and_labels(*files[2:]))


def _read_images_and_labels(images: Path, labels: Path) -> Split:
    X, y = (read_idx(file, max_bytes=_MAX_IDX_BYTES) for file in (images, labels))
    swapped = "Likely cause: the files of images and labels are swapped, or it is not a file of MNIST."
    if X.ndim != 3 or X.shape[1:] != (28, 28) or X.dtype != np.uint8:
        raise data_error(images, "images (N, 28, 28) of uint8", f"{X.shape} of {X.dtype}", swapped)
    if y.ndim != 1 or y.dtype != np.uint8:
        raise data_error(labels, "labels (N,) of uint8", f"{y.shape} of {y.dtype}", swapped)
    if len(X) != len(y) or len(y) == 0:
        cause = f"Likely cause: {labels.name} is of another set or sample than {images.name}."
        raise data_error(labels, f"a label for each of the {len(X):,} images", f"{len(y):,} labels", cause)
    if y.max() > 9:
        cause = "Likely cause: another data set, such as the letters of EMNIST, or a damaged file."
        raise data_error(labels, "labels from 0 to 9", f"{y.max()}", cause)
    return Split(X.reshape(len(X), 784).astype(np.uint8, copy=False), y.astype(np.int64))


def _read_pickle(path: Path) -> Mnist:
    return Mnist(*(Split(_to_uint8(X, path), y) for X, y in read_mnist_pickle(path)))


def _to_uint8(X: npt.NDArray[Any], path: Path) -> npt.NDArray[np.uint8]:
    """Undo value/256, exactly."""
    if X.dtype == np.uint8:
        return X
    values = X * 256  # exact: a power of two
    if values.max() <= 255 and np.array_equal(raw := values.astype(np.uint8), values):
        return raw
    cause = "Likely cause: the pixels were scaled in another way, such as value/255. Use the IDX files."
    raise data_error(path, "pixels of value/256", "others", cause)
