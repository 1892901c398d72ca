"""Parts of a set that several metrics counted are merged into the metric of the whole set."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import minnet as mn
from minnet import metrics
from minnet.metrics import Of

IGNORED = 2  # a label that samples may have


def softmax(scores):
    return np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)


def classes(rng, samples):
    return rng.normal(size=(samples, 4)), rng.choice(4, samples, p=[0.6, 0.2, 0.15, 0.05])


def places(rng, samples):
    return rng.normal(size=(samples, 3, 4)), rng.integers(0, 4, (samples, 3))


def answers(rng, samples):
    return rng.normal(size=samples).round(1), rng.integers(0, 2, samples)


def labels(rng, samples):
    return rng.normal(size=(samples, 3)).round(1), rng.integers(0, 2, (samples, 3))


def quantities(rng, samples):
    target = 1e3 + rng.normal(size=(samples, 2))
    target[:, 1] = 7.0  # an output without a spread
    return target + rng.normal(size=(samples, 2)), target


def outputs(rng, samples):
    (scores, digit), (angle, true_angle) = classes(rng, samples), quantities(rng, samples)
    return {"digit": scores, "angle": angle}, {"digit": digit, "angle": true_angle}


def spread(prediction, target, sample_weight=None):
    return np.ptp(prediction) + (0.0 if sample_weight is None else np.dot(sample_weight, np.arange(len(target))))


def mean_error(prediction, target, sample_weight=None):
    return np.average(np.abs(prediction - target).mean(axis=1), weights=sample_weight)


mean_error.additive = True

CASES = [
    (metrics.Accuracy(), classes),
    (metrics.Accuracy(ignore_index=IGNORED), classes),
    (metrics.Accuracy(threshold=0), labels),
    (metrics.Accuracy(threshold=0), answers),
    (metrics.TopKAccuracy(2, ignore_index=IGNORED), places),
    (metrics.ConfusionMatrix(), classes),
    (metrics.ConfusionMatrix(ignore_index=IGNORED), places),
    *((kind(average), classes) for kind in (metrics.Precision, metrics.Recall) for average in ("macro", "weighted")),
    *((metrics.F1(average, ignore_index=IGNORED), classes) for average in ("macro", "micro", "weighted")),
    (metrics.F1(threshold=0), answers),
    (metrics.F1("macro", threshold=0), labels),
    (metrics.LogLoss(takes="scores", ignore_index=IGNORED), places),
    (metrics.LogLoss(takes="scores"), answers),
    *((kind(average), labels) for kind in (metrics.ROCAUC, metrics.AveragePrecision) for average in ("macro", "micro")),
    (metrics.ROCAUC("weighted", takes="scores"), classes),
    (metrics.AveragePrecision("weighted", takes="scores", ignore_index=-1), places),
    (metrics.ROCAUC(), answers),
    (metrics.MAE(), quantities),
    (metrics.RMSE(), quantities),
    (metrics.R2(), quantities),
    (metrics.RunningAccuracy(0.9), classes),
    (metrics.RunningAccuracy(0.9, ignore_index=IGNORED), places),
    (Of("digit", metrics.F1("macro")), outputs),
    (Of("digit", Of("inner", metrics.RunningAccuracy(0.5))), lambda rng, n: nested(*classes(rng, n))),
    (Of("angle", metrics.R2()), outputs),
    (Of("angle", spread), outputs),
    (Of("angle", mean_error), outputs),
]
every_case = pytest.mark.parametrize(("metric", "data"), CASES, ids=[f"{metric!r}" for metric, _ in CASES])


def nested(prediction, target):
    return {"digit": {"inner": prediction}}, {"digit": {"inner": target}}


def rows_of(tree, rows):
    return {key: rows_of(leaf, rows) for key, leaf in tree.items()} if isinstance(tree, dict) else tree[rows]


def counted(metric, batches):
    """Return a fresh metric of some batches; of those without a sample, too."""
    part = metric.fresh()
    for prediction, target, *weights in batches:
        part.update(prediction, target, *weights)
    return part


def value(metric):
    """Return a metric's value, or the message that it is not defined."""
    try:
        return metric.compute()
    except ValueError as error:
        return str(error)


def test_every_metric_is_here():
    names = {name for name in metrics.__all__ if isinstance(getattr(metrics, name), type)} - {"Metric"}
    assert {type(metric) for metric, _ in CASES} == {getattr(metrics, name) for name in names}


