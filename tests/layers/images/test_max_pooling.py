"""MaxPool1d, 2d and 3d: the largest number of each window."""

import numpy as np
import pytest

import minnet as mn
from minnet import ReLU, Sequential
from minnet.layers.images.max_pooling import MaxPool1d, MaxPool2d, MaxPool3d

random = np.random.default_rng(6)
X = random.normal(size=(3, 2, 6, 5))
IMAGE = np.array([[[[1.0, 5, 2, 0, 9], [3, 4, 7, 0, 9], [0, 0, -1, -2, 9], [0, 0, -3, -4, 9]]]])
IMAGE.flags.writeable = False


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


def test_the_last_window_reaches_beyond_the_image_if_it_begins_inside():
    line = np.array([[1.0, 2, 3, 5, 4]])
    assert MaxPool1d(2).forward(line).tolist() == [[2, 5]]
    assert MaxPool1d(2, ceil_mode=True).forward(line).tolist() == [[2, 5, 4]]
    assert MaxPool1d(2, padding=1, ceil_mode=True).forward(line).tolist() == [[1, 3, 5]]  # a fourth begins behind it
    layer = MaxPool1d(3, 2, ceil_mode=True)
    assert layer.forward(line[:, :4]).tolist() == [[3, 5]]
    assert layer.backward(np.array([[1.0, 2]])).tolist() == [[0, 0, 1, 2]]


def test_ceil_mode_takes_an_image_that_is_smaller_than_a_window():
    assert MaxPool1d(3, 2, ceil_mode=True).forward(np.array([[-1.0, -2]])).tolist() == [[-1]]
    with pytest.raises(ValueError, match="expected at least 2 pixels, got 1 in shape"):
        MaxPool1d(3, 2, ceil_mode=True).forward(np.array([[-1.0]]))


def test_a_window_may_have_gaps():
    line = np.array([[1.0, 9, 2, 9, 3, 0]])
    layer = MaxPool1d(3, 1, dilation=2)
    assert layer.forward(line).tolist() == [[3, 9]]
    assert layer.backward(np.array([[1.0, 2]])).tolist() == [[0, 2, 0, 0, 1, 0]]


def test_a_window_without_a_pixel_is_refused():
    """It has places before the image and behind it, and PyTorch makes it −∞."""
    with pytest.raises(ValueError, match=r"dilation=3, .*got an image of shape \(1, 1, 2\), of which a window has no"):
        MaxPool1d(2, 1, 1, 3).forward(np.zeros((1, 1, 2)))


def test_of_equal_numbers_of_a_volume_the_first_gets_the_gradient():
    layer = MaxPool3d(2)
    layer.forward(np.zeros((1, 1, 2, 2, 2)))
    assert layer.backward(np.ones((1, 1, 1, 1, 1))).ravel().tolist() == [1, 0, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize(("kind", "shape"), [(MaxPool1d, (3, 2, 9)), (MaxPool3d, (3, 2, 4, 4, 4))])
def test_all_go_before_a_relu(kind, shape):
    x = random.normal(size=shape)
    model, plain = Sequential(ReLU(), kind(2)), kind(2)
    y = model.forward(x)
    assert model._plan.order == [1, 0]
    np.testing.assert_array_equal(y, plain.forward(np.maximum(x, 0)))
