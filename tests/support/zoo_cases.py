"""A zoo of layers as students write them: `mistake` marks a wrong one, with words for it, and `right` a right one."""

import numpy as np

RNG = np.random.default_rng(11)
X = RNG.normal(size=(4, 3))  # four samples of three features
IMAGES = RNG.normal(size=(2, 2, 4, 5))  # two images of two channels
SIGNALS = RNG.normal(size=(3, 6))
SQUARE = np.random.default_rng(5).normal(size=(3, 3))  # as many samples as features
LABELS = np.array([0, 2, 1, 2])
P = np.exp(X) / np.exp(X).sum(axis=1, keepdims=True)

MISTAKES = []  # (class, arguments, inputs, name of the check, words)
RIGHT = []  # (class, arguments, inputs)


def weights(*shape):
    """Return the same random numbers each time."""
    return np.random.default_rng(3).normal(size=shape)


def error_of(function, *arguments):
    """Return the error that a function raises, with its traceback."""
    try:
        function(*arguments)
    except (Exception, SystemExit) as error:
        return error
    raise AssertionError("there is no error")


def mistake(check, *words, x=X, more=(), args=()):
    """Mark a class whose only or first finding is of this check, with a message that contains these words."""

    def mark(cls):
        MISTAKES.append((cls, args, (x, *more), check, words))
        return cls

    return mark


def right(x=X, more=(), args=()):
    """Mark a class that has no findings."""

    def mark(cls):
        RIGHT.append((cls, args, (x, *more)))
        return cls

    return mark
