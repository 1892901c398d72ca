"""Digits are the real MNIST if there is a file or a network, and synthetic digits if not; a text says which."""

import hashlib
import os
from pathlib import Path

import numpy as np

from minnet.core.checks import check_choice
from minnet.data.mnist.dataset import SCALINGS, Mnist, Split, find_mnist, scale
from minnet.data.mnist.synthetic import synthetic_digits

_TRAIN_LABELS_SHA256 = "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"  # of the file, unpacked
_WIDTH = 79


def load_digits(
    path: str | os.PathLike[str] | None = None,
    *,
    scaling: str = "256",
    rng: int | np.random.Generator | None = 0,
) -> tuple[Mnist, str]:
    """Load the real MNIST; without a file and a network, draw as many synthetic digits.

    Parameters
    ----------
    path, scaling
        As for `load_mnist`. With a path, synthetic digits are never drawn.
    rng
        The seed or Generator of the synthetic digits.

    Returns
    -------
    digits
        As `load_mnist` returns them: 50,000 / 10,000 / 10,000 images.
    which
        One to four lines that say which data it is. Print them, because results on synthetic digits are not results
        on MNIST.

    Raises
    ------
    ValueError, DataNotFoundError, DataError
        As `load_mnist` raises them; DataNotFoundError only if a path is given.
    """
    check_choice("load_digits", "scaling", scaling, SCALINGS)
    found = find_mnist(path, download=True)
    if not isinstance(found, list):
        raw, source = found
        return scale(raw, scaling), _describe(raw, source)
    generator = np.random.default_rng(rng)
    drawn = Mnist(*(Split(*synthetic_digits(n, rng=generator)) for n in (50_000, 10_000, 10_000)))
    del found[1]  # what the cache lacks is of no use to the user; what $MINNET_DATA lacks is, if it is set
    start = 0 if os.environ.get("MINNET_DATA") else 1
    lines = [
        "SYNTHETIC digits, not MNIST, because that is not on disk, and:",
        *(f"  {reason}" for reason in found[start : start + 2]),
        "For the real ones: put its four files in a folder, and set MINNET_DATA to it.",
    ]
    return scale(drawn, scaling), "\n".join(map(_fitted, lines))


def _describe(raw: Mnist, source: Path) -> str:
    """Say "MNIST" only of MNIST, because Fashion-MNIST and samples have the same file names."""
    labels = np.concatenate([raw.train.y, raw.validation.y]).astype(np.uint8)
    header = b"\0\0\x08\x01" + len(labels).to_bytes(4, "big")
    if hashlib.sha256(header + labels.tobytes()).hexdigest() == _TRAIN_LABELS_SHA256:
        return _fitted(f"real MNIST from {source}")
    counts = " / ".join(f"{len(split.y):,}" for split in raw)
    return f"{_fitted(f'digits from {source}')}\n{counts} images: not the published MNIST"


def _fitted(line: str) -> str:
    """Shorten a line, such as one with a long path, in its middle, to the width of a terminal."""
    return line if len(line) <= _WIDTH else f"{line[:30]}...{line[-(_WIDTH - 33) :]}"
