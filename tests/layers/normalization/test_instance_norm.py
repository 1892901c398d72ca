"""InstanceNorm1d, 2d and 3d: each channel of each sample by itself."""

import numpy as np
import pytest

import minnet as mn
from minnet.inspection.gradcheck import check_layer
from minnet.layers.normalization.instance_norm import InstanceNorm1d, InstanceNorm2d, InstanceNorm3d

random = np.random.default_rng(4)
X = random.normal(3, 2, size=(4, 2, 3, 5))


def test_each_channel_of_each_sample_has_mean_0_and_variance_1():
    y = InstanceNorm2d(2, eps=1e-12).forward(X)
    np.testing.assert_allclose(y.mean((2, 3)), 0, atol=1e-12)
    np.testing.assert_allclose(y.var((2, 3)), 1)


def test_it_is_a_group_norm_with_as_many_groups_as_channels():
    norm, groups = InstanceNorm2d(2, affine=True).astype(np.float64), mn.GroupNorm(2, 2).astype(np.float64)
    for layer in (norm, groups):
        layer.weight.data, layer.bias.data = np.array([2.0, 3]), np.array([-1.0, 1])
    dy = random.normal(size=X.shape)
    np.testing.assert_allclose(norm.forward(X), groups.forward(X), rtol=1e-12)
    np.testing.assert_allclose(norm.backward(dy), groups.backward(dy), rtol=1e-10, atol=1e-12)
    for name in ("weight", "bias"):
        np.testing.assert_allclose(getattr(norm, name).grad, getattr(groups, name).grad, rtol=1e-12)


def test_running_statistics_are_means_of_the_samples():
    norm = InstanceNorm2d(2, momentum=0.25, track_running_stats=True).astype(np.float64)
    norm.forward(X)
    np.testing.assert_allclose(norm.running_mean.data, 0.25 * X.mean((0, 2, 3)))
    np.testing.assert_allclose(norm.running_var.data, 0.75 + 0.25 * X.var((2, 3), ddof=1).mean(0))
    assert norm.num_batches_tracked.data == 0  # PyTorch's InstanceNorm does not count them
    y = norm.eval().forward(X)
    mean, var = (array.data[:, None, None] for array in (norm.running_mean, norm.running_var))
    np.testing.assert_allclose(y, (X - mean) / np.sqrt(var + 1e-5))


@pytest.mark.parametrize("track", [True, False])
@pytest.mark.parametrize(
    ("kind", "shape"), [(InstanceNorm1d, (3, 2, 5)), (InstanceNorm2d, X.shape), (InstanceNorm3d, (3, 2, 2, 3, 2))]
)
def test_every_promise_is_kept(kind, shape, track):
    x = random.normal(size=shape)
    norm = kind(2, affine=True, track_running_stats=track).astype(np.float64)
    assert check_layer(norm, x)
    single = norm.forward(x[0])
    np.testing.assert_allclose(norm.forward(x)[0], single, rtol=1e-12)
    dx = norm.backward(x)[0]
    norm.forward(x[0])
    np.testing.assert_allclose(norm.backward(x[0]), dx, rtol=1e-9, atol=1e-12)


def test_channels_of_one_pixel_give_the_bias_and_leave_the_statistics():
    norm = InstanceNorm1d(2, affine=True, track_running_stats=True).astype(np.float64)
    x = random.normal(size=(3, 2, 1))
    np.testing.assert_array_equal(norm.forward(x), np.zeros_like(x))
    np.testing.assert_array_equal(norm.backward(x), np.zeros_like(x))
    norm.forward(X[:0, :, :, 0])
    assert norm.running_mean.data.tolist() == [0, 0]
    assert norm.num_batches_tracked.data == 0


def test_what_is_refused():
    with pytest.raises(TypeError, match="InstanceNorm1d expected momentum to be a number, got NoneType"):
        InstanceNorm1d(2, momentum=None)
    with pytest.raises(
        ValueError, match=r"expected shape \(N, 3, H, W\) or \(3, H, W\), got .*: .* use num_features=2"
    ):
        InstanceNorm2d(3).forward(X)
    with pytest.raises(ValueError, match=r"the channels are the first axis; use num_features=2"):
        InstanceNorm2d(3).forward(X[0])
    with pytest.raises(ValueError, match=r"InstanceNorm1d is for \(N, C, L\)"):
        InstanceNorm1d(2).forward(X)
    with pytest.raises(ValueError, match="expected at least one pixel"):
        InstanceNorm2d(2).forward(X[:, :, :0])
