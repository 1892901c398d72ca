"""Targets of another shape, and labels that are no signs; test_base and the losses' own tests have more."""

import numpy as np
import pytest

from minnet.losses.targets import check_one_shape, check_signs


@pytest.mark.parametrize(
    ("prediction", "target", "cure"),
    [
        ((5, 3), (3, 5), "samples are along the first axis: y.T"),
        ((5, 1), (5,), r"reshape the target, as y.reshape\(-1, 1\)"),
        ((5, 3), (5,), "class numbers"),
        ((5, 3, 2, 2), (5, 2, 2), r"class numbers\?.*axis 1"),
        ((5, 3), (4, 3), "give the model's last layer as many outputs"),
    ],
)
def test_the_cure(prediction, target, cure):
    with pytest.raises(ValueError, match=f"^MSELoss expected prediction and target of one shape, got .*: {cure}"):
        check_one_shape("MSELoss", np.zeros(prediction), np.zeros(target, int))
    check_one_shape("MSELoss", np.zeros(prediction), np.zeros(prediction))


def test_signs_pass_and_others_do_not():
    signs = np.array([1.0, -1, 1])
    assert check_signs("HingeLoss", signs, "") is signs
    assert check_signs("HingeLoss", signs[:0], "").size == 0
    with pytest.raises(ValueError, match=r"^HingeLoss expected labels that are -1 or 1, got 0: labels 0 and 1\?"):
        check_signs("HingeLoss", np.array([1.0, 0]), "else")
    with pytest.raises(ValueError, match="got 2: else"):
        check_signs("HingeLoss", 2 * signs, "else")
