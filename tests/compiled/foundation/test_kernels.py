"""Each kernel computes what NumPy, or a layer, computes. (How they work together: test_steps.py.)"""

import math

import numpy as np
import pytest

pytest.importorskip("numba", reason="the extra compiled is not installed")

import minnet as mn
from minnet.compiled.foundation import kernels

pytestmark = pytest.mark.slow

DTYPES = (np.float32, np.float64)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("code", "layer"), [(kernels.RELU, mn.ReLU), (kernels.TANH, mn.Tanh), (kernels.SIGMOID, mn.Sigmoid)]
)
def test_activations(dtype, code, layer):
    x = np.array([[-100, -1e-3, 0, 0.5, 3], [100, 1, -1e3, -0.0, 20]], dtype)
    bias, layer = np.array([0.25, 0, 0, 0, -1], dtype), layer()
    y, dy = x.copy(), np.ones_like(x)
    kernels.activate(y, bias, code)
    kernels.deactivate(dy, y, code)
    np.testing.assert_allclose(y, layer.forward(x + bias), rtol=1e-6, atol=1e-15)
    np.testing.assert_allclose(dy, layer.backward(np.ones_like(x)), rtol=1e-6, atol=1e-15)


@pytest.mark.parametrize("code", [kernels.NOTHING, kernels.RELU, kernels.TANH, kernels.SIGMOID])
def test_nan_stays_nan(code):
    y = np.array([[np.nan, 1.0]])
    kernels.activate(y, np.zeros(2), code)
    assert np.isnan(y[0, 0])
    assert not np.isnan(y[0, 1])


@pytest.mark.parametrize("probabilities", [False, True])
@pytest.mark.parametrize("gap", [0, 1, 50, 1e4])
def test_cross_entropy(rng, gap, probabilities):
    z, labels, rows = rng.normal(size=(3, 4)), np.array([9, 2, 0, 3]), np.array([1, 2, 3])
    z[:, 1] += gap
    loss, dz, out = mn.SoftmaxCrossEntropyLoss(), np.empty_like(z), z.copy()
    expected = loss.forward(z, labels[rows])
    found = kernels.cross_entropy(out, labels[rows], len(rows), dz, probabilities)
    limit = -math.log(np.finfo(np.float64).tiny)
    assert found == pytest.approx(expected if not probabilities else min(expected, limit), rel=1e-12)
    np.testing.assert_allclose(dz, loss.backward(), rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(out, mn.Softmax().forward(z) if probabilities else z, rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("label", [-1, 4])
def test_a_label_that_is_no_class_gives_nan(label):
    z = np.zeros((1, 4))
    assert math.isnan(kernels.cross_entropy(z, np.array([label]), 1, z.copy(), False))


@pytest.mark.parametrize("probabilities", [False, True])
def test_a_loss_that_is_nan_is_not_limited(probabilities):
    z = np.array([[1.0, np.nan, 0.0]])
    assert math.isnan(kernels.cross_entropy(z, np.array([0]), 1, z.copy(), probabilities))


@pytest.mark.parametrize("kind", ["cross_entropy", "mean_square"])
def test_losses_of_parts_add_up_to_the_loss_of_a_batch(rng, kind):
    y, targets, labels = rng.normal(size=(7, 4)), rng.normal(size=(7, 4)), rng.integers(0, 4, 7)
    whole, parts = np.empty_like(y), np.empty_like(y)
    more = () if kind == "mean_square" else (False,)

    def loss(part, dy):
        given = targets if kind == "mean_square" else labels
        return getattr(kernels, kind)(y[part], given[part], 7, dy[part], *more)

    cut = [slice(0, 2), slice(2, 2), slice(2, 7)]
    assert sum(loss(part, parts) for part in cut) == pytest.approx(loss(slice(None), whole), rel=1e-12)
    np.testing.assert_allclose(parts, whole, rtol=1e-12)


@pytest.mark.parametrize("gap", [0, 50, 1e4])
def test_softmax(rng, gap):
    z = rng.normal(size=4) + [0, gap, 0, 0]
    p = z.copy()
    top, total = kernels.softmax(z, p)
    np.testing.assert_allclose(p, mn.Softmax().forward(z[None])[0], rtol=1e-12, atol=1e-300)
    assert (top, total) == (z.max(), pytest.approx(np.exp(z - z.max()).sum(), rel=1e-12))
    kernels.softmax(z, z)
    assert np.array_equal(z, p), "it may be written in place"
