"""Recurrent layers, and what is refused of them."""

import itertools

import numpy as np
import pytest

pytest.importorskip("onnx", reason="the extra onnx is not installed")

from onnx import helper
from onnx_cases import graph
from onnx_reading import loaded

import minnet as mn
from minnet.errors import CheckpointError

STEPS = np.random.default_rng(0).normal(size=(5, 2, 3)).astype(np.float32)


def recurrent(op, gates, tmp_path, extra=(), more=None, outputs=("y",), nodes=(), **attributes):
    rng = np.random.default_rng(1)
    arrays = {"w": rng.normal(size=(1, gates * 4, 3)), "r": rng.normal(size=(1, gates * 4, 4))}
    arrays = {name: array.astype(np.float32) for name, array in arrays.items()} | (more or {})
    node = helper.make_node(op, ["x", "w", "r", *extra], list(outputs), f"the_{op}", hidden_size=4, **attributes)
    return loaded(graph([node, *nodes], {"x": STEPS}, arrays, outputs=("y",), opset=14), tmp_path)


def test_without_biases(tmp_path):
    model = recurrent("LSTM", 4, tmp_path)
    layer = next(layer for layer in model if isinstance(layer, mn.LSTM))
    assert layer.bias_ih is None
    assert model.forward(STEPS).shape == (5, 1, 2, 4)


@pytest.mark.parametrize("op", ["GRU", "RNN"])
def test_a_first_state_that_is_given(op, tmp_path):
    state = np.random.default_rng(2).normal(size=(1, 2, 4)).astype(np.float32)
    options = {"linear_before_reset": 1} if op == "GRU" else {}
    model = recurrent(op, 3 if op == "GRU" else 1, tmp_path, ("", "", "h"), {"h": state}, **options)
    layer = next(layer for layer in model if type(layer).__name__ == op)
    expected = layer.forward(STEPS.swapaxes(0, 1).copy(), state[0])
    np.testing.assert_allclose(model.forward(STEPS)[:, 0], expected.swapaxes(0, 1), rtol=1e-6)


@pytest.mark.parametrize(
    ("op", "options", "message"),
    [
        ("GRU", {}, "linear_before_reset=0"),
        ("LSTM", {"clip": 1.0}, "a clip"),
        ("LSTM", {"direction": "up"}, "an unknown direction"),
        ("LSTM", {"layout": 1}, "layout=1"),
        ("LSTM", {"activations": ["Relu", "Tanh", "Tanh"]}, "its activations"),
        ("LSTM", {"extra": ("", "lengths"), "more": {"lengths": np.array([5, 5])}}, "lengths of sequences"),
        ("LSTM", {"extra": ("b",), "more": {"b": np.ones((1, 7), np.float32)}}, "its biases do not fit"),
        ("LSTM", {"extra": ("", "", "h"), "more": {"h": np.ones((1, 2, 4), np.float32)}}, "states other than zeros"),
        ("RNN", {}, "its weights do not fit"),
    ],
)
def test_what_is_refused(op, options, message, tmp_path):
    gates = {"LSTM": 4, "GRU": 3, "RNN": 0}[op]
    with pytest.raises(CheckpointError, match=f"node 'the_{op}'.*{message}"):
        recurrent(op, gates, tmp_path, **options)


def test_the_last_cell_state_is_refused(tmp_path):
    nodes = [helper.make_node("Add", ["Y", "c"], ["y"])]
    with pytest.raises(CheckpointError, match="its last cell state is read"):
        recurrent("LSTM", 4, tmp_path, outputs=("Y", "", "c"), nodes=nodes)


def _parted(nodes, readers):
    """Return a graph of RNNs that read the weight w2, which nodes make of w and v."""
    w = np.ones((1, 3, 4), np.float32)
    rnns = [helper.make_node("RNN", ["x", "w2", f"r{i}"], [f"y{i}", ""], hidden_size=3) for i in range(readers)]
    arrays = {"w": w[:, :1], "v": w[:, 1:]} | {f"r{i}": np.ones((1, 3, 3), np.float32) for i in range(readers)}
    outputs = [f"y{i}" for i in range(readers)]
    return graph([*nodes, *rnns], {"x": np.ones((2, 1, 4), np.float32)}, arrays, outputs=outputs)


def test_weights_of_joined_parts(tmp_path):
    join = helper.make_node("Concat", ["w", "v"], ["w2"], axis=1)
    assert len(loaded(_parted([join], 1), tmp_path).parameters()) == 2
    with pytest.raises(CheckpointError, match="another node has the same weights"):
        loaded(_parted([join], 2), tmp_path)
    names = ["w", *(f"w_{i}" for i in range(30)), "w2"]
    doubled = [helper.make_node("Concat", [a, a], [b], axis=1) for a, b in itertools.pairwise(names)]
    with pytest.raises(CheckpointError, match="numbers are the most"):
        loaded(_parted(doubled, 1), tmp_path)
