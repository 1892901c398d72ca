"""A Network's whole model works in the units of X and y."""

import numpy as np
import pytest

pytest.importorskip("sklearn")
import minnet as mn
from minnet.sklearn.network import Network
from minnet.sklearn.samples import Samples, Standard

X = np.array([[1.0], [3.0]])
y = np.array([[10.0], [50.0]])


def test_scales():
    rng, double = np.random.default_rng(0), np.dtype(np.float64)
    of_x, of_y = Standard(X, None, double), Standard(y, None, double, inverse=True)
    network = Network(mn.Sequential(of_x.layer, mn.Identity()), mn.MSELoss(), 1, rng, of_x, of_y)
    assert network.whole.forward(X) == pytest.approx(y)
    assert network.predicted(network.model.forward(X)) == pytest.approx(y)
    assert [type(layer).__name__ for layer in network.whole.layers] == ["Normalize", "Identity", "Normalize"]
    assert not network.whole.training
    network.learn_from(Samples(X + 2, y + 20))
    assert (of_x.mean, of_y.mean) == (3, 40)


def test_no_scales():
    model = mn.Linear(1, 1)
    network = Network(model, mn.MSELoss(), 1, np.random.default_rng(0))
    network.learn_from(Samples(X, y))
    network.learn_from(Samples(X, y, np.array([3.0, 9.0])))
    assert network.mean_weight == 3.5
    assert network.whole is model
    assert network.predicted(y) is y
    assert network.dtype == np.float32
