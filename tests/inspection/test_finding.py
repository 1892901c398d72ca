"""A finding says what is wrong; for an exercise, without what is right."""

import numpy as np
import pytest

import minnet as mn
from minnet.inspection.finding import Finding
from minnet.inspection.gradcheck import findings


@pytest.mark.parametrize(
    ("message", "fault"),
    [
        ("dL/dx is wrong: it is dy * x: the right one is dy * 2 * x", "dL/dx is wrong: it is dy * x"),
        ("shapes: a transpose is missing; here x.T @ dy fits", "shapes: a transpose is missing"),
        (
            "it is the transpose of the right gradient. With y = x @ W, dL/dW is x.T @ dy",
            "it is the transpose of the right gradient",
        ),
        ("shapes: the sum is dy.sum(axis=0)", "shapes"),
        ("is a sign wrong?", "is a sign wrong?"),
        ("", ""),
    ],
)
def test_the_fault_leaves_out_the_answer(message, fault):
    assert Finding("gradient of x", message).fault == fault


def test_no_answer_is_left_in_the_fault_of_a_real_finding():
    class Square(mn.Layer):
        def forward(self, x):
            self.cache = x
            return x * x

        def backward(self, dy):
            return dy * self.cache

    (found,) = findings(Square(), np.array([[1.0, -2.0], [0.5, 3.0]]))
    assert "the right one is dy * 2 * x" in found.message
    assert found.fault.endswith("it is dy * x")
    assert str(found) == found.message
