"""Each wrong answer that students write is found, and the message has the words that help; no right one is refused."""

import numpy as np
import pytest

from minnet.grading import NotAnswered, WrongAnswer, check_gradient, check_probabilities


def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def in_place(z):
    z -= z.max(axis=-1, keepdims=True)
    return softmax(z)


def unanswered(*arrays):
    raise NotImplementedError


@pytest.mark.parametrize("shape", [(10,), (3, 10), (2, 3, 4)])
def test_the_softmax_is_right(shape, capsys):
    check_probabilities(softmax, shape)
    check_probabilities(lambda z: softmax(z).astype(np.float32), shape)
    check_probabilities(lambda z: softmax(z).tolist(), shape)
    assert capsys.readouterr().out == f"✓ probabilities {shape}\n" * 3


@pytest.mark.parametrize(
    ("function", "shape", "words"),
    [
        (
            lambda z: np.exp(z) / np.exp(z).sum(-1, keepdims=True),
            (10,),
            "of scores near 1000, some are nan or infinite",
        ),
        (lambda z: np.exp(z), (10,), "must add up to 1, but they add up to"),
        (lambda z: z / z.sum(), (10,), "between 0 and 1"),
        (lambda z: softmax(-z), (10,), "not in the proportions of exp"),
        (lambda z: softmax(2 * z), (10,), "not in the proportions of exp"),
        (lambda z: np.full(10, 0.1), (10,), "not in the proportions of exp"),
        (lambda z: np.eye(10)[z.argmax()], (10,), "not in the proportions of exp"),
        (lambda z: softmax(z).sum(), (10,), "expected the shape (10,) of the scores, got ()"),
        (lambda z: np.log(softmax(z)), (10,), "must add up to 1"),
        (in_place, (10,), "changes the scores"),
        (lambda z: softmax(z.ravel()).reshape(z.shape), (3, 10), "all samples together add up to 1"),
        (lambda z: softmax(z.T).T, (3, 10), "those of sample 0 add up to"),
        (lambda z: softmax(z).T, (3, 10), "its axes are exchanged"),
        (lambda z: softmax(z)[0], (3, 10), "expected the shape (3, 10)"),
        (lambda z: "0.1", (10,), "an array of numbers, got str"),
        (lambda z: None, (10,), "is a `return` missing"),
        (lambda z: z @ np.ones((3, 3)), (10,), "cannot multiply the matrices in `z @ np.ones((3, 3))`"),
    ],
)
def test_wrong_probabilities(function, shape, words):
    with pytest.raises(WrongAnswer) as caught:
        check_probabilities(function, shape)
    assert words in str(caught.value)
    assert type(caught.value) is WrongAnswer


def test_not_answered():
    for call in (lambda: check_probabilities(unanswered), lambda: check_gradient(unanswered, np.sum, [1.0])):
        with pytest.raises(NotAnswered, match="not answered yet"):
            call()


X = np.random.default_rng(0).normal(size=3)
Y = 1
W = np.random.default_rng(1).normal(size=(3, 4))
B = np.random.default_rng(2).normal(size=4)


def loss(W, b):
    return -np.log(softmax(X @ W + b)[Y])


def gradients(W, b):
    gradb = softmax(X @ W + b)
    gradb[Y] -= 1
    return np.outer(X, gradb), gradb


def test_right_gradients(capsys):
    check_gradient(gradients, loss, W, B, names="W b")
    check_gradient(lambda b: gradients(W, b)[1], lambda b: loss(W, b), B)
    check_gradient(lambda x: 2 * x, lambda x: x**2, 3.0, names="x")
    printed = capsys.readouterr().out.splitlines()
    assert printed == [f"✓ gradient with respect to {names}" for names in ("W and b", "argument 0", "x")]


def without_the_one(W, b):
    pr = softmax(X @ W + b)
    return np.outer(X, pr), pr


@pytest.mark.parametrize(
    ("gradient", "words"),
    [
        (without_the_one, "of W, at ["),
        (lambda W, b: (gradients(W, b)[0], without_the_one(W, b)[1]), "of b, at [1], it is"),
        (lambda W, b: (-gradients(W, b)[0], gradients(W, b)[1]), "of W, at"),
        (lambda W, b: (-gradients(W, b)[0], gradients(W, b)[1]), "all have the wrong sign"),
        (lambda W, b: (gradients(W, b)[0] / 3, gradients(W, b)[1]), "all are 0.3333 times the slope"),
        (
            lambda W, b: (gradients(W, b)[0].T, gradients(W, b)[1]),
            "expected the shape (3, 4) of W, got (4, 3): its axes",
        ),
        (lambda W, b: gradients(W, b)[::-1], "of W, expected the shape (3, 4) of W, got (4,)"),
        (lambda W, b: gradients(W, b)[0], "expected 2 gradients, of W and b, got 1"),
        (lambda W, b: (np.zeros((3, 4)), gradients(W, b)[1]), "all are 0"),
        (lambda W, b: (gradients(W, b)[0], None), "is a `return` missing"),
        (lambda W, b: None, "is a `return` missing"),
    ],
)
def test_wrong_gradients(gradient, words):
    with pytest.raises(WrongAnswer) as caught:
        check_gradient(gradient, loss, W, B, names="W b")
    assert words in str(caught.value)


def test_a_square_gradient_that_is_transposed():
    a = np.arange(9.0).reshape(3, 3)
    with pytest.raises(WrongAnswer, match="rows and columns are exchanged"):
        check_gradient(lambda W: a.T, lambda W: (a * W).sum(), np.ones((3, 3)), names="W")


def test_large_arrays_are_compared_at_random_places_and_as_a_whole(capsys):
    a = np.random.default_rng(3).normal(size=(40, 50))
    check_gradient(lambda x: a * 2 * x, lambda x: (a * x**2).sum(), np.ones((40, 50)), names="x")
    assert capsys.readouterr().out == "✓ gradient with respect to x\n"
    with pytest.raises(WrongAnswer, match=r"300 of 300 numbers are wrong.: all are 0.5 times the slope"):
        check_gradient(lambda x: a * x, lambda x: (a * x**2).sum(), np.ones((40, 50)), names="x")
    for place in (0, 1234, 1999):  # whether it is one of the 300, or not
        wrong = a.copy()
        wrong.flat[place] += 1
        with pytest.raises(WrongAnswer, match=r"1 of 300 numbers are wrong|wrong at some of its 2000 places"):
            check_gradient(lambda x, wrong=wrong: wrong, lambda x: (a * x).sum(), np.ones((40, 50)), names="x")


def test_the_columns_of_the_wrong_numbers_are_named():
    a = np.arange(20.0).reshape(4, 5)
    wrong = a.copy()
    wrong[:, 2] += 1
    with pytest.raises(WrongAnswer, match=r"all wrong ones are in column 2$"):
        check_gradient(lambda W: wrong, lambda W: (a * W).sum(), np.ones((4, 5)), names="W")
