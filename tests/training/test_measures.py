"""Metrics and functions are followed batch by batch."""

from functools import partial

import numpy as np
import pytest

import minnet as mn
from minnet.training.measures import Measures, check_columns, check_metrics

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


@pytest.mark.parametrize("target", [None, "labels"])
def test_targets_that_are_no_arrays(target):
    metrics = {"first": first}
    measures = Measures(metrics, mn.CrossEntropyLoss(), 0)
    measures.update(P, target)
    assert measures.compute() == {"first": 0.0}
    with pytest.raises(TypeError, match=r"targets that are arrays, got a .*: say that it is additive") as caught:
        Measures({"mean": mean}, mn.CrossEntropyLoss(), 0).update(P, target)
    assert caught.value.__notes__ == ["in the metric 'mean'"]


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


def test_columns_do_not_collide():
    check_columns(["a", "a_b"], ["c", "d"])
    check_columns(["a", "a_b"], [])
    with pytest.raises(
        ValueError, match="the column 'a_b_c' twice, for the metric 'b_c' of the set 'a', and for 'c' of 'a_b'"
    ):
        check_columns(["a", "a_b"], ["c", "b_c"])
    with pytest.raises(ValueError, match="the column 'a_b_loss' twice"):
        check_columns(["a", "a_b"], ["b_loss"])


def test_metrics_are_named_functions():
    check_metrics({})
    check_metrics({"accuracy": mn.metrics.accuracy})
    for metrics, got in [
        (mn.metrics.accuracy, "a function"),
        ([mn.metrics.accuracy], "a list of 1"),
        ("accuracy", "a str"),
    ]:
        with pytest.raises(TypeError, match=f"^Trainer expected metrics to be a dict .*, got {got}: pass metrics={{"):
            check_metrics(metrics)
    with pytest.raises(
        TypeError, match=r"^Trainer expected metrics\['a'\] to be a function .*, got a float: pass .*'a': "
    ):
        check_metrics({"a": 0.5})


class LikeAMetric:
    def update(self, prediction, target):
        pass


def function(prediction, target):
    return 0.0


function.better = "up"


@pytest.mark.parametrize(
    ("metrics", "error", "message"),
    [
        ({"loss": mn.metrics.mae}, ValueError, "a name of its own, got 'loss'"),
        ({1: mn.metrics.mae}, TypeError, "the names of metrics to be strings, got 1"),
        ({"": mn.metrics.mae}, TypeError, "the names of metrics to be strings, got ''"),
        ({"f1": mn.metrics.F1}, TypeError, r"a Metric, got the class F1: pass metrics=\{'f1': F1\(\)\}"),
        ({"a": LikeAMetric()}, TypeError, "got a LikeAMetric: pass .* derived from mn.metrics.Metric"),
        (
            {"a": mn.metrics.confusion_matrix},
            TypeError,
            r"a number, got a ConfusionMatrix: after training, call it: .*trainer.predict",
        ),
        ({"a": function}, ValueError, r"metrics\['a'\] expected better to be one of 'min', 'max', None, got 'up'"),
    ],
    ids=range(7),
)
def test_what_is_no_metric_is_refused(metrics, error, message):
    with pytest.raises(error, match=message):
        check_metrics(metrics)


def test_metrics_of_every_kind():
    check_metrics({"a": lambda p, y: 0.0, "b": partial(function, 1), "c": mn.metrics.F1("macro"), "d": np.max})


def test_a_layer_or_a_loss_is_no_metric():
    """Both can be called; but the mean of a loss over a set is not the mean over its batches."""
    for layer in (mn.MSELoss(), mn.ReLU()):
        with pytest.raises(TypeError, match=r"expected metrics\['x'\] to be a function"):
            check_metrics({"x": layer})
