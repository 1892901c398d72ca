import numpy as np
import pytest

import minnet as mn
from minnet.data.augment import Chain, Elastic, Rotate, Shift

IMAGES = mn.data.synthetic_digits(20, rng=0)[0].reshape(-1, 28, 28) / np.float32(255)
ALL = [Shift(2), Rotate(15), Elastic(1, 4), Chain(Shift(1), Rotate(5), Elastic(0.5, 3))]
STILL = [Shift(0), Rotate(0), Elastic(0), Chain()]


def name(value):
    return type(value).__name__


class Fixed:
    """A Generator that always draws the same."""

    def __init__(self, value):
        self.value = value

    def uniform(self, low, high, size):
        return np.full(size, self.value)

    def integers(self, low, high, size):
        return np.broadcast_to(np.reshape(self.value, (2, 1, 1, 1)), size)


@pytest.mark.parametrize("transform", STILL, ids=name)
def test_of_no_strength_it_changes_nothing(transform):
    np.testing.assert_array_equal(transform(IMAGES, np.random.default_rng(0)), IMAGES)


@pytest.mark.parametrize("transform", ALL, ids=name)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_each_image_is_changed_in_its_own_way_and_none_in_place(transform, dtype):
    same = np.repeat(IMAGES[:1], 20, axis=0).astype(dtype)
    same.flags.writeable = False
    changed = transform(same, np.random.default_rng(0))
    assert changed.dtype == dtype
    assert len(np.unique(changed.reshape(20, -1), axis=0)) > 5
    assert changed.min() >= 0
    assert changed.max() <= same.max() + 1e-6
    np.testing.assert_allclose(changed.sum(axis=(1, 2)), same.sum(axis=(1, 2)), rtol=0.4)  # the ink stays


@pytest.mark.parametrize("transform", ALL, ids=name)
def test_all_forms_of_a_batch_are_changed_alike(transform):
    def changed(x):
        return transform(x, np.random.default_rng(3))

    images = changed(IMAGES)
    np.testing.assert_array_equal(changed(IMAGES.reshape(-1, 784)).reshape(-1, 28, 28), images)
    np.testing.assert_array_equal(changed(IMAGES[:, None])[:, 0], images)
    colours = changed(np.stack([IMAGES, 0.5 * IMAGES], axis=1))  # both channels move together
    np.testing.assert_allclose(colours[:, 1], 0.5 * images, rtol=1e-6)
    assert changed(IMAGES[:0]).shape == (0, 28, 28)
    assert changed(IMAGES[:, :20]).shape == (20, 20, 28)


@pytest.mark.parametrize(("down", "right"), [(0, 0), (1, 0), (0, -2), (-3, 3), (27, 0), (40, 40)])
def test_a_shift_moves_by_whole_pixels_and_fills_with_zero(down, right):
    x = np.arange(1.0, 1 + 28 * 28).reshape(1, 28, 28)
    expected = np.pad(x, ((0, 0), (40, 40), (40, 40)))[:, 40 + down : 68 + down, 40 + right : 68 + right]
    np.testing.assert_array_equal(Shift(40)(x, Fixed([down, right])), expected)


def test_shifts_reach_every_place_in_range():
    x = np.zeros((2000, 9, 9))
    x[:, 4, 4] = 1
    places = np.argwhere(Shift(2)(x, np.random.default_rng(0)).sum(axis=0) > 0)
    assert {tuple(place) for place in places} == {(r, c) for r in range(2, 7) for c in range(2, 7)}


@pytest.mark.parametrize("size", [4, 5])
@pytest.mark.parametrize(("angle", "turns"), [(90, 1), (-90, 3), (180, 2), (360, 0)])
def test_rotations_by_right_angles(size, angle, turns):
    x = np.arange(1.0, 1 + size * size).reshape(1, size, size)
    turned = Rotate(360)(x, Fixed(angle))
    either = np.rot90(x, turns, axes=(1, 2)), np.rot90(x, -turns, axes=(1, 2))
    assert any(np.allclose(turned, expected, atol=1e-4) for expected in either)


def test_a_small_rotation_moves_far_pixels_most():
    x = np.zeros((1, 29, 29))
    x[0, 14, 14] = x[0, 14, 28] = 1  # the centre, and a pixel 14 to its right
    turned = Rotate(360)(x, Fixed(np.degrees(1 / 14)))[0]  # an arc of one pixel
    assert turned[14, 14] == 1
    assert turned[13, 28] + turned[15, 28] > 0.9


@pytest.mark.parametrize("smoothness", [1.5, 4.0, 20.0])
def test_elastic_moves_have_the_stated_size_and_are_smooth(smoothness):
    smoothing = Elastic(1, smoothness)._smoothing(28)
    moves = smoothing @ np.random.default_rng(0).standard_normal((4000, 28, 28)) @ smoothing.T
    np.testing.assert_allclose(moves.std(axis=0), 1, rtol=0.06)
    neighbours = np.corrcoef(moves[:, 14, 14], moves[:, 14, 15])[0, 1]
    assert neighbours == pytest.approx(np.exp(-1 / (4 * smoothness**2)), abs=0.03)


def test_in_a_loader_the_seed_decides_and_the_data_stay():
    X, y = mn.data.synthetic_digits(50, rng=1)
    before = X.copy()

    def batches(seed):
        return [x for x, _ in mn.DataLoader(X, y, 20, shuffle=True, transform=Rotate(10), rng=seed)]

    first, again, other = batches(0), batches(0), batches(1)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0], other[0])
    assert first[0].dtype == np.float32
    assert 0.5 < first[0].max() <= 1  # scaled first
    np.testing.assert_array_equal(X, before)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Shift(-1), "Shift needs pixels >= 0, got -1"),
        (lambda: Shift(0.5), "Shift expected pixels to be an int, got float 0.5"),
        (lambda: Rotate("10"), "Rotate expected degrees to be a number, got str"),
        (lambda: Rotate(-1), "degrees >= 0, got -1"),
        (lambda: Rotate(float("nan")), "degrees >= 0, got nan"),
        (lambda: Elastic(-1), "strength >= 0, got -1"),
        (lambda: Elastic(1, 0), "smoothness > 0, got 0"),
        (lambda: Shift()(np.zeros((3, 10)), np.random.default_rng(0)), r"got shape \(3, 10\)"),
        (lambda: Shift()(np.zeros(9), np.random.default_rng(0)), r"got shape \(9,\)"),
    ],
)
def test_bad_input(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()
