"""Calls of NumPy whose arguments do not fit."""

import numpy as np
from zoo_cases import error_of

from minnet.inspection.calls import einsum, of_one_sample, reshape
from minnet.inspection.source import place_of

X, G = np.zeros((4, 3)), np.zeros(2)


def place_in(function):
    return place_of(error_of(function))


def test_outer_of_a_batch_and_of_vectors():
    assert "x has shape (4, 3)" in of_one_sample("backward", place_in(lambda x=X, g=G: X + np.outer(x, g)))
    assert of_one_sample("backward", place_in(lambda x=X[0], g=G: X + np.outer(x, g))) == ""


def test_the_letters_of_einsum():
    place = place_in(lambda x=X, y=X: np.einsum("ni,io->no", x, y))
    assert "the letter i stands for an axis of 3 in x and for one of 4 in y" in einsum("forward", place, place.node())
    place = place_in(lambda x=X, y=X[0]: np.einsum("ni,io->no", x, y))
    assert "y has shape (3,), and 'io' names 2 axes of it" in einsum("forward", place, place.node())


def test_a_reshape_of_a_batch_into_one_sample():
    place = place_in(lambda x=X: x.reshape(3, 1))
    text = "cannot reshape array of size 12 into shape (3,1)"
    assert "(3, 1) is the shape for one sample. x is a batch of 4" in reshape("backward", place, place.node(), text)
    place = place_in(lambda x=X: x.reshape(5, -1))
    text = "cannot reshape array of size 12 into shape (5,newaxis)"
    assert "asks for" in reshape("backward", place, place.node(), text)
