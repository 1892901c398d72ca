"""What is wrong with a target of another shape is said in test_base; here, what each loss of numbers says first."""

import numpy as np
import pytest

from minnet.losses.shapes import check_one_shape


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
