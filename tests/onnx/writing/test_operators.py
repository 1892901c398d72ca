"""Operators know the shapes of their outputs; arrays are stored once; what is wrong is said."""

import numpy as np
import pytest

pytest.importorskip("onnx", reason="the extra onnx is not installed")

import onnx

import minnet as mn
from minnet.onnx import Graph


def new(model=None, opset=18, dtype=np.float32):
    graph = Graph(model or mn.Identity(), np.dtype(dtype), opset)
    return graph, graph.input("x", ("batch", 3), np.dtype(dtype))


def test_an_operator_knows_the_shape_of_its_output():
    graph, x = new()
    y = graph.op("Relu", x)
    assert (y.name, y.shape, y.dtype) == ("Relu", ("batch", 3), np.float32)
    z = graph.op("MatMul", y, np.ones((3, 5)))
    assert z.shape == ("batch", 5)
    assert graph.op("Concat", y, z, axis=1).shape == ("batch", 8)
    assert graph.op("Relu", y).name == "Relu_2"
    values, places = graph.ops("TopK", 2, x, [1], axis=1)
    assert (values.dtype, places.dtype) == (np.float32, np.int64)


def test_an_array_is_stored_once_in_each_layout():
    layer = mn.Linear(3, 2)
    graph, _ = new(layer)
    one, other = graph.array(layer.weight), graph.array(layer.weight, lambda w: w.T)
    assert one is graph.array(layer.weight)
    assert other is graph.array(layer.weight, lambda w: w.T)
    assert (one.name, one.shape, other.name, other.shape) == ("weight", (3, 2), "weight_2", (2, 3))
    stored = onnx.numpy_helper.to_array(graph.initializers["weight_2"])
    assert np.array_equal(stored, layer.weight.data.T)


def test_numbers():
    graph, _ = new(dtype=np.float64)
    values = [(3, np.int64), ([1, 2], np.int64), (0.5, np.float64), (True, np.bool_)]
    for value, dtype in [*values, (np.float32(1), np.float64), (np.zeros(2, np.int8), np.int64)]:
        constant = graph.constant(value)
        assert (constant.dtype, constant.shape) == (dtype, np.shape(value))
    assert graph.constant(0.5, dtype=np.float32).dtype == np.float32
    assert graph.constant([1, 2]) is graph.constant([1, 2])
    assert graph.constant(np.arange(50.0), "table").name == "table"
    with pytest.raises(TypeError, match="the model gives an operator a str"):
        graph.op("Relu", "x")


def test_what_onnxruntime_has_in_float32_only_stands_between_casts():
    graph, x = new(dtype=np.float64)
    assert graph.op("Erf", x).dtype == np.float64
    assert [node.op_type for node in graph.nodes] == ["Cast", "Erf", "Cast"]
    graph, x = new()
    graph.op("Erf", x)
    assert [node.op_type for node in graph.nodes] == ["Erf"]


@pytest.mark.parametrize(
    ("operator", "message"),
    [
        (lambda graph, x: graph.op("Rule", x), "needs the operator 'Rule', which opset 18 of ONNX does not have"),
        (lambda graph, x: graph.op("Gelu", x), "needs the operator 'Gelu', which opset 18 of ONNX does not have"),
        (lambda graph, x: graph.op("Elu", x, slope=1.0), "the attribute 'slope', which it does not have: it has alpha"),
        (
            lambda graph, x: graph.op("MatMul", x, np.ones((4, 2))),
            r"do not fit it, float32 \(batch, 3\), float32 \(4, 2",
        ),
    ],
)
def test_a_wrong_operator_is_refused_by_the_layers_path(operator, message):
    class Mine(mn.Layer):
        def forward(self, x):
            return x

        def onnx(self, graph, x):
            return operator(graph, x)

    model = mn.Sequential(mn.ReLU(), mine=Mine())
    graph, x = new(model)
    with pytest.raises(ValueError, match=message) as caught:
        graph.layer(model, x)
    assert 'layers["mine"]' in str(caught.value)


def test_an_integer_in_the_place_of_a_float_is_named(tmp_path):
    class Twice(mn.Layer):
        def forward(self, x):
            return x * 2

        def onnx(self, graph, x):
            return graph.op("Mul", x, 2)

    with pytest.raises(ValueError, match=r"write 2\.0 for floats"):
        mn.onnx.export(mn.Sequential(mn.Linear(3, 3), Twice()), tmp_path / "m.onnx", 3)
