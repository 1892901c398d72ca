"""Every metric is scikit-learn's, for sets drawn at random, whatever the batch size."""

import warnings

import numpy as np
import pytest

from minnet import metrics as ours

functions = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed: nothing to compare with")


class Theirs:
    """The functions of scikit-learn, which are given `sample_weight`, too, if that is set."""

    sample_weight = None

    def __getattr__(self, name):
        function = getattr(functions, name)
        return lambda *args, **options: function(*args, **options, sample_weight=self.sample_weight)


sklearn = Theirs()

CASES = 300
BOUND = 1e-12


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def one_hot(y, classes):
    return y[:, None] == np.arange(classes)


def sizes(rng):
    """Draw how many samples and classes there are."""
    return int(rng.integers(2, 60)), int(rng.integers(2, 7))


def some_ties(rng, scores):
    """Round the scores in half of the cases, so that many are equal."""
    return scores.round(int(rng.integers(0, 2))) if rng.random() < 0.5 else scores


def answers(rng):
    """Draw scores (N,) and targets 0 and 1, both of which there are."""
    n, _ = sizes(rng)
    y = rng.integers(0, 2, n)
    y[rng.permutation(n)[:2]] = 0, 1
    return some_ties(rng, rng.normal(size=n) + y), y


def classes(rng):
    """Draw scores (N, C) and labels; some classes may be missing."""
    n, c = sizes(rng)
    y = rng.integers(0, c, n)
    return rng.normal(size=(n, c)) + 2 * one_hot(y, c), y


def all_classes(rng):
    """Draw scores (N, C) and labels, where no class is missing."""
    z, y = classes(rng)
    c = z.shape[1]
    return np.concatenate([z, rng.normal(size=(c, c))]), np.concatenate([y, np.arange(c)])


def labels(rng):
    """Draw scores (N, C) and targets 0 and 1; of each label there are both."""
    n, c = sizes(rng)
    y = rng.integers(0, 2, (n, c))
    y[:2] = [[0], [1]]
    return some_ties(rng, rng.normal(size=(n, c)) + y), y


def quantities(rng):
    """Draw predictions and targets of a quantity, or of several; some have a large offset, some are constant."""
    n, c = sizes(rng)
    shape = (n,) if rng.random() < 0.5 else (n, c)
    t = rng.normal(size=shape) * 10 ** rng.uniform(-2, 2) + rng.choice([0, 5, 1000])
    if rng.random() < 0.1:
        t[...] = 5  # of other numbers, scikit-learn's mean is rounded, and a spread of 1e-16 is not 0
    p = t + rng.normal(size=shape) * 10 ** rng.uniform(-2, 2)
    return (t.copy() if rng.random() < 0.1 else p), t


def ratio(name, average):
    """Return metric, draw and reference of precision, recall or F1, of class labels."""
    kind, theirs = getattr(ours, name), getattr(sklearn, f"{name.lower()}_score")
    return kind(average), classes, lambda z, y: theirs(y, z.argmax(1), average=average, zero_division=0)


RATIOS = {
    f"{name}, {average}": ratio(name, average)
    for name in ("Precision", "Recall", "F1")
    for average in ("macro", "micro", "weighted")
}
for name in ("Precision", "Recall", "F1"):
    theirs = getattr(sklearn, f"{name.lower()}_score")
    RATIOS[f"{name}, yes or no"] = (
        getattr(ours, name)(threshold=0.3),
        answers,
        lambda z, y, theirs=theirs: theirs(y, z > 0.3, zero_division=0),
    )
    for average in ("macro", "micro", "weighted"):
        RATIOS[f"{name}, labels, {average}"] = (
            getattr(ours, name)(average, threshold=0),
            labels,
            lambda z, y, theirs=theirs, average=average: theirs(y, z > 0, average=average, zero_division=0),
        )

RANKINGS = {}
for average in ("macro", "micro", "weighted"):
    RANKINGS[f"ROC AUC, labels, {average}"] = (
        ours.ROCAUC(average),
        labels,
        lambda z, y, average=average: sklearn.roc_auc_score(y, z, average=average),
    )
    RANKINGS[f"average precision, labels, {average}"] = (
        ours.AveragePrecision(average),
        labels,
        lambda z, y, average=average: sklearn.average_precision_score(y, z, average=average),
    )

    def auc(z, y, average=average):
        p = softmax(z)
        if z.shape[1] == 2:
            return sklearn.roc_auc_score(y, p[:, 1])
        return sklearn.roc_auc_score(y, p, average=average, multi_class="ovr")

    def precision(z, y, average=average):
        p = softmax(z)
        if z.shape[1] == 2:
            return sklearn.average_precision_score(y, p[:, 1])
        return sklearn.average_precision_score(one_hot(y, z.shape[1]), p, average=average)

    RANKINGS[f"ROC AUC of scores, {average}"] = (ours.ROCAUC(average, takes="scores"), all_classes, auc)
    RANKINGS[f"average precision of scores, {average}"] = (
        ours.AveragePrecision(average, takes="scores"),
        all_classes,
        precision,
    )


def probable(draw):
    def drawn(rng):
        z, y = draw(rng)
        return softmax(z), y

    return drawn


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


