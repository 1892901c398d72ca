"""The values of forward: compared in training mode, in eval mode, and, if they are random, by their means."""

from dataclasses import replace

import numpy as np
import pytest

import minnet as mn
from minnet.grading.exercise import Input, Question
from minnet.grading.values import difference, is_trivial

X = np.random.default_rng(0).normal(size=(4, 3))


def question(reference, *arguments):
    return Question("q", "Q", arguments, {}, (Input((4, 3)),), {"values": 1.0}, reference)


def said(layer, reference, *arguments, inputs=(X,)):
    return difference(layer, question(reference, *arguments), list(inputs))[1]


class Affine(mn.Layer):
    def __init__(self, bias=True, features=2):
        self.matrix = mn.Parameter(np.ones((3, features)))
        self.offset = mn.Parameter(np.ones(features)) if bias else None

    def forward(self, x):
        return x @ self.matrix.data + (self.offset.data if self.offset else 0)


class Drop(mn.Layer):
    def __init__(self, factor, keep=0.5):
        self.factor, self.keep, self.rng = factor, keep, np.random.default_rng(1)

    def forward(self, x):
        return x * (self.rng.random(x.shape) < self.keep) * self.factor if self.training else x


def test_right_layers():
    assert said(mn.Tanh(), mn.Tanh) == ""
    assert said(mn.Linear(3, 2), mn.Linear, 3, 2) == ""
    assert said(Affine(), mn.Linear, 3, 2) == ""
    assert said(mn.BatchNorm1d(3), mn.BatchNorm1d, 3) == ""
    assert said(mn.Dropout(0.5), mn.Dropout, 0.5) == ""
    assert said(Drop(2), mn.Dropout, 0.5) == ""
    labels = np.array([0, 2, 1, 1])
    assert said(mn.SoftmaxCrossEntropyLoss(), mn.SoftmaxCrossEntropyLoss, inputs=(X, labels)) == ""


def test_the_layer_stays_as_it_was():
    layer = mn.BatchNorm1d(3)
    difference(layer, question(mn.BatchNorm1d, 3), [X])
    assert not layer.running_mean.data.any()
    assert layer.dtype == np.float32


@pytest.mark.parametrize(
    ("layer", "reference", "words"),
    [
        (mn.Tanh(), (mn.Sigmoid,), "12 of 12 numbers of its output are wrong"),
        (mn.Flatten(), (mn.Linear, 3, 2), "expected weight (3, 2), bias (2,); got none"),
        (Affine(bias=False), (mn.Linear, 3, 2), "got matrix (3, 2)"),
        (Affine(features=4), (mn.Linear, 3, 2), "got matrix (3, 4), offset (4,)"),
        (mn.Linear(3, 2), (mn.Linear, 3, 2, False), "expected weight (3, 2); got weight (3, 2), bias (2,)"),
        (mn.Linear(3, 2), (mn.Tanh,), "expected none"),
        (mn.BatchNorm1d(3, momentum=0.5), (mn.BatchNorm1d, 3), "In eval mode, after a forward in training mode"),
        (Drop(1), (mn.Dropout, 0.5), "its mean over many samples is not the right one"),
        (Drop(5, 0.2), (mn.Dropout, 0.5), "its spread over many samples is not the right one"),
        (mn.ReLU(), (mn.Dropout, 0.5), "mean over many samples"),
    ],
)
def test_wrong_layers(layer, reference, words):
    assert words in said(layer, *reference)


def test_a_random_layer_that_draws_the_same_twice_is_random():
    one = np.ones((1, 1))  # half of all pairs of draws are the same
    asked = replace(question(mn.Dropout, 0.5), inputs=(Input((1, 1)),))
    assert [difference(Drop(2), asked, [one])[1] for _ in range(20)] == [""] * 20


def test_expected_values():
    asked = replace(question(None), expected=np.tanh(X).tolist())
    assert difference(mn.Tanh(), asked, [X])[1] == ""
    assert "12 of 12" in difference(mn.Sigmoid(), asked, [X])[1]


def test_trivial_outputs():
    assert is_trivial(X, [X])
    assert is_trivial(np.zeros((4, 2)), [X])
    assert not is_trivial(X + 1, [X])
    assert not is_trivial(2.5, [X])
    assert not is_trivial(None, [X])
