"""Metrics and functions are followed batch by batch."""

import numpy as np
import pytest

import minnet as mn
from minnet.training.measures import Measures

P = np.arange(12.0).reshape(6, 2)
Y = np.array([0, 1, 1, 1, 0, 1])


def mean(prediction, target):
    return prediction.mean()


def first(prediction, target):
    return prediction[0, 0]


first.additive = True


def test_values_in_the_order_of_the_metrics():
    metrics = {"first": first, "accuracy": mn.metrics.accuracy, "mean": mean, "also": lambda p, y: y.sum()}
    for expected in (0, 6, 100):
        measures = Measures(metrics, mn.CrossEntropyLoss(), expected)
        for part in (slice(0, 4), slice(4, 4), slice(4, 6)):
            measures.update(P[part], Y[part])
        values = measures.compute()
        assert list(values) == list(metrics)
        assert values == {"first": (4 * 0 + 2 * 8) / 6, "accuracy": 4 / 6, "mean": 5.5, "also": 4.0}


class Fails(mn.metrics.Metric):
    def __init__(self, where):
        self.where = where

    def reset(self):
        self.fail("reset")

    def update(self, prediction, target):
        self.fail("update")

    def compute(self):
        self.fail("compute")

    def fail(self, where):
        if where == self.where:
            raise KeyError(where)


@pytest.mark.parametrize("where", ["reset", "update", "compute"])
def test_an_error_anywhere_names_the_metric(where):
    def follow():
        measures = Measures({"other": mean, "mine": Fails(where)}, mn.CrossEntropyLoss(), 0)
        measures.update(P, Y)
        measures.compute()

    with pytest.raises(KeyError, match=where) as caught:
        follow()
    assert caught.value.__notes__ == ["in the metric 'mine'"]
