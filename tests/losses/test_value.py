"""The value of a loss is a float, and answers those who look for its backward."""

import copy
import json
import pickle

import numpy as np
import pytest

import minnet as mn

P, Y = np.array([[0.5, -1.0], [2.0, 0.25]], np.float32), np.array([1, 0])


def test_it_is_the_float_that_forward_returns():
    loss = mn.SoftmaxCrossEntropyLoss()
    value = loss(P, Y)
    assert isinstance(value, float)
    assert value == loss.forward(P, Y)
    assert repr(value) == json.dumps(value) == repr(float(value))
    for copied in (pickle.loads(pickle.dumps(value)), copy.deepcopy(value)):
        assert copied == value
    assert mn.SoftmaxCrossEntropyLoss(reduction="none")(P, Y).shape == (2,)


@pytest.mark.parametrize(
    ("loss", "prediction", "target"),
    [
        (mn.SoftmaxCrossEntropyLoss(), P, Y),
        (mn.MSELoss(), P, P),
        (mn.MultiLoss({"a": mn.MSELoss()}), {"a": P}, {"a": P}),
    ],
)
def test_words_of_pytorch_are_answered(loss, prediction, target):
    value = loss(prediction, target)
    with pytest.raises(AttributeError, match=r"no attribute 'backward': the loss has it, write model.backward\(loss.b"):
        value.backward()
    with pytest.raises(AttributeError, match="it is a number of Python's: leave it out"):
        value.item()
    assert "backward" not in dir(value)
    assert "is_integer" in dir(value)
