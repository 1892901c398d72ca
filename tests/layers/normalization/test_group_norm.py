"""GroupNorm: a few channels of one sample together."""

import copy

import numpy as np
import pytest
from helpers import normal_numbers

from minnet.inspection.gradcheck import check_layer
from minnet.layers.normalization.batch_norm import BatchNorm2d
from minnet.layers.normalization.group_norm import GroupNorm
from minnet.layers.normalization.layer_norm import LayerNorm

floats = normal_numbers(np.random.default_rng(0), 2, 3)


def test_by_hand():
    layer = GroupNorm(2, 4, eps=1e-30)
    layer.weight.data, layer.bias.data = [1, 1, 10, 10], [0, 0, 0, 5]
    y = layer.forward(np.array([[1, 3, 10, 30]], np.float32))
    np.testing.assert_allclose(y, [[-1, 1, -10, 15]], rtol=1e-6)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (GroupNorm(2, 4), (3, 4)),
        (GroupNorm(2, 4), (2, 4, 3)),
        (GroupNorm(2, 4), (2, 4, 2, 3)),
        (GroupNorm(1, 1), (2, 1)),
        (GroupNorm(1, 3, eps=0.1), (1, 3, 2)),
        (GroupNorm(3, 3), (2, 3, 1, 1)),
        (GroupNorm(4, 4, bias=False), (2, 4, 3)),
        (GroupNorm(2, 4, affine=False), (2, 4, 3)),
    ],
    ids=lambda value: repr(value) if not isinstance(value, tuple) else "x".join(map(str, value)),
)
def test_gradients_and_promises(layer, shape):
    layer = copy.deepcopy(layer)
    for parameter in layer.parameters():
        parameter.data = floats(*parameter.data.shape)
    assert "every requirement met" in check_layer(layer, floats(*shape))


def test_one_group_is_a_layer_norm_over_the_whole_sample():
    x = floats(3, 4, 2, 5)
    np.testing.assert_allclose(GroupNorm(1, 4).forward(x), LayerNorm((4, 2, 5)).forward(x), atol=1e-6)


def test_as_many_groups_as_channels_is_a_batch_norm_of_each_sample_alone():
    x = floats(3, 4, 2, 5)
    alone = np.concatenate([BatchNorm2d(4).forward(x[i : i + 1]) for i in range(3)])
    np.testing.assert_allclose(GroupNorm(4, 4).forward(x), alone, atol=1e-6)


def test_any_memory_order():
    layer, other = GroupNorm(2, 4), GroupNorm(2, 4)
    x, dy = floats(3, 4, 2, 5), floats(3, 4, 2, 5)
    laid, dlaid = (np.ascontiguousarray(a.transpose(1, 2, 3, 0)).transpose(3, 0, 1, 2) for a in (x, dy))
    np.testing.assert_allclose(layer.forward(laid), other.forward(x), atol=1e-6)
    np.testing.assert_allclose(layer.backward(dlaid), other.backward(dy), atol=1e-6)
    np.testing.assert_allclose(layer.weight.grad, other.weight.grad, atol=1e-5)


@pytest.mark.parametrize("shape", [(0, 4), (0, 4, 2, 3), (1, 4), (1, 4, 1, 1)])
def test_small_batches(shape):
    layer = GroupNorm(2, 4)
    assert layer.forward(floats(*shape)).shape == shape
    assert layer.backward(floats(*shape)).shape == shape


@pytest.mark.parametrize("shape", [(4,), (2, 3), (4, 2), (2, 3, 4), (2, 4, 0)])
def test_a_wrong_shape_is_refused(shape):
    with pytest.raises(ValueError, match=r"^GroupNorm\(2, 4, .*\) expected shape \(N, 4, \.\.\.\), got \("):
        GroupNorm(2, 4).forward(floats(*shape))


@pytest.mark.parametrize("dy", [np.ones((3, 2), np.float32), np.ones((3, 4)), None])
def test_a_wrong_gradient_is_refused_before_anything_changed(dy):
    layer = GroupNorm(2, 4)
    layer.forward(floats(3, 4))
    with pytest.raises((ValueError, TypeError), match=r"^GroupNorm\(.*\)\.backward expected"):
        layer.backward(dy)
    assert not layer.weight.grad.any()
    assert not layer.bias.grad.any()


@pytest.mark.parametrize(
    ("sizes", "error", "message"),
    [
        ((0, 4), ValueError, "GroupNorm needs num_groups >= 1, got 0"),
        ((1, 0), ValueError, "GroupNorm needs num_channels >= 1, got 0"),
        ((2, 4.0), TypeError, "GroupNorm expected num_channels to be an int, got float"),
        ((3, 4), ValueError, "a multiple of num_groups, got 4 channels in 3 groups"),
        ((4, 2), ValueError, "a multiple of num_groups, got 2 channels in 4 groups"),
        ((2, 4, 0.0), ValueError, "GroupNorm needs eps > 0, got 0.0"),
    ],
)
def test_bad_arguments(sizes, error, message):
    with pytest.raises(error, match=message):
        GroupNorm(*sizes)


def test_repr():
    assert repr(GroupNorm(2, 4)) == "GroupNorm(2, 4, eps=1e-05, affine=True)"
