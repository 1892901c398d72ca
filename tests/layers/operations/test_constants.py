"""Layers that make arrays: constants, weights, and arrays of a size that an input says."""

import numpy as np
import pytest

import minnet as mn
from minnet.layers.operations import Constant, Fill, Range, ShapeOf, Weight


@pytest.mark.parametrize("kind", ["float", "int64", "int32", "bool"])
def test_constants(kind, tmp_path):
    layer = Constant(np.array([[0, 1, 7]]), kind)
    expected = np.float32 if kind == "float" else np.dtype(kind)
    assert layer.forward().dtype == expected
    assert layer.forward().tolist() == np.array([[0, 1, 7]]).astype(expected).tolist()
    assert layer.astype(np.float64).forward().dtype == (np.float64 if kind == "float" else expected)
    assert layer.parameters() == []
    mn.save(mn.Graph(c=layer, wires={"c": ()}), tmp_path / "m.safetensors")
    assert mn.load_model(tmp_path / "m.safetensors").forward(np.ones(1)).tolist() == layer.forward().tolist()


def test_what_is_returned_is_a_copy():
    for layer in (Constant([1.0]), Weight([1.0])):
        layer.forward()[...] = 5
        assert layer.forward().tolist() == [1]


def test_weights_learn():
    layer = Weight(np.ones((2, 3)))
    layer.forward()
    layer.backward(np.full((2, 3), 2.0, np.float32))
    layer.backward(np.full((2, 3), 2.0, np.float32))
    assert layer.value.grad.tolist() == [[4] * 3] * 2
    assert len(layer.parameters()) == 1


def test_filled():
    assert Fill(2.5).forward(np.array([2, 1])).tolist() == [[2.5], [2.5]]
    assert Fill(1, "int64").forward(np.array([], np.int64)).tolist() == 1
    assert Fill(1, "bool").forward(np.array([2])).dtype == bool
    with pytest.raises(ValueError, match="numbers are the most"):
        Fill().forward(np.array([2**20, 2**20]))
    with pytest.raises(ValueError, match="expected a shape"):
        Fill().forward(np.array([-1]))
    with pytest.raises(TypeError, match="a few whole numbers"):
        Fill().forward(np.array([1.0]))


def test_ranges():
    one, two = np.array(1), np.array([2])
    assert Range().forward(one, np.array(8), two).tolist() == [1, 3, 5, 7]
    assert Range().forward(np.array(3), one, np.array(-1)).tolist() == [3, 2]
    assert Range().forward(one, one, one).tolist() == []
    assert Range().forward(np.float32(0), np.float32(1), np.float32(0.25)).dtype == np.float32
    with pytest.raises(ValueError, match="a step that is not 0"):
        Range().forward(one, two, np.array(0))
    with pytest.raises(ValueError, match="numbers are the most"):
        Range().forward(np.array(0), np.array(2**60), one)
    with pytest.raises(ValueError, match="finite"):
        Range().forward(np.array(0.0), np.array(np.inf), np.array(1.0))


def test_shapes():
    x = np.ones((2, 3, 4))
    assert ShapeOf().forward(x).tolist() == [2, 3, 4]
    assert ShapeOf(1).forward(x).tolist() == [3, 4]
    assert ShapeOf(-2, -1).forward(x).tolist() == [3]
    assert ShapeOf().backward(np.ones(3)) is None
