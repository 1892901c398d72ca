"""MaxPool2d and AvgPool2d: one number for each window."""

import copy
import pickle

import numpy as np
import pytest

import minnet as mn
from minnet import ReLU, Sequential
from minnet.inspection.gradcheck import check_layer
from minnet.layers.pooling import AvgPool2d, MaxPool2d

random = np.random.default_rng(6)
X = random.normal(size=(3, 2, 6, 5))
IMAGE = np.array([[[[1.0, 5, 2, 0, 9], [3, 4, 7, 0, 9], [0, 0, -1, -2, 9], [0, 0, -3, -4, 9]]]])
IMAGE.flags.writeable = False


def batch_last(x):
    """Return the same numbers with the batch last in memory, as our own layers make them."""
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(x, 0, -1)), -1, 0)


# -- MaxPool2d


def test_max_by_hand():
    """Of 5 columns, the last one is left over."""
    np.testing.assert_array_equal(MaxPool2d(2).forward(IMAGE), [[[[5, 7], [0, -1]]]])


def test_max_backward_by_hand():
    layer = MaxPool2d(2)
    layer.forward(IMAGE)
    dx = layer.backward(np.array([[[[1.0, 2], [3, 4]]]]))
    np.testing.assert_array_equal(dx, [[[[0, 1, 0, 0, 0], [0, 0, 2, 0, 0], [3, 0, 4, 0, 0], [0, 0, 0, 0, 0]]]])


@pytest.mark.parametrize(
    ("window", "first"),
    [
        ([[0, 0], [0, 0]], (0, 0)),
        ([[0, 1], [1, 0]], (0, 1)),  # going down the columns first would find (1, 0)
        ([[0, 1], [1, 1]], (0, 1)),
        ([[0, 0], [1, 1]], (1, 0)),
        ([[1, 0, 1], [0, 1, 0], [1, 0, 1]], (0, 0)),
        ([[0, 0, 2], [2, 0, 0], [0, 2, 0]], (0, 2)),
        ([[0, 0, 1], [0, 2, 2], [2, 2, 2]], (1, 1)),
    ],
)
def test_of_equal_numbers_the_first_in_reading_order_gets_the_gradient(window, first):
    window = np.array(window, np.float32)
    layer = MaxPool2d(len(window))
    layer.forward(window[None, None])
    dx = layer.backward(np.full((1, 1, 1, 1), 3, np.float32))
    expected = np.zeros_like(window)
    expected[first] = 3
    np.testing.assert_array_equal(dx[0, 0], expected)


def test_every_number_of_dy_arrives_once_whatever_the_ties():
    layer = MaxPool2d(3, 2, 1)
    y = layer.forward(np.round(X))
    dy = np.arange(1.0, 1 + y.size).reshape(y.shape)
    assert layer.backward(dy).sum() == dy.sum()


def test_a_pixel_that_wins_several_windows_gets_all_of_their_gradients():
    x = np.zeros((1, 1, 3, 3))
    x[0, 0, 1, 1] = 1
    layer = MaxPool2d(2, stride=1)
    layer.forward(x)
    dx = layer.backward(np.array([[[[1.0, 2], [4, 8]]]]))
    np.testing.assert_array_equal(dx, 15 * x)


def test_padding_never_wins():
    np.testing.assert_array_equal(
        MaxPool2d(2, padding=1).forward(np.full((1, 1, 2, 2), -5.0)), np.full((1, 1, 2, 2), -5)
    )


@pytest.mark.parametrize("kind", [MaxPool2d, AvgPool2d])
@pytest.mark.parametrize("x", [X.copy(), X[:1].copy(), X[0].copy(), batch_last(X)], ids=np.shape)
def test_windows_of_one_pixel_give_a_copy(kind, x):
    y = kind(1).forward(x)
    np.testing.assert_array_equal(y, x)
    assert not np.shares_memory(x, y)


@pytest.mark.parametrize("arguments", [(2,), (3, 2), (3, 1, 1), ((1, 2),), (1,), (2, 2, 1)])
def test_before_a_relu_it_gives_the_same_as_after_it(arguments):
    x = random.integers(-3, 4, (40, 2, 6, 6)).astype(np.float32)  # windows full of ties, and some without positives
    relu, pool = ReLU(), MaxPool2d(*arguments)
    y = pool.forward(relu.forward(x))
    dy = random.normal(size=y.shape).astype(np.float32)
    dx = relu.backward(pool.backward(dy))
    swapped = Sequential(ReLU(), MaxPool2d(*arguments))
    np.testing.assert_array_equal(swapped.forward(x), y)
    np.testing.assert_array_equal(swapped.backward(dy), dx)
    np.testing.assert_array_equal(swapped.eval().forward(x), y)
    assert (dx == 0).any()
    assert (dx != 0).any()


