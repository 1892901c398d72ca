"""Values and nodes: what a reader may ask, and what is said if it is not there."""

import numpy as np
import pytest

pytest.importorskip("onnx", reason="the extra onnx is not installed")

from minnet.errors import CheckpointError
from minnet.onnx.reading.values import Node, Value, constant


def node(*inputs, **attributes):
    return Node("Conv", "c", 18, list(inputs), ["y"], attributes)


def test_constants():
    value = constant("w", np.float32([2, 2]))
    assert (value.kind, value.shape, value.filled, value.ndim) == ("f", (2,), 2.0, 1)
    assert constant("i", np.array([3, 4])).ints == (3, 4)
    assert constant("i", np.array(3)).sizes == (3,)
    assert constant("b", np.array([True])).kind == "b"
    assert Value("s", "i", (2,), "s", sizes=("n", 3)).ints is None
    assert Value("s", "i", (2,), "s", sizes=(2, 3)).ints == (2, 3)


def test_attributes():
    assert node(k=(1, 2)).attribute("k", None) == (1, 2)
    assert node().attribute("k", 5) == 5
    for wrong, default in ((1.5, 1), ("a", 1.0), (1, "a"), ((1.5,), None), (float("inf"), 1.0)):
        with pytest.raises(CheckpointError, match="its attribute k is"):
            node(k=wrong).attribute("k", default)


def test_inputs():
    x, w = Value("x", "f", ("n", None), "x"), constant("w", np.float32([1]))
    one = node(x, None, w)
    assert one.get(1) is one.get(7) is None
    assert one.number(1, 0.5) == 0.5
    assert one.floats(2).tolist() == [1]
    with pytest.raises(CheckpointError, match=r"node 'c' \(Conv, of \(n, \?\), -, \(1\)\): it has no input 1"):
        one.value(1)
    with pytest.raises(CheckpointError, match="must be a constant array"):
        one.floats(0)
    with pytest.raises(CheckpointError, match="a single constant number"):
        one.number(0, 1.0)
