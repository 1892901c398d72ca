"""Regression losses: known values, kinks, knots, and targets that are none."""

import numpy as np
import pytest

from minnet.losses import HuberLoss, L1Loss, MSELoss, SmoothL1Loss

Z = np.random.default_rng(0).normal(size=(6, 3))


def test_mse_by_hand():
    loss = MSELoss()
    assert loss.forward(np.array([[1.0, 2.0], [3.0, 4.0]]), [[1, 0], [0, 4]]) == (4 + 9) / 4
    np.testing.assert_array_equal(loss.backward(), [[0, 1], [1.5, 0]])


@pytest.mark.parametrize(
    ("target", "error", "message"),
    [
        (np.zeros(6), ValueError, r"one shape, got \(6, 3\) and \(6,\): .* as many outputs as a sample has targets$"),
        (
            np.zeros(6, int),
            ValueError,
            r"one shape, got \(6, 3\) and \(6,\): class numbers\? Use a loss for them",
        ),
        (np.zeros((3, 6)), ValueError, r"one shape, got \(6, 3\) and \(3, 6\): samples are along the first axis: y.T$"),
        (np.zeros((6, 1, 3)), ValueError, r"got \(6, 3\) and \(6, 1, 3\): reshape the target, as y.reshape\(-1, 3\)$"),
        (0.0, ValueError, "one shape"),
        (Z > 0, TypeError, "a target of numbers, got bool"),
        (Z.astype(str), TypeError, "a target of numbers, got <U"),
        (Z.astype(complex), TypeError, "a target of numbers, got complex128"),
    ],
    ids=range(8),
)
def test_targets_that_mse_cannot_take(target, error, message):
    with pytest.raises(error, match=f"^MSELoss expected .*{message}"):
        MSELoss().forward(Z, target)


def test_mse_refuses_a_column_against_a_row():
    with pytest.raises(ValueError, match=r"got \(6, 1\) and \(6,\): reshape the target, as y.reshape\(-1, 1\)"):
        MSELoss().forward(np.zeros((6, 1)), np.zeros(6))


@pytest.mark.parametrize("target", [np.zeros(3), np.zeros(3, np.float32), np.zeros(3, np.uint8), [0, 0, 0]])
def test_mse_takes_targets_of_any_number_type(target):
    loss = MSELoss()
    assert loss.forward(np.array([1, 2, 3], np.float32), target) == pytest.approx(14 / 3)
    assert loss.backward().dtype == np.float32


def test_mse_of_a_single_number():
    loss = MSELoss()
    assert loss.forward(np.array([3.0]), [1]) == 4
    np.testing.assert_array_equal(loss.backward(), [4])
    with pytest.raises(ValueError, match=r"got the single number 3.0: pass x.reshape\(1\)"):
        loss.forward(np.array(3.0), 1)


def test_the_mean_of_a_batch_is_taken_in_float64():
    prediction = np.ones(1002, np.float32)
    prediction[0] = 4096
    assert MSELoss().forward(prediction, np.zeros(1002)) == (2**24 + 1001) / 1002  # a sum that float32 cannot hold


def test_mse_names_nan():
    with pytest.raises(ValueError, match="MSELoss got NaN: the model diverged"):
        MSELoss().forward(np.array([np.nan, 1.0]), np.zeros(2))


def test_l1_by_hand():
    loss = L1Loss()
    assert loss.forward(np.array([[1.0, -2.0], [3.0, 4.0]]), [[0, 0], [3, 6]]) == (1 + 2 + 0 + 2) / 4
    np.testing.assert_array_equal(loss.backward(), [[0.25, -0.25], [0, -0.25]])  # 0 at the kink


def test_huber_by_hand():
    """δ = 2: d²/2 for 0, 1, −2, then 2 (|d| − 1) for 3, −5; the slope is d, cut off at ±2."""
    loss = HuberLoss(delta=2, reduction="none")
    losses = loss.forward(np.array([0.0, 1, -2, 3, -5]), np.zeros(5))
    assert losses.tolist() == [0, 0.5, 2, 4, 8]
    assert loss.backward(np.ones(5)).tolist() == [0, 1, -2, 2, -2]


def test_smooth_l1_by_hand():
    """β = 2: d²/4 for 0, 1, −2, then |d| − 1 for 3, −5; the slope is d/2, cut off at ±1."""
    loss = SmoothL1Loss(beta=2, reduction="none")
    losses = loss.forward(np.array([0.0, 1, -2, 3, -5]), np.zeros(5))
    assert losses.tolist() == [0, 0.25, 1, 2, 4]
    assert loss.backward(np.ones(5)).tolist() == [0, 0.5, -1, 1, -1]


@pytest.mark.parametrize("d", [0.25, 1.0, 3.0])
def test_both_pieces_meet_at_the_knot_with_one_slope(d):
    for loss in (HuberLoss(d, reduction="none"), SmoothL1Loss(d, reduction="none")):
        at = np.array([d - 1e-9, d, d + 1e-9])
        losses = loss.forward(at, np.zeros(3))
        slopes = loss.backward(np.ones(3))
        np.testing.assert_allclose(np.diff(losses) / 1e-9, slopes[1], rtol=1e-5)
        np.testing.assert_allclose(slopes, slopes[1], rtol=1e-8)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("beta", [0, 1e-320, 1e-50, 1e-45, 1e-30])
def test_a_beta_of_nearly_0_is_l1(beta, dtype):
    x = np.array([-1e30, -3.0, 0.0, 1e-3, 1e30], dtype)
    smooth, l1 = SmoothL1Loss(beta, reduction="none"), L1Loss(reduction="none")
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        np.testing.assert_allclose(smooth.forward(x, np.zeros(5)), l1.forward(x, np.zeros(5)), rtol=1e-6)
        np.testing.assert_array_equal(smooth.backward(np.ones_like(x)), l1.backward(np.ones_like(x)))


def test_far_away_no_outlier_overflows():
    x = np.array([-3e38, 3e38], np.float32)
    with np.errstate(over="raise"):
        for loss in (L1Loss(), HuberLoss(), SmoothL1Loss()):
            assert loss.forward(x, [0, 0]) == pytest.approx(3e38, rel=1e-6)
            np.testing.assert_array_equal(loss.backward(), [-0.5, 0.5])


@pytest.mark.parametrize("kind", [L1Loss, HuberLoss, SmoothL1Loss])
def test_shapes_and_dtypes_are_compared_as_by_mse(kind):
    with pytest.raises(ValueError, match=rf"^{kind.__name__} expected .* got \(6, 1\) and \(6,\): reshape the target"):
        kind().forward(np.zeros((6, 1)), np.zeros(6))
    with pytest.raises(TypeError, match=f"^{kind.__name__} expected a target of numbers, got bool"):
        kind().forward(Z, Z > 0)


def test_deltas_and_betas_that_are_none():
    with pytest.raises(ValueError, match="HuberLoss needs delta > 0, got 0"):
        HuberLoss(0)
    with pytest.raises(ValueError, match="HuberLoss needs delta > 0, got -1"):
        HuberLoss(-1)
    with pytest.raises(ValueError, match="SmoothL1Loss needs a finite beta >= 0, got nan"):
        SmoothL1Loss(np.nan)
    with pytest.raises(TypeError, match="HuberLoss expected delta to be a number, got str"):
        HuberLoss("mean")  # PyTorch's first argument
