"""Linear layers that are done in one call compute what they compute by themselves."""

import numpy as np
import pytest

import minnet as mn

pytest.importorskip("numba", reason="the extra compiled is not installed")
from minnet.compiled.predicting.dense import dense_run
from minnet.compiled.predicting.runs import FEW

pytestmark = pytest.mark.slow


def linear(*sizes, **options):
    return mn.Linear(*sizes, **options, rng=0)


def short_bias(layer):
    layer.bias = mn.Parameter(np.ones(1))
    return layer


class Doubled(mn.Linear):
    """A class of a user's own."""


@pytest.mark.parametrize(
    ("make", "length"),
    [
        (lambda: [linear(3, 4), mn.ReLU(), linear(4, 2), mn.Softmax()], 4),
        (lambda: [linear(3, 4), mn.Tanh(), mn.Tanh()], 2),
        (lambda: [linear(3, 4), mn.GELU(), linear(4, 2)], 1),
        (lambda: [linear(3, 4), mn.Softmax(), linear(4, 2)], 2),
        (lambda: [linear(3, 4), linear(4, 2).astype(np.float64)], 1),
        (lambda: [linear(3, 4), linear(5, 2)], 1),
        (lambda: [short_bias(linear(3, 4))], 0),
        (lambda: [Doubled(3, 4)], 0),
        (lambda: [mn.ReLU(), linear(3, 4)], 0),
        (lambda: [mn.Softmax()], 0),
        (lambda: [linear(9, 4), mn.ReLU(), linear(4, FEW // 4)], 2),  # which NumPy does as fast
        (lambda: [linear(FEW, 2)], 0),
    ],
)
def test_a_run_ends_at_what_it_does_not_know(make, length):
    run = dense_run(make())
    assert (run.length if run else 0) == length


def test_many_multiplications_are_for_the_layers_themselves():
    run, rows = dense_run([linear(100, 50)]), FEW // 5050
    assert run.call_for((rows, 100), (rows, 50), np.dtype(np.float32)) is not None
    assert run.call_for((rows + 1, 100), (rows + 1, 50), np.dtype(np.float32)) is None
    assert run.call_for((1, 100), (1, 50), np.dtype(np.float64)) is None


def test_axes_before_the_last_are_samples():
    layers, x = [linear(3, 4), mn.ReLU()], np.random.default_rng(0).normal(size=(2, 5, 3)).astype(np.float32)
    y = dense_run(layers).call_for(x.shape, (2, 5, 4), x.dtype)(x)
    np.testing.assert_allclose(y, layers[1].forward(layers[0].forward(x)), rtol=1e-6)
