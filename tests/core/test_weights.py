"""Sample weights are looked at in one place."""

from functools import partial

import numpy as np
import pytest

from minnet.core.weights import check_weights, sample_weights, takes_weights


def test_weights_are_checked_and_copied():
    weights = np.ones(2)
    copied = check_weights("MSELoss", "weight", weights)
    copied[0] = 5
    assert weights[0] == 1
    assert check_weights("MSELoss", "weight", [True, False]).tolist() == [1, 0]
    for wrong in ([-1, 1], [np.nan, 1], [np.inf, 1]):
        with pytest.raises(ValueError, match=r"MSELoss needs weight >= 0 and finite, got .* \(1 of 2 are not\): 0 is"):
            check_weights("MSELoss", "weight", wrong)
    with pytest.raises(TypeError, match="MSELoss expected weight to be numbers, got <U1"):
        check_weights("MSELoss", "weight", ["a"])
    with pytest.raises(TypeError, match="MSELoss expected weight to be a plain array, got a masked array"):
        check_weights("MSELoss", "weight", np.ma.masked_array([1.0, 2.0], [True, False]))


@pytest.mark.parametrize(
    ("given", "shape", "result"),
    [
        ((3,), (3,), (3,)),
        ((3,), (3, 4, 5), (3, 1, 1)),
        ((3, 4), (3, 4, 5), (3, 4, 1)),
        ((), (), ()),
        ((0,), (0, 2), (0, 1)),
    ],
)
def test_weights_are_those_of_the_first_axes(given, shape, result):
    assert sample_weights("Loss", np.ones(given), shape).shape == result


@pytest.mark.parametrize(
    ("given", "shape", "message"),
    [
        ((2,), (3,), r"expected sample_weight of shape \(3,\), got \(2,\): one weight a sample"),
        ((), (3,), r"expected sample_weight of shape \(3,\), got \(\): one weight a sample"),
        ((3, 1), (3,), r"got \(3, 1\): are they in a column\? Pass sample_weight.reshape\(-1\)"),
        ((3, 1), (3, 4), r"of shape \(3,\), or of the first axes of \(3, 4\), got \(3, 1\): are they in a column"),
        ((4,), (3, 4), r"of shape \(3,\), or of the first axes of \(3, 4\), got \(4,\): one weight a sample"),
        ((1,), (), r"expected sample_weight of shape \(\), got \(1,\)"),
    ],
)
def test_weights_of_another_shape(given, shape, message):
    with pytest.raises(ValueError, match=f"^Loss .*{message}"):
        sample_weights("Loss", np.ones(given), shape)


def test_weights_whose_sum_overflows():
    with pytest.raises(
        ValueError, match=r"^Loss got sample_weight whose sum is infinite: divide them by their maximum"
    ):
        sample_weights("Loss", np.full(3, 1e308), (3,))
    with pytest.raises(ValueError, match="whose sum is infinite"):
        sample_weights("Loss", np.full(1, 1e308), (1, 4))
    assert sample_weights("Loss", np.full(1, 1e308), (1,)) == 1e308


def test_who_takes_weights():
    def with_weights(prediction, target, sample_weight=None): ...
    def with_any(prediction, target, **options): ...
    def without(prediction, target): ...

    assert takes_weights(with_weights)
    assert takes_weights(partial(with_weights, sample_weight=None))
    assert takes_weights(with_any)
    assert not takes_weights(without)
    assert not takes_weights(np.add)
