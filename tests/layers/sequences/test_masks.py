"""Sequences are (..., T, D), masks booleans: what is not is refused with the cure."""

import numpy as np
import pytest

from minnet import ReLU
from minnet.layers.sequences.masks import check_mask, check_sequence


@pytest.mark.parametrize("shape", [(5, 3), (2, 5, 3), (2, 4, 0, 3)])
def test_sequences_pass(shape):
    check_sequence(ReLU(), np.zeros(shape), 3)
    check_sequence(ReLU(), np.zeros(shape, np.float32), 3, np.dtype(np.float32))


@pytest.mark.parametrize("shape", [(3,), (2, 5, 4), (3, 5)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"^ReLU\(\) expected shape \(N, T, 3\), got .*: the last axis is the vector"):
        check_sequence(ReLU(), np.zeros(shape), 3)


def test_another_dtype_is_refused():
    with pytest.raises(TypeError, match=r"computes in float32, got float64"):
        check_sequence(ReLU(), np.zeros((5, 3)), 3, np.dtype(np.float32))


def test_masks_pass():
    check_mask(ReLU(), None, (2, 5))
    check_mask(ReLU(), np.ones((2, 5), bool), (2, 5))


@pytest.mark.parametrize(
    ("mask", "error", "message"),
    [
        ([True], TypeError, "expected a mask of booleans, True where a place may be attended to, got list: pass ind"),
        (np.ones((2, 5), np.int64), TypeError, r"got int64: pass indices != padding_idx, or mask\.astype\(bool\)"),
        (np.ones((5, 2), bool), ValueError, r"expected a mask of shape \(2, 5\), True where .*, got \(5, 2\): pass"),
    ],
)
def test_other_masks_are_refused_with_the_cure(mask, error, message):
    with pytest.raises(error, match=message):
        check_mask(ReLU(), mask, (2, 5))


def test_the_message_says_what_true_means():
    with pytest.raises(TypeError, match=r"^ReLU\(\) expected a mask of booleans, True for real steps, got str: count$"):
        check_mask(ReLU(), "mask", (2,), "True for real steps", "count")
