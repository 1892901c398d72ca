"""Margin losses: known values, and labels that are none."""

import math

import numpy as np
import pytest

from minnet.losses import HingeEmbeddingLoss, HingeLoss, MarginRankingLoss, MultiMarginLoss, SoftMarginLoss

Z = np.random.default_rng(0).normal(size=(6, 3))
LABELS = np.array([0, 2, 1, 1, 0, 2])


def test_hinge_by_hand():
    """Right by 2, right by 1 (the kink), right by 0.5, wrong by 0.5."""
    loss = HingeLoss(reduction="none")
    losses = loss.forward(np.array([2, -1, 0.5, 0.5]), [1, -1, 1, -1])
    assert losses.tolist() == [0, 0, 0.5, 1.5]
    assert loss.backward(np.ones(4)).tolist() == [0, 0, -1, 1]


def test_multi_margin_by_hand():
    """Scores 1, 2.5, 0 for class 1 of 3: both others are behind by the margin; for class 0: 2.5 − 1 + 1 = 2.5, 0."""
    loss = MultiMarginLoss(reduction="none")
    scores = np.array([[1, 2.5, 0], [1, 2.5, 0]])
    np.testing.assert_allclose(loss.forward(scores, [1, 0]), [0, 2.5 / 3], rtol=1e-15)
    np.testing.assert_allclose(loss.backward(np.ones(2)), [[0, 0, 0], [-1 / 3, 1 / 3, 0]], rtol=1e-15)

    square = MultiMarginLoss(p=2, reduction="none")
    np.testing.assert_allclose(square.forward(scores, [1, 0]), [0, 2.5**2 / 3], rtol=1e-15)
    np.testing.assert_allclose(square.backward(np.ones(2)), [[0, 0, 0], [-5 / 3, 5 / 3, 0]], rtol=1e-15)


def test_the_margin_is_how_far_ahead_the_right_class_must_be():
    ahead_by_2 = np.array([[3.0, 1.0]])
    assert MultiMarginLoss(margin=2).forward(ahead_by_2, [0]) == 0
    assert MultiMarginLoss(margin=5).forward(ahead_by_2, [0]) == 1.5
    assert MultiMarginLoss(margin=-4).forward(ahead_by_2, [1]) == 0


def test_class_weights_do_not_divide_the_mean():
    """PyTorch's definition; the cross-entropies' is another."""
    z = np.array([[0.0, 0.0], [0.0, 0.0]])
    assert MultiMarginLoss(weight=[2, 6]).forward(z, [0, 1]) == (2 + 6) / 2 / 2
    assert MultiMarginLoss(weight=[0, 0]).forward(z, [0, 1]) == 0


def test_one_class_is_always_ahead():
    loss = MultiMarginLoss()
    assert loss.forward(np.zeros((2, 1)), [0, 0]) == 0
    assert not loss.backward().any()


@pytest.mark.parametrize("p", [1, 2])
def test_every_row_of_the_gradient_sums_to_0(p):
    """Only differences of scores occur in the loss."""
    loss = MultiMarginLoss(p, 2.0, [1, 2, 3])
    loss.forward(Z, LABELS)
    np.testing.assert_allclose(loss.backward().sum(axis=1), 0, atol=1e-15)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (np.where(Z > 0, 1, 0), r"labels that are -1 or 1, got .: labels 0 and 1\? pass 2 \* y - 1"),
        (np.where(Z > 0, 2, 1), r"labels that are -1 or 1, got 2: classes\? MultiMarginLoss"),
        (0.5 * np.sign(Z), r"labels that are -1 or 1, got -?0.5: classes"),
        (np.full(Z.shape, np.nan), "labels that are -1 or 1, got nan"),
        (LABELS, r"one shape, got \(6, 3\) and \(6,\)"),
    ],
    ids=range(5),
)
def test_labels_that_hinge_cannot_take(target, message):
    with pytest.raises(ValueError, match=f"^HingeLoss expected .*{message}"):
        HingeLoss().forward(Z, target)


def test_options_that_are_none():
    for p in (0, 3, 1.5, "1"):
        with pytest.raises(ValueError, match="MultiMarginLoss expected p to be one of 1, 2, got"):
            MultiMarginLoss(p)
    with pytest.raises(ValueError, match="MultiMarginLoss needs a finite margin, got inf"):
        MultiMarginLoss(margin=np.inf)
    with pytest.raises(ValueError, match="MultiMarginLoss has weights for 2 classes, got a prediction of 3"):
        MultiMarginLoss(weight=[1, 1]).forward(Z, LABELS)


@pytest.mark.parametrize("labels", [LABELS + 1, LABELS - 1])
def test_labels_out_of_range(labels):
    with pytest.raises(ValueError, match=r"^MultiMarginLoss expected labels from 0 to 2"):
        MultiMarginLoss().forward(Z, labels)


def test_hinge_of_distances_by_hand():
    """Together: their distance. Apart: what is missing to the margin, at which there is a kink."""
    loss = HingeEmbeddingLoss(2.0, reduction="none")
    assert loss.forward(np.array([0.5, 3, 0.5, 2, 3]), [1, 1, -1, -1, -1]).tolist() == [0.5, 3, 1.5, 0, 0]
    assert loss.backward(np.ones(5)).tolist() == [1, 1, -1, 0, 0]


def test_soft_margin_by_hand():
    """log(1 + e^{−ln 3}) = log 4/3, with the slope −1/4, and log(1 + e^{ln 3}) = log 4, with 3/4."""
    loss = SoftMarginLoss(reduction="none")
    np.testing.assert_allclose(loss.forward(np.full(2, math.log(3)), [1, -1]), np.log([4 / 3, 4]), rtol=1e-15)
    np.testing.assert_allclose(loss.backward(np.ones(2)), [-1 / 4, 3 / 4], rtol=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_soft_margin_of_large_scores(dtype):
    loss = SoftMarginLoss(reduction="none")
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        assert loss.forward(np.array([-1e30, -1e4, 1e4, 1e30], dtype), [1, 1, 1, 1]).tolist() == [
            dtype(1e30),
            1e4,
            0,
            0,
        ]
        assert loss.backward(np.ones(4, dtype)).tolist() == [-1, -1, 0, 0]
    np.testing.assert_allclose(loss.forward(np.array([50.0]), [1]), np.exp(-50), rtol=1e-15)


def test_ranking_by_hand():
    """Ahead by 2, by 1, by 0.5 (the kink), and behind by 1; a margin of 0.5; the last one the other way round."""
    loss = MarginRankingLoss(0.5, reduction="none")
    x1, x2 = np.array([3, 2, 1.5, 0, 0]), np.array([1.0, 1, 1, 1, 1])
    assert loss.forward((x1, x2), [1, 1, 1, 1, -1]).tolist() == [0, 0, 0, 1.5, 0]
    assert [dx.tolist() for dx in loss.backward(np.ones(5))] == [[0, 0, 0, -1, 0], [0, 0, 0, 1, 0]]


@pytest.mark.parametrize("kind", [HingeEmbeddingLoss, SoftMarginLoss])
def test_signs_that_are_none(kind):
    with pytest.raises(ValueError, match=rf"{kind.__name__} expected labels that are -1 or 1, got 0: labels 0 and 1\?"):
        kind().forward(Z, np.where(Z > 0, 1, 0))
    with pytest.raises(ValueError, match=rf"{kind.__name__} expected labels that are -1 or 1, got 3"):
        kind().forward(Z, np.full(Z.shape, 3))
