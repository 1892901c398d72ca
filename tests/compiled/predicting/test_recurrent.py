"""A recurrent layer that is done in runs computes what it computes by itself."""

import numpy as np
import pytest

import minnet as mn

pytest.importorskip("numba", reason="the extra compiled is not installed")
from minnet.compiled.predicting.recurrent import recurrent_run

pytestmark = pytest.mark.slow
OPTIONS = [
    {},
    {"bias": False},
    {"num_layers": 3, "dropout": 0.5},
    {"bidirectional": True},
    {"num_layers": 2, "bidirectional": True},
]


def sequences(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("kind", [mn.RNN, mn.GRU, mn.LSTM])
@pytest.mark.parametrize("shape", [(2, 6, 3), (6, 3), (1, 1, 3), (2, 0, 3), (0, 4, 3)])
def test_whole_sequences(kind, options, shape):
    layer, x = kind(3, 5, rng=0, **options).eval(), sequences(*shape)
    expected = layer.forward(x)
    y = recurrent_run([layer]).call_for(x.shape, expected.shape, x.dtype)(x)
    assert (y.shape, y.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("options", OPTIONS[:3])
@pytest.mark.parametrize("kind", [mn.RNN, mn.GRU, mn.LSTM])
@pytest.mark.parametrize("shape", [(2, 3), (3,), (0, 3)])
def test_steps(kind, options, shape):
    layer, x = kind(3, 5, rng=0, **options).eval(), sequences(*shape)
    run, state, expected = recurrent_run([layer]), None, None
    for _ in range(3):
        before = state
        y, state = run.step(x, state)
        y_expected, expected = layer.step(x, expected)
        np.testing.assert_allclose(y, y_expected, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(state, expected, rtol=1e-5, atol=1e-6)
        assert type(state) is type(expected)
        assert before is None or not np.array_equal(before, state) or not x.size  # it was not changed in place


def test_many_rows_and_wrong_ones_are_for_the_layer_itself():
    layer = mn.LSTM(28, 128, rng=0).eval()
    run, x = recurrent_run([layer]), sequences(50, 28)
    assert run.call_for((50, 7, 28), (50, 7, 128), x.dtype) is None
    np.testing.assert_array_equal(run.step(x, None)[0], layer.step(x)[0])
    for wrong, error in (
        (x.astype(np.float64), TypeError),
        (x[:, :3], ValueError),
        (x[None], ValueError),
        ([1], TypeError),
    ):
        with pytest.raises(error, match=r"LSTM\(28, 128\)"):
            run.step(wrong, None)
    with pytest.raises(ValueError, match="expected state of shape"):
        run.step(x, (np.zeros((3, 128), np.float32),) * 2)


class Mine(mn.GRU):
    """A class of a user's own."""


def patched(layer):
    layer._cell = lambda sums, state: None
    return layer


def test_others_are_no_runs():
    for layer in (Mine(3, 5), mn.LSTM(9, 400), mn.GRU(3, 5).astype(np.float64), patched(mn.GRU(3, 5)), mn.Linear(3, 5)):
        assert recurrent_run([layer]) is None
