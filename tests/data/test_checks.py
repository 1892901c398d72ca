"""A data set is looked at once: what looks wrong is warned of, and it costs little memory."""

import tracemalloc
import warnings

import numpy as np
import pytest

import minnet as mn
from minnet.data.checks import SAMPLE, warn_of_pixels, warn_of_swapped
from minnet.errors import DataWarning

PIXELS = np.random.default_rng(0).integers(0, 256, (200, 64)).astype(np.float32)
LABELS = np.arange(200) % 10


def peak(function):
    tracemalloc.start()
    function()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


# -- pixels, and what is swapped


def test_pixels_are_warned_of_with_the_cure_at_the_users_line():
    with pytest.warns(
        DataWarning, match=r"expected numbers of about 1 in X, got whole numbers from 0 to 255, .* pass X / 256"
    ) as w:
        mn.DataLoader(PIXELS, LABELS)
    assert w[0].filename == __file__
    assert isinstance(w[0].message, UserWarning)


@pytest.mark.parametrize("x", [PIXELS.astype(np.float64), PIXELS.reshape(200, 1, 8, 8), PIXELS // 2 * 2, PIXELS[:1]])
def test_pixels_of_any_shape_and_dtype(x):
    with pytest.warns(DataWarning, match="pixels"):
        warn_of_pixels("L", "X", x)


@pytest.mark.parametrize(
    "x",
    [
        PIXELS / 255,
        PIXELS / 256,
        PIXELS.astype(np.uint8),
        PIXELS.astype(np.int64),  # which no layer takes but an Embedding
        PIXELS - 1,
        PIXELS + 1,  # up to 256
        PIXELS // 2,  # up to 127
        PIXELS * np.float32(0.9),
        PIXELS[:, :63],  # a table
        PIXELS[:, 0],
        np.where(np.arange(200)[:, None] < SAMPLE, 0, PIXELS),
        np.full((3, 64), 1e30),
    ],
    ids=range(12),
)
def test_what_is_no_pixel_is_not_warned_of(x):
    warn_of_pixels("L", "X", x)  # warnings are errors here


def test_the_warning_can_be_silenced():
    mn.DataLoader(PIXELS, LABELS, check=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        mn.DataLoader(PIXELS, LABELS)


def test_a_few_rows_are_enough_to_tell_pixels():
    large = np.zeros((100_000, 64), np.float32)  # 26 MB
    large[:] = PIXELS[0]
    with pytest.warns(DataWarning):
        assert peak(lambda: warn_of_pixels("L", "X", large)) < 1_000_000


@pytest.mark.parametrize("samples", [PIXELS / 256, PIXELS.astype(np.uint8), PIXELS.reshape(200, 8, 8) / 256])
def test_labels_as_samples_are_warned_of(samples):
    message = r"^DataLoader expected X .* got X of shape \(200,\), int64, and y of shape .*are they swapped"
    with pytest.warns(DataWarning, match=message) as w:
        mn.DataLoader(LABELS, samples)
    assert w[0].filename == __file__


@pytest.mark.parametrize(
    ("x", "y"),
    [
        (PIXELS, LABELS),
        (LABELS, LABELS),
        (LABELS, np.stack([LABELS, LABELS], axis=1)),  # words, and the words around them
        (LABELS / 7, PIXELS),
        (PIXELS, PIXELS),
    ],
    ids=range(5),
)
def test_what_is_not_swapped_is_not_warned_of(x, y):
    warn_of_swapped("L", x, y)