@every_case
@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    samples=st.integers(0, 40),
    parts=st.integers(1, 5),
    weighted=st.sampled_from(["none", "all", "some"]),
)
def test_parts_are_merged_into_the_whole(metric, data, seed, samples, parts, weighted):
    rng = np.random.default_rng(seed)
    prediction, target = data(rng, samples)
    takes_all = isinstance(metric, Of) and metric.metric is spread  # the weights of the whole set
    weights = rng.exponential(size=samples) * rng.integers(0, 3, samples)  # a third of them 0
    batches, owners = [], np.sort(rng.integers(0, parts, 7))
    for number, rows in enumerate(np.array_split(np.arange(samples), 7)):  # some have no samples
        batch = rows_of(prediction, rows), rows_of(target, rows)
        has_weights = weighted == "all" or (weighted == "some" and (number % 2 == 0 or takes_all))
        batches.append((*batch, weights[rows]) if has_weights else batch)
    expected = value(counted(metric, batches))
    of_parts = [counted(metric, [b for b, owner in zip(batches, owners, strict=True) if owner == k]) for k in range(5)]
    before = pickle.dumps(of_parts[1]) if not isinstance(metric, Of) else None
    whole = of_parts[0]
    for part in of_parts[1:]:
        whole.merge(part)
    if isinstance(expected, str):
        assert value(whole) == expected or not samples
    else:
        np.testing.assert_allclose(value(whole), expected, rtol=1e-12, atol=1e-12)
        assert np.asarray(value(whole)).dtype == np.asarray(expected).dtype
    assert before is None or pickle.dumps(of_parts[1]) == before


@every_case
def test_a_merged_metric_counts_on(metric, data):
    """Also where the first of the two had counted nothing, and `other` is not changed by what follows."""
    rng = np.random.default_rng(0)
    batches = [data(rng, 12) for _ in range(3)]
    first, second = metric.fresh(), counted(metric, batches[:2])
    expected_second = value(second)
    first.merge(second)
    first.update(*batches[2])
    np.testing.assert_allclose(value(first), value(counted(metric, batches)), rtol=1e-12)
    np.testing.assert_array_equal(value(second), expected_second)


def test_the_running_accuracy_is_that_of_samples_in_order():
    right, wrong = np.eye(2)[[0, 0]], np.eye(2)[[1, 1]]
    first, second = metrics.RunningAccuracy(0.5), metrics.RunningAccuracy(0.5)
    first.update(right, [0, 0])
    second.update(wrong, [0, 0])
    first.merge(second)
    assert first.score == 0.75 / 4


def test_counts_are_the_same_to_the_last_bit():
    rng = np.random.default_rng(1)
    batches = [classes(rng, 30) for _ in range(4)]
    for metric in (metrics.Accuracy(), metrics.F1("macro"), metrics.ROCAUC(takes="scores"), metrics.TopKAccuracy(2)):
        whole = counted(metric, batches[:1])
        whole.merge(counted(metric, batches[1:]))
        assert whole.compute() == counted(metric, batches).compute()


@pytest.mark.parametrize(("metric", "data"), [case for case in CASES if case[1] is not outputs])
def test_another_metric_is_refused_before_anything_is_counted(metric, data):
    part = counted(metric, [data(np.random.default_rng(0), 12)])
    before = value(part)
    with pytest.raises(TypeError, match=rf"merge expected another {type(metric).__name__}, got a Metric"):
        part.merge(mn.metrics.Metric())
    np.testing.assert_array_equal(value(part), before)


@pytest.mark.parametrize(
    ("metric", "other", "message"),
    [
        (metrics.F1("macro"), metrics.F1("micro"), r"same options, F1\(average='macro'\), got F1\(average='micro'\)"),
        (metrics.Accuracy(), metrics.Accuracy(threshold=0.5), r"options, Accuracy\(\), got Accuracy\(threshold=0.5\)"),
        (metrics.RunningAccuracy(), metrics.RunningAccuracy(0.5), "got RunningAccuracy"),
        (Of("a", metrics.MAE()), Of("b", metrics.MAE()), r"same options, Of\('a', MAE\(\)\), got Of\('b'"),
    ],
)
def test_other_options_are_refused(metric, other, message):
    with pytest.raises(ValueError, match=message):
        metric.fresh().merge(other.fresh())


def test_samples_of_another_form_are_refused():
    of_two, of_three = (counted(metrics.MAE(), [(np.ones((4, n)), np.ones((4, n)))]) for n in (2, 3))
    with pytest.raises(ValueError, match="expected 2 numbers a sample, as before, got 3"):
        of_two.merge(of_three)
    of_two, of_three = (counted(metrics.Recall("macro"), [(np.eye(n), np.arange(n))]) for n in (2, 3))
    with pytest.raises(ValueError, match="same number of classes, got 3 and then 4"):
        of_two.merge(of_three)


def test_a_metric_of_ones_own_without_merge_says_so():
    class Own(mn.metrics.Metric):
        pass

    with pytest.raises(NotImplementedError, match=r"^Own has no merge: define merge\(self, other\)$"):
        Own().merge(Own())
