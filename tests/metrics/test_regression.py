"""How far predictions are from quantities."""

import numpy as np
import pytest

from minnet.errors import NonFiniteError
from minnet.metrics import R2, mae, r2, rmse

METRICS = [mae, rmse, r2]
T = np.array([[1.0, 10.0], [2.0, 10.0], [6.0, 40.0]])
P = np.array([[2.0, 10.0], [2.0, 10.0], [2.0, 10.0]])


def test_known_values():
    assert mae(P[:, 0], T[:, 0]) == 5 / 3
    assert rmse(P[:, 0], T[:, 0]) == np.sqrt(17 / 3)
    assert r2(P[:, 0], T[:, 0]) == pytest.approx(1 - 17 / 14)


def test_each_output_is_measured_by_itself():
    for metric in METRICS:
        expected = (metric(P[:, 0], T[:, 0]) + metric(P[:, 1], T[:, 1])) / 2
        assert metric(P, T) == pytest.approx(expected)
        assert metric(P.reshape(3, 1, 2), T.reshape(3, 1, 2)) == metric(P, T)


def test_float32_is_added_up_in_float64():
    t = np.full(100_001, 0.1, np.float32)
    t[0] = 1e5
    p = t + np.float32(0.5)
    assert mae(p, t) == np.abs(p.astype(float) - t).mean()


def test_r2_does_not_lose_digits_to_an_offset():
    rng = np.random.default_rng(0)
    t = rng.normal(size=1000)
    p = t + rng.normal(size=1000)
    shifted = (t + 2.0**30) - 2.0**30  # what is left of t
    parts = R2()
    for start in range(0, 1000, 7):
        parts.update(p[start : start + 7] + 2.0**30, t[start : start + 7] + 2.0**30)
    error = ((p + 2.0**30) - (t + 2.0**30)) ** 2
    assert parts.compute() == pytest.approx(1 - error.sum() / ((shifted - shifted.mean()) ** 2).sum(), abs=1e-12)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_equal_targets(size):
    t = np.full(3, 0.1)
    for p, expected in ((t, 1.0), (t + [0, 0, 1e-3], 0.0)):
        metric = R2()
        for start in range(0, 3, size):
            metric.update(p[start : start + size], t[start : start + size])
        assert metric.compute() == expected


def test_a_single_sample():
    assert mae([2.0], [1.0]) == rmse([2.0], [1.0]) == 1.0
    with pytest.raises(ValueError, match="R2 is not defined for a single sample"):
        r2([2.0], [1.0])


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(
    ("p", "t", "error", "message"),
    [
        (np.ones((3, 1)), np.ones(3), ValueError, r"one shape, got \(3, 1\) and \(3,\): .* y.reshape\(3, 1\)"),
        (np.ones(3), np.ones(4), ValueError, r"one shape, got \(3,\) and \(4,\)$"),
        (np.array(1.0), np.array(1.0), ValueError, r"samples along the first axis, got the shape \(\)"),
        (np.ones(3), ["a", "b", "c"], TypeError, "a target of numbers, got <U1"),
        (np.array([1, np.nan]), np.ones(2), NonFiniteError, "NaN or infinity in the prediction"),
        (np.ones(2), np.array([1, np.inf]), NonFiniteError, "NaN or infinity in the target"),
        (np.empty(0), np.empty(0), ValueError, "at least one sample"),
    ],
)
def test_what_does_not_fit_is_refused(metric, p, t, error, message):
    with pytest.raises(error, match=message):
        metric(p, t)


@pytest.mark.parametrize("metric", METRICS)
def test_batches_of_other_outputs_are_refused(metric):
    part = metric.fresh()
    part.update(P, T)
    with pytest.raises(ValueError, match="2 numbers a sample, as before, got 1"):
        part.update(P[:, :1], T[:, :1])
