"""scikit-learn's own checks of estimators, all of them, with several configurations."""

import functools

import pytest

pytest.importorskip("sklearn")
from sklearn.utils.estimator_checks import estimator_checks_generator

import minnet as mn

Classifier, Regressor = mn.sklearn.Classifier, mn.sklearn.Regressor
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


def small(n_features, n_outputs, rng):
    """Return a model of a user's own."""
    first, last = mn.Linear(n_features, 16, rng=rng), mn.Linear(16, n_outputs, rng=rng)
    return mn.Sequential(first, mn.Tanh(), last)


# With these, everything must pass.
WHOLE = [
    Classifier(),
    Regressor(),
    Classifier(mn.Linear, learning_rate_init=0.01),
    Classifier(small, loss="HingeLoss", learning_rate_init=0.01),
    Classifier(loss="BCELoss", class_weight="balanced"),
    Classifier(loss=mn.CrossEntropyLoss, activation="tanh", optimizer=functools.partial(mn.SGD, momentum=0.9)),
    Regressor(small, loss="HuberLoss", standardize=False, learning_rate_init=0.03),
]
# Here, another number of samples means other batches, or others that are held out, so that a weight of 2 is not the
# same as two samples. scikit-learn says so of its own networks.
RANDOM = [
    Classifier(batch_size=8, learning_rate_init=0.01),
    Classifier(early_stopping=True, validation_fraction=0.3, learning_rate_init=0.01),
    Regressor(early_stopping=True, validation_fraction=0.3, learning_rate_init=0.01),
]
WEIGHTS = ("check_sample_weight_equivalence_on_dense_data", "check_sample_weight_equivalence_on_sparse_data")


def name_of(check):
    return getattr(check, "func", check).__name__


def checks_of(estimators):
    """Return what `parametrize_with_checks` does, which in old releases pytest warns of."""
    found = [pair for estimator in estimators for pair in estimator_checks_generator(estimator)]
    names = [f"{type(estimator).__name__}{i}-{name_of(check)}" for i, (estimator, check) in enumerate(found)]
    return pytest.mark.parametrize(("estimator", "check"), found, ids=names)


@checks_of(WHOLE)
def test_whole(estimator, check):
    check(estimator)


@checks_of(RANDOM)
def test_random_batches(estimator, check):
    if name_of(check) in WEIGHTS:
        with pytest.raises(AssertionError, match="not equivalent to fitting with removed"):
            check(estimator)
    else:
        check(estimator)
