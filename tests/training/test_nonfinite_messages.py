"""The message of a run that diverged: what, where it began, which rows, why. (What is stopped: test_nonfinite.py.)"""

import math
import threading

import numpy as np
import pytest

import minnet as mn
from minnet.errors import NonFiniteError

X = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
Y = np.arange(60) % 3


class Pass(mn.Layer):
    """The identity with a derivative that is wrong where `backwards` says so."""

    def __init__(self, backwards=1.0, forwards=1.0):
        self.backwards, self.forwards = backwards, forwards

    def forward(self, x):
        return x * np.float32(self.forwards)

    def backward(self, dy):
        return dy * np.float32(self.backwards)


def diverge(*layers, X=X, y=Y, loss=None, lr=0.1, batch_size=10, **options):
    model = mn.Sequential(*layers)
    trainer = mn.Trainer(model, loss or mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=lr))
    loader = mn.DataLoader(X, y, batch_size, check=False, **options)
    with pytest.raises(NonFiniteError) as caught:
        trainer.fit(loader, steps=50, progress=False)
    return str(caught.value)


def test_nan_in_the_data_names_the_rows():
    bad = X.copy()
    bad[[13, 17], 2] = math.nan, math.inf
    message = diverge(mn.Linear(4, 3, rng=0), X=bad)
    assert "step 2 of epoch 1" in message
    assert "Where: the data: 1 NaN and 1 infinite of 40 numbers in the batch's rows 3, 7" in message
    assert "Batch: rows 10 to 19 of the data set" in message
    assert "remove those rows, or fill the gaps" in message


def test_rows_of_a_shuffled_loader():
    bad = X.copy()
    bad[13] = math.nan
    message = diverge(mn.Linear(4, 3, rng=0), X=bad, shuffle=True, rng=0, batch_size=4)
    rows = [int(row) for row in message.split("Batch: rows ")[1].split(" of the")[0].split(", ")]
    assert 13 in rows
    assert len(rows) == 4


def test_nan_in_the_targets():
    y = X[:, :1].copy()
    y[3] = math.nan
    message = diverge(mn.Linear(4, 1, rng=0), y=y, loss=mn.MSELoss())
    assert "Where: the targets: 1 NaN of 10 numbers in the batch's rows 3" in message


def test_the_first_layer_forward():
    message = diverge(mn.Linear(4, 4, rng=0), mn.Residual(Pass(forwards=math.inf)), mn.Linear(4, 3, rng=1))
    assert "Where: layers[1].layers[0] = Pass(" in message
    assert "a logarithm, division or root of 0 in a layer or loss" in message


def test_the_first_layer_backward():
    message = diverge(mn.Linear(4, 4, rng=0), Pass(backwards=math.nan), mn.Tanh(), mn.Linear(4, 3, rng=1))
    assert "the gradient of layers[0].weight holds 16 NaN of 16 numbers" in message
    assert "Where: layers[1] = Pass(" in message
    assert "passed back 40 NaN of 40 numbers" in message


def test_a_learning_rate_that_is_too_high():
    message = diverge(mn.Linear(4, 8, rng=0), mn.ReLU(), mn.Linear(8, 1, rng=1), y=X[:, :1], loss=mn.MSELoss(), lr=50.0)
    assert "Likely cause: the learning rate, 50: weights grew to" in message
    assert "scale of the inputs" not in message


def test_inputs_that_are_too_large():
    layers = mn.Linear(4, 8, rng=0), mn.ReLU(), mn.Linear(8, 1, rng=1)
    message = diverge(*layers, X=2000 * X, y=X[:, :1], loss=mn.MSELoss(), lr=0.1)
    assert "the scale of the inputs, up to" in message


def test_log_of_zero_in_a_loss():
    class LogLoss(mn.Loss):
        classifies = True

        def forward(self, prediction, target):
            p = prediction[np.arange(len(target)), target]
            self.cache = prediction, target, p
            return float(-np.log(p).mean())

        def backward(self):
            prediction, target, p = self.cache
            dp = np.zeros_like(prediction)
            dp[np.arange(len(target)), target] = -1 / p / len(p)
            return dp

    layers = mn.Linear(4, 3, rng=0), mn.ReLU()
    message = diverge(*layers, loss=LogLoss())
    assert "Where: the loss = LogLoss() returned 1 infinite of 1 numbers" in message
    assert "log of 0" in message


def test_a_weight_that_was_bad_before():
    layer = mn.Linear(4, 3, rng=0)
    layer.weight.data[1, 2] = math.nan
    message = diverge(layer)
    assert "Where: layers[0].weight: 1 NaN of 12 numbers, before the step" in message
    assert "no longer good" in message


def test_the_search_changes_nothing():
    """It works with a copy: neither Generators nor statistics nor gradients of the model move."""
    layers = (
        mn.Linear(4, 4, rng=0),
        mn.Dropout(0.5, rng=0),
        mn.BatchNorm1d(4),
        Pass(backwards=math.nan),
        mn.Linear(4, 3),
    )
    twin = mn.Dropout(0.5, rng=0)
    twin.forward(np.ones((10, 4), np.float32))
    diverge(*layers)
    assert layers[1].rng.bit_generator.state == twin.rng.bit_generator.state
    assert "forward" not in vars(layers[0])


def test_a_plain_iterable_has_no_rows():
    model = mn.Sequential(mn.Linear(4, 3, rng=0))
    trainer = mn.Trainer(model, mn.SoftmaxCrossEntropyLoss(), mn.SGD(model.parameters(), lr=0.1))
    with pytest.raises(NonFiniteError, match="Batch: 60 samples"):
        trainer.fit([(np.full_like(X, math.nan), Y)], steps=1, progress=False)


class Locked(Pass):
    """A layer that cannot be copied."""

    def __init__(self):
        super().__init__(forwards=math.inf)
        self.lock = threading.Lock()


def test_a_model_that_cannot_be_copied_does_not_replace_the_error():
    """The report was replaced by a TypeError, which said nothing of the training."""
    message = diverge(mn.Linear(4, 3, rng=0), Locked())
    assert "training diverged in step 1 of epoch 1" in message
    assert "Where: not found, because the step cannot be done again with a copy of the model (TypeError: " in message
    assert "Batch: rows 0 to 9 of the data set" in message


def test_a_deep_model_does_not_replace_the_error():
    layer = mn.Sequential(mn.Linear(4, 3, rng=0), Pass(forwards=math.inf))
    for _ in range(150):
        layer = mn.Sequential(layer)
    message = diverge(layer)
    assert "training diverged in step 1 of epoch 1" in message
    assert "\n  Where: " in message  # from which depth a copy fails depends on the version of Python
