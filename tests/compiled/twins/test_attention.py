"""Attention and Softmax are compared in test_twins.py; here are scores and masks of every kind."""

import numpy as np
import pytest

from minnet.core.special import softmax_backward
from minnet.layers.sequences.attention import masked_softmax

TWINS = pytest.importorskip("minnet.compiled.twins.attention", exc_type=ImportError).TWINS
softmax_twin, backward_twin = (TWINS[function.formula] for function in (masked_softmax, softmax_backward))
RANDOM = np.random.default_rng(0)
SCORES = (4 * RANDOM.standard_normal((3, 50, 2, 33))).astype(np.float32)
NOTHING = np.zeros((1, 1, 50), bool)


@pytest.mark.parametrize(
    "scores", [np.moveaxis(SCORES, 1, -1), SCORES.transpose(0, 2, 3, 1).copy()], ids=["columns", "rows"]
)
@pytest.mark.parametrize(
    "allowed", [None, NOTHING, ~NOTHING, RANDOM.random((3, 1, 1, 50)) < 0.5, RANDOM.random((3, 1, 33, 50)) < 0.1]
)
def test_masked_softmax(scores, allowed):
    expected = masked_softmax(scores.astype(np.float64), allowed)
    np.testing.assert_allclose(softmax_twin(scores, allowed), expected, rtol=2e-6, atol=1e-9)


@pytest.mark.parametrize("factor", [0, 1e4, -1e30])
def test_large_scores_do_not_overflow(factor):
    scores = np.moveaxis(SCORES * np.float32(factor), 1, -1)
    np.testing.assert_allclose(softmax_twin(scores, None), masked_softmax(scores, None), rtol=2e-6, atol=1e-9)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (0, 2, 3, 1)])
def test_backward(order):
    scores = SCORES.transpose(order)
    p, dp = masked_softmax(scores, None), np.ones_like(scores) * scores[::-1]
    exact = softmax_backward(p.astype(np.float64), dp.astype(np.float64))
    np.testing.assert_allclose(backward_twin(p, dp), exact, rtol=1e-4, atol=1e-6)
