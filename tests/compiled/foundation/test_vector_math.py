import numpy as np
import pytest

vector_math = pytest.importorskip("minnet.compiled.foundation.vector_math", exc_type=ImportError)

X = np.concatenate(
    [np.linspace(-100, 100, 20_001), np.linspace(-1, 1, 5001), np.logspace(-30, 1, 500), -np.logspace(-30, 1, 500)]
).astype(np.float32)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@pytest.fixture(scope="module")
def mapped():
    """Return a function of vector math for whole arrays."""
    from minnet.compiled.foundation.numba_code import compiled

    def of(name):
        function = getattr(vector_math, name)

        @compiled
        def over_all(x, y):
            for i in range(len(x)):
                y[i] = function(x[i])

        def call(x):
            y = np.empty_like(x)
            over_all(x, y)
            return y

        return call

    return of


@pytest.mark.parametrize(
    ("name", "reference", "units"), [("exp", np.exp, 3), ("sigmoid", sigmoid, 4), ("tanh", np.tanh, 2)]
)
def test_values_are_those_of_float64(mapped, name, reference, units):
    with np.errstate(over="ignore"):
        expected = reference(X.astype(np.float64))
        y = mapped(name)(X).astype(np.float64)
        last_place = np.spacing(np.abs(expected).astype(np.float32)).astype(np.float64)
    known = (expected > 1.8e-38) & (expected < np.finfo(np.float32).max) if name != "tanh" else expected != 0
    assert (np.abs(y - expected)[known] <= units * last_place[known]).all()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("exp", [np.nan, np.inf, 0, 1, 1, np.inf, 0]),
        ("sigmoid", [np.nan, 1, 0, 0.5, 0.5, 1, 0]),
        ("tanh", [np.nan, 1, -1, 0, 0, 1, -1]),
    ],
)
def test_special_values(mapped, name, expected):
    x = np.array([np.nan, np.inf, -np.inf, 0, -0.0, 89, -104], np.float32)
    y = mapped(name)(x)
    np.testing.assert_allclose(y, np.array(expected, np.float32), atol=1e-37)
