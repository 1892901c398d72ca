"""CosineEmbeddingLoss and TripletMarginLoss: known values, extreme vectors, options. What both do: test_parts."""

import math

import numpy as np
import pytest

from minnet.losses import CosineEmbeddingLoss, TripletMarginLoss


def test_cosine_by_hand():
    """Parallel, at right angles, opposite, and 3/5; together or not."""
    x1 = np.array([[2.0, 0], [1, 0], [1, 0], [0, 5]])
    x2 = np.array([[7.0, 0], [0, 3], [-2, 0], [4, 3]])
    loss = CosineEmbeddingLoss(reduction="none")
    np.testing.assert_allclose(loss.forward((x1, x2), [1, 1, 1, 1]), [0, 1, 2, 0.4], atol=1e-12)
    np.testing.assert_allclose(loss.forward((x1, x2), [-1, -1, -1, -1]), [1, 0, 0, 0.6], atol=1e-12)
    loss = CosineEmbeddingLoss(0.5, reduction="none")
    np.testing.assert_allclose(loss.forward((x1, x2), [-1, -1, -1, -1]), [0.5, 0, 0, 0.1], atol=1e-12)
    d1, d2 = loss.backward(np.ones(4))
    np.testing.assert_allclose(d1, [[0, 0], [0, 0], [0, 0], [0.16, 0]], atol=1e-12)  # (v − c u)/n₁
    np.testing.assert_allclose(d2[3], (np.array([0, 1]) - 0.6 * np.array([0.8, 0.6])) / 5, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [1e-30, 1e-3, 1.0, 1e20, 1e37])
def test_cosine_of_extreme_vectors(dtype, size):
    """The squares of 1e20 are infinite in float32; a vector below 1e-6 counts as 0."""
    x1, x2 = np.array([[3, 4]], dtype) * dtype(size), np.array([[4, 3]], dtype) * dtype(size)
    loss = CosineEmbeddingLoss()
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        value = loss.forward((x1, x2), [1])
        gradients = loss.backward()
    assert value == pytest.approx(1 if size < 1e-9 else 1 - 0.96, rel=1e-5)
    assert all(np.isfinite(dx).all() for dx in gradients)
    if size > 1:
        np.testing.assert_allclose(
            gradients[0] * dtype(size), -(np.array([[0.8, 0.6]]) - 0.96 * x1 / size / 5) / 5, rtol=1e-4
        )


def test_a_vector_of_zeros_has_no_direction():
    loss = CosineEmbeddingLoss()
    assert loss.forward((np.zeros((1, 3)), np.ones((1, 3))), [1]) == 1
    assert all(np.isfinite(dx).all() for dx in loss.backward())


def test_triplet_by_hand():
    anchor, positive = np.zeros((3, 2)), np.array([[3.0, 4], [3, 4], [0, 1]])
    negative = np.array([[0, 5.5], [6, 8], [0, 1.5]])
    loss = TripletMarginLoss(eps=0, reduction="none")
    np.testing.assert_allclose(loss.forward((anchor, positive, negative), None), [0.5, 0, 0.5], rtol=1e-15)
    a, p, n = loss.backward(np.ones(3))
    np.testing.assert_allclose(a, [[-0.6, 0.2], [0, 0], [0, 0]], atol=1e-15)
    np.testing.assert_allclose(p, [[0.6, 0.8], [0, 0], [0, 1]], atol=1e-15)
    np.testing.assert_allclose(n, [[0, -1], [0, 0], [0, -1]], atol=1e-15)


def test_swap_takes_the_nearer_distance():
    """d(a, n) is 5.5 and d(p, n) √(9 + 2.25): so 5 − √11.25 + 1."""
    parts = np.zeros((1, 2)), np.array([[3.0, 4]]), np.array([[0, 5.5]])
    assert TripletMarginLoss(eps=0, swap=True).forward(parts, None) == pytest.approx(6 - math.sqrt(11.25), rel=1e-15)
    far = np.zeros((1, 2)), np.array([[-3.0, -4]]), np.array([[0, 4.5]])
    plain, swapped = TripletMarginLoss(), TripletMarginLoss(swap=True)
    assert plain.forward(far, None) == swapped.forward(far, None)
    for one, other in zip(plain.backward(), swapped.backward(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(("p", "near", "far"), [(1, 7, 5.5), (2, 5, 5.5), (3, 91 ** (1 / 3), 5.5), (np.inf, 4, 5.5)])
def test_norms(p, near, far):
    parts = np.zeros((1, 2)), np.array([[3.0, 4]]), np.array([[0, 5.5]])
    assert TripletMarginLoss(4.0, p, 0).forward(parts, None) == pytest.approx(near - far + 4, rel=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("p", [1, 2, 4, np.inf])
def test_triplets_of_extreme_vectors(dtype, p):
    """The squares of 1e20 are infinite in float32, and equal vectors have a distance without a slope."""
    big = np.full((1, 3), 1e20, dtype)
    loss = TripletMarginLoss(p=p, eps=0)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        value = loss.forward((big, -big, big), None)
        gradients = loss.backward()
    assert value == pytest.approx(2e20 * 3 ** (1 / p), rel=1e-6)
    assert all(np.isfinite(dx).all() for dx in gradients)
    assert not gradients[2].any()


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: CosineEmbeddingLoss(2),
            ValueError,
            "CosineEmbeddingLoss needs -1 <= margin <= 1, got 2",
        ),
        (lambda: TripletMarginLoss(0), ValueError, "TripletMarginLoss needs margin > 0, got 0"),
        (lambda: TripletMarginLoss(p=0.5), ValueError, "TripletMarginLoss needs p >= 1, got 0.5"),
        (lambda: TripletMarginLoss(eps=-1), ValueError, "TripletMarginLoss needs eps >= 0, got -1"),
        (lambda: TripletMarginLoss(p="2"), TypeError, "TripletMarginLoss expected p to be a number, got str"),
    ],
)
def test_options_that_are_none(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_each_describes_itself():
    assert CosineEmbeddingLoss(0.5).describe() == "CosineEmbeddingLoss(margin=0.5)"
    assert TripletMarginLoss(swap=True).describe() == "TripletMarginLoss(swap=True)"
