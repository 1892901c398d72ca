"""Shapes that do not fit are told with the names of the code, and with what would fit."""

import numpy as np
import pytest
from zoo_cases import error_of

import minnet as mn
from minnet.inspection import crashes


class Layer(mn.Layer):
    """Holds what the lines below use."""

    def __init__(self):
        self.W = mn.Parameter(np.ones((3, 2)))
        self.b = mn.Parameter(np.ones(2))
        self.cache = np.ones((4, 3))


def dx(self, dy):
    return dy @ self.W.data


def dw(self, dy):
    x = self.cache
    self.W.grad += x @ dy


def swapped(self, dy):
    x = self.cache
    self.W.grad += dy.T @ x


def db(self, dy):
    self.b.grad += dy.sum(axis=1)


def not_summed(self, dy):
    self.b.grad += dy


def dot(self, dy):
    return np.dot(dy, self.W.data)


def keepdims(self, dy):
    return dy - dy.mean(axis=1)


def combined(self, dy):
    return dy * self.W.data


def assigned(self, dy):
    y = np.zeros((4, 3))
    y[:, 0] = dy
    return y


def reshaped(self, dy):
    return dy.reshape(3, 3)


def hopeless(self, dy):
    return dy @ np.ones((7, 5))


def stacked(self, dy):
    a = np.ones((2, 4, 3))
    return a.T @ dy


@pytest.mark.parametrize(
    ("method", "words"),
    [
        (
            dx,
            [
                "dy has shape (4, 2)",
                "self.W.data has shape (3, 2)",
                "dy @ self.W.data.T fits, and has shape (4, 3), that of x",
            ],
        ),
        (dot, ["np.dot(dy, self.W.data)", "dy @ self.W.data.T fits"]),
        (dw, ["x has shape (4, 3)", "x.T @ dy fits, and has shape (3, 2), that of self.W"]),
        (swapped, ["self.W.grad has shape (3, 2)", "dy.T @ x has shape (2, 3)", "x.T @ dy has the right shape"]),
        (db, ["dy.sum(axis=1) has shape (4,)", "the sum is dy.sum(axis=0), of shape (2,)"]),
        (not_summed, ["self.b.grad has shape (2,)", "All 4 samples share it", "dy.sum(axis=0)"]),
        (keepdims, ["keepdims=True is missing in dy.mean(axis=1)", "(4, 1)"]),
        (
            combined,
            ["dy has shape (4, 2)", "self.W.data has shape (3, 2)", "is the product of matrices, @, meant?"],
        ),
        (assigned, ["writes dy, of shape (4, 2), into y[:, 0], of shape (4,)"]),
        (reshaped, ["dy has shape (4, 2), 8 numbers in all", "the shape (3, 3) asks for 9"]),
        (hopeless, ["No transpose makes these two fit"]),
        (stacked, ["x.transpose(0, 2, 1) exchanges the last two"]),
    ],
)
def test_the_shapes_and_what_would_fit(method, words):
    layer, dy = Layer(), np.ones((4, 2))
    message = crashes.of_error(error_of(method, layer, dy), layer, "backward", [dy])
    assert [word for word in words if word not in message] == [], message


def test_a_number_for_all_outputs():
    layer = Layer()
    layer.b = mn.Parameter(0.0)
    message = crashes.of_error(error_of(not_summed, layer, np.ones((4, 2))), layer, "backward", [np.ones((4, 2))])
    assert "self.b is a single number, shared by all, so its gradient is a number, too" in message
    assert "A bias has one for each output, mn.Parameter(np.zeros(2))" in message