def test_it_goes_before_a_relu_in_training_only():
    class Mine(MaxPool2d):  # which may be anything
        pass

    model = Sequential(ReLU(), MaxPool2d((1, 5)))
    model.forward(X.copy())
    assert model.layers[0].cache.shape[-1] == 1
    other = Sequential(ReLU(), Mine((1, 5)))
    other.forward(X.copy())
    assert other.layers[0].cache.shape[-1] == 5
    assert model._plan.order == [1, 0]
    model.eval().forward(X.copy())
    assert [plan.order for plan in model._plans.values()] == [other._plan.order] == [[0, 1]]


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("method", ["forward", "backward"])
@pytest.mark.parametrize("on", ["object", "class"])
def test_who_has_got_another_method_stays_in_place(monkeypatch, place, method, on):
    model, seen = Sequential(ReLU(), MaxPool2d((1, 5))), []
    layer = model.layers[place]
    original = getattr(layer if on == "object" else type(layer), method)

    def recording(*arguments):
        seen.append(arguments[-1].shape[-1])
        return original(*arguments)

    monkeypatch.setattr(layer if on == "object" else type(layer), method, recording)
    y = model.forward(X.copy())
    model.backward(y)
    assert seen == [{"forward": 5, "backward": (5, 1)[place]}[method]]


def test_not_a_number_is_passed_on():
    x = np.zeros((1, 1, 2, 2))
    x[0, 0, 0, 1] = np.nan
    assert np.isnan(MaxPool2d(2).forward(x)).all()


# -- AvgPool2d


def test_mean_by_hand():
    np.testing.assert_array_equal(AvgPool2d(2).forward(IMAGE), [[[[3.25, 2.25], [0, -2.5]]]])


def test_mean_backward_by_hand():
    layer = AvgPool2d((1, 2), stride=1)
    layer.forward(np.array([[[[1.0, 2, 3]]]]))
    np.testing.assert_array_equal(layer.backward(np.array([[[[2.0, 4]]]])), [[[[1, 3, 2]]]])


@pytest.mark.parametrize(("include", "corner", "edge"), [(True, 1, 2), (False, 4, 4)])
def test_zeros_around_count_or_do_not(include, corner, edge):
    y = AvgPool2d(2, 1, 1, count_include_pad=include).forward(np.full((1, 1, 2, 2), 4.0))
    np.testing.assert_array_equal(y, [[[[corner, edge, corner], [edge, 4, edge], [corner, edge, corner]]]])


# -- both


@pytest.mark.parametrize(
    "layer",
    [
        *[
            kind(*arguments)
            for kind in (MaxPool2d, AvgPool2d)
            for arguments in [(2,), (3, 2, 1), (1,), ((6, 5),), (2, 3), ((1, 3), (2, 1), (0, 1)), ((3, 1), 1, (1, 0))]
        ],
        AvgPool2d(3, 2, 1, count_include_pad=False),
        AvgPool2d((2, 4), 3, (1, 2), count_include_pad=False),
    ],
    ids=repr,
)
def test_every_promise_is_kept(layer):
    assert check_layer(layer, X)
    assert check_layer(layer, batch_last(X))


@pytest.mark.parametrize("kind", [MaxPool2d, AvgPool2d])
def test_a_single_image_needs_no_batch_axis(kind):
    layer, batch = kind(3, 2, 1), kind(3, 2, 1)
    y = layer.forward(X[0])
    np.testing.assert_array_equal(y, batch.forward(X[:1])[0])
    np.testing.assert_array_equal(layer.backward(y), batch.backward(y[None])[0])


@pytest.mark.parametrize("kind", [MaxPool2d, AvgPool2d])
def test_an_empty_batch(kind):
    layer = kind(2)
    y = layer.forward(X[:0])
    assert y.shape == (0, 2, 3, 2)
    assert layer.backward(y).shape == (0, 2, 6, 5)


@pytest.mark.parametrize("kind", [MaxPool2d, AvgPool2d])
@pytest.mark.parametrize("arguments", [(2,), (3, 1, 1)])
def test_the_order_in_memory_changes_nothing(kind, arguments):
    layer, other = kind(*arguments), kind(*arguments)
    y = layer.forward(X)
    np.testing.assert_array_equal(other.forward(batch_last(X)), y)
    dy = random.normal(size=y.shape)
    np.testing.assert_array_equal(other.backward(batch_last(dy)), layer.backward(dy))


