"""PReLU: one slope, or one for each channel, and both are learned."""

import numpy as np
import pytest
from helpers import array

import minnet as mn
from minnet.layers.activations.prelu import PReLU

X = np.random.default_rng(0).normal(size=(5, 3, 2, 4))


def test_one_slope_by_hand():
    layer = PReLU(init=0.5)
    assert layer.forward(array([[2, -4], [0, -6]])).tolist() == [[2, -2], [0, -3]]
    assert layer.backward(array([[1, 2], [3, 4]])).tolist() == [[1, 1], [1.5, 2]]
    assert layer.weight.grad.tolist() == [2 * -4 + 4 * -6]
    layer.backward(array([[1, 2], [3, 4]]))
    assert layer.weight.grad.tolist() == [-64]  # it adds up


def test_a_slope_for_each_channel_by_hand():
    layer = PReLU(2)
    layer.weight.data = [0.5, 2]
    assert layer.forward(array([[-2, -4], [-6, 8]])).tolist() == [[-1, -8], [-3, 8]]
    assert layer.backward(array([[1, 2], [3, 4]])).tolist() == [[0.5, 4], [1.5, 4]]
    assert layer.weight.grad.tolist() == [-2 - 18, -8]


@pytest.mark.parametrize("shape", [(5, 3), (5, 3, 2), (5, 3, 2, 4), (5, 3, 1, 2, 2), (0, 3), (1, 3, 0)])
def test_channels_are_axis_1(shape):
    """Each channel is what a PReLU with its slope alone makes of it."""
    random = np.random.default_rng(1)
    x, dy, slopes = random.normal(size=shape), random.normal(size=shape), [0.3, -0.2, 1.5]
    layer = PReLU(3).astype(np.float64)
    layer.weight.data = slopes
    y, dx = layer.forward(x), layer.backward(dy)
    for c, slope in enumerate(slopes):
        alone = PReLU(init=slope).astype(np.float64)
        alone.weight.data = [slope]
        np.testing.assert_array_equal(y[:, c], alone.forward(x[:, c]))
        np.testing.assert_array_equal(dx[:, c], alone.backward(dy[:, c]))
        np.testing.assert_allclose(layer.weight.grad[c], alone.weight.grad[0], rtol=1e-13)


def test_it_starts_as_a_leaky_relu_and_learns_its_slope():
    layer = PReLU()
    assert layer.weight.data.tolist() == [0.25]
    x = X.astype(np.float32)
    np.testing.assert_array_equal(layer.forward(x), mn.LeakyReLU(0.25).forward(x))

    target = mn.LeakyReLU(0.7).forward(x)
    loss, optimizer = mn.MSELoss(), mn.SGD(layer.parameters(), lr=1.0)
    for _ in range(50):
        optimizer.zero_grad()
        loss.forward(layer.forward(x), target)
        layer.backward(loss.backward())
        optimizer.step()
    assert layer.weight.data[0] == pytest.approx(0.7, abs=1e-4)


def test_weight_decay_may_leave_the_slopes_out():
    layer = PReLU(3)
    for decays, expected in ((True, 0.25 * 0.5), (False, 0.25)):
        layer.weight.data = [0.25] * 3
        optimizer = mn.SGD(layer.parameters(), lr=1.0, weight_decay=0.5, decay_biases=decays)
        optimizer.zero_grad()
        optimizer.step()
        assert layer.weight.data.tolist() == [expected] * 3


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_large_numbers_and_infinite_gradients(dtype):
    layer = PReLU().astype(dtype)
    x = array([-1e30, -1e4, 1e4, 1e30], dtype)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        np.testing.assert_allclose(layer.forward(x), array([-0.25e30, -0.25e4, 1e4, 1e30], dtype), rtol=1e-7)
        assert layer.backward(array([1, 1, 1, 1], dtype)).tolist() == [0.25, 0.25, 1, 1]
        dx = layer.backward(array([0, 1, np.inf, -np.inf], dtype))
    assert dx.tolist() == [0, 0.25, np.inf, -np.inf]
    assert np.isfinite(layer.weight.grad).all()  # the infinite ones are where x > 0, and a does not act


def test_the_slopes_gradient_is_precise_for_a_million_numbers():
    x = -np.ones((1000, 1, 1000), np.float32)
    layer = PReLU()
    layer.forward(x)
    layer.backward(np.full_like(x, 0.1))
    assert layer.weight.grad[0] == pytest.approx(-1e6 * float(np.float32(0.1)), rel=1e-6)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((5, 4), r"expected shape \(N, 3, ...\), got \(5, 4\): the channels are the second axis; use num_parameters=4"),
        ((5, 2, 3), r"got \(5, 2, 3\): the channels are the second axis; use num_parameters=2, or 1"),
        ((3,), r"got \(3,\): the channels are the second axis; use num_parameters=1$"),
    ],
)
def test_another_number_of_channels_is_refused(shape, message):
    with pytest.raises(ValueError, match=message):
        PReLU(3).forward(np.ones(shape, np.float32))


def test_another_dtype_is_refused_with_the_cure():
    with pytest.raises(TypeError, match=r"computes in float32, got float64: pass x.astype"):
        PReLU().forward(X)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: PReLU(0), ValueError, "PReLU needs num_parameters >= 1, got 0"),
        (lambda: PReLU(0.25), TypeError, "PReLU expected num_parameters to be an int, got float 0.25"),
        (lambda: PReLU(init="0"), TypeError, "PReLU expected init to be a number, got str"),
        (lambda: PReLU(init=np.nan), ValueError, "PReLU needs a finite init, got nan"),
    ],
)
def test_arguments_that_are_none(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_repr_shows_the_arguments():
    assert repr(PReLU(4, 0.1)) == "PReLU(num_parameters=4, init=0.1)"
