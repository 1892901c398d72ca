"""The Kullback–Leibler divergence: what it is the mean of, zeros, and what it refuses."""

import math

import numpy as np
import pytest

from minnet import LogSoftmax, NLLLoss, Softmax
from minnet.losses import KLDivLoss

Z = np.random.default_rng(0).normal(size=(6, 3))
P = Softmax().forward(Z)
LOG_P = LogSoftmax().forward(Z)
T = P[::-1]
LABELS = np.array([0, 2, 1, 1, 0, 2])


def test_by_hand():
    """Of t = (3/4, 1/4) and p = (1/2, 1/2): 3/4 log 3/2 + 1/4 log 1/2."""
    divergence = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    log_p, t = np.log([[0.5, 0.5]] * 3), [[0.75, 0.25]] * 3
    for reduction, divisor in (("batchmean", 3), ("mean", 6), ("sum", 1)):
        loss = KLDivLoss(reduction=reduction)
        assert loss.forward(log_p, t) == pytest.approx(3 * divergence / divisor, rel=1e-14)
        np.testing.assert_allclose(loss.backward(), -np.array(t) / divisor, rtol=1e-15)


def test_it_is_0_for_equals_and_positive_for_others():
    loss = KLDivLoss(reduction="batchmean")
    assert loss.forward(LOG_P, P) == pytest.approx(0, abs=1e-15)
    assert loss.forward(LOG_P, T) > 0.1


def test_a_target_of_logarithms_is_the_same():
    one, other = KLDivLoss(), KLDivLoss(log_target=True)
    assert one.forward(LOG_P, T) == pytest.approx(other.forward(LOG_P, np.log(T)), rel=1e-13)
    np.testing.assert_allclose(one.backward(), other.backward(), rtol=1e-14)


def test_certain_targets_make_it_the_cross_entropy():
    """0 · log 0 counts as 0."""
    divergence, nll = KLDivLoss(reduction="batchmean"), NLLLoss()
    assert divergence.forward(LOG_P, np.eye(3)[LABELS]) == pytest.approx(nll.forward(LOG_P, LABELS), rel=1e-14)
    np.testing.assert_allclose(divergence.backward(), nll.backward(), rtol=1e-14)


def test_what_both_exclude_costs_nothing():
    impossible = np.array([[-np.inf, 0.0]])
    with np.errstate(all="raise"):
        assert KLDivLoss().forward(impossible, [[0, 1]]) == 0
        assert KLDivLoss(log_target=True).forward(impossible, impossible) == 0


def test_what_was_excluded_and_happens_is_infinitely_bad():
    assert KLDivLoss().forward(np.array([[-np.inf, 0.0]]), [[0.5, 0.5]]) == math.inf


def test_batchmean_is_a_mean_over_the_first_axis():
    loss = KLDivLoss(reduction="batchmean")
    value = loss.forward(LOG_P, T)
    assert loss.forward(LOG_P.reshape(2, 3, 3), T.reshape(2, 3, 3)) == pytest.approx(3 * value)
    assert loss.forward(LOG_P[0], T[0]) == pytest.approx(loss.forward(LOG_P[:1], T[:1]))


@pytest.mark.parametrize(
    ("prediction", "message"),
    [
        (P, "expected log-probabilities .* got probabilities: pass their logarithm"),
        (Z, r"expected log-probabilities .* got scores: end the model with LogSoftmax\(\)"),
        (np.zeros((6, 0)), "there is no class axis"),
    ],
    ids=range(3),
)
def test_predictions_that_are_none(prediction, message):
    with pytest.raises(ValueError, match=f"^KLDivLoss.*{message}"):
        KLDivLoss().forward(prediction, prediction)


@pytest.mark.parametrize(
    ("log_target", "target", "error", "message"),
    [
        (False, np.log(T), ValueError, r"got log-probabilities: KLDivLoss\(log_target=True\)"),
        (True, T, ValueError, "got probabilities: leave out log_target"),
        (False, Z, ValueError, "neither probabilities nor their logarithms. For class numbers use NLLLoss"),
        (False, 2 * T, ValueError, "neither probabilities nor their logarithms"),
        (True, Z, ValueError, "neither probabilities nor their logarithms"),
        (True, np.where(T > 0.5, np.nan, np.log(T)), ValueError, "got NaN in the target"),
        (False, LABELS, ValueError, r"one shape, got \(6, 3\) and \(6,\)"),
        (False, T > 0, TypeError, "expected a target of numbers, got bool"),
    ],
    ids=range(8),
)
def test_targets_that_are_none(log_target, target, error, message):
    with pytest.raises(error, match=f"^KLDivLoss.*{message}"):
        KLDivLoss(log_target=log_target).forward(LOG_P, target)
