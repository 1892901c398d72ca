"""A metric of one output is that of its predictions and targets."""

import numpy as np
import pytest

import minnet as mn
from minnet.metrics import Of

RNG = np.random.default_rng(0)
P = {"digit": RNG.normal(size=(9, 3)), "angle": RNG.normal(size=(9, 1))}
Y = {"digit": RNG.integers(0, 3, 9), "angle": RNG.normal(size=(9, 1))}
V = RNG.random(9)


def spread(prediction, target, sample_weight=None):
    return float(np.ptp(prediction)) + (0 if sample_weight is None else sample_weight.sum())


def largest(prediction, target):
    return prediction.max()


largest.additive = True


@pytest.mark.parametrize(
    "metric", [mn.metrics.MAE(), mn.metrics.rmse, spread, largest], ids=["MAE", "RMSE", "spread", "largest"]
)
def test_it_is_the_metric_of_that_output(metric):
    tuples = [tuple(tree.values()) for tree in (P, Y)]
    assert Of("angle", metric)(P, Y) == metric(P["angle"], Y["angle"]) == Of(1, metric)(*tuples)
    if metric is not largest:
        expected = metric(P["angle"], Y["angle"], sample_weight=V)
        assert Of("angle", metric)(P, Y, sample_weight=V) == expected
        assert Of("angle", metric)(P, Y, sample_weight={"angle": V, "digit": 1 - V}) == expected
    assert Of("angle", metric).better == getattr(metric, "better", None)


def test_one_target_is_that_of_all_outputs():
    mean = Of("angle", mn.metrics.MAE())
    assert mean(P, Y["angle"]) == mn.metrics.mae(P["angle"], Y["angle"]) == mean(P, Y)
    assert mean(P, Y["angle"].tolist(), sample_weight=V) == mean(P, Y, sample_weight=V)


def test_a_set_may_come_in_batches():
    of = Of("angle", spread).fresh()
    for part in (slice(0, 2), slice(2, 9)):
        of.update(*({name: array[part] for name, array in tree.items()} for tree in (P, Y)))
    assert of.compute() == spread(P["angle"], None)
    of.reset()
    of.update(P, Y)
    assert of.compute() == spread(P["angle"], None)


def test_it_takes_the_options_of_the_heads_loss():
    loss = mn.MultiLoss({"digit": mn.SoftmaxCrossEntropyLoss(ignore_index=1), "angle": mn.MSELoss()})
    of = Of("digit", mn.metrics.Accuracy()).fresh(loss)
    of.update(P, Y)
    kept = Y["digit"] != 1
    assert of.compute() == (P["digit"].argmax(axis=1) == Y["digit"])[kept].mean()
    assert mn.metrics.accuracy.ignore_index is None


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Of(1.5, spread), TypeError, "head to be the name of an output, or its number, got a float"),
        (lambda: Of("a", mn.metrics.Accuracy), TypeError, r"got the class Accuracy: make one, Accuracy\(\)"),
        (lambda: Of("a", None), TypeError, "a metric or a function .*, got a NoneType: such as mn.metrics"),
        (lambda: Of("a", spread)(P, Y), ValueError, "a prediction with the output 'a', got those of 'digit', 'angle'"),
        (
            lambda: Of("angle", spread)(V, P),
            TypeError,
            r"Of\('angle', ...\) expected a prediction of several outputs, got an ar",
        ),
    ],
    ids=range(5),
)
def test_what_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()
