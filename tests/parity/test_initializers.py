"""Initializers whose values are not random are PyTorch's; so are bounds and gains, and what an orthogonal matrix is."""

import numpy as np
import pytest
from pytorch import torch

from minnet import initializers

init = torch.nn.init
RNG = np.random.default_rng(0)


def theirs(name, shape, *arguments):
    """Fill a tensor of PyTorch's shape, and return it with the first two axes swapped."""
    filled = torch.empty(shape[1], shape[0], *shape[2:], dtype=torch.float64)
    getattr(init, f"{name}_")(filled, *arguments)
    return filled.numpy().swapaxes(0, 1)


@pytest.mark.parametrize(
    ("name", "shape", "arguments"),
    [
        ("zeros", (3, 4), ()),
        ("ones", (3, 4), ()),
        ("constant", (3, 4), (0.3,)),
        ("eye", (3, 4), ()),
        ("eye", (4, 3), ()),
        *(
            ("dirac", (i, o, *k), (g,))
            for i, o, g in ((3, 4, 1), (4, 3, 1), (2, 6, 2), (4, 6, 3), (1, 5, 5))
            for k in ((3,), (2, 3), (3, 4, 5))
        ),
    ],
)
def test_values(name, shape, arguments):
    np.testing.assert_array_equal(getattr(initializers, name)(*arguments)(shape, RNG), theirs(name, shape, *arguments))


@pytest.mark.parametrize("nonlinearity", ["linear", "conv3d", "conv_transpose2d", "sigmoid", "tanh", "relu", "selu"])
def test_gains(nonlinearity):
    assert initializers.calculate_gain(nonlinearity) == init.calculate_gain(nonlinearity)


@pytest.mark.parametrize("slope", [None, 0, 0.2, 3.0])
def test_gain_of_leaky_relu(slope):
    assert initializers.calculate_gain("leaky_relu", slope) == init.calculate_gain("leaky_relu", slope)


@pytest.mark.parametrize("shape", [(30, 40), (3, 40, 3, 3), (20, 7, 5)])
@pytest.mark.parametrize("mode", ["fan_in", "fan_out"])
def test_sizes(shape, mode):
    """With many numbers, the largest of uniform ones is close to the bound, and the mean square to the variance."""
    for nonlinearity in ("relu", "linear"):
        gain = initializers.calculate_gain(nonlinearity)
        for kind in ("xavier_uniform", "xavier_normal", "kaiming_uniform", "kaiming_normal"):
            ours = (gain,) if kind.startswith("xavier") else (gain, mode)
            other = (gain,) if kind.startswith("xavier") else (0, mode, nonlinearity)
            sizes = [
                np.sqrt(np.mean([np.square(draw()).mean() for _ in range(200)]))
                for draw in (
                    lambda kind=kind, ours=ours: getattr(initializers, kind)(*ours)(shape, RNG),
                    lambda kind=kind, other=other: theirs(kind, shape, *other),
                )
            ]
            assert sizes[0] == pytest.approx(sizes[1], rel=0.02)


@pytest.mark.parametrize("shape", [(5, 5), (4, 7), (7, 4), (2, 5, 3, 3), (2, 30, 3, 3)])
def test_orthogonal_has_the_same_products(shape):
    def products(weight):
        matrix = weight.swapaxes(0, 1).reshape(shape[1], -1)
        return matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix

    torch.manual_seed(0)
    np.testing.assert_allclose(
        products(initializers.orthogonal(1.5)(shape, RNG)), products(theirs("orthogonal", shape, 1.5)), atol=1e-6
    )


@pytest.mark.parametrize("window", [(0.0, 1.0, -2.0, 2.0), (1.0, 2.0, 4.0, 9.0), (0.0, 0.1, 0.02, 0.05)])
def test_truncated_normal(window):
    """Quantiles of two large samples agree."""
    torch.manual_seed(0)
    shares = np.linspace(0.01, 0.99, 25)
    ours = np.quantile(initializers.trunc_normal(*window)((500, 400), RNG), shares)
    other = np.quantile(theirs("trunc_normal", (500, 400), *window), shares)
    np.testing.assert_allclose(ours, other, atol=0.01 * (ours[-1] - ours[0]))


def test_sparse_has_as_many_zeros_in_each_input():
    torch.manual_seed(0)
    ours = initializers.sparse(0.3)((20, 9), RNG)
    np.testing.assert_array_equal((ours == 0).sum(axis=1), (theirs("sparse", (20, 9), 0.3) == 0).sum(axis=1))
