"""Scores, probabilities and labels that the tests of the losses share."""

import numpy as np
from helpers import frozen

from minnet import CrossEntropyLoss, LogSoftmax, NLLLoss, Softmax, SoftmaxCrossEntropyLoss

CLASSIFIERS = [CrossEntropyLoss, NLLLoss, SoftmaxCrossEntropyLoss]

Z = frozen(np.random.default_rng(0).normal(size=(6, 3)))
P = frozen(Softmax().forward(Z))
LOG_P = frozen(LogSoftmax().forward(Z))
LABELS = frozen(np.array([0, 2, 1, 1, 0, 2]))
FIT = {CrossEntropyLoss: P, NLLLoss: LOG_P, SoftmaxCrossEntropyLoss: Z}  # what each loss takes
