"""The cells of RNN, GRU and LSTM: their formulas by hand, their first values, numbers far from zero."""

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import minnet as mn
from minnet.inspection.gradcheck import check_layer
from minnet.layers.sequences.recurrent import GRU, LSTM, RNN
from minnet.layers.sequences.unrolling import Recurrent

CLASSES = [RNN, GRU, LSTM]
X = np.random.default_rng(0).normal(size=(3, 5, 2))
LN3 = math.log(3)  # σ(ln 3) = 3/4, and σ(−ln 3) = 1/4


def one_unit(cls, bias_ih, bias_hh=0.0, weight_ih=0.0, weight_hh=0.0, **options):
    """Return a layer of one input and one unit, in float64, with these numbers."""
    layer = cls(1, 1, **options).astype(np.float64)
    for name, values in [
        ("weight_ih", weight_ih),
        ("weight_hh", weight_hh),
        ("bias_ih", bias_ih),
        ("bias_hh", bias_hh),
    ]:
        getattr(layer, name).data[...] = values
    return layer


def sequence(*numbers):
    """Return a batch of one sequence of numbers, read-only."""
    x = np.array(numbers, np.float64).reshape(1, -1, 1)
    x.flags.writeable = False
    return x


# -- by hand


def test_rnn_forward_and_backward_by_hand():
    """h_t = max(2·x_t + 1 + 3·h_{t−1}, 0) over x = 1, −1, 2, and L = h_3."""
    layer = one_unit(RNN, 0.25, 0.75, 2, 3, nonlinearity="relu")
    y = layer.forward(sequence(1, -1, 2))
    np.testing.assert_array_equal(y.ravel(), [3, 8, 29])
    dx = layer.backward(sequence(0, 0, 1))
    np.testing.assert_array_equal(dx.ravel(), [18, 6, 2])  # dh = 9, 3, 1, times 2
    assert layer.weight_ih.grad.item() == 1 * 9 - 1 * 3 + 2 * 1
    assert layer.weight_hh.grad.item() == 0 * 9 + 3 * 3 + 8 * 1
    assert layer.bias_ih.grad.item() == layer.bias_hh.grad.item() == 9 + 3 + 1


def test_rnn_relu_stops_where_it_is_below_zero():
    layer = one_unit(RNN, 0, 0, 1, 1, nonlinearity="relu")
    np.testing.assert_array_equal(layer.forward(sequence(-1, 2)).ravel(), [0, 2])
    np.testing.assert_array_equal(layer.backward(sequence(1, 1)).ravel(), [0, 1])


def test_rnn_is_tanh_by_default():
    layer = one_unit(RNN, 0, 0, 1, 0.5)
    first = math.tanh(0.3)
    np.testing.assert_allclose(
        layer.forward(sequence(0.3, -1)).ravel(), [first, math.tanh(0.5 * first - 1)], rtol=1e-15
    )


def test_gru_forward_by_hand_with_its_gates_in_the_order_r_z_n():
    """r = 3/4, z = 1/4, u_n = 2, a_n such that n = tanh(a_n + r·u_n) = 0.6."""
    layer = one_unit(GRU, [LN3, -LN3, math.atanh(0.6) - 1.5], [0, 0, 2])
    y = layer.forward(sequence(0, 0))
    np.testing.assert_allclose(y.ravel(), [0.75 * 0.6, 0.75 * 0.6 + 0.25 * 0.45], rtol=1e-14)


def test_gru_resets_after_the_product_and_its_bias():
    layer = one_unit(GRU, [-1e3, -1e3, 0], [0, 0, 5])  # r = 0: the 5 must not come through
    np.testing.assert_array_equal(layer.forward(sequence(0)).ravel(), [0])


def test_lstm_forward_by_hand_with_its_gates_in_the_order_i_f_g_o():
    """i = 3/4, f = 1/2, g = 0.8, o = 1/4, whatever x and h are."""
    layer = one_unit(LSTM, [LN3, 0, math.atanh(0.8), -LN3])
    y, (h, c) = layer.unroll(sequence(7, -7))
    np.testing.assert_allclose(y.ravel(), [0.25 * math.tanh(0.6), 0.25 * math.tanh(0.5 * 0.6 + 0.6)], rtol=1e-14)
    np.testing.assert_allclose([h.item(), c.item()], [0.25 * math.tanh(0.9), 0.9], rtol=1e-14)


def test_lstm_carries_c_and_its_gradient_over_a_thousand_steps():
    layer = one_unit(LSTM, [-1e3, 1e3, 0, 0])  # closed to what is new, open to what was
    y, (_, c) = layer.unroll(np.ones((1, 1000, 1)), (np.zeros((1, 1)), np.full((1, 1), 0.7)))
    assert c.item() == 0.7
    _, (_, dc) = layer.backward(np.zeros_like(y), (np.zeros((1, 1)), np.ones((1, 1))))
    assert dc.item() == 1


