"""A loss of one's own that compares number with number needs one method. All of minnet's are in test_sample_weight."""

import numpy as np

import minnet as mn
from minnet.losses.elementwise import ElementwiseLoss


class FourthPower(ElementwiseLoss):
    """L = mean of (prediction − target)⁴."""

    def compare(self, prediction, target):
        d = prediction - target
        return d**4, 4 * d**3


def test_one_method_is_enough():
    assert mn.gradcheck.check_layer(FourthPower(), np.ones((3, 2)), np.zeros((3, 2)))
    loss = FourthPower()
    assert loss.forward(np.array([2.0, 1.0]), [0, 0]) == 8.5
    assert loss.backward().tolist() == [16, 2]
    assert loss.forward(np.array([2.0, 1.0]), [0, 0], [1, 3]) == 19 / 4
    assert loss.total_weight(np.zeros((2, 3)), [1, 3]) == 12
