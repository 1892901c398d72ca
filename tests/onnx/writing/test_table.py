"""A layer is written by its own method, or by the entry of its exact class; else it is refused by path and class."""

import numpy as np
import pytest
from onnx_files import exported

import minnet as mn
from minnet.onnx.writing.table import EXPORTERS, exporter_of, exports


class Cube(mn.Layer):
    def forward(self, x):
        return x**3


class Written(Cube):
    def onnx(self, graph, x):
        return graph.op("Pow", x, 3.0)


class Doubled(mn.Linear):
    def forward(self, x):
        return 2 * super().forward(x)


class DoubledByHand(Doubled):
    def onnx(self, graph, x):
        return graph.op("Mul", graph.op("Gemm", x, self.weight, self.bias), 2.0)


class Square(Written):
    def forward(self, x):
        return x**2


class Network(mn.Sequential):
    """A model of one's own, made of minnet's layers."""

    def __init__(self, width):
        super().__init__(mn.Linear(3, width), mn.ReLU(), mn.Linear(width, 2))


X = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)


@pytest.mark.parametrize("layer", [Written(), DoubledByHand(3, 2), Network(5), mn.Sequential(Network(4), Written())])
def test_what_is_written(layer, tmp_path):
    exported(layer, tmp_path / "m.onnx", 3, X)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (Cube(), "a Cube, which has no entry in the table of ONNX operators: give its class a method onnx"),
        (Doubled(3, 3), "a Doubled, a Linear with another forward, which might compute something else"),
        (Square(), "a Square, which has a forward of its own, but the method onnx of Written"),
        (type("Odd", (mn.LSTM,), {"_cell": None})(3, 3), "a Odd, a LSTM with another _cell"),
    ],
)
def test_what_is_refused_by_path_and_class(layer, message):
    with pytest.raises(TypeError, match=message) as caught:
        exporter_of(layer, 'layers["odd"]')
    assert 'cannot write layers["odd"], ' in str(caught.value)
    assert "onnx(self, graph, x)" in str(caught.value)


def test_a_replaced_method_is_refused():
    layer = mn.ReLU()
    layer.forward = lambda x: x
    with pytest.raises(TypeError, match="a ReLU, whose forward was replaced on this object"):
        exporter_of(layer, "layers[0]")


def test_nothing_is_written_of_a_model_with_such_a_layer(tmp_path):
    model = mn.Sequential(mn.Linear(3, 3), mn.Residual(mn.Tanh(), Cube()))
    path = tmp_path / "m.onnx"
    path.write_text("an older file")
    with pytest.raises(TypeError, match=r"cannot write layers\[1\]\.layers\[1\], a Cube"):
        mn.onnx.export(model, path, 3)
    assert path.read_text() == "an older file"
    assert list(tmp_path.iterdir()) == [path]


def test_an_entry_is_a_function_of_a_class():
    try:

        @exports(Cube)
        def cube(graph, layer, x):
            return graph.op("Pow", x, 3.0)

        assert exporter_of(Cube(), "") is cube
        with pytest.raises(ValueError, match="Cube has an entry already"):
            exports(Cube)
    finally:
        del EXPORTERS[Cube]
