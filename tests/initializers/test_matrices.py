"""Matrices as first weights: orthogonal, the identity, sparse."""

import math

import numpy as np
import pytest

import minnet as mn
from minnet import initializers


@pytest.fixture
def rng():
    return np.random.default_rng(11)


SHAPES = [(5, 5), (8, 3), (3, 8), (1, 4), (4, 1), (2, 5, 3, 3), (2, 40, 3, 3), (6, 4, 3), (2, 3, 2, 2, 2), (3, 4, 1, 1)]


@pytest.mark.parametrize("gain", [1.0, math.sqrt(2), -0.5])
@pytest.mark.parametrize("shape", SHAPES)
def test_orthogonal(shape, gain, rng):
    """Of a kernel, the matrix is that of outputs by the numbers of a window, as the convolution multiplies it."""
    weight = initializers.orthogonal(gain)(shape, rng)
    assert weight.shape == shape
    matrix = np.stack([weight[:, o].ravel() for o in range(shape[1])])  # (out, in · k · k)
    product = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
    np.testing.assert_allclose(product, gain**2 * np.eye(len(product)), atol=1e-12)


def test_all_orthogonal_matrices_are_equally_likely(rng):
    """The mean of each number is 0, its variance 1/n, and its fourth moment 3 / (n (n + 2))."""
    n, matrices = 3, 20_000
    draw = initializers.orthogonal()
    all_of_them = np.stack([draw((n, n), rng) for _ in range(matrices)])
    error = 5 / math.sqrt(matrices)
    np.testing.assert_allclose(all_of_them.mean(axis=0), 0, atol=error * math.sqrt(1 / n))
    np.testing.assert_allclose((all_of_them**2).mean(axis=0), 1 / n, atol=error * math.sqrt(3 / (n * (n + 2))))
    np.testing.assert_allclose((all_of_them**4).mean(axis=0), 3 / (n * (n + 2)), atol=error * 0.3)
    assert abs(np.sign(np.linalg.det(all_of_them)).mean()) < error  # rotations and reflections


def test_a_deep_linear_network_keeps_lengths(rng):
    model = mn.Sequential(*(mn.Linear(16, 16, weight_init=initializers.orthogonal(), bias=False) for _ in range(20)))
    model.astype(np.float64)
    x = rng.normal(size=(5, 16))
    lengths = np.linalg.norm(x, axis=1)
    np.testing.assert_allclose(np.linalg.norm(model.forward(x), axis=1), lengths, rtol=1e-5)  # of float32 weights
    np.testing.assert_allclose(np.linalg.norm(model.backward(x), axis=1), lengths, rtol=1e-5)


@pytest.mark.parametrize("shape", [(4, 4), (3, 5), (5, 3)])
def test_eye(shape, rng):
    x = rng.normal(size=(2, shape[0])).astype(np.float32)
    y = mn.Linear(*shape, weight_init=initializers.eye(), bias=False).forward(x)
    same = min(shape)
    np.testing.assert_array_equal(y[:, :same], x[:, :same])
    assert not y[:, same:].any()


@pytest.mark.parametrize(("inputs", "outputs", "groups"), [(4, 4, 1), (2, 5, 1), (5, 2, 1), (4, 6, 2), (6, 6, 6)])
def test_dirac_passes_channels_on(inputs, outputs, groups, rng):
    x = rng.normal(size=(2, inputs, 6, 7)).astype(np.float32)
    options = {"padding": 1, "groups": groups, "bias": False, "weight_init": initializers.dirac(groups)}
    y = mn.Conv2d(inputs, outputs, 3, **options).forward(x)
    same, given, made = min(inputs, outputs) // groups, inputs // groups, outputs // groups
    for group in range(groups):
        mine, theirs = y[:, group * made : (group + 1) * made], x[:, group * given : (group + 1) * given]
        np.testing.assert_array_equal(mine[:, :same], theirs[:, :same])
        assert not mine[:, same:].any()


@pytest.mark.parametrize("sparsity", [0.0, 0.25, 0.3, 1.0])
def test_sparse(sparsity, rng):
    weight = initializers.sparse(sparsity, std=2.0)((300, 40), rng)
    zeros = math.ceil(sparsity * 40)
    assert ((weight == 0).sum(axis=1) == zeros).all()
    if zeros < 40:
        others = weight[weight != 0]
        assert abs(others.var() - 4) < 5 * 4 * math.sqrt(2 / others.size)
        of_outputs = (weight == 0).mean(axis=0)
        assert np.abs(of_outputs - zeros / 40).max() < 5 * math.sqrt(0.25 / 300)


@pytest.mark.parametrize(
    ("initializer", "shape", "message"),
    [
        (initializers.orthogonal(), (3,), r"shape \(3,\) has no fan-in"),
        (initializers.eye(), (3,), r"eye is for a matrix \(in, out\), got shape \(3,\)"),
        (initializers.eye(), (3, 4, 5), r"eye is for .*: for a kernel, there is dirac\(\)"),
        (initializers.dirac(), (3, 4), r"dirac is for a kernel \(in, out, ...\), got shape \(3, 4\)"),
        (initializers.dirac(3), (3, 4, 5), "dirac is for .*, whose outputs 3 groups divide, got shape"),
        (initializers.sparse(0.5), (3,), r"sparse is for a matrix \(in, out\), got shape \(3,\)"),
    ],
)
def test_bad_shapes(initializer, shape, message, rng):
    with pytest.raises(ValueError, match=message):
        initializer(shape, rng)


def test_bad_arguments():
    with pytest.raises(ValueError, match="orthogonal needs a finite gain"):
        initializers.orthogonal(math.inf)
    with pytest.raises(ValueError, match="dirac needs groups >= 1"):
        initializers.dirac(0)
    with pytest.raises(ValueError, match="sparse needs 0 <= sparsity <= 1, got 2"):
        initializers.sparse(2)
    with pytest.raises(ValueError, match="sparse needs std >= 0"):
        initializers.sparse(0.5, -1)
