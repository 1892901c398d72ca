"""A Classifier learns classes as scikit-learn's estimators do: labels of any kind, weights, losses, probabilities."""

import re
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn")
from scipy.sparse import csr_matrix
from sklearn.datasets import load_iris
from sklearn.utils import compute_class_weight

import minnet as mn

Classifier = mn.sklearn.Classifier
X, y = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])[y]
SEVERAL = np.stack([y > 0, y > 1, y == 1], axis=1).astype(int)


def quick(**options):
    """Return a Classifier that learns the flowers in few steps."""
    return Classifier(
        **{"hidden_layer_sizes": (8,), "learning_rate_init": 0.05, "max_iter": 60, "random_state": 0} | options
    )


def test_strings():
    fitted = quick().fit(X, NAMES)
    assert fitted.classes_.tolist() == ["setosa", "versicolor", "virginica"] == fitted.model_.class_names
    assert (fitted.predict(X) == NAMES).mean() == fitted.score(X, NAMES) > 0.95
    assert fitted.predict_proba(X).sum(axis=1) == pytest.approx(1)
    assert np.exp(fitted.predict_log_proba(X)) == pytest.approx(fitted.predict_proba(X))


LOSSES = ["SoftmaxCrossEntropyLoss", "CrossEntropyLoss", "NLLLoss", "BCEWithLogitsLoss", "BCELoss"]


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("target", [y, y > 0], ids=["three", "two"])
def test_probabilities_and_scores_agree(loss, target):
    fitted = quick(loss=loss).fit(X, target)
    p, scores = fitted.predict_proba(X), fitted.decision_function(X)
    assert fitted.score(X, target) > 0.9
    assert p.shape == (150, len(fitted.classes_))
    assert p.sum(axis=1) == pytest.approx(1)
    assert (fitted.classes_[p.argmax(axis=1)] == fitted.predict(X)).all()
    if target is y:
        assert scores.shape == (150, 3)
    else:
        assert scores == pytest.approx(np.log(p[:, 1]) - np.log(p[:, 0]), abs=1e-6)


@pytest.mark.parametrize("loss", ["HingeLoss", "MultiMarginLoss", "MSELoss"])
@pytest.mark.parametrize("target", [y, y > 0], ids=["three", "two"])
def test_losses_without_probabilities(loss, target):
    fitted = quick(loss=loss).fit(X, target)
    assert fitted.score(X, target) > 0.9
    assert not hasattr(fitted, "predict_proba")
    assert not hasattr(Classifier(loss=loss), "predict_log_proba")


@pytest.mark.parametrize(
    ("end", "outputs", "loss"),
    [
        ([], 1, "BCEWithLogitsLoss"),
        ([mn.Sigmoid()], 1, "BCELoss"),
        ([], 2, "SoftmaxCrossEntropyLoss"),
        ([mn.Softmax()], 2, "CrossEntropyLoss"),
        ([mn.LogSoftmax()], 2, "NLLLoss"),
    ],
)
def test_the_loss_follows_from_the_end_of_the_model(end, outputs, loss):
    model = mn.Sequential(mn.Linear(4, 8, rng=0), mn.ReLU(), mn.Sequential(mn.Linear(8, outputs, rng=1), *end))
    fitted = quick(model=model).fit(X, y > 0)
    assert type(fitted.trainer_.loss).__name__ == loss
    assert fitted.score(X, y > 0) == 1
    assert fitted.predict_proba(X).shape == (150, 2)


@pytest.mark.parametrize("convert", [np.asarray, csr_matrix], ids=["dense", "sparse"])
def test_several_labels(convert):
    fitted = quick(early_stopping=True).fit(X, convert(SEVERAL))
    assert fitted.predict(X).dtype == SEVERAL.dtype
    assert fitted.score(X, SEVERAL) == (fitted.predict(X) == SEVERAL).all(axis=1).mean() > 0.7
    assert ((fitted.predict_proba(X) > 0.5) == fitted.predict(X)).all()
    assert fitted.history_[-1]["validation_accuracy"] > 0.5


