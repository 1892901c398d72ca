"""What a metric has counted is sent to another process, and merged there."""

import numpy as np
import pytest

import minnet as mn
from minnet.metrics import Of
from minnet.metrics.functions import Additive
from minnet.training.sent_counts import merge_counts, merges, sent_counts


class Counting(mn.metrics.Metric):
    """Count with a metric inside, and a function that was given."""

    def __init__(self, function):
        self.function = function
        self.inner = mn.metrics.Accuracy()

    def reset(self):
        self.inner, self.sums = self.inner.fresh(), []

    def update(self, prediction, target):
        self.inner.update(prediction, target)
        self.sums.append(self.function(prediction))

    def compute(self):
        return self.inner.compute() + sum(self.sums)

    def merge(self, other):
        self.inner.merge(other.inner)
        self.sums += other.sums


class Without(mn.metrics.Accuracy):
    """Count more than its base does."""

    def reset(self):
        super().reset()
        self.more = 0


class Updating(mn.metrics.Accuracy):
    """Count what its base counts."""

    def update(self, prediction, target, sample_weight=None):
        super().update(1 - prediction, target, sample_weight)


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (mn.metrics.F1(), True),
        (mn.metrics.TopKAccuracy(2), True),
        (Updating(), True),
        (Without(), False),
        (mn.metrics.Metric(), False),
        (Counting(len), True),
        (Of("a", mn.metrics.R2()).fresh(), True),
        (Of("a", Of("b", Without())).fresh(), False),
        (Of("a", len).fresh(), True),
    ],
)
def test_a_metric_merges_if_it_says_so_for_all_that_it_counts(metric, expected):
    assert merges(metric) is expected


@pytest.mark.parametrize("metric", [Counting(lambda p: float(p.sum())), Of("a", Counting(lambda p: float(p.sum())))])
def test_counts_are_sent_without_what_was_given(metric):
    scores, labels = np.random.default_rng(0).normal(size=(9, 3)), np.arange(9) % 3
    if isinstance(metric, Of):
        scores, labels = [{"a": scores[i : i + 3]} for i in (0, 3, 6)], [{"a": labels[i : i + 3]} for i in (0, 3, 6)]
    else:
        scores, labels = np.split(scores, 3), np.split(labels, 3)
    here, there, whole = metric.fresh(), metric.fresh(), metric.fresh()
    here.update(scores[0], labels[0])
    for i in (1, 2):
        there.update(scores[i], labels[i])
    for i in (0, 1, 2):
        whole.update(scores[i], labels[i])
    merge_counts(here, metric, sent_counts(there, metric))
    assert here.compute() == pytest.approx(whole.compute(), rel=1e-14)


def test_an_additive_function_is_not_sent():
    def mean(prediction, target):
        return float(prediction.mean())

    here, there = Additive(mean), Additive(mean)
    here.update(np.ones(2), None)
    there.update(np.zeros(4), None)
    merge_counts(here, mean, sent_counts(there, mean))
    assert here.compute() == 1 / 3


def test_what_cannot_be_sent_is_an_error_with_a_cure():
    metric = Counting(len)
    here = metric.fresh()
    here.made = (i for i in range(2))
    with pytest.raises(
        TypeError, match=r"^Counting holds what cannot be sent .*generator.*leave out its merge, and only"
    ):
        sent_counts(here, metric)
