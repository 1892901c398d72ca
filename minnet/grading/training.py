"""A short training with a student's layer in the model; the labels, and the count of right answers, stay here."""

import time
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from minnet.data import DataLoader
from minnet.data.mnist.dataset import load_mnist
from minnet.data.mnist.synthetic import synthetic_digits
from minnet.grading import expressions
from minnet.grading.exercise import Question, Train
from minnet.grading.sandbox.process import Student
from minnet.layers import Sequential, Softmax
from minnet.losses import CrossEntropyLoss, SoftmaxCrossEntropyLoss
from minnet.optimizers import SGD
from minnet.training.trainer import Trainer

_BATCH = 64
_TEST = 1000  # samples that are not learned from; a third of the data if there are fewer


def accuracy(student: Student, question: Question, train: Train) -> float:
    """Train for some epochs, or until the seconds are over; return the share of the test samples that is recognised."""
    X, y, test_X, test_y = _data(train.data, train.samples)
    model = Sequential(*(_layer(student, question, line) for line in train.model))
    loss = CrossEntropyLoss() if isinstance(model[-1], Softmax) else SoftmaxCrossEntropyLoss()
    trainer = Trainer(model, loss, SGD(model.parameters(), lr=train.lr, momentum=0.9))
    loader = DataLoader(X, y, batch_size=_BATCH, shuffle=True, rng=question.seed)
    start = time.monotonic()
    for _ in range(train.epochs):
        trainer.fit(loader, epochs=1, progress=False)
        student.new_time()
        if time.monotonic() - start > train.seconds:
            break
    return float(trainer.evaluate((test_X, test_y))["accuracy"])


def _layer(student: Student, question: Question, line: str) -> Any:
    if not expressions.is_placeholder(line):
        return expressions.layer(line)
    _, arguments, named = expressions.parts(line)
    if "(" not in line:
        arguments, named = list(question.arguments), question.named
    return student.make(question.class_name, arguments, named)


@cache
def _data(name: str, samples: int) -> tuple[Any, Any, Any, Any]:
    """Return samples to learn from, and others to test with."""
    if name == "digits":
        X, y = synthetic_digits(samples + _TEST, rng=0)
    elif name == "mnist":
        (X, y), _, (test_X, test_y) = load_mnist(download=False)
        return X[:samples], y[:samples], test_X, test_y
    else:
        with np.load(Path(name)) as arrays:
            X, y = arrays["X"], arrays["y"]
    test = min(_TEST, len(X) // 3)
    return X[:-test][:samples], y[:-test][:samples], X[-test:], y[-test:]
