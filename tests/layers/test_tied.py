"""Tied: another layer's weight, the other way around."""

import copy
import pickle

import numpy as np
import pytest
from helpers import array

import minnet as mn
from minnet import SGD, Flatten, Linear, MSELoss, Parameter, Sequential, Tanh
from minnet.initializers import zeros
from minnet.layers.tied import Tied


def autoencoder(dtype=np.float32):
    encoder = Linear(3, 2, rng=0)
    return Sequential(encoder, Tanh(), Tied(encoder, rng=1)).astype(dtype)


def test_by_hand():
    linear = Linear(3, 2, rng=0)
    linear.weight.data = [[1, 2], [3, 4], [5, 6]]
    layer = Tied(linear, bias_init=lambda shape, rng: np.array([10, 20, 30]))
    np.testing.assert_array_equal(layer.forward(array([[1, 0], [1, 1]])), [[11, 23, 35], [13, 27, 41]])
    dx = layer.backward(array([[1, 0, 0], [0, 0, 2]]))
    np.testing.assert_array_equal(dx, [[1, 2], [10, 12]])  # rows of W
    np.testing.assert_array_equal(linear.weight.grad, [[1, 0], [0, 0], [2, 2]])  # dy_i x_o
    np.testing.assert_array_equal(layer.bias.grad, [1, 0, 2])


def test_both_uses_add_to_one_gradient():
    model = autoencoder(np.float64)
    encoder, _, decoder = model.layers
    assert decoder.weight is encoder.weight
    assert [path for path, _ in model.named_parameters()] == ["layers[0].weight", "layers[0].bias", "layers[2].bias"]
    x = np.random.default_rng(0).normal(size=(5, 3))
    dy = np.random.default_rng(1).normal(size=(5, 3))
    model.forward(x)
    model.backward(dy)
    measured = np.zeros((3, 2))
    for place in np.ndindex(3, 2):
        here = encoder.weight.data[place]
        values = []
        for step in (1e-6, -1e-6):
            encoder.weight.data[place] = here + step
            values.append((dy * model.forward(x)).sum())
        encoder.weight.data[place] = here
        measured[place] = (values[0] - values[1]) / 2e-6
    np.testing.assert_allclose(encoder.weight.grad, measured, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("copied_by", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_stay_tied_among_themselves_and_not_with_the_original(copied_by):
    model = autoencoder()
    x = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    y = model.forward(x)
    copied = copied_by(model)
    assert copied.forward(x).tobytes() == y.tobytes()
    assert copied.layers[2].weight is copied.layers[0].weight
    assert copied.layers[2].weight is not model.layers[0].weight
    assert len(copied.parameters()) == 3
    copied.layers[0].weight.data += 1
    assert model.forward(x).tobytes() == y.tobytes()
    assert copied.layers[2].forward(y[:, :2]).tobytes() != model.layers[2].forward(y[:, :2]).tobytes()


def test_astype_converts_the_weight_once_and_keeps_the_tie():
    model = autoencoder(np.float64)
    assert model.layers[2].weight is model.layers[0].weight
    assert model.forward(np.ones((2, 3))).dtype == np.float64


def test_a_tied_autoencoder_learns():
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(64, 2)) @ rng.normal(size=(2, 6))).astype(np.float32)
    encoder = Linear(6, 2, rng=0)
    model, loss = Sequential(encoder, Tied(encoder, rng=1)), MSELoss()
    optimizer = SGD(model.parameters(), lr=0.05)
    losses = []
    for _ in range(200):
        optimizer.zero_grad()
        losses.append(loss.forward(model.forward(x), x))
        model.accumulate_grad(loss.backward())
        optimizer.step()
    assert losses[-1] < 0.02 * losses[0]


def test_any_layer_with_a_matrix_will_do():
    class Table(mn.Layer):
        def __init__(self):
            self.weight = Parameter(np.arange(10.0).reshape(5, 2))

    layer = Tied(Table(), bias=False)
    np.testing.assert_array_equal(layer.forward(array([[1, 0]])), [[0, 2, 4, 6, 8]])
    assert layer.bias is None
    assert len(layer.parameters()) == 1


