"""A student's layer passes, or a line says what is wrong with it."""

import numpy as np
import pytest

import minnet as mn
from minnet.grading import NotAnswered, WrongAnswer, check_layer, score_layer

X = np.random.default_rng(0).normal(size=(3, 4))


class Double(mn.Layer):
    def forward(self, x):
        return 2 * x

    def backward(self, dy):
        return 2 * dy


class Half(Double):
    def backward(self, dy):
        return dy / 2


class Unwritten(Double):
    def backward(self, dy):
        raise NotImplementedError


class NeverMade(Double):
    def __init__(self):
        raise NotImplementedError


class NoBackward(mn.Layer):
    def forward(self, x):
        return 2 * x


def test_right_layers(capsys):
    check_layer(Double(), X)
    check_layer(Double, X)
    check_layer(lambda: mn.Linear(4, 2, rng=0), X)
    check_layer(mn.MSELoss(), X, X + 1)
    assert [line[0] for line in capsys.readouterr().out.splitlines()] == ["✓"] * 4


@pytest.mark.parametrize(
    ("layer", "words"),
    [(Unwritten, "not answered yet"), (NeverMade, "not answered yet"), (NoBackward, "define backward")],
)
def test_not_written_yet(layer, words):
    with pytest.raises(NotAnswered, match=words):
        check_layer(layer, X)


def test_a_wrong_layer():
    with pytest.raises(WrongAnswer, match=r"Half.*dL/dx.*wrong") as caught:
        check_layer(Half(), X)
    assert type(caught.value) is WrongAnswer


class Twice(Half):
    def forward(self, x):
        return np.float64(2) * x


def test_all_that_is_wrong_is_listed_once():
    with pytest.raises(WrongAnswer) as caught:
        check_layer(Twice, X)
    first, *lines = str(caught.value).splitlines()
    assert first == "Twice: 2 things are wrong."
    assert len(lines) == 2
    assert lines[0].startswith("  - dL/dx[")
    assert "float32" in lines[1]


def test_the_layer_is_left_as_it_was():
    layer = mn.Linear(4, 2, rng=0)
    check_layer(layer, X)
    assert not layer.weight.grad.any()


def test_a_score_has_partial_marks(capsys):
    assert score_layer(Double, X, points=3) == 3
    assert score_layer(mn.Linear(4, 2, rng=0), X, points=0.7) == 0.7
    assert [line[0] for line in capsys.readouterr().out.splitlines()] == ["✓"] * 2
    half, twice = (score_layer(layer, X, points=3) for layer in (Half, Twice))
    assert 0 < twice < half < 1.2  # the gradients are 60 %
    assert type(half) is float
    assert capsys.readouterr().out.startswith("✗ Half: dL/dx[")


class Raises(Double):
    def forward(self, x):
        raise ValueError("never")


def test_a_score_of_nothing():
    assert score_layer(Raises, X, points=3) == 0
    with pytest.raises(NotAnswered):
        score_layer(Unwritten, X, points=3)


class ReadsItsCache(mn.Layer):
    def forward(self, x):
        self.cache = x
        return self.cache * 2

    def backward(self, dy):
        return dy * 2


def test_what_two_checks_see_is_said_once():
    with pytest.raises(WrongAnswer, match=r"^ReadsItsCache: forward reads self\.cache") as caught:
        check_layer(ReadsItsCache, np.ones((4, 3)))
    assert "things are wrong" not in str(caught.value)
