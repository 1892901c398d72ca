"""The kernels themselves; what they compute is compared with the layers in `test_recurrent`."""

import numpy as np
import pytest

import minnet as mn

walks = pytest.importorskip("minnet.compiled.twins.walks", exc_type=ImportError)
address = pytest.importorskip("minnet.compiled.foundation.blas", exc_type=ImportError).address
recurrent = pytest.importorskip("minnet.compiled.twins.recurrent", exc_type=ImportError)


@pytest.mark.parametrize("layer", [mn.RNN(3, 5, rng=0), mn.GRU(3, 5, rng=0), mn.LSTM(3, 5, rng=0)], ids=repr)
def test_steps_that_are_not_kept_are_overwritten(layer):
    N, T, H, width = 4, 6, 5, 3 + 1 + 5  # x, 1 and h
    kernels = recurrent.kernels_of(layer, np.ones((T, N, 1), np.float32), T)
    z = np.ones((T + 1, N, width), np.float32)
    z[:-1, :, :3] = np.random.default_rng(0).normal(size=(T, N, 3))
    z[0, :, -H:] = 0
    results = []
    for kept in (T, 1):
        steps, saved = z.copy(), np.empty((kept, kernels.parts, N, H), np.float32)
        states = [np.zeros((N, H), np.float32) for _ in layer.state_names[1:]]
        given = address(z.dtype), steps, recurrent.weight_of(layer), recurrent.real(None, T, N), saved, *states
        kernels.forward(*given, *recurrent.options(layer))
        results.append([steps, saved[-1], *states])
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("name", "reference"),
    [("to_sigmoid", lambda x: 1 / (1 + np.exp(-x))), ("to_tanh", np.tanh), ("to_positive_part", lambda x: x * (x > 0))],
)
def test_functions_in_place(name, reference):
    x = np.linspace(-20, 20, 101, dtype=np.float32)
    expected = reference(x.astype(np.float64))
    getattr(walks, name)(x)
    np.testing.assert_allclose(x, expected, rtol=1e-6, atol=1e-30)


def test_small_tools():
    x, to = np.arange(5, dtype=np.float32), np.ones(5, np.float32)
    walks.add(x, to)
    np.testing.assert_array_equal(to, [1, 2, 3, 4, 5])
    walks.copy(x, to)
    np.testing.assert_array_equal(to, x)
    walks.fill(to, np.float32(7))
    np.testing.assert_array_equal(to, np.full(5, 7))