@pytest.mark.parametrize("shape", [(2,), (1, 2), (0, 2), (4, 2), (3, 4, 2), (0, 3, 2)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_shapes_and_dtypes(shape, dtype):
    layer = Tied(Linear(3, 2)).astype(dtype)
    y = layer.forward(np.ones(shape, dtype))
    assert y.shape == (*shape[:-1], 3)
    dx = layer.backward(np.ones(y.shape, dtype))
    assert dx.shape == shape
    assert y.dtype == dx.dtype == dtype


def test_accumulate_grad_adds_what_backward_adds():
    first, second = Tied(Linear(3, 2, rng=0), rng=1), Tied(Linear(3, 2, rng=0), rng=1)
    x, dy = array([[1, 2], [3, 4]]), array([[1, 2, 3], [4, 5, 6]])
    first.forward(x)
    second.forward(x)
    first.backward(dy)
    assert second.accumulate_grad(dy) is None
    np.testing.assert_array_equal(first.weight.grad, second.weight.grad)
    np.testing.assert_array_equal(first.bias.grad, second.bias.grad)
    once = first.weight.grad.copy()
    first.backward(dy)
    np.testing.assert_array_equal(first.weight.grad, 2 * once)
    np.testing.assert_array_equal(first.bias.grad, 2 * second.bias.grad)


def test_the_bias_is_drawn_like_that_of_a_linear_layer():
    bias = Tied(Linear(4000, 25), rng=0).bias.data
    assert np.abs(bias).max() <= 1 / 5
    assert bias.std() == pytest.approx(1 / 5 / np.sqrt(3), rel=0.05)
    np.testing.assert_array_equal(Tied(Linear(3, 2), bias_init=zeros()).bias.data, 0)
    assert Tied(Linear(3, 2).astype(np.float64)).bias.data.dtype == np.float64
    np.testing.assert_array_equal(Tied(Linear(3, 2), rng=1).bias.data, Tied(Linear(3, 2), rng=1).bias.data)


@pytest.mark.parametrize("what", [Flatten(), Linear, np.ones((3, 2)), None])
def test_what_has_no_weight_is_refused(what):
    with pytest.raises(TypeError, match=r"^Tied expected a layer with a weight, such as Linear, got"):
        Tied(what)


def test_a_weight_of_other_axes_is_refused():
    kernel = Flatten()
    kernel.weight = Parameter(np.ones((1, 2, 3)))
    with pytest.raises(ValueError, match=r"^Tied needs a weight of two axes, \(in, out\), got \(1, 2, 3\)"):
        Tied(kernel)


def test_wrong_inputs_and_gradients_are_refused_before_anything_changed():
    layer = Tied(Linear(3, 2))
    with pytest.raises(RuntimeError, match=r"Tied.backward\(\) before forward\(\)"):
        layer.backward(array([[1, 1, 1]]))
    with pytest.raises(ValueError, match=r"^Tied\(weight=\(3, 2\)\) expected 2 features in the last axis, got shape"):
        layer.forward(array([[1, 1, 1]]))
    with pytest.raises(TypeError, match=r"^Tied\(weight=\(3, 2\)\) computes in float32, got float64"):
        layer.forward(np.ones((1, 2)))
    layer.forward(array([[1, 1]]))
    for dy in (array([[1, 1]]), array([[1, 1, 1]] * 2), array([1, 1, 1]), np.ones((1, 3)), None):
        for method in (layer.backward, layer.accumulate_grad):
            with pytest.raises((ValueError, TypeError), match=r"^Tied\(weight=\(3, 2\)\).backward expected"):
                method(dy)
    assert not layer.weight.grad.any()
    assert not layer.bias.grad.any()


def test_repr():
    assert repr(Tied(Linear(784, 32))) == "Tied(weight=(784, 32))"
    assert repr(Tied(Linear(784, 32), bias=False)) == "Tied(weight=(784, 32), bias=False)"