METRICS = {
    "accuracy": (ours.Accuracy(), classes, lambda z, y: sklearn.accuracy_score(y, z.argmax(1))),
    "accuracy, yes or no": (ours.Accuracy(threshold=0), answers, lambda z, y: sklearn.accuracy_score(y, z > 0)),
    "accuracy, labels": (ours.Accuracy(threshold=0.5), labels, lambda z, y: sklearn.accuracy_score(y, z > 0.5)),
    "top-2": (
        ours.TopKAccuracy(2),
        classes,
        lambda z, y: 1.0 if z.shape[1] == 2 else sklearn.top_k_accuracy_score(y, z, k=2, labels=np.arange(z.shape[1])),
    ),
    "confusion": (
        ours.ConfusionMatrix(),
        classes,
        lambda z, y: sklearn.confusion_matrix(y, z.argmax(1), labels=np.arange(z.shape[1])),
    ),
    "confusion, yes or no": (
        ours.ConfusionMatrix(threshold=0),
        answers,
        lambda z, y: sklearn.confusion_matrix(y, z > 0),
    ),
    **RATIOS,
    "ROC AUC": (ours.ROCAUC(), answers, lambda z, y: sklearn.roc_auc_score(y, z)),
    "average precision": (ours.AveragePrecision(), answers, lambda z, y: sklearn.average_precision_score(y, z)),
    **RANKINGS,
    "ROC AUC of probabilities": (
        ours.ROCAUC(),
        probable(all_classes),
        lambda p, y: sklearn.roc_auc_score(y, p[:, 1] if p.shape[1] == 2 else p, multi_class="ovr"),
    ),
    "log loss": (
        ours.LogLoss(),
        probable(classes),
        lambda p, y: sklearn.log_loss(y, p, labels=np.arange(p.shape[1])),
    ),
    "log loss of scores": (
        ours.LogLoss(takes="scores"),
        classes,
        lambda z, y: sklearn.log_loss(y, softmax(z), labels=np.arange(z.shape[1])),
    ),
    "log loss of log-probabilities": (
        ours.LogLoss(takes="log-probabilities"),
        lambda rng: (lambda p, y: (np.log(p), y))(*probable(classes)(rng)),
        lambda logs, y: sklearn.log_loss(y, np.exp(logs), labels=np.arange(logs.shape[1])),
    ),
    "log loss, yes or no": (
        ours.LogLoss(),
        lambda rng: (lambda z, y: (sigmoid(z), y))(*answers(rng)),
        lambda p, y: sklearn.log_loss(y, p),
    ),
    "log loss of scores, yes or no": (
        ours.LogLoss(takes="scores"),
        answers,
        lambda z, y: sklearn.log_loss(y, sigmoid(z)),
    ),
    "R2": (ours.R2(), quantities, lambda p, t: sklearn.r2_score(t, p)),
    "MAE": (ours.MAE(), quantities, lambda p, t: sklearn.mean_absolute_error(t, p)),
    "RMSE": (ours.RMSE(), quantities, lambda p, t: sklearn.root_mean_squared_error(t, p)),
}


@pytest.mark.parametrize("name", METRICS)
def test_the_value_is_scikit_learns_however_the_set_is_cut(name):
    metric, draw, reference = METRICS[name]
    rng = np.random.default_rng(list(name.encode()))
    for _ in range(CASES):
        prediction, target = draw(rng)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # scikit-learn warns of what is not defined, and of few classes
            expected = reference(prediction, target)
        bound = BOUND * np.maximum(1, np.abs(expected))
        assert np.all(np.abs(metric(prediction, target) - expected) <= bound)
        for size in rng.integers(1, len(target) + 1, 2):
            part = metric.fresh()
            for start in range(0, len(target), size):
                part.update(prediction[start : start + size], target[start : start + size])
            assert np.all(np.abs(part.compute() - expected) <= bound)


def weights(rng, target):
    """Draw weights of samples, some of which are 0; often such that scikit-learn's sums of them are exact."""
    n = len(target)
    if rng.random() < 0.5 or np.ptp(target) == 0:
        v = rng.integers(1, 64, n) / 2.0 ** rng.integers(0, 8)
    else:
        v = rng.random(n) * 10 ** rng.uniform(-3, 3)
    if rng.random() < 0.5:
        v[rng.random(n) < 0.2] = 0
    if rng.random() < 0.2:
        v = np.ceil(v).astype(np.int64)
    return v


@pytest.mark.parametrize("name", METRICS)
def test_the_weighted_value_is_scikit_learns_however_the_set_is_cut(name, monkeypatch):
    metric, draw, reference = METRICS[name]
    rng = np.random.default_rng([1, *name.encode()])
    compared = 0
    for _ in range(CASES):
        prediction, target = draw(rng)
        v = weights(rng, target)
        if not v.any():
            continue
        monkeypatch.setattr(Theirs, "sample_weight", v)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = reference(prediction, target)
        try:
            value = metric(prediction, target, sample_weight=v)
        except ValueError as error:  # scikit-learn returns NaN, or 0
            if "is not defined without a sample whose target is" not in str(error):
                raise
            continue
        compared += 1
        bound = BOUND * np.maximum(1, np.abs(expected))
        assert np.all(np.abs(value - expected) <= bound)
        for size in rng.integers(1, len(target) + 1, 2):
            part = metric.fresh()
            for start in range(0, len(target), size):
                rows = slice(start, start + size)
                part.update(prediction[rows], target[rows], v[rows])
            assert np.all(np.abs(part.compute() - expected) <= bound)
    assert compared > 0.8 * CASES
