"""A Graph has names that are the model's paths, and sizes that are constants where they are known."""

import numpy as np
import pytest

pytest.importorskip("onnx", reason="the extra onnx is not installed")


import minnet as mn
from minnet.onnx import Graph


def new(model=None, opset=18, dtype=np.float32):
    graph = Graph(model or mn.Identity(), np.dtype(dtype), opset)
    return graph, graph.input("x", ("batch", 3), np.dtype(dtype))


def test_names_are_the_paths_of_the_model():
    model = mn.Sequential(head=mn.Linear(3, 2))
    graph, x = new(model)
    y = graph.layer(model, x)
    assert y.name == 'layers["head"].Gemm'
    assert list(graph.initializers) == ['layers["head"].weight', 'layers["head"].bias']
    assert graph.op("Relu", y).name == "Relu"


def test_sizes_are_constants_where_they_are_known():
    graph, _ = new()
    x = graph.input("s", ("batch", "time", 4), np.float32)
    assert graph.size(x, -1).name in graph.initializers
    assert graph.size(x, 1).name not in graph.initializers
    assert graph.size(x, -2).shape == (1,)
    assert graph.steps(x, -1).shape == (4,)
    assert graph.steps(x, 1).shape == (None,)
    assert graph.reshaped(x, ("batch", 2, 2, None)).shape[:3] == ("batch", 2, 2)
    assert graph.reshaped(x, ("batch", "time", 4), like=x).shape == x.shape
    with pytest.raises(ValueError, match="needs to know the shape"):
        graph.reshaped(x, (3, None, None))


def test_an_error_in_a_method_says_in_which_layer():
    class Mine(mn.Layer):
        def onnx(self, graph, x):
            return graph.op("Mul", x, self.scale)

    model = mn.Sequential(mn.Residual(mine=Mine()))
    graph, x = new(model)
    with pytest.raises(AttributeError, match="scale") as caught:
        graph.layer(model, x)
    assert caught.value.__notes__ == ['in layers[0].layers["mine"] = Mine(), on its way into an ONNX file']


@pytest.mark.parametrize("returned", [None, 3, np.ones(3), (None, 2)])
def test_a_method_that_returns_no_value(returned):
    class Mine(mn.Layer):
        def forward(self, x):
            return x

        def onnx(self, graph, x):
            return returned

    graph, x = new(layer := Mine())
    with pytest.raises(TypeError, match="the onnx method of the model, a Mine, returned a"):
        graph.layer(layer, x)
