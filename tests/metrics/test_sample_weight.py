"""Every metric counts each sample as often as its weight says. tests/parity compares them with scikit-learn's."""

import numpy as np
import pytest
from helpers import frozen

from minnet import SoftmaxCrossEntropyLoss, metrics
from minnet.metrics import Metric

RNG = np.random.default_rng(0)
Z = frozen(RNG.normal(size=(12, 3)))
LABELS = frozen(np.tile([0, 1, 2], 4))
SCORE = frozen(RNG.normal(size=12))
YES = frozen(np.tile([0, 1], 6))
MANY = frozen(RNG.integers(0, 2, (12, 3)))
TIMES = frozen(np.array([1, 2, 0, 1, 3, 1, 1, 0, 2, 1, 1, 1]))
ROWS = np.repeat(np.arange(12), TIMES)

CASES = {
    "accuracy": (metrics.Accuracy(), Z, LABELS),
    "accuracy, yes or no": (metrics.Accuracy(threshold=0), SCORE, YES),
    "accuracy, labels": (metrics.Accuracy(threshold=0), Z, MANY),
    "top-2": (metrics.TopKAccuracy(2), Z, LABELS),
    "confusion": (metrics.ConfusionMatrix(), Z, LABELS),
    "precision": (metrics.Precision("macro"), Z, LABELS),
    "recall": (metrics.Recall("weighted"), Z, LABELS),
    "f1": (metrics.F1("micro"), Z, LABELS),
    "f1, yes or no": (metrics.F1(threshold=0), SCORE, YES),
    "f1, column": (metrics.F1(threshold=0), SCORE[:, None], YES),
    "f1, labels": (metrics.F1("macro", threshold=0), Z, MANY),
    "log loss": (metrics.LogLoss(takes="scores"), Z, LABELS),
    "log loss, yes or no": (metrics.LogLoss(takes="scores"), SCORE[:, None], YES),
    "auc": (metrics.ROCAUC(), SCORE, YES),
    "auc, classes": (metrics.ROCAUC("weighted", takes="scores"), Z, LABELS),
    "average precision": (metrics.AveragePrecision("micro"), Z, MANY),
    "mae": (metrics.MAE(), Z, Z[::-1]),
    "rmse": (metrics.RMSE(), SCORE, SCORE[::-1]),
    "r2": (metrics.R2(), Z.reshape(12, 3, 1), Z[::-1].reshape(12, 3, 1)),
    "running": (metrics.RunningAccuracy(0.9), Z, LABELS),
}
every_metric = pytest.mark.parametrize(("metric", "prediction", "target"), CASES.values(), ids=CASES)


def test_every_metric_is_here():
    names = {name for name in metrics.__all__ if isinstance(getattr(metrics, name), type)} - {"Metric", "Of"}
    assert {type(metric) for metric, *_ in CASES.values()} == {getattr(metrics, name) for name in names}


@every_metric
def test_a_weight_of_two_is_the_sample_twice_and_of_zero_leaves_it_out(metric, prediction, target):
    expected = metric(prediction[ROWS], target[ROWS])
    np.testing.assert_allclose(metric(prediction, target, sample_weight=TIMES), expected, rtol=1e-13)
    part = metric.fresh()
    for rows in (slice(0, 5), slice(5, 5), slice(5, 12)):
        part.update(prediction[rows], target[rows], TIMES[rows])
    np.testing.assert_allclose(part.compute(), expected, rtol=1e-13)


@every_metric
def test_batches_with_and_without_weights_may_be_mixed(metric, prediction, target):
    part = metric.fresh()
    part.update(prediction[:6], target[:6], TIMES[:6])
    part.update(prediction[6:], target[6:])
    v = np.concatenate([TIMES[:6], np.ones(6)])
    np.testing.assert_allclose(part.compute(), metric(prediction, target, sample_weight=v), rtol=1e-13)


@every_metric
def test_the_scale_of_the_weights_does_not_matter(metric, prediction, target):
    if isinstance(metric, metrics.ConfusionMatrix | metrics.RunningAccuracy):
        pytest.skip("its counts are the weights")
    small, large = (metric(prediction, target, sample_weight=TIMES * factor) for factor in (1e-9, 1e9))
    assert small == pytest.approx(large, rel=1e-12)


@every_metric
def test_weights_of_nothing(metric, prediction, target):
    if isinstance(metric, metrics.RunningAccuracy):
        assert metric(prediction, target, sample_weight=np.zeros(12)) == 0
        return
    with pytest.raises(ValueError, match="expected at least one sample that counts, got none"):
        metric(prediction, target, sample_weight=np.zeros(12))


@every_metric
@pytest.mark.parametrize(
    ("v", "error", "message"),
    [
        (np.ones(11), ValueError, r"expected sample_weight of shape \(12,\).*, got \(11,\): one weight a sample"),
        (1, ValueError, r"expected sample_weight of shape \(12,\).*, got \(\)"),
        (-TIMES, ValueError, "needs sample_weight >= 0 and finite, got -3.0"),
        (TIMES * np.nan, ValueError, "needs sample_weight >= 0 and finite, got nan"),
        (TIMES + np.inf, ValueError, "needs sample_weight >= 0 and finite"),
        (["a"] * 12, TypeError, "expected sample_weight to be numbers"),
        (np.ma.masked_array(TIMES, TIMES == 1), TypeError, "expected sample_weight to be a plain array, got a masked"),
    ],
    ids=["length", "number", "negative", "nan", "infinite", "text", "masked"],
)
def test_weights_that_are_none_are_refused_before_anything_is_counted(metric, prediction, target, v, error, message):
    part = metric.fresh()
    part.update(prediction, target)
    before = part.compute()
    with pytest.raises(error, match=f"^{type(metric).__name__} .*{message}"):
        part.update(prediction, target, v)
    np.testing.assert_array_equal(part.compute(), before)


