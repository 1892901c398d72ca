"""Pooling: which nodes become which layer, and which are refused."""

import numpy as np
import pytest

pytest.importorskip("onnx", reason="the extra onnx is not installed")

from onnx_cases import one
from onnx_reading import is_refused, layers_of, loaded

IMAGES = np.random.default_rng(0).normal(size=(2, 4, 6, 6)).astype(np.float32)


@pytest.mark.parametrize("op", ["MaxPool", "AveragePool"])
def test_pools(op, tmp_path):
    model = loaded(one(op, {"x": IMAGES}, kernel_shape=[2, 2], strides=[2, 2]), tmp_path)
    assert (model[0].kernel_size, model[0].stride, model[0].padding) == (2, 2, 0)


def test_means_of_images(tmp_path):
    for model in (
        loaded(one("GlobalAveragePool", {"x": IMAGES}), tmp_path),
        loaded(one("ReduceMean", {"x": IMAGES}, {"a": np.array([2, 3])}), tmp_path),
    ):
        assert layers_of(model) == ["AdaptiveAvgPool2d"]


def test_what_is_refused(tmp_path):
    is_refused(tmp_path, "its kernel_shape is", "MaxPool", {"x": IMAGES}, kernel_shape=[0, 2])
    is_refused(tmp_path, "storage_order=1 is not there", "MaxPool", {"x": IMAGES}, kernel_shape=[2, 2], storage_order=1)
    is_refused(
        tmp_path, "places of the largest", "MaxPool", {"x": IMAGES}, kernel_shape=[2, 2], outputs=("y", "places")
    )
    is_refused(tmp_path, "its axes are computed", "ReduceMean", {"x": IMAGES, "a": np.array([1])})