@pytest.mark.parametrize("kind", [MaxPool2d, AvgPool2d])
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((0,), ValueError, "needs kernel_size >= 1, got 0"),
        ((2, 0), ValueError, "needs stride >= 1, got 0"),
        ((2, 2, -1), ValueError, "needs padding >= 0, got -1"),
        ((3, 2, 2), ValueError, "a padding of at most half the kernel, got padding=2 and kernel_size=3"),
        (((4, 1), 2, 1), ValueError, "a padding of at most half the kernel"),
        ((2.0,), TypeError, "expected kernel_size to be an int or a tuple of ints, got 2.0"),
        (((2, 2, 2),), ValueError, "kernel_size to be an int or a tuple of 2"),
    ],
)
def test_sizes_that_are_none(kind, arguments, error, message):
    with pytest.raises(error, match=message):
        kind(*arguments)


@pytest.mark.parametrize("kind", [MaxPool2d, AvgPool2d])
def test_what_is_refused(kind):
    layer = kind(4)
    with pytest.raises(ValueError, match=r"Pool2d\(4, .*expected at least 4x4 pixels, got 6x3 in shape \(1, 2, 6, 3\)"):
        layer.forward(np.zeros((1, 2, 6, 3)))
    with pytest.raises(
        ValueError, match=r"expected shape \(N, C, H, W\) or \(C, H, W\), got \(6, 6\): give each sample"
    ):
        layer.forward(np.zeros((6, 6)))
    with pytest.raises(ValueError, match="expected shape"):
        layer.forward(np.zeros((2, 0, 6, 6)))
    with pytest.raises(TypeError, match=r"expected float32 or float64, got int64: pass x.astype\(np.float32\)"):
        layer.forward(np.zeros((1, 1, 6, 6), np.int64))
    layer.forward(X)
    for dy in (np.ones((3, 2, 1, 2)), np.ones((3, 2)), np.ones((3, 2, 1, 1), np.float32), None):
        with pytest.raises((ValueError, TypeError), match=r"Pool2d\(.*\).backward expected"):
            layer.backward(dy)


@pytest.mark.parametrize("layer", [MaxPool2d(2), AvgPool2d(3, 2, 1, count_include_pad=False)], ids=repr)
@pytest.mark.parametrize("copied_by", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_copies_compute_the_same_bits(layer, copied_by):
    assert copied_by(layer).forward(X).tobytes() == layer.forward(X).tobytes()


def test_describe_shows_the_arguments():
    assert repr(MaxPool2d(2)).startswith("MaxPool2d(2")
    assert repr(MaxPool2d((3, 2), 2, 1)) == "MaxPool2d((3, 2), stride=2, padding=1)"
    assert "count_include_pad=False" in repr(AvgPool2d(3, 2, 1, count_include_pad=False))


def test_pixels_of_minus_infinity_get_the_gradient_and_not_the_border():
    layer = mn.MaxPool2d(2, padding=1)
    x = np.full((1, 1, 2, 2), -np.inf, np.float32)
    y = layer.forward(x)
    np.testing.assert_array_equal(y, np.full((1, 1, 2, 2), -np.inf))
    np.testing.assert_array_equal(layer.backward(np.ones_like(y)), np.ones((1, 1, 2, 2)))  # PyTorch's, too


def test_the_gradient_belongs_to_the_nan():
    layer = mn.MaxPool2d(2)
    x = np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4)
    x[0, 0, 0, 1] = np.nan
    y = layer.forward(x)
    assert np.isnan(y[0, 0, 0, 0])
    dx = layer.backward(np.ones_like(y))
    assert dx[0, 0, 0, 1] == 1
    assert dx.sum() == 4


@pytest.mark.parametrize(
    ("window", "at"),
    [([np.nan, np.nan, np.nan, 1], 2), ([np.inf, 1, np.nan, 2], 2), ([-np.inf, np.nan, 0, np.nan], 3)],
)
def test_the_gradient_belongs_to_the_last_nan(window, at):  # as in PyTorch
    layer = mn.MaxPool2d(2)
    layer.forward(np.reshape(window, (1, 1, 2, 2)))
    assert layer.backward(np.ones((1, 1, 1, 1))).reshape(-1).tolist() == [float(i == at) for i in range(4)]


def test_large_numbers_give_no_warning():
    x = np.full((1, 1, 4, 4), 1e30, np.float32)
    assert (mn.MaxPool2d(2).forward(x) == x[0, 0, 0, 0]).all()


def test_infinite_gradients_do_not_make_nan_of_the_other_pixels():
    for layer in (mn.MaxPool2d(2), mn.MaxPool2d(2, stride=1)):
        y = layer.forward(np.arange(16.0).reshape(1, 1, 4, 4))
        dx = layer.backward(np.full_like(y, np.inf))
        assert set(dx.ravel().tolist()) == {0.0, np.inf}