@pytest.mark.parametrize(
    "metric",
    [
        metrics.Accuracy(ignore_index=1),
        metrics.TopKAccuracy(2, ignore_index=1),
        metrics.ConfusionMatrix(ignore_index=1),
        metrics.F1("macro", ignore_index=1),
        metrics.LogLoss(takes="scores", ignore_index=1),
        metrics.AveragePrecision("weighted", takes="scores", ignore_index=-1),
        metrics.RunningAccuracy(0.9, ignore_index=1),
    ],
    ids=lambda metric: type(metric).__name__,
)
def test_ignored_samples_with_weights(metric):
    ignored = np.array([False, True] * 6)
    labels = np.where(ignored, metric.ignore_index, 2 * (LABELS == 1) if metric.ignore_index == 1 else LABELS)
    kept, v = labels != metric.ignore_index, TIMES + 0.5
    expected = metric(Z[kept], labels[kept], sample_weight=v[kept])
    np.testing.assert_allclose(metric(Z, labels, sample_weight=v), expected, rtol=1e-14)


@pytest.mark.parametrize("name", ["accuracy", "top-2", "confusion", "f1", "log loss", "auc, classes", "running"])
def test_weights_of_sequences_are_those_of_their_places(name):
    metric, prediction, target = CASES[name]
    prediction, target, v = prediction.reshape(3, 4, 3), target.reshape(3, 4), np.array([2.0, 0.5, 1.0])
    expected = metric(prediction, target, sample_weight=np.repeat(v, 4).reshape(3, 4))
    np.testing.assert_array_equal(metric(prediction, target, sample_weight=v), expected)
    np.testing.assert_array_equal(
        metric(prediction.reshape(12, 3), target.reshape(12), sample_weight=np.repeat(v, 4)), expected
    )
    with pytest.raises(ValueError, match=r"expected sample_weight of shape \(3,\), or of the first axes of \(3, 4\)"):
        metric(prediction, target, sample_weight=np.ones(4))


def test_a_class_whose_samples_weigh_nothing_is_still_a_class():
    """As in scikit-learn; leave the samples out, or name them by ignore_index, if that is not meant."""
    prediction, labels, v = np.eye(3)[[0, 1, 2, 0]], [0, 1, 2, 0], [1, 1, 0, 1]
    assert metrics.F1("macro")(prediction, labels, sample_weight=v) == pytest.approx(2 / 3)
    assert metrics.F1("macro")(prediction[:2], labels[:2]) == 1


def test_a_confusion_matrix_with_weights_is_floats():
    matrix = metrics.confusion_matrix(np.eye(2)[[0, 1, 1]], [0, 0, 1], sample_weight=[0.25, 0.125, 0.5])
    assert matrix.tolist() == [[0.25, 0.125], [0, 0.5]]


def test_the_options_of_a_call_may_stand_beside_weights():
    assert metrics.f1(Z, LABELS, "macro", sample_weight=TIMES) == metrics.F1("macro")(Z, LABELS, sample_weight=TIMES)


def test_a_spread_of_targets_from_one_sample_that_counts():
    """The other target has no weight; scikit-learn's value is 0, as of any set whose targets are all equal."""
    assert metrics.r2(np.array([1.0, 2.0]), [1.5, 7.0], sample_weight=[0.1, 0]) == 0
    assert metrics.r2(np.array([9.0, 1.1]), [7.0, 1.1], sample_weight=[0, 0.1]) == 1


def test_a_metric_of_ones_own_takes_weights_or_is_refused():
    class Worst(Metric):
        def reset(self):
            self.worst = 0.0

        def update(self, prediction, target):
            self.worst = max(self.worst, float(np.abs(prediction - target).max()))

        def compute(self):
            return self.worst

    class Weighted(Worst):
        def update(self, prediction, target, sample_weight=None):
            v = 1 if sample_weight is None else sample_weight
            super().update(prediction * v, target * v)

    assert Worst()(SCORE, SCORE + 1) == pytest.approx(1)
    with pytest.raises(TypeError, match=r"but the metric Worst does not take them: give update the parameter sample_w"):
        Worst()(SCORE, SCORE + 1, sample_weight=TIMES)
    assert Weighted()(SCORE, SCORE + 1, sample_weight=TIMES) == pytest.approx(3)


def test_a_fresh_metric_has_the_options_of_the_loss_with_weights_too():
    metric = metrics.LogLoss().fresh(SoftmaxCrossEntropyLoss(ignore_index=1))
    metric.update(Z, LABELS, TIMES)
    loss = SoftmaxCrossEntropyLoss(ignore_index=1)
    assert metric.compute() == pytest.approx(loss.forward(Z, LABELS, TIMES), rel=1e-13)