@pytest.mark.parametrize("cls", CLASSES)
def test_both_biases_count_and_can_be_left_out(cls):
    x = np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32)
    layer, bare = cls(4, 5, rng=0), cls(4, 5, bias=False, rng=0)
    assert bare.bias_ih is None
    assert bare.bias_hh is None
    assert [name for name, _ in bare.named_parameters()] == ["weight_ih", "weight_hh"]
    assert not np.allclose(layer.forward(x), bare.forward(x))
    layer.bias_ih.data[...] = layer.bias_hh.data[...] = 0
    np.testing.assert_array_equal(layer.forward(x), bare.forward(x))


# -- gradients


@pytest.mark.parametrize(
    "layer",
    [
        RNN(3, 4, rng=0),
        RNN(3, 4, nonlinearity="relu", rng=0),
        RNN(3, 4, bias=False, rng=0),
        GRU(3, 4, rng=0),
        GRU(3, 4, bias=False, rng=0),
        LSTM(3, 4, rng=0),
        LSTM(3, 4, bias=False, rng=0),
        mn.Sequential(GRU(3, 2, rng=0), LSTM(2, 3, rng=1), RNN(3, 2, rng=2)),
    ],
    ids=repr,
)
@pytest.mark.parametrize("shape", [(3, 4, 3), (1, 1, 3), (5, 3), (2, 0, 3)], ids=str)
def test_gradients_and_promises(layer, shape):
    assert "every requirement met" in check_layer(layer, np.random.default_rng(1).normal(size=shape))


@pytest.mark.parametrize("layer", [RNN(1, 1, rng=0), GRU(1, 1, rng=0), LSTM(1, 1, rng=0)], ids=repr)
def test_gradients_of_one_number_a_step(layer):
    assert "every requirement met" in check_layer(layer, np.random.default_rng(2).normal(size=(2, 5, 1)))


# -- far from zero


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("size", [1e2, 1e4])
def test_large_numbers_neither_warn_nor_overflow(cls, size, dtype):
    layer = cls(2, 3, rng=0).astype(dtype)
    x = np.array([[[size, size], [-size, size], [-size, -size]]], dtype)
    y = layer.forward(x)
    dx = layer.backward(np.ones_like(y))
    assert y.dtype == dx.dtype == dtype
    for array in (y, dx, *(p.grad for p in layer.parameters())):
        assert np.isfinite(array).all()


def test_gates_reach_zero_and_one():
    layer = one_unit(LSTM, 0, weight_ih=[1, 1, 0, 1]).astype(np.float32)
    for x, gate in [(1e4, 1), (-1e4, 0)]:
        first = np.ones((1, 1), np.float32), np.ones((1, 1), np.float32)
        _, (h, c) = layer.unroll(sequence(x).astype(np.float32), first)
        assert c.item() == gate
        assert h.item() == pytest.approx(gate * math.tanh(1))


# -- whose arrays they are


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("shape", [(1, 1, 2), (1, 3, 2), (3, 1, 2), (1, 2)])
def test_what_is_returned_is_nobody_elses(cls, shape):
    """Whoever writes into y, or into the x that went in, changes neither a later backward nor another result."""
    layer, untouched = (cls(2, 4, rng=0).astype(np.float64) for _ in range(2))
    x = np.random.default_rng(6).normal(size=shape)
    dy = np.ones((*shape[:-1], 4))
    untouched.forward(x)
    y, state = layer.unroll(x.copy())
    assert not any(np.may_share_memory(y, array) for array in (state if isinstance(state, tuple) else (state,)))
    given = x.copy()
    y = layer.forward(given)
    given[...] = 7
    y[...] = 7
    np.testing.assert_array_equal(layer.backward(dy), untouched.backward(dy))
    for one, other in zip(layer.parameters(), untouched.parameters(), strict=True):
        np.testing.assert_array_equal(one.grad, other.grad)


@pytest.mark.parametrize("cls", CLASSES)
def test_backward_leaves_what_forward_kept(cls):
    layer = cls(2, 4, rng=0).astype(np.float64)
    dy = np.cos(layer.forward(X))
    first = layer.backward(dy)
    once = [p.grad.copy() for p in layer.parameters()]
    np.testing.assert_array_equal(layer.backward(dy), first)
    for parameter, grad in zip(layer.parameters(), once, strict=True):
        np.testing.assert_allclose(parameter.grad, 2 * grad, rtol=1e-12)


@pytest.mark.parametrize("cls", CLASSES)
def test_threads_share_a_layer_in_eval_mode(cls):
    layer = cls(2, 4, rng=0).astype(np.float64).eval()
    inputs = np.random.default_rng(7).normal(size=(8, 16, 20, 2))
    alone = [layer.forward(x) for x in inputs]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(5):
            for y, expected in zip(pool.map(layer.forward, inputs), alone, strict=True):
                np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("cls", CLASSES)