def test_what_is_refused():
    with pytest.raises(ValueError, match="MultiOutputClassifier"):
        quick().fit(X, np.stack([y, y], axis=1))
    with pytest.raises(ValueError, match="takes one class: leave out the loss"):
        quick(loss="CrossEntropyLoss").fit(X, SEVERAL)
    with pytest.raises(ValueError, match="NaN"):
        quick().fit(np.where(X > 5, np.nan, X), y)


def test_one_class_and_one_sample():
    fitted = quick().fit(X, np.full(150, "a"))
    assert set(fitted.predict(X)) == {"a"}
    assert (fitted.predict_proba(X) == 1).all()
    assert quick().fit(X[:1], y[:1]).predict(X[100:102]).tolist() == [0, 0]


def test_large_numbers():
    fitted = quick().fit((X * 2**50).astype(np.int64), y.astype(np.int64) * 2**40)
    assert fitted.classes_.tolist() == [0, 2**40, 2**41]
    assert fitted.score((X * 2**50).astype(np.int64), y.astype(np.int64) * 2**40) > 0.95


def test_balanced_classes_are_those_that_were_weighed_by_hand():
    rows = np.r_[:50, 50:60, 100:150]
    weights = compute_class_weight("balanced", classes=np.arange(3), y=y[rows])
    balanced = quick(class_weight="balanced").fit(X[rows], y[rows])
    by_dict = quick(class_weight=dict(enumerate(weights))).fit(X[rows], y[rows])
    by_sample = quick().fit(X[rows], y[rows], sample_weight=weights[y[rows]])
    assert (balanced.decision_function(X) == by_sample.decision_function(X)).all()
    assert (by_dict.decision_function(X) == by_sample.decision_function(X)).all()
    assert (balanced.decision_function(X) != quick().fit(X[rows], y[rows]).decision_function(X)).any()


def test_balanced_counts_sample_weights():
    doubled = np.concatenate([np.arange(150), np.arange(50)])
    weight = np.where(y == 0, 2.0, 1.0)
    options = {"class_weight": "balanced", "batch_size": 200}
    scores = quick(**options).fit(X[doubled], y[doubled]).decision_function(X)
    assert quick(**options).fit(X, y, weight).decision_function(X) == pytest.approx(scores)


def test_partial_fit():
    classifier = quick()
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        classifier.partial_fit(X, NAMES)
    for _ in range(60):
        for part in range(3):  # each has one class only
            classifier.partial_fit(X[part::3], NAMES[part::3], classes=np.unique(NAMES))
    assert classifier.score(X, NAMES) > 0.95
    assert classifier.n_iter_ == 180
    with pytest.raises(ValueError, match=r"not given before: \['rose'\]"):
        classifier.partial_fit(X[:1], ["rose"])
    with pytest.raises(ValueError, match="not those of the first call"):
        classifier.partial_fit(X, NAMES, classes=["rose", "tulip"])
    with pytest.raises(ValueError, match="several labels a sample, or one class"):
        classifier.partial_fit(X, SEVERAL)


@pytest.mark.parametrize("options", [{"early_stopping": True}, {"class_weight": "balanced"}])
def test_no_partial_fit(options):
    assert not hasattr(quick(**options), "partial_fit")


def test_the_reference_has_all_that_is_public():
    page = (Path(__file__).parents[2] / "docs" / "api" / "sklearn.md").read_text(encoding="utf-8")
    assert re.findall(r"autoclass:: minnet\.sklearn\.(\w+)", page) == mn.sklearn.__all__


def test_weights_decide_in_small_batches_too():
    rng = np.random.default_rng(0)
    noise, target = rng.normal(size=(200, 3)), rng.integers(0, 2, 200)
    fitted = quick(batch_size=8, class_weight={0: 1000.0, 1: 0.001}).fit(noise, target)
    assert (fitted.predict(noise) == 0).all()
