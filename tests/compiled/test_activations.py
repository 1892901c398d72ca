import numpy as np
import pytest

from minnet import ReLU

activations = pytest.importorskip("minnet.compiled.activations", exc_type=ImportError)


def test_relu_in_the_order_of_memory():
    x = np.random.default_rng(0).standard_normal((3, 8, 8, 64), dtype=np.float32).transpose(3, 0, 1, 2)
    layer, twin = ReLU(), ReLU()
    y, y_twin = layer.forward(x), activations.relu_forward(twin, x)
    assert np.array_equal(y, y_twin)
    assert y.strides == y_twin.strides
    assert np.array_equal(layer.cache, twin.cache)
