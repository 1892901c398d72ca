"""The kernels of recurrent layers agree with the layers, step by step and for whole sequences."""

import numpy as np
import pytest

import minnet as mn

pytest.importorskip("numba", reason="the extra compiled is not installed")
from minnet.compiled.predicting import cells

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("rows", [1, 7, 8, 9, 24])
def test_a_product_is_added(rows):
    rng = np.random.default_rng(0)
    x, weight, s = (rng.normal(size=shape).astype(np.float32) for shape in ((rows,), (rows, 5), (5,)))
    expected = s.astype(np.float64) + x.astype(np.float64) @ weight
    cells.add_product(x, weight, s)
    np.testing.assert_allclose(s, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("value", [0.0, 50.0, -50.0, 1e30, np.nan])
@pytest.mark.parametrize(
    ("layer", "kernel", "options"),
    [
        (mn.LSTM(3, 5, rng=0), cells.lstm, ()),
        (mn.GRU(3, 5, rng=0), cells.gru, ()),
        (mn.RNN(3, 5, rng=0), cells.rnn, (True,)),
        (mn.RNN(3, 5, nonlinearity="relu", rng=0), cells.rnn, (False,)),
    ],
)
@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
def test_a_kernel_takes_the_steps_of_its_layer(layer, kernel, options, value):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(2, 4, 3)).astype(np.float32)
    x[1, 2, 0] += np.float32(value)
    names = layer.state_names
    states = tuple(rng.normal(size=(2, 5)).astype(np.float32) for _ in names)
    expected, last = layer.eval().unroll(x, states if len(names) > 1 else states[0])
    weights = [p.data for p in (layer.weight_ih, layer.weight_hh, layer.bias_ih, layer.bias_hh)]
    y = np.empty((2, 4, 5), np.float32)
    kernel(x, *weights, *options, *states, y)
    np.testing.assert_allclose(y, expected, rtol=2e-5, atol=1e-6)
    for state, after in zip(states, last if isinstance(last, tuple) else (last,), strict=True):
        np.testing.assert_allclose(state, after, rtol=2e-5, atol=1e-6)
