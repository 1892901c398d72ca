"""The shape of dL/dx: what another one tells."""

import numpy as np
import pytest

import minnet as mn
from minnet.inspection.gradcheck import findings


class Back(mn.Layer):
    def __init__(self, axes, back):
        self.axes, self.back = axes, back

    def forward(self, x):
        return x.transpose(self.axes)

    def backward(self, dy):
        return self.back(dy)


@pytest.mark.parametrize(
    ("axes", "back", "words"),
    [
        ((0, 2, 3, 1), lambda dy: dy.transpose(0, 2, 3, 1), "A reshape does not exchange axes"),
        ((0, 1, 2, 3), lambda dy: dy[0], "the shape of one sample"),
        ((0, 1, 2, 3), lambda dy: dy.reshape(2, -1), "bring it back into the shape of x"),
        ((0, 1, 2, 3), lambda dy: (dy, dy), "backward returned 2 values: it must return dL/dx alone"),
    ],
)
def test_what_was_forgotten(axes, back, words):
    found = findings(Back(axes, back), np.random.default_rng(0).normal(size=(2, 3, 4, 5)))
    assert found[0].check == "shape of dx"
    assert words in found[0].message
    assert "Parameters" not in found[0].message  # there are none