def test_steps_without_biases_give_what_forward_does(cls):
    layer = cls(2, 4, bias=False, rng=0).astype(np.float64)
    y, state = layer.forward(X), None
    for t in range(5):
        y_t, state = layer.step(X[:, t], state)
        np.testing.assert_allclose(y_t, y[:, t], rtol=1e-12)


def test_a_cell_of_ones_own_that_uses_the_sum_only():
    """h_t = s_t² / (1 + s_t²), of two gates whose sums add up."""

    class Two(Recurrent):
        gates = 2

        def __init__(self, input_size, hidden_size, rng=None):
            super().__init__(input_size, hidden_size, rng=rng)

        def _cell(self, sums, state):
            s = sums[0] + sums[1]
            return (s * s / (1 + s * s),), s

        def _cell_backward(self, dstate, kept):
            (dh,), s = dstate, kept
            ds = dh * 2 * s / (1 + s * s) ** 2
            return (ds, ds), (0.0,)

    assert check_layer(Two(2, 3, rng=0), X)


# -- first values


@pytest.mark.parametrize(("cls", "gates"), [(RNN, 1), (GRU, 3), (LSTM, 4)])
def test_shapes_and_first_values(cls, gates):
    layer = cls(30, 100, rng=0)
    shapes = {name: parameter.data.shape for name, parameter in layer.named_parameters()}
    width = gates * 100
    assert shapes == {"weight_ih": (30, width), "weight_hh": (100, width), "bias_ih": (width,), "bias_hh": (width,)}
    for parameter in layer.parameters():
        values, variance = parameter.data.astype(np.float64), 1 / (3 * 100)
        assert np.abs(values).max() <= 1 / 10
        assert abs(values.mean()) < 5 * math.sqrt(variance / values.size)  # 5σ of the sampling error
        assert abs(values.var() - variance) < 5 * variance * math.sqrt(0.8 / values.size)


@pytest.mark.parametrize("cls", CLASSES)
def test_the_seed_decides(cls):
    first, again, other = cls(3, 2, rng=1), cls(3, 2, rng=1), cls(3, 2, rng=2)
    for one, same, differs in zip(first.parameters(), again.parameters(), other.parameters(), strict=True):
        np.testing.assert_array_equal(one.data, same.data)
        assert (one.data != differs.data).all()
    generator = np.random.default_rng(0)
    assert (cls(3, 2, rng=generator).weight_ih.data != cls(3, 2, rng=generator).weight_ih.data).all()


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize(
    ("sizes", "error", "message"),
    [
        ((0, 2), ValueError, "needs input_size >= 1, got 0"),
        ((3, -1), ValueError, "needs hidden_size >= 1, got -1"),
        ((3, 2.0), TypeError, "expected hidden_size to be an int, got float"),
        ((3, 2, 0), ValueError, "needs num_layers >= 1, got 0"),
        ((3, 2, 2, False), TypeError, "positional arguments"),  # PyTorch's later ones are not the same for all three
    ],
)
def test_sizes_that_are_none(cls, sizes, error, message):
    with pytest.raises(error, match=message):
        cls(*sizes)


def test_other_nonlinearities_are_refused():
    with pytest.raises(ValueError, match="RNN expected nonlinearity to be one of 'tanh', 'relu', got 'sigmoid'"):
        RNN(3, 2, nonlinearity="sigmoid")


def test_describe():
    assert RNN(3, 2).describe() == "RNN(3, 2)"
    assert RNN(3, 2, nonlinearity="relu").describe() == "RNN(3, 2, nonlinearity='relu')"
    assert LSTM(3, 2, 2, dropout=0.1).describe() == "LSTM(3, 2, num_layers=2, dropout=0.1)"
    assert LSTM(3, 2, bias=False).describe() == "LSTM(3, 2, bias=False)"


def test_an_lstm_learns_what_came_first():
    """The sign of the first of ten numbers, which a layer without memory cannot know at the end."""
    generator = np.random.default_rng(0)
    x = generator.normal(size=(64, 10, 1)).astype(np.float32)
    labels = (x[:, 0, 0] > 0).astype(int)
    lstm, linear, loss = LSTM(1, 8, rng=0), mn.Linear(8, 2, rng=1), mn.SoftmaxCrossEntropyLoss()
    optimizer = mn.SGD([*lstm.parameters(), *linear.parameters()], lr=1.0, momentum=0.9)
    for _ in range(250):
        optimizer.zero_grad()
        y = lstm.forward(x)
        value = loss.forward(linear.forward(y[:, -1]), labels)
        dy = np.zeros_like(y)
        dy[:, -1] = linear.backward(loss.backward())
        lstm.accumulate_grad(dy)
        optimizer.step()
    assert value < 0.1
