"""Binary losses: known values, exactness at extreme scores, and what they refuse."""

import math

import numpy as np
import pytest

from minnet import Sigmoid
from minnet.inspection.gradcheck import check_layer
from minnet.losses import BCELoss, BCEWithLogitsLoss

Z = np.random.default_rng(0).normal(size=(6, 3))
T = np.where(Z > 0.3, 1, 0)
BOTH = [BCELoss, BCEWithLogitsLoss]


def test_bce_by_hand():
    loss = BCELoss()
    value = loss.forward(np.array([[0.8, 0.25], [0.5, 0.5]]), [[1, 0], [1, 0.5]])
    assert value == pytest.approx(-(math.log(0.8) + math.log(0.75) + math.log(0.5) + math.log(0.5)) / 4, rel=1e-15)
    np.testing.assert_allclose(loss.backward(), [[-1 / 3.2, 1 / 3], [-1 / 2, 0]], rtol=1e-14)


def test_bce_with_logits_by_hand():
    loss = BCEWithLogitsLoss()
    z = np.log([[4, 1 / 3], [1, 1]])  # p = 0.8, 0.25, 0.5, 0.5
    value = loss.forward(z, [[1, 0], [1, 0.5]])
    assert value == pytest.approx(-(math.log(0.8) + math.log(0.75) + math.log(0.5) + math.log(0.5)) / 4, rel=1e-15)
    np.testing.assert_allclose(loss.backward(), [[-0.05, 0.0625], [-0.125, 0]], rtol=1e-14, atol=1e-17)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_sigmoid_and_bce_are_bce_with_logits(reduction):
    sigmoid, composed, fused = Sigmoid(), BCELoss(reduction=reduction), BCEWithLogitsLoss(reduction=reduction)
    for target in (T, np.abs(np.sin(Z))):
        assert composed.forward(sigmoid.forward(5 * Z), target) == pytest.approx(
            fused.forward(5 * Z, target), rel=1e-12
        )
        gradient = sigmoid.backward(composed.backward())
        np.testing.assert_allclose(gradient, fused.backward(), rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("z", [0.0, 1e-8, 1.0, 20.0, 40.0, 87.0, 100.0, 700.0, 1e4])
@pytest.mark.parametrize(("dtype", "precision"), [(np.float32, 2e-6), (np.float64, 1e-14)])
def test_scores_are_exact_on_both_sides_to_the_last_digit(z, dtype, precision):
    """Relative to their size, and not to 1: log(1 + e^−z) and σ(−z) are small, not 0, until they underflow."""
    small_loss, small_slope = math.log1p(math.exp(-z)), math.exp(-z) / (1 + math.exp(-z))
    at = np.array([z, -z, z, -z], dtype)
    loss = BCEWithLogitsLoss(reduction="none")
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        losses = loss.forward(at, [1, 0, 0, 1])
        slopes = loss.backward(np.ones(4, dtype))
    smallest = float(np.finfo(dtype).tiny)
    expected = [small_loss, small_loss, z + small_loss, z + small_loss]
    np.testing.assert_allclose(losses, expected, rtol=precision, atol=smallest)
    np.testing.assert_allclose(
        slopes, [-small_slope, small_slope, 1 - small_slope, small_slope - 1], rtol=precision, atol=smallest
    )


def test_pos_weight_counts_a_yes_more():
    z = np.array([[0.5, -1.0], [2.0, 0.0]])
    t = np.array([[1, 0], [0, 1]])
    plain = BCEWithLogitsLoss(reduction="none").forward(z, t)
    for pos_weight, factors in (
        (3, [[3, 1], [1, 3]]),
        ([3, 5], [[3, 1], [1, 5]]),
        ([[3], [5]], [[3, 1], [1, 5]]),
        ([[2, 3], [4, 5]], [[2, 1], [1, 5]]),
        (0, [[0, 1], [1, 0]]),
    ):
        loss = BCEWithLogitsLoss(pos_weight=pos_weight, reduction="none")
        np.testing.assert_allclose(loss.forward(z, t), plain * factors, rtol=1e-14)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("pos_weight", [3, [3, 5, 0.5], [[3, 5, 0.5]]])
def test_pos_weight_keeps_the_contract(pos_weight, reduction):
    assert check_layer(BCEWithLogitsLoss(pos_weight=pos_weight, reduction=reduction), Z, T)


def test_the_mean_is_over_numbers_and_not_over_weights():
    loss = BCEWithLogitsLoss(pos_weight=3)
    assert loss.forward(np.zeros(2), [1, 1]) == pytest.approx(3 * math.log(2), rel=1e-15)


@pytest.mark.parametrize("shape", [(2,), (4,), (1, 4), (2, 6, 3), (1, 6, 3)])
def test_a_pos_weight_that_does_not_fit(shape):
    with pytest.raises(ValueError, match=r"expected a pos_weight that broadcasts to the prediction's shape \(6, 3\)"):
        BCEWithLogitsLoss(pos_weight=np.ones(shape)).forward(Z, T)


@pytest.mark.parametrize("kind", [BCELoss, BCEWithLogitsLoss])
def test_a_weight_multiplies_losses_and_slopes_and_divides_nothing(kind):
    p, t, w = np.array([[0.25, 0.5], [0.75, 0.5]]), np.array([[0, 1], [1, 0]]), np.array([3.0, 0.5])
    plain, weighed = (kind(reduction="none", **options) for options in ({}, {"weight": w}))
    np.testing.assert_allclose(weighed.forward(p, t), w * plain.forward(p, t), rtol=1e-15)
    np.testing.assert_allclose(weighed.backward(np.ones((2, 2))), w * plain.backward(np.ones((2, 2))), rtol=1e-15)
    assert kind(weight=w).forward(p, t) == pytest.approx((w * plain.forward(p, t)).sum() / 4, rel=1e-15)
    assert kind(weight=w).total_weight(t) == 4
    with pytest.raises(ValueError, match=rf"{kind.__name__} expected a weight that broadcasts .*, got \(3,\)"):
        kind(weight=[1, 2, 3]).forward(p, t)
    with pytest.raises(ValueError, match=rf"{kind.__name__} needs weight >= 0 and finite"):
        kind(weight=-w)


def test_pos_weights_that_are_none():
    with pytest.raises(ValueError, match=r"BCEWithLogitsLoss needs pos_weight >= 0 and finite, got -1.0 to 2.0"):
        BCEWithLogitsLoss(pos_weight=[-1, 2])


@pytest.mark.parametrize(("dtype", "precision"), [(np.float32, 3e-7), (np.float64, 1e-15)])
@pytest.mark.parametrize("p", [1e-30, 1e-12, 1e-8, 1e-3, 0.3])
def test_a_small_probability_of_a_yes_is_no_loss_of_0(p, dtype, precision):
    """log(1 − p) is −p, and not the logarithm of a rounded 1 − p."""
    p = dtype(p)
    loss = BCELoss()
    assert loss.forward(np.array([p]), [0]) == pytest.approx(-math.log1p(-float(p)), rel=precision, abs=0)
    assert loss.backward() == pytest.approx(1 / (1 - float(p)), rel=precision)


@pytest.mark.parametrize("p", [1e-20, 0.25, 0.75, 1 - 2.0**-20])
def test_the_slope_where_the_prediction_is_nearly_the_target(p):
    """(p − t)/(p (1 − p)), in float32: (1 − t)/(1 − p) − t/p is 7 to 100 % off, or 0."""
    t = np.array([p], np.float32)
    p = np.nextafter(t, np.float32(1))
    exact = (float(p[0]) - float(t[0])) / (float(p[0]) * (1 - float(p[0])))
    loss = BCELoss(reduction="sum")
    loss.forward(p, t)
    assert loss.backward() == pytest.approx(exact, rel=3e-7)


@pytest.mark.parametrize(("dtype", "limit"), [(np.float32, 87.3365), (np.float64, 708.3964)])
def test_certainty_that_is_wrong_is_finite(dtype, limit):
    loss = BCELoss(reduction="none")
    with np.errstate(all="raise"):
        losses = loss.forward(np.array([0, 1, 0, 1], dtype), [1, 0, 0, 1])
        slopes = loss.backward(np.ones(4, dtype))
    np.testing.assert_allclose(losses, [limit, limit, 0, 0], rtol=1e-6)
    assert np.isfinite(slopes).all()
    assert slopes[0] < -1e37
    assert slopes[1] > 1e37


@pytest.mark.parametrize("prediction", [Z, 100 * Z, np.array([0.5, 1.0001]), np.array([-1e-6, 0.5])])
def test_scores_given_to_bce(prediction):
    with pytest.raises(ValueError, match=r"^BCELoss expected probabilities, 0 to 1, got values from .*Sigmoid\(\)"):
        BCELoss().forward(prediction, np.zeros(prediction.shape))


@pytest.mark.parametrize("infinite", [np.inf, -np.inf, np.nan])
def test_scores_that_are_not_finite(infinite):
    with pytest.raises(ValueError, match="BCEWithLogitsLoss got infinity or NaN: the model diverged"):
        BCEWithLogitsLoss().forward(np.array([infinite, 0.0]), [1, 0])


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize(
    ("target", "error", "message"),
    [
        (2 * T - 1, ValueError, r"expected a target of 0 to 1, got values from -1 to 1: .*pass \(y \+ 1\) / 2"),
        (2 * T, ValueError, "expected a target of 0 to 1, got values from 0 to 2: class numbers. use CrossEntropyLoss"),
        (T[:, 0], ValueError, r"one shape, got \(6, 3\) and \(6,\): class numbers. Use a loss"),
        (T.astype(bool), TypeError, "expected a target of numbers, got bool"),
        (np.where(T, np.nan, 0), ValueError, "got NaN in the target"),
    ],
    ids=range(5),
)
def test_targets_that_are_none(kind, target, error, message):
    with pytest.raises(error, match=f"^{kind.__name__} .*{message}"):
        kind().forward(np.full((6, 3), 0.5), target)
