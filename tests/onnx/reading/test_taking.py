"""Parts of arrays, and what is refused of them."""

import numpy as np
import pytest

pytest.importorskip("onnx", reason="the extra onnx is not installed")

from onnx_cases import one
from onnx_reading import is_refused, loaded

CUBE = np.random.default_rng(0).normal(size=(3, 6, 4)).astype(np.float32)


def test_parts_with_computed_numbers(tmp_path):
    starts, ends = np.array([1]), np.array([3])
    model = loaded(one("Slice", {"x": CUBE, "s": starts, "e": ends}, {"a": np.array([1])}), tmp_path)
    assert np.array_equal(model.forward(CUBE, starts, ends), CUBE[:, 1:3])
    assert np.array_equal(model.forward(CUBE, np.array([0]), np.array([-1])), CUBE[:, :-1])


def test_what_is_refused(tmp_path):
    is_refused(tmp_path, "cannot take starts", "Slice", {"x": CUBE}, {"s": np.array([0]), "e": np.array([1, 2])})
    is_refused(tmp_path, r"lengths \(2, 2\)", "Split", {"x": CUBE}, {"l": np.array([2, 2])}, axis=1)
    is_refused(tmp_path, "its pads are", "Pad", {"x": CUBE}, {"p": np.array([1])})
    is_refused(tmp_path, "select_last_index=1", "ArgMax", {"x": CUBE}, select_last_index=1)
