"""Every metric is reset, updated and computed in the same way."""

import copy
import pickle

import numpy as np
import pytest

import minnet as mn
from minnet import metrics
from minnet.metrics import Metric

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 3, 50)
P = RNG.dirichlet(np.ones(3), 50)
CLASSES = {
    "Accuracy": {},
    "TopKAccuracy": {"k": 2},
    "Precision": {"average": "macro"},
    "Recall": {"average": "weighted"},
    "F1": {"average": "micro"},
    "ConfusionMatrix": {},
    "ROCAUC": {},
    "AveragePrecision": {},
    "LogLoss": {},
    "R2": {},
    "MAE": {},
    "RMSE": {},
}


def given(name):
    """Return prediction and target."""
    return (P, P[::-1]) if name in ("R2", "MAE", "RMSE") else (P, LABELS)


def test_the_table_is_complete():
    kinds = {name for name in metrics.__all__ if isinstance(getattr(metrics, name), type)}
    assert kinds - {"Metric", "Of", "RunningAccuracy"} == set(CLASSES)


@pytest.mark.parametrize("name", CLASSES)
def test_the_value_does_not_depend_on_the_batches(name):
    metric, (prediction, target) = getattr(metrics, name)(**CLASSES[name]), given(name)
    expected = metric(prediction, target)
    for size in (1, 7, 50, 99):
        part = metric.fresh()
        for start in range(0, 50, size):
            part.update(prediction[start : start + size], target[start : start + size])
            part.update(prediction[:0], target[:0])
        np.testing.assert_allclose(part.compute(), expected, rtol=1e-14)
        np.testing.assert_array_equal(part.compute(), part.compute())


@pytest.mark.parametrize("name", CLASSES)
def test_a_call_changes_nothing(name):
    metric, (prediction, target) = getattr(metrics, name)(**CLASSES[name]), given(name)
    metric.update(prediction[:20], target[:20])
    before = metric.compute()
    metric(prediction, target)
    np.testing.assert_array_equal(metric.compute(), before)
    metric.fresh().update(prediction, target)
    np.testing.assert_array_equal(metric.compute(), before)


@pytest.mark.parametrize("name", CLASSES)
def test_reset_forgets(name):
    metric, (prediction, target) = getattr(metrics, name)(**CLASSES[name]), given(name)
    metric.update(prediction[:20], target[:20])
    metric.reset()
    metric.update(prediction, target)
    np.testing.assert_array_equal(metric.compute(), metric(prediction, target))


@pytest.mark.parametrize("name", CLASSES)
def test_copies_go_on_where_it_is(name):
    metric, (prediction, target) = getattr(metrics, name)(**CLASSES[name]), given(name)
    metric.update(prediction[:20], target[:20])
    for twin in (copy.deepcopy(metric), pickle.loads(pickle.dumps(metric))):
        twin.update(prediction[20:], target[20:])
        np.testing.assert_allclose(twin.compute(), metric(prediction, target), rtol=1e-14)


@pytest.mark.parametrize("name", CLASSES)
def test_nothing_is_written_into_the_arguments(name):
    metric = getattr(metrics, name)(**CLASSES[name])
    prediction, target = (array.copy() for array in given(name))
    prediction.flags.writeable = target.flags.writeable = False
    metric(prediction, target)


def test_each_says_what_is_better():
    better = {name: getattr(metrics, name).better for name in CLASSES}
    assert {name for name, which in better.items() if which == "min"} == {"LogLoss", "MAE", "RMSE"}
    assert {name for name, which in better.items() if which is None} == {"ConfusionMatrix"}


def test_the_ready_made_ones_have_the_default_options():
    for name in ("accuracy", "top_k_accuracy", "precision", "recall", "f1", "confusion_matrix", "roc_auc"):
        assert isinstance(getattr(metrics, name), Metric)
    for name in ("average_precision", "log_loss", "r2", "mae", "rmse"):
        assert vars(getattr(metrics, name)).keys() == vars(type(getattr(metrics, name))()).keys()


@pytest.mark.parametrize(
    ("loss", "ignore_index", "threshold", "takes"),
    [
        (mn.CrossEntropyLoss(ignore_index=-1), -1, None, "probabilities"),
        (mn.SoftmaxCrossEntropyLoss(ignore_index=0), 0, None, "scores"),
        (mn.NLLLoss(), None, None, "log-probabilities"),
        (mn.BCELoss(), None, 0.5, "probabilities"),
        (mn.BCEWithLogitsLoss(), None, 0.0, "scores"),
        (mn.HingeLoss(), None, 0.0, None),
        (mn.MultiMarginLoss(), None, None, None),
        (mn.MSELoss(), None, None, None),
        (None, None, None, None),
    ],
    ids=str,
)
def test_options_that_are_none_are_the_losses(loss, ignore_index, threshold, takes):
    decides, ranks = metrics.F1("macro").fresh(loss), metrics.ROCAUC().fresh(loss)
    assert (decides.average, decides.ignore_index, decides.threshold) == ("macro", ignore_index, threshold)
    assert (ranks.ignore_index, ranks.takes) == (ignore_index, takes)
    assert not hasattr(ranks, "threshold")
    own = metrics.F1(threshold=0.25, ignore_index=7).fresh(loss)
    assert (own.threshold, own.ignore_index) == (0.25, 7)


@pytest.mark.parametrize("method", ["reset", "update", "compute"])
def test_a_missing_method_is_named(method):
    class Mine(Metric):
        """One without a method."""

    arguments = (P, LABELS) if method == "update" else ()
    with pytest.raises(NotImplementedError, match=f"Mine has no {method}: define {method}"):
        getattr(Mine(), method)(*arguments)
