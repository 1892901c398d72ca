"""All norms are compared in test_twins.py; here is how careful they are with large numbers."""

import numpy as np
import pytest

from minnet.layers.normalization.statistics import standardize, standardize_backward

TWINS = pytest.importorskip("minnet.compiled.twins.normalization", exc_type=ImportError).TWINS
standardize_twin, backward_twin = (TWINS[function.formula] for function in (standardize, standardize_backward))
SHAPES = [((7, 300), (1,)), ((300, 70), (0,)), ((20, 3, 5, 30), (0, 2, 3)), ((3, 40_000), (1,))]


@pytest.mark.parametrize(("shape", "axes"), SHAPES)
def test_large_numbers_that_differ_little(shape, axes):
    x = (1e4 + np.random.default_rng(0).standard_normal(shape)).astype(np.float32)
    exact = standardize(x.astype(np.float64), axes, 1e-5)
    for result, expected in zip(standardize_twin(x, axes, 1e-5), exact, strict=True):
        np.testing.assert_allclose(result, expected, rtol=2e-6, atol=1e-3)
    formula = standardize(x, axes, 1e-5)[0]
    assert np.abs(standardize_twin(x, axes, 1e-5)[0] - exact[0]).max() <= 1.5 * np.abs(formula - exact[0]).max()


@pytest.mark.parametrize(("shape", "axes"), SHAPES)
def test_equal_numbers(shape, axes):
    y, inverse_std, mean, variance, _ = standardize_twin(np.full(shape, 1234.567, np.float32), axes, 1e-5)
    assert not y.any()
    assert not variance.any()
    assert (mean == np.float32(1234.567)).all()
    assert (inverse_std == 1 / np.sqrt(np.float32(1e-5))).all()


@pytest.mark.parametrize(("shape", "axes"), SHAPES)
def test_squares_beyond_the_range_of_float32(shape, axes):
    x = np.random.default_rng(0).standard_normal(shape).astype(np.float32) * np.float32(1e25)
    with np.errstate(over="ignore"):
        y, _, _, variance, _ = standardize_twin(x, axes, 1e-5)
    np.testing.assert_allclose(y, standardize(x.astype(np.float64), axes, 1e-5)[0], rtol=1e-4, atol=1e-5)
    assert np.isinf(variance).all()


@pytest.mark.parametrize(("shape", "axes"), SHAPES)
def test_gradients_are_those_of_float64(shape, axes):
    g, x = np.random.default_rng(0).standard_normal((2, *shape)).astype(np.float32)
    y, inverse_std, *_ = standardize_twin(x, axes, 1e-5)
    exact = standardize_backward(*(array.astype(np.float64) for array in (g, y, inverse_std)), axes)
    for result, expected in zip(backward_twin(g, y, inverse_std, axes), exact, strict=True):
        np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-5)


def test_sums_over_several_processes_are_left_to_the_formula():
    x = np.ones((40, 50), np.float32)

    def twice(*sums):
        return tuple(2 * part for part in sums)

    assert standardize_twin(x, (0,), 1e-5, twice)[4] == 80
    assert backward_twin(x, x, x[:1], (0,), twice)[1].shape == (1, 50)
