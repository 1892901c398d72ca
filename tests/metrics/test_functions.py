"""Functions as metrics."""

from fractions import Fraction

import numpy as np
import pytest

from minnet.metrics.functions import Additive, as_number


def test_an_additive_function_is_averaged_over_samples():
    metric = Additive(lambda prediction, target: np.mean(prediction == target))
    metric.update(np.array([1, 2, 3]), np.array([1, 2, 0]))
    metric.update(np.array([4]), np.array([0]))
    assert metric.compute() == pytest.approx(0.5)
    with pytest.raises(ValueError, match="Additive expected at least one sample"):
        metric.fresh().compute()


def weighted_mean(prediction, target, sample_weight=None):
    return np.average(prediction == target, weights=sample_weight)


def test_an_additive_function_is_given_the_weights():
    metric = Additive(weighted_mean)
    metric.update(np.array([1, 2, 3]), np.array([1, 2, 0]), [1, 0, 2])
    metric.update(np.array([4]), np.array([4]), [0])  # whose mean is not defined, nor needed
    metric.update(np.array([4]), np.array([0]), [1])
    metric.update(np.array([5, 6]), np.array([5, 6]))
    assert metric.compute() == pytest.approx((1 + 2) / (3 + 1 + 2))
    with pytest.raises(ValueError, match="the metric needs sample_weight >= 0 and finite"):
        metric.update(np.array([4]), np.array([4]), [-1])


@pytest.mark.parametrize(
    "value", [1, 0.5, True, np.float32(0.5), np.int64(2), np.bool_(True), np.array(0.5), Fraction(1, 2), np.nan]
)
def test_numbers(value):
    number = as_number(value)
    assert type(number) is float
    assert number == value or np.isnan(number)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "got NoneType: did it forget to return"),
        ("0.5", "got str: return one number"),
        (np.ones(1), r"got an array of shape \(1,\)"),
        ([0.5], "got list"),
        ({"a": 1}, "got dict"),
        (1j, "got complex"),
        (np.complex128(1), "got complex128"),
    ],
)
def test_other_values_are_refused(value, message):
    with pytest.raises(TypeError, match=f"a metric must return a number, {message}"):
        as_number(value)
